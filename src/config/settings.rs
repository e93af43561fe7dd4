//! The configuration in force for a request or a connection: a merged `Section`, read. Nothing here allocates but what
//! has to be put together from two texts.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::config::handlers::{HandlerEntry, HandlerList, directory_of};
use crate::config::phase::Phase;
use crate::config::phase_lists::PhaseLists;
use crate::config::section::{FLAGS, Filter, Flag, PythonOption, Section};
use crate::config::turn::Turn;

/// The interpreter that a process starts with.
pub const MAIN_INTERPRETER: &[u8] = b"main_interpreter";

#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    section: &'a Section,
}

/// The handler list for a phase, and whether it is that of the file's extension.
#[derive(Clone, Copy, Debug)]
pub struct Handlers<'a> {
    pub list: &'a HandlerList,
    /// What was asked for.
    pub extension: &'a [u8],
    pub is_for_extension: bool,
}

/// For whom an interpreter is chosen.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The file name is unknown before translation.
    Request { filename: Option<&'a [u8]>, is_directory: bool },
    /// `PythonInterpPerDirectory` means nothing to a connection.
    Connection,
}

impl<'a> Settings<'a> {
    pub fn of(section: &'a Section) -> Settings<'a> {
        Settings { section }
    }

    /// The list of the extension (with its dot, empty for none), else the phase's plain one: never both.
    pub fn handlers(self, phase: Phase, turn: Turn, extension: &'a [u8]) -> Option<Handlers<'a>> {
        let lists = self.lists(phase, turn)?;
        if let Some(list) = lists.of_extension(extension) {
            return Some(Handlers { list, extension, is_for_extension: true });
        }
        lists.plain.as_ref().map(|list| Handlers { list, extension, is_for_extension: false })
    }

    /// Whether the phase has any list, of whatever extension: the first question of every hook.
    pub fn has_handlers(self, phase: Phase, turn: Turn) -> bool {
        self.lists(phase, turn).is_some()
    }

    fn lists(self, phase: Phase, turn: Turn) -> Option<&'a PhaseLists> {
        if turn == Turn::Usual {
            return self.section.phases.get(phase as usize)?.as_deref();
        }
        let turned = self.section.turned.as_deref()?;
        turned.iter().find(|row| (row.phase, row.turn) == (phase, turn)).map(|row| &*row.lists)
    }

    /// The handler of an httpd filter, by the filter's name in lower case.
    pub fn input_filter(self, name: &[u8]) -> Option<&'a Arc<HandlerEntry>> {
        filter(self.section.input_filters.as_deref(), name)
    }

    pub fn output_filter(self, name: &[u8]) -> Option<&'a Arc<HandlerEntry>> {
        filter(self.section.output_filters.as_deref(), name)
    }

    /// Whether the last location section that applies and has a Python directive names a content handler: such a URI is
    /// not looked for among files. Ask before directory sections are merged.
    pub fn location_has_content_handler(self) -> bool {
        self.section.location.is_some_and(|location| location.has_content_handler)
    }

    pub fn python_path(self) -> Option<&'a [u8]> {
        self.section.python_path.as_deref()
    }

    pub fn auto_reload(self) -> bool {
        self.flag(Flag::AutoReload)
    }

    pub fn debug(self) -> bool {
        self.flag(Flag::Debug)
    }

    pub fn enable_pdb(self) -> bool {
        self.flag(Flag::EnablePdb)
    }

    /// How long Python code may run.
    pub fn timeout(self) -> Option<Duration> {
        self.section.timeout.as_ref()?.limit
    }

    /// The interpreter's name. `directory` is that of the first handler of the list to be run, or of the filter.
    pub fn interpreter<'n>(
        self,
        event: Event<'n>,
        directory: Option<&'n [u8]>,
        server_name: &'n [u8],
    ) -> Cow<'n, [u8]>
    where
        'a: 'n,
    {
        if let Some(name) = &self.section.interpreter {
            return Cow::Borrowed(name);
        }
        if let (true, Event::Request { filename, is_directory }) =
            (self.flag(Flag::InterpPerDirectory), event)
        {
            let directory = filename.and_then(|filename| directory_of(filename, is_directory));
            return directory.unwrap_or(Cow::Borrowed(MAIN_INTERPRETER));
        }
        if self.flag(Flag::InterpPerDirective) {
            return Cow::Borrowed(directory.unwrap_or(MAIN_INTERPRETER));
        }
        Cow::Borrowed(server_name)
    }

    /// What `req.get_options()` shows: options that were taken away are gone.
    pub fn options(self) -> impl Iterator<Item = &'a PythonOption> {
        self.all_options().iter().filter(|option| !option.value.is_empty())
    }

    /// What `server.get_options()` shows: options that were taken away have an empty value.
    pub fn all_options(self) -> &'a [PythonOption] {
        self.section.options.as_deref().unwrap_or_default()
    }

    /// One option; names compare without case.
    pub fn option(self, key: &[u8]) -> Option<&'a [u8]> {
        self.options()
            .find(|option| option.key.eq_ignore_ascii_case(key))
            .map(|option| &*option.value)
    }

    /// What `get_config()` shows: the directives that were given, by name; flags as "1" and "0".
    pub fn config(self) -> impl Iterator<Item = (&'static str, &'a [u8])> {
        let section = self.section;
        let texts = [
            ("PythonPath", section.python_path.as_deref()),
            ("PythonInterpreter", section.interpreter.as_deref()),
            ("PythonTimeout", section.timeout.as_ref().map(|timeout| &*timeout.text)),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let flags = FLAGS.iter().filter_map(|row| {
            let on = section.flags[row.flag as usize]?;
            Some((row.directive, if on { &b"1"[..] } else { b"0" }))
        });
        texts.chain(flags)
    }

    fn flag(self, flag: Flag) -> bool {
        self.section.flags[flag as usize].unwrap_or(FLAGS[flag as usize].default)
    }
}

