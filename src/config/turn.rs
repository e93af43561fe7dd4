//! When the handlers of a phase run, compared with other modules: `@early` or `@late` as a directive's first word.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a directive or a handler of this process has ever named a turn. Children inherit it with the configuration.
static USED: AtomicBool = AtomicBool::new(false);

/// A place among all modules that take part in a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Before the other modules.
    Early,
    /// Among them, as mod_python always was.
    #[default]
    Usual,
    /// After them, as far as they leave anything to do.
    Late,
}

/// No module has a name that starts so, and no path to one.
const MARK: u8 = b'@';

impl Turn {
    /// The word for it; the usual turn has none.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Turn::Early => Some("@early"),
            Turn::Usual => None,
            Turn::Late => Some("@late"),
        }
    }

    /// The only way to a turn that is not the usual one.
    pub fn named(word: &[u8]) -> Option<Turn> {
        let found = [Turn::Early, Turn::Late]
            .into_iter()
            .find(|turn| turn.word().is_some_and(|known| known.as_bytes() == word));
        if found.is_some() {
            USED.store(true, Ordering::Relaxed);
        }
        found
    }

    /// Whether there can be handlers with another turn than the usual one.
    pub fn is_used() -> bool {
        USED.load(Ordering::Relaxed)
    }

    /// Whether a word stands for a turn, known or not, and for no handler.
    pub fn is_meant_by(word: &[u8]) -> bool {
        word.first() == Some(&MARK)
    }
}
