//! The handler lists of one phase, as one section has them or as several sections have them together.

use std::sync::Arc;

use crate::config::handlers::{HandlerEntry, HandlerList};
use crate::config::phase::Phase;
use crate::config::section::Text;
use crate::config::turn::Turn;

/// The handler lists of one phase. The plain list and each extension's are inherited or replaced each on its own.
#[derive(Clone, Debug, Default)]
pub struct PhaseLists {
    pub plain: Option<HandlerList>,
    pub extensions: Vec<(Text, HandlerList)>,
}

/// The lists of a phase that have another turn than the usual one.
#[derive(Clone, Debug)]
pub(super) struct Turned {
    pub phase: Phase,
    pub turn: Turn,
    pub lists: Arc<PhaseLists>,
}

impl PhaseLists {
    pub fn of_extension(&self, extension: &[u8]) -> Option<&HandlerList> {
        self.extensions.iter().find(|(name, _)| **name == *extension).map(|(_, list)| list)
    }

    pub(super) fn append(&mut self, extension: &[u8], entries: &[HandlerEntry]) {
        match self.extensions.iter_mut().find(|(name, _)| **name == *extension) {
            Some((_, list)) => *list = appended(Some(list), entries),
            None => self.extensions.push((extension.into(), entries.into())),
        }
    }
}

pub(super) fn appended(list: Option<&HandlerList>, entries: &[HandlerEntry]) -> HandlerList {
    list.map_or(&[][..], |list| list).iter().chain(entries).cloned().collect()
}

pub(super) fn merge_lists(
    base: Option<&Arc<PhaseLists>>,
    add: Option<&Arc<PhaseLists>>,
) -> Option<Arc<PhaseLists>> {
    let (Some(base), Some(add)) = (base, add) else { return add.or(base).cloned() };
    Some(merge_both(base, add))
}

pub(super) fn merge_both(base: &Arc<PhaseLists>, add: &Arc<PhaseLists>) -> Arc<PhaseLists> {
    let inherits_plain = add.plain.is_none() && base.plain.is_some();
    let inherits_extension =
        base.extensions.iter().any(|(name, _)| add.of_extension(name).is_none());
    if !inherits_plain && !inherits_extension {
        return Arc::clone(add);
    }
    let mut merged = PhaseLists::clone(add);
    merged.plain = merged.plain.or_else(|| base.plain.clone());
    let inherited = base.extensions.iter().filter(|(name, _)| add.of_extension(name).is_none());
    merged.extensions.extend(inherited.cloned());
    Arc::new(merged)
}
