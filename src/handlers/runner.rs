//! The one runner: calls the handlers of a phase, in the interpreter that the configuration names.

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::Python;

use super::outcome::{self, Call};
use crate::apache::log::Target;
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::handlers::{HandlerEntry, HandlerList};
use crate::config::phase::Phase;
use crate::config::settings::{Event, Handlers, Settings};
use crate::config::turn::Turn;
use crate::counters::Work;
use crate::objects::added_handler::{AddedHandler, AddedTo, Callable};
use crate::objects::handler_list::{Cursor, SharedCursor};
use crate::objects::native::{self, State};
use crate::objects::report::Report;
use crate::objects::request_count;
use crate::objects::request_extras::RequestExtras;
use crate::objects::request_state::{RequestState, Service};
use crate::objects::resolve;
use crate::objects::response_end::ResponseEnd;
use crate::objects::{extension_of, settings_of};
use crate::python::interpreter::{self, Interpreter};
use crate::python::thread;

/// Whether one of the phases has a list, of whatever extension, or the request has added handlers to any phase: the first
/// question of every hook, which most of them answer with no. Never panics.
#[inline]
pub fn is_used(phases: &[Phase], turn: Turn, request: Request<'_>) -> bool {
    match turn {
        Turn::Usual => has_work(request, phases),
        Turn::Early | Turn::Late => Turn::is_used() && has_turned_work(request, phases, turn),
    }
}

/// Apart from the hooks, which are asked one after the other at each request: the less each has of its own, the less of the
/// processor's cache they take from what runs between them.
#[inline(never)]
fn has_work(request: Request<'_>, phases: &[Phase]) -> bool {
    has_work_in(request, phases, Turn::Usual)
}

#[cold]
#[inline(never)]
fn has_turned_work(request: Request<'_>, phases: &[Phase], turn: Turn) -> bool {
    has_work_in(request, phases, turn)
}

fn has_work_in(request: Request<'_>, phases: &[Phase], turn: Turn) -> bool {
    let Some(settings) = settings_of(request) else { return false };
    phases.iter().any(|phase| settings.has_handlers(*phase, turn))
        || extras_of(request).is_some_and(RequestExtras::has_added_any)
}

fn extras_of(request: Request<'_>) -> Option<&RequestExtras> {
    request.state::<RequestState>()?.known_extras()
}

/// Runs what is configured and added for a phase; DECLINED, without a look at Python, if that is nothing.
pub fn run(phase: Phase, turn: Turn, request: Request<'_>) -> Status {
    let Some(settings) = settings_of(request) else { return Status::DECLINED };
    let configured = configured(settings, phase, turn, request);
    run_list(phase, turn, request, settings, configured)
}

/// The list that the configuration has for a phase of this request.
pub fn configured<'r>(
    settings: Settings<'r>,
    phase: Phase,
    turn: Turn,
    request: Request<'r>,
) -> Option<Handlers<'r>> {
    if !settings.has_handlers(phase, turn) {
        return None;
    }
    settings.handlers(phase, turn, extension_of(request, phase))
}

/// Runs a list, and what the request has added to the phase.
pub fn run_list(
    phase: Phase,
    turn: Turn,
    request: Request<'_>,
    settings: Settings<'_>,
    configured: Option<Handlers<'_>>,
) -> Status {
    let added = added_handlers(request, phase, turn);
    if configured.is_none() && added.is_empty() {
        return Status::DECLINED;
    }
    let list = configured.map(|handlers| handlers.list);
    let cursor = Cursor::new(turn, list.map(Arc::clone), added, request);
    let interpreter = match interpreter_for(settings, &cursor, request) {
        Ok(interpreter) => interpreter,
        Err(error) => {
            let name = format!("mod_python: {}", phase.directive().to_string_lossy());
            Report::unavailable(name, &error).log(Target::Request(request));
            return Status::INTERNAL_SERVER_ERROR;
        }
    };
    let state = RequestState::of(request);
    note_extension(state, configured, request, phase);
    let running = Running::enter(state, state.serve(request), phase, cursor);
    let ending = matches!(phase, Phase::Log | Phase::Cleanup).then(ResponseEnd::enter);
    let first = Next::of(&running.cursor, list);
    if let Some(first) = first.as_ref().filter(|first| first.callable.is_none()) {
        resolve::look_ahead(interpreter, &first.handler(state, settings));
    }
    let status = thread::attach(interpreter, |py| {
        call_all(py, interpreter, &running, (first, list), request, settings)
    });
    state.held.finish(request, status);
    if state.answered.get() && ending.is_none() { Status::FILTER_ERROR } else { status }
}

