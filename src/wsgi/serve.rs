//! One request, from an application's name to the status that httpd gets.

use std::path::Path;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;

use super::answer::Answer;
use super::environ::{self, Parts};
use super::exchange::{self, Exchange, Stop};
use super::kept::Kept;
use super::{errors, input};
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::apache::stream::{Stream, StreamError};
use crate::counters::Work;
use crate::objects::deadline::{self, Armed};
use crate::objects::native::State;
use crate::objects::report::{self, Report, Told};
use crate::objects::request_count;
use crate::objects::request_state::{self, RequestState};
use crate::objects::resolve::{self, Handler};
use crate::python::interpreter::Interpreter;
use crate::python::{Object, class, thread};

type Serving<'r> = request_state::Service<'r>;

/// An application and its place among the URIs.
pub struct Service<'a> {
    pub request: Request<'a>,
    /// The request's.
    pub state: &'a RequestState,
    pub handler: Handler<'a>,
    pub interpreter: &'static Interpreter,
    /// The virtual environment that the application wants.
    pub home: Option<&'a Path>,
    /// How much of the URI is SCRIPT_NAME, bytes.
    pub base: usize,
    /// Whose directive this is, for the log.
    pub name: &'a str,
    /// Whether another handler may answer when there is no such application.
    pub is_optional: bool,
}

/// What an application gets beside its environment's text.
struct Objects<'py> {
    started: Object<'py>,
    input: Object<'py>,
    errors: Object<'py>,
}

