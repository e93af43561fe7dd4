//! One call of a handler: its result as a status, and what becomes of an exception.

use pyo3::exceptions::{PyIndexError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyTuple};

use super::debugger;
use crate::apache::log::Target;
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::handlers::HandlerEntry;
use crate::config::phase::Phase;
use crate::objects::added_handler::Callable;
use crate::objects::deadline;
use crate::objects::native::State;
use crate::objects::report::{Report, Told};
use crate::objects::request_state::{RequestState, Service};
use crate::objects::resolve::{self, Handler};
use crate::python::convert::type_name;
use crate::python::{Object, thread};

/// A handler about to be called.
pub struct Call<'a> {
    pub phase: Phase,
    pub entry: &'a HandlerEntry,
    /// What to call, where that is not the entry's to say.
    pub callable: Option<&'a Callable>,
    pub request: Request<'a>,
    pub service: &'a Service<'a>,
    pub debug: bool,
}

/// What came of it.
pub enum Result {
    /// A silent handler whose object does not exist.
    Missing,
    Status(Status),
    /// Reported already; the phase ends with this.
    Failed(Status),
}

/// Why a handler gave no status.
pub enum Trouble {
    Raised(PyErr),
    /// A result that is none; the sentence says what is wrong.
    BadResult(String),
}

impl From<PyErr> for Trouble {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl Trouble {
    /// What the log says of it.
    pub fn told(&self, py: Python<'_>) -> Told {
        match self {
            Self::Raised(raised) => Told::raised(py, raised),
            Self::BadResult(sentence) => Told::Sentence(sentence.clone()),
        }
    }

    /// What the client is told.
    pub fn status(&self, py: Python<'_>, state: &State) -> Status {
        match self {
            Self::Raised(raised) if state.is_timeout(py, raised) => Status::GATEWAY_TIME_OUT,
            _ => Status::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Call<'_> {
    pub fn run(
        &self,
        py: Python<'_>,
        state: &'static State,
        handler: &Handler<'_>,
        request: &RequestState,
    ) -> Result {
        match self.call(py, state, handler, request) {
            Ok(Some(status)) => Result::Status(status),
            Ok(None) => Result::Missing,
            Err(trouble) => Result::Failed(self.report(py, state, &trouble)),
        }
    }

    fn call(
        &self,
        py: Python<'_>,
        state: &'static State,
        handler: &Handler<'_>,
        request: &RequestState,
    ) -> std::result::Result<Option<Status>, Trouble> {
        let limit = handler.settings.timeout();
        let _armed = deadline::arm(py, state, self.request, limit, || self.title());
        let object = request.object(py, state)?;
        let sharing = self.service.share(py);
        let callable = match self.callable {
            Some(callable) => callable.bind(py),
            None => resolve::callable(py, state, handler, &object)?,
        };
        let Some(callable) = callable else { return Ok(None) };
        let called = debugger::call(&callable, object, handler.settings);
        drop(sharing);
        match called {
            Ok(result) => status_of(&result).map(Some),
            Err(raised) if raised.is_instance(py, state.server_return.bind(py)) => {
                server_return(py, self.request, &raised).map(Some)
            }
            Err(raised) => Err(raised.into()),
        }
    }

    /// Writes the error to the log, and to the client if PythonDebug is on and the response can still take it.
    fn report(&self, py: Python<'_>, state: &State, trouble: &Trouble) -> Status {
        let report = Report::new(self.title(), trouble.told(py));
        let status = trouble.status(py, state);
        let client_gone = matches!(trouble, Trouble::Raised(raised) if raised.is_instance_of::<PyOSError>(py))
            && self.request.connection().aborted();
        let may_send = !client_gone
            && !matches!(self.phase, Phase::Log | Phase::Cleanup)
            && !self.request.eos_sent();
        // What is there of the response must not pass for the whole.
        let is_timeout = status == Status::GATEWAY_TIME_OUT;
        let breaks_off = is_timeout && self.request.sent_bodyct() != 0;
        thread::detach(py, || {
            report.log(Target::Request(self.request));
            let held = &RequestState::of(self.request).held;
            if may_send && breaks_off {
                held.finish(self.request, status);
                RequestState::stream(self.request).break_off();
                return Status::DONE;
            }
            if !(may_send && self.debug) {
                return status;
            }
            held.finish(self.request, if is_timeout { status } else { Status::DONE });
            if report.send(self.request, status) { Status::DONE } else { status }
        })
    }

    /// The directive and the handler's text.
    fn title(&self) -> String {
        let directive = self.phase.directive().to_string_lossy();
        format!("{directive} {}", String::from_utf8_lossy(self.entry.text()))
    }
}

/// `raise SERVER_RETURN(result[, status])`.
pub fn server_return(
    py: Python<'_>,
    request: Request<'_>,
    raised: &PyErr,
) -> std::result::Result<Status, Trouble> {
    let arguments =
        raised.value(py).getattr("args")?.cast_into::<PyTuple>().map_err(PyErr::from)?;
    let Ok(result) = arguments.get_item(0) else {
        return Err(PyIndexError::new_err(
            "SERVER_RETURN needs a result: raise SERVER_RETURN(apache.OK)",
        )
        .into());
    };
    let status = status_of(&result)?;
    if arguments.len() == 2 {
        let response = arguments.get_item(1)?;
        if response.is_truthy()? {
            request.set_status(Status(response.extract()?));
        }
    }
    Ok(status)
}

/// A handler's result as a status. Integers of any class but bool are results.
pub fn status_of(result: &Object<'_>) -> std::result::Result<Status, Trouble> {
    if result.is_none() {
        return Err(Trouble::BadResult(
            "MP0102: the handler returned None: it must return an integer, such as apache.OK"
                .to_owned(),
        ));
    }
    if result.is_instance_of::<PyBool>() || !result.is_instance_of::<PyInt>() {
        let class = type_name(result.as_borrowed());
        return Err(Trouble::BadResult(format!(
            "MP0103: AssertionError: the handler returned a value of type {class}: it must return an integer, such as apache.OK"
        )));
    }
    result.extract::<i32>().map(Status).map_err(|_| {
        let shown = result.repr().map_or_else(|_| "a number".to_owned(), |text| text.to_string());
        Trouble::BadResult(format!(
            "MP0104: the handler returned {shown}, which is out of range for a result"
        ))
    })
}
