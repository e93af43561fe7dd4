//! The two methods of a request on which WSGI (PEP 3333) handlers in Python are built.

use std::sync::OnceLock;

use pyo3::Borrowed;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use super::held_output;
use super::native::State;
use super::request::{self, Req, loan};
use super::request_state::RequestState;
use super::settings_of;
use crate::apache::process;
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::handlers::Directory;
use crate::config::mount::is_below;
use crate::python::Object;
use crate::python::convert::{Encoded, Latin1, encode_latin1, type_name};
use crate::python::interpreter::Interpreter;
use crate::python::row::Arguments;
use crate::python::thread;

/// Serves a WSGI application in an interpreter; set once, by the room that can. To be called detached.
static SERVICE: OnceLock<fn(Request<'_>, &'static Interpreter) -> Status> = OnceLock::new();

/// Says what `serve_wsgi` calls.
pub fn set_service(serve: fn(Request<'_>, &'static Interpreter) -> Status) {
    let _ = SERVICE.set(serve);
}

/// `serve_wsgi(req)`: what `mod_python.wsgi.handler` does.
pub fn serve(module: Borrowed<'_, '_, PyAny>, arguments: Arguments<'_, '_>) -> PyResult<i32> {
    let py = module.py();
    let state = State::current(py)?;
    let given = arguments.required(0)?;
    let lease = request::lease_of(given, state).ok_or_else(|| {
        PyTypeError::new_err(format!("req must be a request, not {}", type_name(given)))
    })?;
    let request = lease.borrow(py)?;
    let kept = RequestState::of(*request);
    kept.refuse_sending()?;
    held_output::send(py, *request, kept)?;
    let serve = SERVICE.get().ok_or_else(|| PyRuntimeError::new_err("there is no WSGI service"))?;
    Ok(thread::detach(py, || serve(*request, state.interpreter)).0)
}

const BASE_URI: &[u8] = b"mod_python.wsgi.base_uri";

/// The environment, or None when the URI lies outside of the application.
pub fn build_wsgi_env<'py>(
    this: Req<'_, 'py>,
    _arguments: Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = this.py();
    let request = loan(this)?;
    let Some(path_info) = path_info(*request)? else { return Ok(None) };
    request.set_path_info(Some(&path_info));
    // The client's name may be looked up.
    thread::detach(py, || request.add_cgi_vars());
    let environ = PyDict::new(py);
    for (name, value) in request.subprocess_env().iter() {
        environ.set_item(Latin1(name), Latin1(value.unwrap_or_default()))?;
    }
    environ.set_item("PATH_INFO", Latin1(&path_info))?;
    if let Some(credentials) = request.headers_in().get(b"Authorization") {
        environ.set_item("HTTP_AUTHORIZATION", Latin1(credentials))?;
    }
    let https = request
        .subprocess_env()
        .get(b"HTTPS")
        .is_some_and(|value| !value.eq_ignore_ascii_case(b"off"));
    environ.set_item("wsgi.version", (1, 0))?;
    environ.set_item("wsgi.url_scheme", if https { "https" } else { "http" })?;
    environ.set_item("wsgi.input", this.object())?;
    environ.set_item("wsgi.errors", py.import("sys")?.getattr("stderr")?)?;
    environ.set_item("wsgi.multithread", process::is_threaded())?;
    environ.set_item("wsgi.multiprocess", process::is_forked())?;
    environ.set_item("wsgi.run_once", false)?;
    Ok(Some(environ))
}

/// What follows the application's base in the URI: the base is an option, or else the handler's location.
fn path_info(request: Request<'_>) -> PyResult<Option<Vec<u8>>> {
    let cursor = RequestState::of(request).cursor.borrow().clone();
    let directory =
        cursor.and_then(|cursor| Some(cursor.lock().current()?.entry.directory().clone()));
    let uri = request.uri().unwrap_or_default();
    let base = base(request, &directory.unwrap_or_default()).map_err(PyValueError::new_err)?;
    Ok(base.map(|length| uri[length..].to_vec()))
}

