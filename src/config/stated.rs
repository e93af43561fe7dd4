//! Every handler that the configuration names, with what is in force where it is named: for those who check it.
//!
//! What only a request decides is left open: the directory of a pattern, the sections of its own file. Those of .htaccess
//! files are in [`super::htaccess`].

use std::path::PathBuf;

use crate::apache::record::{Config, Merged};
use crate::apache::sections::ConfigSection;
use crate::apache::server::Server;
use crate::config::handlers::{Directory, HandlerEntry};
use crate::config::phase::Phase;
use crate::config::provider;
use crate::config::section::{PythonOption, Section};
use crate::config::server::{ServerSection, imports};
use crate::config::settings::{Event, MAIN_INTERPRETER, Settings};

/// The module whose one handler `crate::wsgi` is.
const WSGI: &[u8] = b"mod_python.wsgi";

/// A handler, an import, a provider or an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    pub directive: String,
    /// The word as it was written.
    pub text: Vec<u8>,
    pub module: Vec<u8>,
    /// None where the module alone is asked for.
    pub object: Option<Vec<u8>>,
    pub place: Place,
    pub interpreter: Vec<u8>,
    pub python_path: Option<Vec<u8>>,
    /// A virtual environment that the interpreter is in.
    pub home: Option<PathBuf>,
    pub options: Vec<PythonOption>,
    /// The .htaccess file that it stands in.
    pub file: Option<Vec<u8>>,
}

/// Where the directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Server,
    Directory(Vec<u8>),
    Pattern(Vec<u8>),
    Location(Vec<u8>),
}

/// All of them, in the order in which a server comes upon them: imports, then server by server.
pub fn stated(main: Server) -> Vec<Stated> {
    let mut found = imported(main);
    for server in std::iter::successors(Some(main), Server::next) {
        let name = server.server_hostname().unwrap_or_default();
        if let Some(section) = server.config::<ServerSection>() {
            collect(&mut found, section.section(), section.section(), name);
            mounted(&mut found, section);
        }
        if let Some(defaults) = server.directory_defaults::<Section>() {
            collect(&mut found, defaults, defaults, name);
            inner(&mut found, server.default_sections(), defaults, name);
            for sections in [server.directory_sections(), server.location_sections()] {
                walk(&mut found, &sections, defaults, name);
            }
        }
    }
    provided(&mut found, main);
    found
}

fn imported(main: Server) -> Vec<Stated> {
    let all = imports(main).into_iter().map(|(server, import)| Stated {
        directive: "PythonImport".to_owned(),
        text: import.text.to_vec(),
        module: import.module().to_vec(),
        object: import.function().map(<[u8]>::to_vec),
        place: Place::Server,
        interpreter: import.interpreter.to_vec(),
        python_path: server
            .config::<ServerSection>()
            .and_then(|section| Settings::of(section.section()).python_path().map(<[u8]>::to_vec)),
        home: None,
        options: Vec::new(),
        file: None,
    });
    all.collect()
}

/// Applications, in whose interpreter nothing else is looked for but what the server's own level says.
fn mounted(found: &mut Vec<Stated>, server: &ServerSection) {
    let settings = Settings::of(server.section());
    let event = Event::Request { filename: None, is_directory: false };
    for mount in server.mounts() {
        let interpreter = match &mount.interpreter {
            Some(name) => name.to_vec(),
            None => settings.interpreter(event, None, MAIN_INTERPRETER).into_owned(),
        };
        let stated = Stated {
            directive: "PythonWSGIAlias".to_owned(),
            text: if mount.path.is_empty() { b"/".to_vec() } else { mount.path.to_vec() },
            interpreter,
            home: mount.home.clone(),
            ..of(&mount.entry, server.section(), MAIN_INTERPRETER)
        };
        add(found, stated);
    }
}

