//! What one place of the configuration says (a server, a directory or location section, an .htaccess): every field may be
//! missing. Merging two gives a third of the same kind; `settings` reads the outcome.
//!
//! A merge happens several times a request, so whatever is long is shared, not copied.

use std::sync::Arc;

use crate::apache::record::{Config, Merged};
use crate::config::handlers::{Argument, Directory, HandlerEntry};
use crate::config::phase::{LISTED, Phase};
use crate::config::phase_lists::{PhaseLists, Turned, appended, merge_both, merge_lists};
use crate::config::timeout::Timeout;
use crate::config::turn::Turn;

pub type Text = Arc<[u8]>;

#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Where the section applies; taken with its first directive.
    pub(super) directory: Option<Directory>,
    /// In a location section: whether it names a content handler.
    pub(super) location: Option<LocationSection>,
    pub(super) python_path: Option<Text>,
    pub(super) interpreter: Option<Text>,
    pub(super) timeout: Option<Arc<Timeout>>,
    pub(super) flags: [Option<bool>; FLAGS.len()],
    pub(super) phases: [Option<Arc<PhaseLists>>; LISTED],
    pub(super) turned: Option<Arc<[Turned]>>,
    pub(super) input_filters: Option<Arc<[Filter]>>,
    pub(super) output_filters: Option<Arc<[Filter]>>,
    pub(super) options: Option<Arc<[PythonOption]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocationSection {
    pub has_content_handler: bool,
}

/// A handler under the name of an httpd filter, which is in lower case.
#[derive(Clone, Debug)]
pub struct Filter {
    pub name: Text,
    pub handler: Arc<HandlerEntry>,
}

/// `PythonOption key value`. An empty value takes an inherited option away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonOption {
    pub key: Text,
    pub value: Text,
}

/// The On/Off directives that are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    AutoReload,
    Debug,
    EnablePdb,
    InterpPerDirectory,
    InterpPerDirective,
}

pub struct FlagRow {
    pub flag: Flag,
    pub directive: &'static str,
    pub default: bool,
}

pub static FLAGS: [FlagRow; 5] = [
    FlagRow { flag: Flag::AutoReload, directive: "PythonAutoReload", default: true },
    FlagRow { flag: Flag::Debug, directive: "PythonDebug", default: false },
    FlagRow { flag: Flag::EnablePdb, directive: "PythonEnablePdb", default: false },
    FlagRow {
        flag: Flag::InterpPerDirectory,
        directive: "PythonInterpPerDirectory",
        default: false,
    },
    FlagRow {
        flag: Flag::InterpPerDirective,
        directive: "PythonInterpPerDirective",
        default: false,
    },
];

impl Flag {
    pub fn named(directive: &[u8]) -> Option<Flag> {
        FLAGS.iter().find(|row| row.directive.as_bytes() == directive).map(|row| row.flag)
    }
}

impl Config for Section {
    fn create(_place: Option<&[u8]>) -> Section {
        Section::default()
    }

    fn merge(base: &Section, add: &Section) -> Merged<Section> {
        if add.is_empty() {
            Merged::Base
        } else if base.is_empty() {
            Merged::Add
        } else {
            Merged::New(base.overlaid(add))
        }
    }
}

/// Writing: what the directives do.
impl Section {
    /// Whether a directive of this section has been read before.
    pub(super) fn is_entered(&self) -> bool {
        self.directory.is_some()
    }

    /// Remembers that a directive stands in this section, and where that is.
    pub(super) fn enter(&mut self, directory: Directory) {
        self.location =
            directory.is_location().then_some(LocationSection { has_content_handler: false });
        self.directory = Some(directory);
    }

    /// Appends the words to the phase's plain list, or to those of the extensions.
    pub(super) fn add_handlers(&mut self, phase: Phase, argument: &Argument<'_>, silent: bool) {
        if argument.words.is_empty() {
            return;
        }
        let directory = self.directory.clone().unwrap_or_default();
        let entries: Vec<HandlerEntry> = argument
            .words
            .iter()
            .map(|word| HandlerEntry::of_directive(word, phase, directory.clone()))
            .map(|entry| if silent { entry.silent() } else { entry })
            .collect();
        self.change_lists(phase, argument.turn, |lists| {
            match argument.extensions.as_deref().unwrap_or_default() {
                [] => lists.plain = Some(appended(lists.plain.as_ref(), &entries)),
                extensions => {
                    extensions.iter().for_each(|extension| lists.append(extension, &entries));
                }
            }
        });
        if let (Phase::Handler, false, Some(location)) = (phase, silent, &mut self.location) {
            location.has_content_handler = true;
        }
    }

