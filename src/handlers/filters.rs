//! Python filters: which handler a filter of httpd's means, and what comes of calling it.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::prelude::*;

use super::outcome::{self, Trouble};
use super::{debugger, runner};
use crate::apache::filter::{Direction, Failure, Outcome};
use crate::apache::invocation::Invocation;
use crate::apache::log::{self, Level, Target};
use crate::apache::status::Status;
use crate::config::handlers::HandlerEntry;
use crate::config::settings::Settings;
use crate::counters::Work;
use crate::objects::added_handler::Callable;
use crate::objects::deadline;
use crate::objects::filter;
use crate::objects::lease::{Ending, Lease, OfFilter};
use crate::objects::native::State;
use crate::objects::own_filter::AddedFilter;
use crate::objects::report::{self, Report};
use crate::objects::request_count;
use crate::objects::request_extras::Refusal;
use crate::objects::request_state::{RequestState, Service};
use crate::objects::resolve::{self, Handler};
use crate::objects::settings_of;
use crate::python::interpreter::Interpreter;
use crate::python::{error, thread};

/// Calls the handler of a filter, once.
pub fn run(invocation: &Invocation<'_>) -> Outcome {
    let request = invocation.request();
    let name = invocation.name();
    let Some(settings) = settings_of(request) else {
        return refuse(invocation, "MP0110: the request has no configuration");
    };
    let handler = match handler(invocation, settings, name) {
        Ok(handler) => handler,
        Err(sentence) => return refuse(invocation, &sentence),
    };
    let directory = handler.entry.directory().resolve(request.filename(), request.is_directory());
    let interpreter = match &handler.callable {
        Some(callable) => Ok(callable.interpreter),
        None => runner::interpreter_of(settings, directory.as_deref(), request),
    };
    let interpreter = match interpreter {
        Ok(interpreter) => interpreter,
        Err(error) => {
            return refuse(
                invocation,
                &report::line(&String::from_utf8_lossy(name), &error.to_string()),
            );
        }
    };
    let known = RequestState::of(request);
    let ending = Ending(Lease::<OfFilter>::new(invocation));
    ending.0.join(known.lease.family());
    let service = known.serve(request);
    let filtering = Filtering { invocation, service, handler: &handler, directory, settings, name };
    if handler.callable.is_none() {
        resolve::look_ahead(interpreter, &filtering.handler());
    }
    thread::attach(interpreter, |py| filtering.call(py, interpreter, &ending.0))
}

/// What a filter is to call.
struct FilterHandler<'f> {
    entry: &'f HandlerEntry,
    /// In place of what the entry names.
    callable: Option<Arc<Callable>>,
}

/// The request's own filter, or the one that is configured where the request is.
fn handler<'f>(
    invocation: &Invocation<'f>,
    settings: Settings<'f>,
    name: &[u8],
) -> Result<FilterHandler<'f>, String> {
    if let Some(own) = invocation.own::<AddedFilter>() {
        let callable = match &own.callable {
            None => None,
            Some(callable) => Some(
                callable
                    .upgrade()
                    .ok_or("MP0111: the request that registered the filter is over")?,
            ),
        };
        return Ok(FilterHandler { entry: &own.entry, callable });
    }
    let (configured, directive) = match invocation.direction() {
        Direction::Input => (settings.input_filter(name), "PythonInputFilter"),
        Direction::Output => (settings.output_filter(name), "PythonOutputFilter"),
    };
    let entry = configured.ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        format!("MP0112: could not find registered filter '{name}': no {directive} of this name is in force for this request")
    })?;
    Ok(FilterHandler { entry, callable: None })
}

/// A filter that cannot be called is not left out.
fn refuse(invocation: &Invocation<'_>, sentence: &str) -> Outcome {
    let line = report::line("mod_python", sentence);
    log::log(Target::Request(invocation.request()), Level::Error, line.as_bytes());
    failed(invocation, Status::INTERNAL_SERVER_ERROR, None, Refusal::Error(sentence.to_owned()))
}

/// Notes for the handler, which may be writing to or reading from the filter, what has become of it.
fn failed(
    invocation: &Invocation<'_>,
    status: Status,
    page: Option<Vec<u8>>,
    refusal: Refusal,
) -> Outcome {
    let request = invocation.request();
    let state = RequestState::of(request);
    let reader_answers = invocation.direction() == Direction::Input && state.reading.get();
    if reader_answers {
        state.extras().refusal.replace(Some(refusal));
    } else if invocation.direction() == Direction::Output {
        RequestState::note_answered(request);
    }
    Outcome::Failed(Failure { status, page, reader_answers })
}

