//! The directives: one row each, which names the function that records it. httpd's generic machinery checks the number of
//! arguments, On and Off, and where a directive may stand; beyond that next to nothing is refused, because a
//! configuration that the C module accepts must start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apache::auth_provider::Kind;
use crate::apache::command::{self, CommandTable, Contexts, Outcome, Scope, Set};
use crate::apache::filter::Direction;
use crate::apache::pattern::Pattern;
use crate::apache::process;
use crate::config::handlers::{self, Argument, Directory};
use crate::config::mount::{self, Mount};
use crate::config::phase::Phase;
use crate::config::provider;
use crate::config::section::{Flag, Section};
use crate::config::server::ServerSection;
use crate::config::timeout::Timeout;

type Command<'c> = command::Command<'c, Section, ServerSection>;
type Directive = command::Directive<Section, ServerSection>;

use Contexts as In;

#[rustfmt::skip]
pub static DIRECTIVES: [Directive; 38] = [
    row(c"PythonPostReadRequestHandler", In::SERVER, Set::Raw(handler_list), c"[@early or @late, then] handlers to run when a request has been read"),
    row(c"PythonTransHandler", In::SERVER, Set::Raw(handler_list), c"[@early or @late, then] handlers that translate a URI into a file name"),
    row(c"PythonHeaderParserHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers to run early, with the directory known"),
    row(c"PythonInitHandler", In::EVERYWHERE, Set::Raw(handler_list), c"handlers to run first"),
    row(c"PythonAccessHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers that check where a request comes from"),
    row(c"PythonAuthenHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers that find out who the user is"),
    row(c"PythonAuthzHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers that check what the user may do"),
    row(c"PythonTypeHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers that choose the content type"),
    row(c"PythonFixupHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers to run just before the content is made"),
    row(c"PythonHandler", In::EVERYWHERE, Set::Raw(handler_list), c"handlers that make the content"),
    row(c"PythonLogHandler", In::EVERYWHERE, Set::Raw(handler_list), c"[@early or @late, then] handlers that log a request"),
    row(c"PythonCleanupHandler", In::EVERYWHERE, Set::Raw(handler_list), c"handlers to run when a request is over"),
    row(c"PythonHandlerModule", In::EVERYWHERE, Set::Raw(handler_module), c"modules whose objects are handlers of the phases they are named after"),
    row(c"PythonConnectionHandler", In::SERVER, Set::Raw(server_handlers), c"handler of whole connections"),
    row(c"PythonPreConnectionHandler", In::SERVER, Set::Raw(server_handlers), c"handlers to run when a client has connected"),
    row(c"PythonChildInitHandler", In::SERVER, Set::Raw(server_handlers), c"handlers to run with the server at the start of a child"),
    row(c"PythonChildExitHandler", In::SERVER, Set::Raw(server_handlers), c"handlers to run with the server at the end of a child"),
    row(c"PythonQuickHandler", In::SERVER, Set::Raw(handler_list), c"[@early or @late, then] handlers that may answer a request before all phases"),
    row(c"PythonMapToStorageHandler", In::SERVER, Set::Raw(handler_list), c"[@early or @late, then] handlers that may take the place of a look for the file and its configuration"),
    row(c"PythonInputFilter", In::SERVER_AND_SECTIONS, Set::OneOrTwo(filter), c"handler of an input filter, and the filter's name"),
    row(c"PythonOutputFilter", In::SERVER_AND_SECTIONS, Set::OneOrTwo(filter), c"handler of an output filter, and the filter's name"),
    row(c"PythonImport", In::SERVER, Set::Two(import), c"module[::function] to import at the start of a child, and the interpreter"),
    row(c"PythonInterpreter", In::EVERYWHERE, Set::One(interpreter), c"name of the interpreter to run in"),
    row(c"PythonInterpPerDirectory", In::EVERYWHERE, Set::Flag(flag), c"On for an interpreter for each directory of files"),
    row(c"PythonInterpPerDirective", In::EVERYWHERE, Set::Flag(flag), c"On for an interpreter for each section with handlers"),
    row(c"PythonAutoReload", In::EVERYWHERE, Set::Flag(flag), c"Off to ignore changes of modules"),
    row(c"PythonDebug", In::EVERYWHERE, Set::Flag(flag), c"On to send tracebacks to the client"),
    row(c"PythonEnablePdb", In::EVERYWHERE, Set::Flag(flag), c"On to run handlers in the debugger, with -DONE_PROCESS"),
    row(c"PythonOptimize", In::SERVER, Set::Flag(optimize), c"On to run Python without asserts and docstrings"),
    row(c"PythonOption", In::EVERYWHERE, Set::OneOrTwo(option), c"key and value that handlers read with get_options()"),
    row(c"PythonPath", In::EVERYWHERE, Set::One(python_path), c"Python expression for sys.path, in quotes"),
    row(c"PythonTimeout", In::EVERYWHERE, Set::One(timeout), c"seconds that Python code may run before it is interrupted, 0 for no limit"),
    row(c"PythonAllowHtaccess", In::SERVER, Set::Flag(allow_htaccess), c"Off to refuse handlers and PythonPath in .htaccess"),
    row(c"PythonHome", In::SERVER, Set::One(home), c"directory of a virtual environment, or of an installation of Python"),
    row(c"PythonInterpreterGIL", In::SERVER, Set::Words(interpreter_gil), c"own or shared, and the names of interpreters unless all are meant"),
    row(c"PythonWSGIAlias", In::SERVER, Set::Words(wsgi_alias), c"URI path, module:callable or path of a script, and interpreter= and home="),
    row(c"PythonAuthnProvider", In::SERVER, Set::Two(authn_provider), c"name for AuthBasicProvider and the like, and module::object that checks passwords"),
    row(c"PythonAuthzProvider", In::SERVER, Set::Two(authz_provider), c"name for Require, and module::object that says who may"),
];