fn added_handlers(request: Request<'_>, phase: Phase, turn: Turn) -> Vec<AddedHandler> {
    let Some(extras) = extras_of(request) else { return Vec::new() };
    let mut added = extras.added.borrow_mut();
    let is_due = |row: &mut AddedTo| (row.phase, row.turn) == (phase, turn);
    added.extract_if(.., is_due).map(|row| row.handler).collect()
}

fn interpreter_for(
    settings: Settings<'_>,
    cursor: &Cursor,
    request: Request<'_>,
) -> Result<&'static Interpreter, interpreter::Failure> {
    match cursor.current() {
        Some(first) => match first.callable {
            Some(callable) => Ok(callable.interpreter),
            None => interpreter_of(settings, first.directory, request),
        },
        None => interpreter_of(settings, None, request),
    }
}

/// The interpreter that the configuration names for a request and the directory of a handler.
pub fn interpreter_of(
    settings: Settings<'_>,
    directory: Option<&[u8]>,
    request: Request<'_>,
) -> Result<&'static Interpreter, interpreter::Failure> {
    let event =
        Event::Request { filename: request.filename(), is_directory: request.is_directory() };
    let server = request.server();
    let name = settings.interpreter(event, directory, server.server_hostname().unwrap_or_default());
    interpreter::named(&name, native::prepare)
}

/// `req.extension`: that of the list, if it was found by one; '' for a file without one.
fn note_extension(
    state: &RequestState,
    configured: Option<Handlers<'_>>,
    request: Request<'_>,
    phase: Phase,
) {
    let known = configured.map(|handlers| handlers.extension);
    let extension = known.unwrap_or_else(|| extension_of(request, phase));
    let by_extension = configured.is_some_and(|handlers| handlers.is_for_extension);
    if by_extension || (extension.is_empty() && request.filename().is_some()) {
        state.extension.replace(Some(extension.into()));
    }
}

/// A phase under way: `req.phase` and `req.hlist` show it, and show the outer one again afterwards.
struct Running<'r> {
    state: &'r RequestState,
    service: Service<'r>,
    phase: Phase,
    cursor: SharedCursor,
    outer: Option<Phase>,
}

impl<'r> Running<'r> {
    fn enter(state: &'r RequestState, service: Service<'r>, phase: Phase, cursor: Cursor) -> Self {
        let cursor = Arc::new(Mutex::new(cursor));
        let outer = state.phase.replace(Some(phase));
        state.cursor.replace(Some(Arc::clone(&cursor)));
        Self { state, service, phase, cursor, outer }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.state.phase.set(self.outer);
        let callables = self.cursor.lock().take_callables();
        drop(callables);
    }
}