struct Filtering<'a, 'f> {
    invocation: &'a Invocation<'f>,
    service: Service<'f>,
    handler: &'a FilterHandler<'f>,
    directory: Option<Cow<'a, [u8]>>,
    settings: Settings<'a>,
    name: &'a [u8],
}

impl Filtering<'_, '_> {
    fn handler(&self) -> Handler<'_> {
        Handler {
            entry: self.handler.entry,
            directory: self.directory.as_deref(),
            settings: self.settings,
            looked_at: Some(self.invocation.looked_at()),
        }
    }

    fn call(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        lease: &Lease<OfFilter>,
    ) -> Outcome {
        let Some(state) = State::of_interpreter(interpreter) else {
            return refuse(self.invocation, "MP0113: the interpreter is not ready");
        };
        let request = self.invocation.request();
        request_count::call(request, RequestState::of(request), state, Work::Filter);
        let outcome = match self.call_handler(py, state, lease) {
            Ok(()) => Outcome::Done,
            Err(raised) if raised.is_instance(py, state.server_return.bind(py)) => {
                match outcome::server_return(py, request, &raised).and_then(result) {
                    Ok(Asked::GoOn) => Outcome::Done,
                    Ok(Asked::End) => Outcome::End,
                    Ok(Asked::Status(status)) => {
                        failed(self.invocation, status, None, Refusal::Status(status))
                    }
                    Err(trouble) => self.report(py, state, &trouble),
                }
            }
            Err(raised) => self.report(py, state, &Trouble::Raised(raised)),
        };
        if let Some(known) = request.state::<RequestState>() {
            known.release(py, state, || false);
        }
        outcome
    }

    /// The result of a filter means nothing.
    fn call_handler(
        &self,
        py: Python<'_>,
        state: &'static State,
        lease: &Lease<OfFilter>,
    ) -> PyResult<()> {
        let directory = self.directory.as_deref();
        let entry = self.handler.entry;
        let (request, limit) = (self.invocation.request(), self.settings.timeout());
        let _armed = deadline::arm(py, state, request, limit, || self.title());
        let object = filter::instantiate(py, state, lease.clone(), entry, directory)?;
        let _sharing = self.service.share(py);
        let callable = match &self.handler.callable {
            Some(callable) => callable.bind(py),
            None => resolve::callable(py, state, &self.handler(), &object)?,
        };
        if let Some(callable) = callable {
            debugger::call(&callable, object, self.settings)?;
        }
        Ok(())
    }

    /// The filter's name and its handler.
    fn title(&self) -> String {
        let (name, handler) = (self.name, self.handler.entry.text());
        format!("{} {}", String::from_utf8_lossy(name), String::from_utf8_lossy(handler))
    }

    fn report(&self, py: Python<'_>, state: &State, trouble: &Trouble) -> Outcome {
        let request = self.invocation.request();
        let name = String::from_utf8_lossy(self.name);
        let report = Report::new(self.title(), trouble.told(py));
        thread::detach(py, || report.log(Target::Request(request)));
        let shows_page = self.settings.debug()
            && self.invocation.direction() == Direction::Output
            && !self.invocation.is_closed();
        let page = shows_page.then(|| report.page().into_bytes());
        let what = match trouble {
            Trouble::Raised(raised) => error::describe(py, raised),
            Trouble::BadResult(sentence) => sentence.clone(),
        };
        let refusal = Refusal::Error(format!("input filter '{name}' failed: {what}"));
        failed(self.invocation, trouble.status(py, state), page, refusal)
    }
}

/// What a filter asks for by `raise SERVER_RETURN(...)`.
enum Asked {
    GoOn,
    End,
    Status(Status),
}

fn result(status: Status) -> Result<Asked, Trouble> {
    match status {
        Status::OK | Status::DECLINED => Ok(Asked::GoOn),
        Status::DONE => Ok(Asked::End),
        status if status.is_valid_http() => Ok(Asked::Status(status)),
        Status(number) => Err(Trouble::BadResult(format!(
            "MP0114: SERVER_RETURN({number}): a filter can ask for OK, DONE or an HTTP status only"
        ))),
    }
}