/// How much of the URI is SCRIPT_NAME, in bytes; None when the URI lies outside of the application.
///
/// # Errors
/// A sentence when the option is wrong.
pub fn base(request: Request<'_>, directory: &Directory) -> Result<Option<usize>, &'static str> {
    let uri = request.uri().unwrap_or_default();
    let option = settings_of(request).and_then(|settings| settings.option(BASE_URI));
    if let Some(base) = option {
        if base.ends_with(b"/") {
            return Err("MP0216: PythonOption mod_python.wsgi.base_uri must not end in '/'");
        }
        return Ok(is_below(uri, base).then_some(base.len()));
    }
    let Directory::Location(location) = directory else { return Ok(Some(0)) };
    let base = location.strip_suffix(b"/").unwrap_or(location);
    // A regular expression is no base.
    Ok(Some(if is_below(uri, base) { base.len() } else { 0 }))
}

pub fn start_response<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let status = arguments.required(0)?;
    let (line, number) = parse_status(&status)?;
    let headers = parse_headers(&arguments.required(1)?.to_owned())?;
    let request = loan(this)?;
    let state = RequestState::of(*request);
    let again = state.wsgi_started.replace(true);
    match arguments.some(2) {
        Some(exc_info) if request.sent_bodyct() != 0 => {
            let exc_info = exc_info
                .cast::<PyTuple>()
                .map_err(|_| PyTypeError::new_err("exc_info must be a tuple"))?;
            return Err(PyErr::from_value(exc_info.get_item(1)?));
        }
        None if again => {
            return Err(PyRuntimeError::new_err("start_response() was called already (PEP 3333)"));
        }
        _ => {}
    }
    if again {
        request.headers_out().clear();
    }
    request.set_status(Status(number));
    request.set_status_line(Some(line.as_bytes()));
    for (name, value) in &headers {
        set_header(*request, name.as_bytes(), value.as_bytes())?;
    }
    this.object().getattr("write")
}

/// The status line, and its number.
///
/// # Errors
/// `TypeError`, or `ValueError` when it does not begin with a status.
pub fn parse_status<'py>(status: &Bound<'py, PyAny>) -> PyResult<(Encoded<'py>, i32)> {
    if !status.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("status must be str"));
    }
    let line = header_text(status, "status")?;
    let digits = line.as_bytes().iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&line.as_bytes()[..digits])
        .ok()
        .and_then(|digits| digits.parse::<i32>().ok());
    match number {
        Some(number @ 100..=599) => Ok((line, number)),
        _ => Err(PyValueError::new_err("status must begin with a number from 100 to 599")),
    }
}

/// Names and values of a list of tuples.
///
/// # Errors
/// `TypeError`, or `ValueError` for what would break out of a line.
pub fn parse_headers<'py>(
    headers: &Bound<'py, PyAny>,
) -> PyResult<Vec<(Encoded<'py>, Encoded<'py>)>> {
    let headers =
        headers.cast::<PyList>().map_err(|_| PyTypeError::new_err("headers must be a list"))?;
    let pair = |header: Bound<'py, PyAny>| {
        let header = header
            .cast::<PyTuple>()
            .map_err(|_| PyTypeError::new_err("each header must be a tuple"))?;
        if header.len() != 2 {
            return Err(PyTypeError::new_err("each header must be a (name, value) tuple"));
        }
        Ok((
            header_text(&header.get_item(0)?, "a header's name")?,
            header_text(&header.get_item(1)?, "a header's value")?,
        ))
    };
    headers.iter().map(pair).collect()
}

/// Native strings of PEP 3333 are Latin-1.
fn header_text<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
    if !value.is_instance_of::<PyString>() && !value.is_instance_of::<PyBytes>() {
        let class = type_name(value.as_borrowed());
        return Err(PyTypeError::new_err(format!("{what} must be str or bytes, not {class}")));
    }
    let encoded = encode_latin1(value.as_borrowed(), what)
        .map_err(|_| PyTypeError::new_err(format!("{what} is not an ISO-8859-1 string")))?;
    if encoded.as_bytes().iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(PyValueError::new_err(format!("{what} contains a CR, LF or NUL character")));
    }
    Ok(encoded)
}

/// httpd has its own idea of type and length of a response.
fn set_header(request: Request<'_>, name: &[u8], value: &[u8]) -> PyResult<()> {
    if name.eq_ignore_ascii_case(b"Content-Type") {
        request.set_content_type(value);
    } else if name.eq_ignore_ascii_case(b"Content-Length") {
        let length = std::str::from_utf8(value).ok().and_then(|digits| digits.trim().parse().ok());
        let length: i64 = length
            .filter(|length| *length >= 0)
            .ok_or_else(|| PyValueError::new_err("Content-Length must be a number"))?;
        request.set_content_length(length);
    } else {
        request.headers_out().add(name, value);
    }
    Ok(())
}