fn call_all(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    running: &Running<'_>,
    (mut due, list): (Option<Next<'_>>, Option<&HandlerList>),
    request: Request<'_>,
    settings: Settings<'_>,
) -> Status {
    let Some(state) = State::of_interpreter(interpreter) else {
        return Status::INTERNAL_SERVER_ERROR;
    };
    let mut result = None;
    while let Some(next) = due.take() {
        let status = match &next.callable {
            None => next.call(py, state, running, request, settings),
            Some(callable) => thread::attach(callable.interpreter, |py| {
                let state = State::of_interpreter(callable.interpreter).unwrap_or(state);
                next.call(py, state, running, request, settings)
            }),
        };
        running.cursor.lock().advance();
        match status {
            outcome::Result::Missing => {}
            outcome::Result::Status(status) => {
                result = Some(status);
                if !running.phase.row().continuation.goes_on_after(status) {
                    break;
                }
            }
            outcome::Result::Failed(status) => {
                result = Some(status);
                break;
            }
        }
        due = Next::of(&running.cursor, list);
    }
    if !will_be_needed(running.phase, settings) {
        let is_done = || is_done(running.phase, request, settings, result);
        running.state.release(py, state, is_done);
    }
    result.unwrap_or(Status::DECLINED)
}

/// Whether nobody will see the request's object any more: the content handler was the last of Python's, and no filter can have
/// other handlers called.
fn is_done(
    phase: Phase,
    request: Request<'_>,
    settings: Settings<'_>,
    result: Option<Status>,
) -> bool {
    let is_to_come = |phase: &Phase| settings.has_handlers(*phase, Turn::Usual);
    phase == Phase::Handler
        && matches!(result, Some(Status::OK | Status::DONE))
        && !Turn::is_used()
        && ![Phase::Log, Phase::Cleanup].iter().any(is_to_come)
        && request.main().or_else(|| request.prev()).or_else(|| request.next()).is_none()
        && !extras_of(request).is_some_and(RequestExtras::has_work_to_come)
        && request.has_stock_filters()
}

/// Whether the request's object is kept for the content handler, which lets go of it.
fn will_be_needed(phase: Phase, settings: Settings<'_>) -> bool {
    (phase as u8) < Phase::Handler as u8 && settings.has_handlers(Phase::Handler, Turn::Usual)
}

/// The handler to run next. Added ones are of its own: while it runs the list may grow. Those of the configuration are not:
/// threads that count references to the same one wait for each other's caches.
struct Next<'r> {
    entry: Cow<'r, HandlerEntry>,
    /// The directory that this request's file name has decided.
    matched: Option<Box<[u8]>>,
    callable: Option<Arc<Callable>>,
}

impl<'r> Next<'r> {
    /// `list`: the cursor's configured one.
    fn of(cursor: &SharedCursor, list: Option<&'r HandlerList>) -> Option<Self> {
        let cursor = cursor.lock();
        let current = cursor.current()?;
        let configured = list.and_then(|list| list.get(cursor.position()));
        Some(Self {
            entry: configured.map_or_else(|| Cow::Owned(current.entry.clone()), Cow::Borrowed),
            matched: current
                .directory
                .filter(|_| current.entry.directory().is_pattern())
                .map(Box::from),
            callable: current.callable.cloned(),
        })
    }

    fn handler<'a>(
        &'a self,
        state: &'a RequestState,
        settings: Settings<'a>,
    ) -> resolve::Handler<'a> {
        let directory = self.entry.directory().text().or(self.matched.as_deref());
        let looked_at = Some(&state.looked_at);
        resolve::Handler { entry: &self.entry, directory, settings, looked_at }
    }

    /// Calls it in `state`'s interpreter, to which `py` is attached.
    fn call(
        &self,
        py: Python<'_>,
        state: &'static State,
        running: &Running<'_>,
        request: Request<'_>,
        settings: Settings<'_>,
    ) -> outcome::Result {
        let work = if running.phase == Phase::Handler { Work::Content } else { Work::Phase };
        request_count::call(request, running.state, state, work);
        let handler = self.handler(running.state, settings);
        let call = Call {
            phase: running.phase,
            entry: &self.entry,
            callable: self.callable.as_deref(),
            request,
            service: &running.service,
            debug: settings.debug(),
        };
        call.run(py, state, &handler, running.state)
    }
}
