//! httpd asking for content that `PythonHandler mod_python.wsgi` is to make.

use crate::apache::hook::{Hooks, Order, Position, RequestHook};
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::handlers::{Directory, HandlerEntry, extension, is_wsgi_used};
use crate::config::phase::Phase;
use crate::config::settings::{Event, MAIN_INTERPRETER, Settings};
use crate::config::turn::Turn;
use crate::objects::native;
use crate::objects::report::{self, Report};
use crate::objects::request_state::RequestState;
use crate::objects::resolve::Handler;
use crate::objects::{HANDLER_NAMES, request_wsgi, settings_of};
use crate::python::interpreter::{self, Interpreter};

use super::serve::Service;

const APPLICATION: &[u8] = b"mod_python.wsgi.application";
const NAME: &str = "PythonHandler mod_python.wsgi";

pub fn register(hooks: Hooks<'_>) {
    request_wsgi::set_service(serve_in);
    // Before the runner of handler lists.
    let first = Order::at(Position::First);
    hooks.request_if(RequestHook::Handler, |_| is_wsgi_used(), content_handler, first);
}

/// A request whose one handler is ours is served from here; a list of several goes the way of all handlers, and comes back by
/// way of the module `mod_python.wsgi`.
fn content_handler(request: Request<'_>) -> Status {
    let ours = |name: &[u8]| HANDLER_NAMES.iter().any(|known| known.as_bytes() == name);
    if !request.handler().is_some_and(ours) {
        return Status::DECLINED;
    }
    let Some(settings) = settings_of(request) else { return Status::DECLINED };
    let extension = request.filename().map_or(&b""[..], extension);
    let Some(entry) = sole_entry(settings, extension) else { return Status::DECLINED };
    let added = request.state::<RequestState>().and_then(RequestState::known_extras);
    if added.is_some_and(|extras| extras.has_added(Phase::Handler)) || settings.enable_pdb() {
        return Status::DECLINED;
    }
    match interpreter_of(settings, entry, request) {
        Ok(interpreter) => serve(request, settings, entry.directory(), interpreter),
        Err(error) => {
            Report::unavailable(NAME.to_owned(), &error).log(Target::Request(request));
            Status::INTERNAL_SERVER_ERROR
        }
    }
}

fn sole_entry<'a>(settings: Settings<'a>, extension: &'a [u8]) -> Option<&'a HandlerEntry> {
    match &settings.handlers(Phase::Handler, Turn::Usual, extension)?.list[..] {
        [entry] if entry.is_wsgi() => Some(entry),
        _ => None,
    }
}

fn interpreter_of(
    settings: Settings<'_>,
    entry: &HandlerEntry,
    request: Request<'_>,
) -> Result<&'static Interpreter, interpreter::Failure> {
    let is_directory = request.is_directory();
    let event = Event::Request { filename: request.filename(), is_directory };
    let directory = entry.directory().resolve(request.filename(), is_directory);
    let name = settings.interpreter(event, directory.as_deref(), MAIN_INTERPRETER);
    interpreter::named(&name, native::prepare)
}

/// What `mod_python.wsgi.handler(req)` does, in the interpreter that it runs in.
fn serve_in(request: Request<'_>, interpreter: &'static Interpreter) -> Status {
    let Some(settings) = settings_of(request) else { return Status::DECLINED };
    let cursor = RequestState::of(request).cursor.borrow().clone();
    let directory =
        cursor.and_then(|cursor| Some(cursor.lock().current()?.entry.directory().clone()));
    serve(request, settings, &directory.unwrap_or_default(), interpreter)
}

fn serve(
    request: Request<'_>,
    settings: Settings<'_>,
    directory: &Directory,
    interpreter: &'static Interpreter,
) -> Status {
    let base = match request_wsgi::base(request, directory) {
        Ok(Some(base)) => base,
        Ok(None) => {
            complain(
                request,
                Level::Warning,
                "MP0209: the URI is not below mod_python.wsgi.base_uri",
            );
            return Status::DECLINED;
        }
        Err(sentence) => {
            complain(request, Level::Error, sentence);
            return Status::INTERNAL_SERVER_ERROR;
        }
    };
    let Some(entry) = settings.option(APPLICATION).map(application) else {
        let sentence = "MP0210: KeyError: 'mod_python.wsgi.application': this PythonOption must name the application";
        complain(request, Level::Error, sentence);
        return Status::INTERNAL_SERVER_ERROR;
    };
    let directory = directory.resolve(request.filename(), request.is_directory());
    let state = RequestState::of(request);
    let service = Service {
        request,
        state,
        handler: Handler {
            entry: &entry,
            directory: directory.as_deref(),
            settings,
            looked_at: Some(&state.looked_at),
        },
        interpreter,
        home: None,
        base,
        name: NAME,
        is_optional: true,
    };
    service.run()
}

/// `module[::callable]` of the option.
fn application(text: &[u8]) -> HandlerEntry {
    if text.windows(2).any(|pair| pair == b"::") {
        return HandlerEntry::new(text, Phase::Handler, Directory::None);
    }
    HandlerEntry::new(&[text, b"::application"].concat(), Phase::Handler, Directory::None)
}

fn complain(request: Request<'_>, level: Level, sentence: &str) {
    log::log(Target::Request(request), level, report::line(NAME, sentence).as_bytes());
}