pub static COMMANDS: CommandTable<{ DIRECTIVES.len() }> = CommandTable::new(&DIRECTIVES);

const fn row(
    name: &'static std::ffi::CStr,
    contexts: Contexts,
    set: Set<Section, ServerSection>,
    help: &'static std::ffi::CStr,
) -> Directive {
    Directive { name, contexts, set, help }
}

fn handler_list(command: &mut Command<'_>, argument: &[u8]) -> Outcome {
    let phase = phase(command)?;
    refuse_in_htaccess(command)?;
    let argument = list_argument(argument, phase)?;
    if argument.extensions.is_some() && !phase.row().extensions {
        let name = phase.directive().to_string_lossy();
        return Err(format!(
            "MP0020: {name} does not accept \"| .ext\": no file name is known in this phase"
        ));
    }
    enter(command)?;
    command.section.add_handlers(phase, &argument, false);
    Ok(())
}

/// All phases of a request; those before translation only where they can be asked for.
fn handler_module(command: &mut Command<'_>, argument: &[u8]) -> Outcome {
    refuse_in_htaccess(command)?;
    enter(command)?;
    let argument = handlers::parse(argument);
    argument.check_turn(&command.directive().to_string_lossy(), false)?;
    let server_level = command.is_server_level();
    for phase in Phase::of_request().filter(|phase| server_level || !phase.is_server_level()) {
        command.section.add_handlers(phase, &argument, true);
    }
    Ok(())
}

/// What is no phase of a request is kept with the server.
fn server_handlers(command: &mut Command<'_>, argument: &[u8]) -> Outcome {
    let phase = phase(command)?;
    let argument = list_argument(argument, phase)?;
    let server = command.server_mut().ok_or("no configuration of the server")?;
    server.section.add_handlers(phase, &argument, false);
    Ok(())
}

fn list_argument(argument: &[u8], phase: Phase) -> Result<Argument<'_>, String> {
    let argument = handlers::parse(argument);
    argument.check_turn(&phase.directive().to_string_lossy(), phase.row().turns)?;
    Ok(argument)
}

fn filter(command: &mut Command<'_>, handler: &[u8], name: Option<&[u8]>) -> Outcome {
    let phase = phase(command)?;
    list_argument(handler, phase)?;
    enter(command)?;
    let direction = if phase == Phase::InputFilter { Direction::Input } else { Direction::Output };
    command.register_filter(direction, name.unwrap_or(handler));
    command.section.set_filter(phase, handler, name);
    Ok(())
}

fn import(command: &mut Command<'_>, module: &[u8], interpreter: &[u8]) -> Outcome {
    command.server_mut().ok_or("no configuration of the server")?.add_import(module, interpreter);
    Ok(())
}

fn wsgi_alias(command: &mut Command<'_>, words: &[&[u8]]) -> Outcome {
    let mount = Mount::parse(words, &server_root())?;
    command.server_mut().ok_or("no configuration of the server")?.add_mount(mount)
}

/// There is one Python in a process.
fn home(command: &mut Command<'_>, path: &[u8]) -> Outcome {
    if command.is_virtual_host() {
        return Err(
            "MP0021: PythonHome is for the whole server: it cannot stand in a virtual host"
                .to_owned(),
        );
    }
    let home = mount::below(&server_root(), path);
    command.server_mut().ok_or("no configuration of the server")?.home = Some(home);
    Ok(())
}

/// An interpreter is of the whole process, whichever hosts use it.
fn interpreter_gil(command: &mut Command<'_>, words: &[&[u8]]) -> Outcome {
    if command.is_virtual_host() {
        return Err("MP0043: PythonInterpreterGIL is for the whole server: name the interpreter of a virtual host above it".to_owned());
    }
    command.server_mut().ok_or("no configuration of the server")?.gil_wishes.add(words)
}

fn server_root() -> PathBuf {
    mount::below(Path::new("/"), process::server_root().unwrap_or_default())
}