fn provided(found: &mut Vec<Stated>, main: Server) {
    let Some(section) = main.directory_defaults::<Section>() else { return };
    let name = main.server_hostname().unwrap_or_default();
    for (directive, handler) in provider::all() {
        let stated = Stated { directive, ..of(&handler, section, name) };
        add(found, stated);
    }
}

/// Sections of one kind, each with what it inherits from those around it.
fn walk(found: &mut Vec<Stated>, sections: &[ConfigSection<'_>], defaults: &Section, name: &[u8]) {
    let configured: Vec<(&ConfigSection<'_>, &Section)> =
        sections.iter().filter_map(|section| Some((section, section.config()?))).collect();
    for (section, own) in &configured {
        let mut around: Vec<&Section> = configured
            .iter()
            .map(|(_, other)| *other)
            .filter(|other| !std::ptr::eq(*other, *own) && covers(other, own))
            .collect();
        around.sort_by_key(|other| length(other));
        let outer = around.into_iter().fold(defaults.clone(), |base, add| merged(&base, add));
        let in_force = merged(&outer, own);
        collect(found, own, &in_force, name);
        inner(found, section.inner(), &in_force, name);
    }
}

/// `<Files>` and `<If>`, which may stand in each other.
pub(super) fn inner(
    found: &mut Vec<Stated>,
    sections: Vec<ConfigSection<'_>>,
    outer: &Section,
    name: &[u8],
) {
    for section in sections {
        let Some(own) = section.config::<Section>() else { continue };
        let in_force = merged(outer, own);
        collect(found, own, &in_force, name);
        inner(found, section.inner(), &in_force, name);
    }
}

fn merged(base: &Section, add: &Section) -> Section {
    match Section::merge(base, add) {
        Merged::Base => base.clone(),
        Merged::Add => add.clone(),
        Merged::New(section) => section,
    }
}

/// Whether `outer` applies to whatever `inner` applies to.
fn covers(outer: &Section, inner: &Section) -> bool {
    match (&outer.directory, &inner.directory) {
        (Some(Directory::Path(outer)), Some(Directory::Path(inner))) => {
            inner.starts_with(outer) && inner != outer
        }
        (Some(Directory::Location(outer)), Some(Directory::Location(inner))) => {
            let rest = inner.strip_prefix(&**outer);
            rest.is_some_and(|rest| rest.starts_with(b"/") || outer.ends_with(b"/"))
                && inner != outer
        }
        (Some(pattern @ Directory::Pattern(_)), Some(Directory::Path(inner))) => {
            pattern.resolve(Some(inner), true).is_some()
        }
        _ => false,
    }
}

fn length(section: &Section) -> usize {
    match &section.directory {
        Some(Directory::Path(text) | Directory::Location(text)) => text.len(),
        _ => 0,
    }
}

/// What `own` names; what is in force there is `in_force`.
pub(super) fn collect(found: &mut Vec<Stated>, own: &Section, in_force: &Section, name: &[u8]) {
    let turned = own.turned.iter().flat_map(|turned| turned.iter().map(|turned| &turned.lists));
    for lists in own.phases.iter().flatten().chain(turned) {
        let extensions = lists.extensions.iter().map(|(_, list)| list);
        for handler in lists.plain.iter().chain(extensions).flat_map(|list| list.iter()) {
            add(found, of(handler, in_force, name));
        }
    }
    let filters = [&own.input_filters, &own.output_filters].into_iter().flatten();
    for filter in filters.flat_map(|filters| filters.iter()) {
        add(found, of(&filter.handler, in_force, name));
    }
}

/// A server's handlers are in its defaults too, and a module that stands for all phases is in each.
pub(super) fn add(found: &mut Vec<Stated>, stated: Stated) {
    if !found.contains(&stated) {
        found.push(stated);
    }
}

fn of(handler: &HandlerEntry, in_force: &Section, name: &[u8]) -> Stated {
    let settings = Settings::of(in_force);
    let place = Place::of(handler.directory());
    let directory = match &place {
        Place::Directory(text) | Place::Location(text) => Some(&text[..]),
        Place::Server | Place::Pattern(_) => None,
    };
    let event = match (handler.phase(), &place) {
        (Phase::Connection | Phase::PreConnection | Phase::ChildInit | Phase::ChildExit, _) => {
            Event::Connection
        }
        (_, Place::Directory(text)) => Event::Request { filename: Some(text), is_directory: true },
        _ => Event::Request { filename: None, is_directory: false },
    };
    // Applications share an interpreter, where none is named.
    let name = if handler.module() == WSGI { MAIN_INTERPRETER } else { name };
    let interpreter = settings.interpreter(event, directory, name);
    let silent = handler.is_silent();
    Stated {
        directive: if silent {
            "PythonHandlerModule".to_owned()
        } else {
            handler.phase().directive().to_string_lossy().into_owned()
        },
        text: handler.text().to_vec(),
        module: handler.module().to_vec(),
        object: (!silent).then(|| handler.object().to_vec()),
        interpreter: interpreter.into_owned(),
        python_path: settings.python_path().map(<[u8]>::to_vec),
        home: None,
        options: settings.options().cloned().collect(),
        file: None,
        place,
    }
}

impl Place {
    fn of(directory: &Directory) -> Place {
        match directory {
            Directory::None => Place::Server,
            Directory::Path(text) => Place::Directory(text.to_vec()),
            Directory::Pattern(pattern) => Place::Pattern(pattern.text().to_vec()),
            Directory::Location(text) => Place::Location(text.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::handlers::parse;

    fn section(directory: Directory, phase: Phase, words: &str) -> Section {
        let mut section = Section::default();
        section.enter(directory);
        section.add_handlers(phase, &parse(words.as_bytes()), false);
        section
    }

    fn path(text: &[u8]) -> Directory {
        Directory::Path(Arc::from(text))
    }

    #[test]
    fn a_handler_comes_with_what_is_in_force() {
        let mut outer = section(path(b"/srv/"), Phase::Access, "gate");
        outer.python_path = Some(b"sys.path"[..].into());
        let own = section(path(b"/srv/app/"), Phase::Handler, "app shop::Cart.show | .py");
        assert!(covers(&outer, &own) && !covers(&own, &outer) && !covers(&own, &own));
        let mut found = Vec::new();
        collect(&mut found, &own, &merged(&outer, &own), b"host");
        let names: Vec<_> = found
            .iter()
            .map(|stated| (stated.text.clone(), stated.object.clone().unwrap_or_default()))
            .collect();
        assert_eq!(
            names,
            [
                (b"app".to_vec(), b"handler".to_vec()),
                (b"shop::Cart.show".to_vec(), b"Cart.show".to_vec())
            ]
        );
        assert_eq!(found[0].python_path.as_deref(), Some(&b"sys.path"[..]));
        assert_eq!(found[0].interpreter, b"host");
        assert_eq!(found[0].place, Place::Directory(b"/srv/app/".to_vec()));
    }

    #[test]
    fn a_module_for_all_phases_is_named_once() {
        let mut own = Section::default();
        own.enter(Directory::None);
        for phase in Phase::of_request() {
            own.add_handlers(phase, &parse(b"site"), true);
        }
        let mut found = Vec::new();
        collect(&mut found, &own, &own, b"host");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].directive.as_str(), &found[0].object), ("PythonHandlerModule", &None));
    }

    #[test]
    fn a_location_covers_what_is_below_it() {
        let location =
            |text: &[u8]| section(Directory::Location(Arc::from(text)), Phase::Handler, "a");
        assert!(covers(&location(b"/a"), &location(b"/a/b")));
        assert!(covers(&location(b"/"), &location(b"/a")));
        assert!(!covers(&location(b"/a"), &location(b"/ab")));
        assert!(!covers(&location(b"/a"), &location(b"/a")));
    }
}