    fn change_lists(&mut self, phase: Phase, turn: Turn, change: impl FnOnce(&mut PhaseLists)) {
        if turn == Turn::Usual {
            change(Arc::make_mut(self.phases[phase as usize].get_or_insert_default()));
            return;
        }
        let mut rows = self.turned.as_deref().unwrap_or_default().to_vec();
        let index = rows.iter().position(|row| (row.phase, row.turn) == (phase, turn));
        let index = index.unwrap_or_else(|| {
            rows.push(Turned { phase, turn, lists: Arc::default() });
            rows.len() - 1
        });
        change(Arc::make_mut(&mut rows[index].lists));
        self.turned = Some(rows.into());
    }

    pub(super) fn set_filter(&mut self, phase: Phase, handler: &[u8], name: Option<&[u8]>) {
        let name = name.unwrap_or(handler).to_ascii_lowercase().into();
        let directory = self.directory.clone().unwrap_or_default();
        let filter =
            Filter { name, handler: Arc::new(HandlerEntry::new(handler, phase, directory)) };
        let filters = if phase == Phase::InputFilter {
            &mut self.input_filters
        } else {
            &mut self.output_filters
        };
        *filters = overlay(filters.as_ref(), Some(&Arc::from([filter])));
    }

    pub(super) fn set_option(&mut self, key: &[u8], value: &[u8]) {
        let option = PythonOption { key: key.into(), value: value.into() };
        self.options = overlay(self.options.as_ref(), Some(&Arc::from([option])));
    }

    pub(super) fn set_flag(&mut self, flag: Flag, on: bool) {
        self.flags[flag as usize] = Some(on);
    }
}

/// Merging.
impl Section {
    fn is_empty(&self) -> bool {
        let Section { directory, location, python_path, interpreter, flags, phases, .. } = self;
        directory.is_none()
            && location.is_none()
            && python_path.is_none()
            && interpreter.is_none()
            && flags.iter().all(Option::is_none)
            && phases.iter().all(Option::is_none)
            && self.timeout.is_none()
            && self.turned.is_none()
            && self.input_filters.is_none()
            && self.output_filters.is_none()
            && self.options.is_none()
    }

    /// Field by field what `add` says, else what `self` says.
    pub(super) fn overlaid(&self, add: &Section) -> Section {
        let directory =
            add.directory.as_ref().filter(|directory| !matches!(directory, Directory::None));
        Section {
            directory: directory.or(self.directory.as_ref()).cloned(),
            location: add.location.or(self.location),
            python_path: add.python_path.as_ref().or(self.python_path.as_ref()).cloned(),
            interpreter: add.interpreter.as_ref().or(self.interpreter.as_ref()).cloned(),
            timeout: add.timeout.as_ref().or(self.timeout.as_ref()).cloned(),
            flags: std::array::from_fn(|flag| add.flags[flag].or(self.flags[flag])),
            phases: std::array::from_fn(|phase| {
                merge_lists(self.phases[phase].as_ref(), add.phases[phase].as_ref())
            }),
            turned: overlay(self.turned.as_ref(), add.turned.as_ref()),
            input_filters: overlay(self.input_filters.as_ref(), add.input_filters.as_ref()),
            output_filters: overlay(self.output_filters.as_ref(), add.output_filters.as_ref()),
            options: overlay(self.options.as_ref(), add.options.as_ref()),
        }
    }
}

/// A row of a table in which a later row of the same key takes an earlier one's place.
trait Keyed: Clone {
    fn same_key(&self, other: &Self) -> bool;
    fn replace_with(&mut self, new: &Self);
}

impl Keyed for Filter {
    fn same_key(&self, other: &Filter) -> bool {
        self.name == other.name
    }

    fn replace_with(&mut self, new: &Filter) {
        self.handler = Arc::clone(&new.handler);
    }
}

impl Keyed for Turned {
    fn same_key(&self, other: &Turned) -> bool {
        (self.phase, self.turn) == (other.phase, other.turn)
    }

    /// Not as a whole: lists of extensions are inherited each on its own.
    fn replace_with(&mut self, new: &Turned) {
        self.lists = merge_both(&self.lists, &new.lists);
    }
}

impl Keyed for PythonOption {
    fn same_key(&self, other: &PythonOption) -> bool {
        self.key.eq_ignore_ascii_case(&other.key)
    }

    /// The first spelling of the key stays, as in httpd's tables.
    fn replace_with(&mut self, new: &PythonOption) {
        self.value = Arc::clone(&new.value);
    }
}