impl Service<'_> {
    /// Runs the application. To be called detached.
    pub fn run(&self) -> Status {
        let request = self.request;
        if request.announces_too_much() {
            return Status::REQUEST_ENTITY_TOO_LARGE;
        }
        let uri = request.uri().unwrap_or_default();
        request.set_path_info(Some(&uri[self.base..]));
        // A look-up of the client's name may take its time.
        request.add_common_vars();
        resolve::look_ahead(self.interpreter, &self.handler);
        // A handler of an earlier phase has left the request to httpd.
        let serving = self.state.serve(request);
        thread::attach(self.interpreter, |py| self.run_attached(py, &serving))
    }

    fn run_attached(&self, py: Python<'_>, serving: &Serving<'_>) -> Status {
        let Some(state) = State::of_interpreter(self.interpreter) else {
            let foreign = PyTypeError::new_err("this interpreter was not made by mod_python");
            return self.fail(py, &foreign);
        };
        let limit = self.handler.settings.timeout();
        let armed = deadline::arm(py, state, self.request, limit, || self.name.to_owned());
        request_count::call(self.request, self.state, state, Work::Wsgi);
        let prepared = Kept::of(py, state).and_then(|kept| {
            kept.settle(py, self.home)?;
            Ok((kept, self.application(py, state)?))
        });
        match prepared {
            Ok((kept, Some(application))) => {
                self.call(py, state, kept, &application, (serving, armed))
            }
            Ok(_) => self.decline(),
            Err(raised) => self.fail(py, &raised),
        }
    }

    /// None: there is none, and that is no error.
    fn application<'py>(
        &self,
        py: Python<'py>,
        state: &'static State,
    ) -> PyResult<Option<Object<'py>>> {
        let found = resolve::object(py, state, &self.handler)?;
        let usable = found.filter(|found| found.is_callable() || found.is_truthy().unwrap_or(true));
        if usable.is_some() || self.is_optional {
            return Ok(usable);
        }
        let entry = self.handler.entry;
        Err(PyAttributeError::new_err(format!(
            "'{}' contains no application '{}'",
            String::from_utf8_lossy(entry.module()),
            String::from_utf8_lossy(entry.object())
        )))
    }

    fn decline(&self) -> Status {
        let line = format!(
            "MP0212: {}: there is no application '{}'",
            self.name,
            String::from_utf8_lossy(self.handler.entry.text())
        );
        log::log(Target::Request(self.request), Level::Warning, line.as_bytes());
        Status::DECLINED
    }

    fn call(
        &self,
        py: Python<'_>,
        state: &'static State,
        kept: &Kept,
        application: &Object<'_>,
        (serving, armed): (&Serving<'_>, Option<Armed<'_, '_>>),
    ) -> Status {
        let lease = || self.state.lease.clone();
        let made = exchange::instantiate(py, kept, lease()).and_then(|started| {
            let input = input::instantiate(kept.input.bind(py), lease())?;
            let errors = errors::instantiate(kept.errors.bind(py), lease())?;
            Ok(Objects { started, input, errors })
        });
        let objects = match made {
            Ok(made) => made,
            Err(raised) => return self.fail(py, &raised),
        };
        let class = kept.exchange.bind(py);
        let Some(exchange) = class::contents::<Exchange>(objects.started.as_borrowed(), class)
        else {
            return Status::INTERNAL_SERVER_ERROR;
        };
        let stream = self.state.way_of(self.request);
        let answer = |result| Answer { result, exchange, stream: &stream, kept };
        let stop = self.exchange((kept, serving), application, &objects, answer).err();
        errors::finish(&objects.errors, kept.errors.bind(py));
        drop(armed);
        self.conclude(py, state, exchange, &stream, stop)
    }

    /// Calls the application, and sends what it answers.
    fn exchange<'a, 'r: 'a, 'py>(
        &self,
        (kept, serving): (&Kept, &Serving<'_>),
        application: &Object<'py>,
        objects: &Objects<'py>,
        answer: impl FnOnce(Object<'py>) -> Answer<'a, 'r, 'py>,
    ) -> Result<(), Stop> {
        let py = application.py();
        let uri = self.request.uri().unwrap_or_default();
        let (script_name, path_info) = uri.split_at(self.base.min(uri.len()));
        let (input, errors) = (&objects.input, &objects.errors);
        let parts = Parts { script_name, path_info, input, errors };
        let environ = environ::build(py, kept, self.request, &parts)?;
        let sharing = serving.share(py);
        let answer = answer(application.call1((environ, &objects.started))?);
        let sent = answer.send();
        let closed = answer.close();
        drop(sharing);
        if let Err(raised) = closed {
            self.report(py, &raised).log(Target::Request(self.request));
        }
        sent
    }

    /// What httpd gets, after all has been said.
    fn conclude(
        &self,
        py: Python<'_>,
        state: &'static State,
        exchange: &Exchange,
        stream: &Stream<'_>,
        stop: Option<Stop>,
    ) -> Status {
        if let Some(failure) = exchange.failure() {
            return self.after_failure(failure);
        }
        match stop {
            Some(Stop::Raised(raised)) if !exchange.has_begun() => {
                match self.refused(py, state, &raised) {
                    Some(status) => status,
                    None => self.fail(py, &raised),
                }
            }
            Some(Stop::Raised(raised)) => {
                let report = self.report(py, &raised);
                thread::detach(py, || {
                    report.log(Target::Request(self.request));
                    stream.break_off();
                });
                Status::OK
            }
            _ => self.check_length(py, exchange, stream),
        }
    }

    /// The client went away, which is no error; or a filter has answered in the application's place.
    fn after_failure(&self, failure: StreamError) -> Status {
        if failure == StreamError::Disconnected {
            let line = format!("MP0213: {}: {failure}", self.name);
            log::log(Target::Request(self.request), Level::Info, line.as_bytes());
            return Status::OK;
        }
        Status::FILTER_ERROR
    }

    fn check_length(&self, py: Python<'_>, exchange: &Exchange, stream: &Stream<'_>) -> Status {
        let missing = exchange.missing();
        let sentence = if missing > 0 {
            format!("MP0214: the body is {missing} bytes shorter than its Content-Length says")
        } else if exchange.has_overrun() {
            "MP0215: the body is longer than its Content-Length says; the rest was not sent"
                .to_owned()
        } else {
            return Status::OK;
        };
        let line = report::line(self.name, &sentence);
        thread::detach(py, || {
            log::log(Target::Request(self.request), Level::Error, line.as_bytes());
            if missing > 0 {
                stream.break_off();
            }
        });
        Status::OK
    }

    /// The status that httpd or an input filter has for a body that it does not want.
    fn refused(&self, py: Python<'_>, state: &'static State, raised: &PyErr) -> Option<Status> {
        if !raised.is_instance(py, state.server_return.bind(py)) {
            return None;
        }
        let arguments = raised.value(py).getattr("args").ok()?;
        let status = Status(arguments.get_item(0).ok()?.extract().ok()?);
        status.is_valid_http().then_some(status)
    }

    fn report(&self, py: Python<'_>, raised: &PyErr) -> Report {
        Report::new(self.name.to_owned(), Told::raised(py, raised))
    }

    /// An error before anything was sent: 500, or 504 when PythonTimeout is over, with the traceback if PythonDebug is on.
    fn fail(&self, py: Python<'_>, raised: &PyErr) -> Status {
        let report = self.report(py, raised);
        let is_timeout = State::of_interpreter(self.interpreter)
            .is_some_and(|state| state.is_timeout(py, raised));
        let status =
            if is_timeout { Status::GATEWAY_TIME_OUT } else { Status::INTERNAL_SERVER_ERROR };
        let shows = self.handler.settings.debug() && !self.request.connection().aborted();
        thread::detach(py, || {
            report.log(Target::Request(self.request));
            if shows && report.send(self.request, status) { Status::DONE } else { status }
        })
    }
}