fn filter<'a>(filters: Option<&'a [Filter]>, name: &[u8]) -> Option<&'a Arc<HandlerEntry>> {
    filters?.iter().find(|filter| *filter.name == *name).map(|filter| &filter.handler)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Event<'_> = Event::Request { filename: Some(b"/w/x.py"), is_directory: false };
    const EARLY: Event<'_> = Event::Request { filename: None, is_directory: false };

    fn name(set: impl Fn(&mut Section), event: Event<'_>, directory: Option<&[u8]>) -> String {
        let mut section = Section::default();
        set(&mut section);
        let name = Settings::of(&section).interpreter(event, directory, b"Host").into_owned();
        String::from_utf8(name).unwrap()
    }

    #[test]
    fn an_interpreter_is_named_after_the_server() {
        assert_eq!(name(|_| (), FILE, Some(b"/d/")), "Host");
        assert_eq!(
            name(|section| section.set_flag(Flag::InterpPerDirectory, false), FILE, None),
            "Host"
        );
    }

    #[test]
    fn an_interpreter_may_be_named_after_the_file_s_directory() {
        let set = |section: &mut Section| section.set_flag(Flag::InterpPerDirectory, true);
        assert_eq!(name(set, FILE, Some(b"/d/")), "/w/");
        assert_eq!(name(set, EARLY, Some(b"/d/")), "main_interpreter");
        let directory = Event::Request { filename: Some(b"/w/sub"), is_directory: true };
        assert_eq!(name(set, directory, None), "/w/sub/");
        assert_eq!(name(set, Event::Connection, None), "Host");
    }

    #[test]
    fn an_interpreter_may_be_named_after_the_directive_s_directory() {
        let set = |section: &mut Section| section.set_flag(Flag::InterpPerDirective, true);
        assert_eq!(name(set, FILE, Some(b"/d/")), "/d/");
        assert_eq!(name(set, FILE, None), "main_interpreter");
        assert_eq!(name(set, Event::Connection, None), "main_interpreter");
    }

    #[test]
    fn a_given_name_comes_before_the_directory_and_that_before_the_directive() {
        let both = |section: &mut Section| {
            section.set_flag(Flag::InterpPerDirectory, true);
            section.set_flag(Flag::InterpPerDirective, true);
        };
        assert_eq!(name(both, FILE, Some(b"/d/")), "/w/");
        let all = |section: &mut Section| {
            both(section);
            section.interpreter = Some(b"given"[..].into());
        };
        assert_eq!(name(all, FILE, Some(b"/d/")), "given");
    }

    #[test]
    fn what_is_not_given_has_its_default_and_is_not_shown() {
        let mut section = Section::default();
        let settings = Settings::of(&section);
        assert!(settings.auto_reload() && !settings.debug() && !settings.enable_pdb());
        assert_eq!(settings.config().count(), 0);
        section.set_flag(Flag::Debug, true);
        section.set_flag(Flag::AutoReload, false);
        section.python_path = Some(b"sys.path"[..].into());
        let shown: Vec<_> = Settings::of(&section).config().collect();
        let expected: [(&str, &[u8]); 3] =
            [("PythonPath", b"sys.path"), ("PythonAutoReload", b"0"), ("PythonDebug", b"1")];
        assert_eq!(shown, expected);
    }
}