fn overlay<T: Keyed>(base: Option<&Arc<[T]>>, add: Option<&Arc<[T]>>) -> Option<Arc<[T]>> {
    let (Some(base), Some(add)) = (base, add) else { return add.or(base).cloned() };
    let mut rows = base.to_vec();
    for new in add.iter() {
        match rows.iter_mut().find(|row| row.same_key(new)) {
            Some(row) => row.replace_with(new),
            None => rows.push(new.clone()),
        }
    }
    Some(rows.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::handlers::parse;
    use crate::config::settings::Settings;

    fn section(lines: &[(Phase, &str)]) -> Section {
        let mut section = Section::default();
        section.enter(Directory::None);
        for (phase, argument) in lines {
            section.add_handlers(*phase, &parse(argument.as_bytes()), false);
        }
        section
    }

    fn merged(base: &Section, add: &Section) -> Section {
        match Section::merge(base, add) {
            Merged::Base => base.clone(),
            Merged::Add => add.clone(),
            Merged::New(section) => section,
        }
    }

    fn words(section: &Section, phase: Phase, extension: &str) -> Vec<String> {
        words_at(section, phase, Turn::Usual, extension)
    }

    fn words_at(section: &Section, phase: Phase, turn: Turn, extension: &str) -> Vec<String> {
        let found = Settings::of(section).handlers(phase, turn, extension.as_bytes());
        let list = found.map_or(&[][..], |found| found.list);
        list.iter().map(|entry| String::from_utf8(entry.text().to_vec()).unwrap()).collect()
    }

    #[test]
    fn lines_of_one_section_append() {
        let section = section(&[
            (Phase::Handler, "a b"),
            (Phase::Handler, "c"),
            (Phase::Handler, "d | .x .y"),
        ]);
        assert_eq!(words(&section, Phase::Handler, ""), ["a", "b", "c"]);
        assert_eq!(words(&section, Phase::Handler, ".y"), ["d"]);
        assert!(words(&section, Phase::Access, "").is_empty());
    }

    #[test]
    fn a_line_without_words_adds_nothing() {
        let section =
            section(&[(Phase::Handler, ""), (Phase::Handler, " | "), (Phase::Handler, "| .x")]);
        assert!(!Settings::of(&section).has_handlers(Phase::Handler, Turn::Usual));
    }

    #[test]
    fn a_bar_without_extensions_means_nothing() {
        let section = section(&[(Phase::Handler, "a |")]);
        assert_eq!(words(&section, Phase::Handler, ".x"), ["a"]);
    }

    #[test]
    fn an_inner_list_replaces_the_outer_of_the_same_extension_only() {
        let outer =
            section(&[(Phase::Handler, "a"), (Phase::Handler, "t | .txt"), (Phase::Access, "c")]);
        let plain = merged(&outer, &section(&[(Phase::Handler, "b")]));
        assert_eq!(words(&plain, Phase::Handler, ""), ["b"]);
        assert_eq!(words(&plain, Phase::Handler, ".txt"), ["t"]);
        assert_eq!(words(&plain, Phase::Access, ""), ["c"]);
        let extended = merged(&outer, &section(&[(Phase::Handler, "b | .txt")]));
        assert_eq!(words(&extended, Phase::Handler, ""), ["a"]);
        assert_eq!(words(&extended, Phase::Handler, ".txt"), ["b"]);
    }

    #[test]
    fn each_turn_has_lists_of_its_own() {
        let outer = section(&[
            (Phase::Fixup, "a"),
            (Phase::Fixup, "@early b"),
            (Phase::Fixup, "@early c | .x"),
            (Phase::Access, "@late d"),
        ]);
        assert_eq!(words_at(&outer, Phase::Fixup, Turn::Early, ""), ["b"]);
        assert_eq!(words_at(&outer, Phase::Fixup, Turn::Early, ".x"), ["c"]);
        assert!(words_at(&outer, Phase::Fixup, Turn::Late, "").is_empty());
        assert_eq!(words(&outer, Phase::Fixup, ".x"), ["a"]);
        let inner = section(&[(Phase::Fixup, "@early e"), (Phase::Fixup, "@early f")]);
        let both = merged(&outer, &inner);
        assert_eq!(words_at(&both, Phase::Fixup, Turn::Early, ""), ["e", "f"]);
        assert_eq!(words_at(&both, Phase::Fixup, Turn::Early, ".x"), ["c"]);
        assert_eq!(words_at(&both, Phase::Access, Turn::Late, ""), ["d"]);
        assert_eq!(words(&both, Phase::Fixup, ""), ["a"]);
    }

    #[test]
    fn an_inherited_list_is_the_same_list() {
        let outer = section(&[(Phase::Init, "a")]);
        let inner = merged(&outer, &section(&[(Phase::Init, "b | .x"), (Phase::Handler, "c")]));
        let list = |section| {
            Arc::clone(Settings::of(section).handlers(Phase::Init, Turn::Usual, b"").unwrap().list)
        };
        assert!(Arc::ptr_eq(&list(&outer), &list(&inner)));
    }

    #[test]
    fn merging_with_nothing_makes_nothing_new() {
        let (full, empty) = (section(&[(Phase::Handler, "a")]), Section::default());
        assert!(matches!(Section::merge(&full, &empty), Merged::Base));
        assert!(matches!(Section::merge(&empty, &full), Merged::Add));
    }

    #[test]
    fn handlers_remember_the_directory_of_their_section() {
        let mut outer = Section::default();
        outer.enter(Directory::Path(b"/w/"[..].into()));
        outer.add_handlers(Phase::Handler, &parse(b"a"), false);
        let inner = section(&[(Phase::Access, "b")]);
        let both = merged(&outer, &inner);
        let settings = Settings::of(&both);
        let directory = |phase| {
            let entry = &settings.handlers(phase, Turn::Usual, b"").unwrap().list[0];
            entry.directory().resolve(None, false).map(|directory| directory.into_owned())
        };
        assert_eq!(directory(Phase::Handler).as_deref(), Some(&b"/w/"[..]));
        assert_eq!(directory(Phase::Access), None);
        assert_eq!(both.directory.unwrap().resolve(None, false).unwrap(), &b"/w/"[..]);
    }

    #[test]
    fn the_last_location_says_whether_there_is_a_content_handler() {
        let location = |phase, silent| {
            let mut section = Section::default();
            section.enter(Directory::Location(b"/x"[..].into()));
            section.add_handlers(phase, &parse(b"a"), silent);
            section
        };
        let has = |section: &Section| Settings::of(section).location_has_content_handler();
        let content = location(Phase::Handler, false);
        assert!(has(&content));
        assert!(!has(&location(Phase::Handler, true)));
        assert!(!has(&merged(&content, &location(Phase::Access, false))));
        assert!(has(&merged(&location(Phase::Access, false), &content)));
        assert!(!has(&section(&[(Phase::Handler, "a")])));
    }

    #[test]
    fn filters_are_kept_by_name_in_lower_case() {
        let mut outer = Section::default();
        outer.set_filter(Phase::OutputFilter, b"m::Upper", None);
        outer.set_filter(Phase::OutputFilter, b"m::a", Some(b"SHOUT"));
        outer.set_filter(Phase::InputFilter, b"m::i", Some(b"in"));
        let mut inner = Section::default();
        inner.set_filter(Phase::OutputFilter, b"n::b", Some(b"Shout"));
        let both = merged(&outer, &inner);
        let settings = Settings::of(&both);
        assert_eq!(settings.output_filter(b"shout").unwrap().text(), b"n::b");
        assert_eq!(settings.output_filter(b"m::upper").unwrap().object(), b"Upper");
        assert!(settings.output_filter(b"in").is_none());
        assert_eq!(settings.input_filter(b"in").unwrap().text(), b"m::i");
    }

    #[test]
    fn options_compare_without_case_and_an_empty_value_removes() {
        let mut outer = Section::default();
        for (key, value) in [(&b"One"[..], &b"1"[..]), (b"two", b"2"), (b"three", b"3")] {
            outer.set_option(key, value);
        }
        let mut inner = Section::default();
        inner.set_option(b"ONE", b"uno");
        inner.set_option(b"two", b"");
        inner.set_option(b"THREE", b"");
        let both = merged(&outer, &inner);
        let options: Vec<_> =
            Settings::of(&both).options().map(|option| (&*option.key, &*option.value)).collect();
        assert_eq!(options, [(&b"One"[..], &b"uno"[..])]);
        assert_eq!(Settings::of(&both).option(b"one"), Some(&b"uno"[..]));
        assert_eq!(Settings::of(&both).option(b"two"), None);
        assert_eq!(Settings::of(&both).all_options().len(), 3);
    }

    #[test]
    fn flags_stand_in_the_order_of_the_variants() {
        for (index, row) in FLAGS.iter().enumerate() {
            assert_eq!(row.flag as usize, index);
            assert_eq!(Flag::named(row.directive.as_bytes()), Some(row.flag));
        }
    }
}
