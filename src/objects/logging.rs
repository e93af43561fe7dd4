//! Lines for the error log from Python's `logging`: `log_line` and `log_enabled`, which `mod_python.logs` calls.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::native::State;
use super::request::{self, Req, RequestObject, loan};
use super::request_state::RequestState;
use super::{connection, server};
use crate::apache::log::{self, Level, Origin, Target};
use crate::apache::server::Server;
use crate::python::Object;
use crate::python::class;
use crate::python::convert::{encode, type_name};
use crate::python::row::Arguments;
use crate::python::thread;

type Module<'a, 'py> = Borrowed<'a, 'py, PyAny>;

/// `log_line(message, level, target=None, file=None, line=0)`
pub fn log_line(module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let message = arguments.required(0)?;
    if !message.is_instance_of::<PyString>() {
        let class = type_name(message);
        return Err(PyTypeError::new_err(format!("message must be str, not {class}")));
    }
    let message = encode(message, "message")?;
    let level = level(&arguments, 1)?;
    let file = arguments.some(3).map(|file| encode(file, "file")).transpose()?;
    let line = i32::try_from(arguments.integer(4, 0)?).unwrap_or(0);
    with_target(module.py(), arguments.some(2), |target| match &file {
        Some(file) => {
            let origin = Origin { file: file.as_bytes(), line };
            log::log_from(target, level, origin, message.as_bytes());
        }
        None => log::log(target, level, message.as_bytes()),
    })
}

/// `log_enabled(level, target=None)`
pub fn log_enabled(module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<bool> {
    let level = level(&arguments, 0)?;
    with_target(module.py(), arguments.some(1), |target| log::enabled(target, level))
}

/// `req.log`: an adapter made for the occasion, or what Python code has put in its place.
pub fn request_log<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    let (py, object) = (this.py(), this.object());
    drop(loan(this)?);
    if class::has_attributes::<RequestObject>(&object.to_owned()) {
        let attributes = object.getattr("__dict__")?.cast_into::<PyDict>()?;
        if let Some(own) = attributes.get_item("log")? {
            return Ok(own);
        }
    }
    py.import("mod_python.logs")?.getattr("RequestLog")?.call1((object,))?.into_bound_py_any(py)
}

pub fn set_request_log(
    this: Req<'_, '_>,
    value: Borrowed<'_, '_, PyAny>,
    name: &str,
) -> PyResult<()> {
    this.object().getattr("__dict__")?.set_item(name, value)
}

fn level(arguments: &Arguments<'_, '_>, index: usize) -> PyResult<Level> {
    arguments.required(index)?;
    let number = arguments.integer(index, 0)?;
    Level::from_number(number)
        .ok_or_else(|| PyValueError::new_err(format!("{number} is none of the levels APLOG_*")))
}

/// Calls `action`, detached, with the request, connection or server that is given; else with that which httpd is asking
/// about on this thread.
fn with_target<T>(
    py: Python<'_>,
    given: Option<Borrowed<'_, '_, PyAny>>,
    action: impl FnOnce(Target<'_>) -> T,
) -> PyResult<T> {
    let Some(given) = given else { return Ok(with_current_target(py, action)) };
    let state = State::current(py)?;
    if let Some(lease) = request::lease_of(given, state) {
        let request = lease.borrow(py)?;
        return Ok(thread::detach(py, || action(Target::Request(*request))));
    }
    if let Some(lease) = connection::lease_of(given, state) {
        let connection = lease.borrow(py)?;
        return Ok(thread::detach(py, || action(Target::Connection(*connection))));
    }
    let server = server::server_of(given)?.ok_or_else(|| {
        let class = type_name(given);
        PyTypeError::new_err(format!("target must be a request, connection or server, not {class}"))
    })?;
    Ok(thread::detach(py, || action(Target::Server(server))))
}

fn with_current_target<T>(py: Python<'_>, action: impl FnOnce(Target<'_>) -> T) -> T {
    log::with_current(|target| {
        let state = match target {
            Target::Request(request) => request.state::<RequestState>(),
            _ => None,
        };
        let Some(state) = state else { return thread::detach(py, || action(target)) };
        // Another thread may have the request on loan.
        match state.lease.borrow(py) {
            Ok(request) => thread::detach(py, || action(Target::Request(*request))),
            Err(_) => {
                let server = Server::main().map_or(Target::Process, Target::Server);
                thread::detach(py, || action(server))
            }
        }
    })
}