fn authn_provider(command: &mut Command<'_>, name: &[u8], object: &[u8]) -> Outcome {
    provider::enter(command.pool().ok_or("no pool")?, Kind::Authn, name, object)
}

fn authz_provider(command: &mut Command<'_>, name: &[u8], object: &[u8]) -> Outcome {
    provider::enter(command.pool().ok_or("no pool")?, Kind::Authz, name, object)
}

fn interpreter(command: &mut Command<'_>, name: &[u8]) -> Outcome {
    everywhere(command, |section| section.interpreter = Some(name.into()))
}

fn flag(command: &mut Command<'_>, on: bool) -> Outcome {
    let flag = Flag::named(command.directive().to_bytes()).ok_or("no such flag")?;
    everywhere(command, |section| section.set_flag(flag, on))
}

/// Once On it stays: there is one optimisation level in a process.
fn optimize(command: &mut Command<'_>, on: bool) -> Outcome {
    command.server_mut().ok_or("no configuration of the server")?.optimize |= on;
    Ok(())
}

fn option(command: &mut Command<'_>, key: &[u8], value: Option<&[u8]>) -> Outcome {
    everywhere(command, |section| section.set_option(key, value.unwrap_or_default()))
}

fn python_path(command: &mut Command<'_>, expression: &[u8]) -> Outcome {
    refuse_in_htaccess(command)?;
    everywhere(command, |section| section.python_path = Some(expression.into()))
}

fn timeout(command: &mut Command<'_>, seconds: &[u8]) -> Outcome {
    let timeout = Arc::new(Timeout::parse(seconds)?);
    everywhere(command, |section| section.timeout = Some(Arc::clone(&timeout)))
}

fn allow_htaccess(command: &mut Command<'_>, on: bool) -> Outcome {
    command.server_mut().ok_or("no configuration of the server")?.allow_htaccess = Some(on);
    Ok(())
}

/// Records in the section and, at server level, in the server's own configuration too, for what is no request.
fn everywhere(command: &mut Command<'_>, set: impl Fn(&mut Section)) -> Outcome {
    enter(command)?;
    set(command.section);
    if command.is_server_level()
        && let Some(server) = command.server_mut()
    {
        set(&mut server.section);
    }
    Ok(())
}

/// Remembers in the section where it stands.
fn enter(command: &mut Command<'_>) -> Outcome {
    if command.section.is_entered() {
        return Ok(());
    }
    let directory = directory(command.scope())?;
    command.section.enter(directory);
    Ok(())
}

fn directory(scope: Scope<'_>) -> Result<Directory, String> {
    Ok(match scope {
        Scope::Server => Directory::None,
        Scope::Directory(path) => Directory::Path(path.to_bytes().into()),
        Scope::Wildcard(text) => Directory::Pattern(Arc::new(Pattern::wildcard(text))),
        Scope::Regex(text) => {
            let pattern = Pattern::regex(text)
                .ok_or("MP0022: the section's regular expression cannot be compiled")?;
            Directory::Pattern(Arc::new(pattern))
        }
        Scope::Location(text) => Directory::Location(text.to_bytes().into()),
    })
}

fn refuse_in_htaccess(command: &Command<'_>) -> Outcome {
    let allowed = command.server().is_none_or(ServerSection::allows_htaccess);
    if !command.is_htaccess() || allowed {
        return Ok(());
    }
    let name = command.directive().to_string_lossy();
    Err(format!(
        "MP0023: {name} is not allowed in .htaccess: the server's configuration says PythonAllowHtaccess Off"
    ))
}

fn phase(command: &Command<'_>) -> Result<Phase, String> {
    Phase::named(command.directive().to_bytes()).ok_or_else(|| "no such phase".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::phase::PHASES;
    use crate::config::section::FLAGS;

    fn contexts(name: &[u8]) -> Option<Contexts> {
        DIRECTIVES.iter().find(|row| row.name.to_bytes() == name).map(|row| row.contexts)
    }

    #[test]
    fn every_phase_and_every_flag_has_a_directive() {
        for phase in &PHASES {
            assert!(contexts(phase.directive.to_bytes()).is_some(), "{:?}", phase.directive);
        }
        for flag in &FLAGS {
            assert!(contexts(flag.directive.as_bytes()).is_some(), "{}", flag.directive);
        }
    }

    #[test]
    fn phases_before_translation_stand_at_server_level_only() {
        for phase in &PHASES {
            let server_only = contexts(phase.directive.to_bytes()) == Some(Contexts::SERVER);
            assert_eq!(server_only, phase.phase.is_server_level(), "{:?}", phase.directive);
        }
    }

    #[test]
    fn filters_are_not_for_htaccess() {
        assert_eq!(contexts(b"PythonInputFilter"), Some(Contexts::SERVER_AND_SECTIONS));
        assert_eq!(contexts(b"PythonOutputFilter"), Some(Contexts::SERVER_AND_SECTIONS));
    }
}
