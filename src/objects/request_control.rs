//! Methods of a request that steer it, or ask httpd about it.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::added_handler::{AddedHandler, AddedTo};
use super::cleanup::Cleanup;
use super::functions::{handler_extensions, log_level};
use super::handler_list::Cursor;
use super::native::State;
use super::request::{Req, loan, output};
use super::request_state::RequestState;
use super::{extension_of, settings_of};
use crate::apache::access::RemoteLookup;
use crate::apache::log::{self, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::handlers::Directory;
use crate::config::phase::Phase;
use crate::config::turn::Turn;
use crate::python::Object;
use crate::python::convert::{
    Encoded, Latin1, Text, encode, encode_line, encode_without_nul, items, type_name,
};
use crate::python::row::Arguments;
use crate::python::thread;

pub fn add_cgi_vars(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    let request = loan(this)?;
    // The client's name may be looked up.
    thread::detach(this.py(), || request.add_cgi_vars());
    Ok(())
}

pub fn add_common_vars(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    let request = loan(this)?;
    thread::detach(this.py(), || request.add_common_vars());
    Ok(())
}

/// A `str` argument of a method.
pub fn text_argument<'py>(value: Borrowed<'_, 'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
    if !value.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!("{what} must be str, not {}", type_name(value))));
    }
    encode_without_nul(value, what)
}

pub fn add_handler(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let name = text_argument(arguments.required(0)?, "phase")?;
    let directory =
        arguments.some(2).map(|directory| text_argument(directory, "dir")).transpose()?;
    let Some((phase, turn)) = phase_and_turn(name.as_bytes()) else {
        let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
        return Err(PyIndexError::new_err(format!("Invalid phase: {name}")));
    };
    let request = loan(this)?;
    let state = RequestState::of(*request);
    let directory = match directory {
        Some(directory) => canonical(directory.as_bytes()),
        None => inherited_directory(*request, state, phase, turn),
    };
    let interpreter = State::of(this.object())?.interpreter;
    let handler = AddedHandler::new(arguments.required(1)?, interpreter, phase, directory)?;
    match &*state.cursor.borrow() {
        Some(cursor) if state.phase.get() == Some(phase) && cursor.lock().turn() == turn => {
            cursor.lock().append(handler);
        }
        _ => state.extras().added.borrow_mut().push(AddedTo { phase, turn, handler }),
    }
    Ok(())
}

/// `PythonFixupHandler`, or `PythonFixupHandler @late` as a directive has it.
fn phase_and_turn(text: &[u8]) -> Option<(Phase, Turn)> {
    let (name, turn) = match text.iter().position(|byte| *byte == b' ') {
        Some(space) => (&text[..space], Turn::named(text[space..].trim_ascii())?),
        None => (text, Turn::Usual),
    };
    let phase = Phase::named(name)?;
    let may_be_added = Phase::of_request().any(|known| known == phase) && phase != Phase::Cleanup;
    (may_be_added && (turn == Turn::Usual || phase.row().turns)).then_some((phase, turn))
}

/// The directory of a handler that is added without one: that of the phase's own list if it is still to come, else that
/// of the handler that runs.
fn inherited_directory(
    request: Request<'_>,
    state: &RequestState,
    phase: Phase,
    turn: Turn,
) -> Directory {
    let running = state.cursor.borrow();
    let is_running = state.phase.get() == Some(phase)
        && running.as_ref().is_some_and(|cursor| cursor.lock().turn() == turn);
    let configured = (!is_running)
        .then(|| settings_of(request)?.handlers(phase, turn, extension_of(request, phase)))
        .flatten();
    match (configured, &*running) {
        (Some(handlers), _) => {
            let list = Some(Arc::clone(handlers.list));
            Cursor::new(turn, list, Vec::new(), request).directory()
        }
        (None, Some(cursor)) => cursor.lock().directory(),
        (None, None) => Directory::None,
    }
}

/// With a trailing slash and without double ones, as directories of directives are.
pub fn canonical(directory: &[u8]) -> Directory {
    if directory.is_empty() {
        return Directory::None;
    }
    let mut path = Vec::with_capacity(directory.len() + 1);
    for byte in directory.iter().chain(b"/") {
        if *byte != b'/' || path.last() != Some(&b'/') {
            path.push(*byte);
        }
    }
    Directory::Path(path.into())
}

pub fn allow_methods(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let methods = arguments.required(0)?;
    if methods.is_instance_of::<PyString>() || methods.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(
            "methods must be a sequence of method names, not one name",
        ));
    }
    let reset = arguments.integer(1, 0)? != 0;
    let methods = methods
        .try_iter()
        .map_err(|_| PyTypeError::new_err("methods must be a sequence of method names"))?;
    let methods: Vec<Encoded<'_>> = items(&methods)?
        .iter()
        .map(|method| encode_line(method.as_borrowed(), "a method"))
        .collect::<PyResult<_>>()?;
    let names: Vec<&[u8]> = methods.iter().map(Encoded::as_bytes).collect();
    loan(this)?.allow_methods(&names, reset);
    Ok(())
}

pub fn auth_name<'py>(this: Req<'_, 'py>, _arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    loan(this)?.auth_name().map(Text).into_bound_py_any(this.py())
}

pub fn auth_type<'py>(this: Req<'_, 'py>, _arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    loan(this)?.auth_type().map(Text).into_bound_py_any(this.py())
}

pub fn construct_url<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let uri = text_argument(arguments.required(0)?, "uri")?;
    Text(loan(this)?.construct_url(uri.as_bytes())).into_bound_py_any(this.py())
}

pub fn document_root<'py>(
    this: Req<'_, 'py>,
    _arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    loan(this)?.document_root().map(Text).into_bound_py_any(this.py())
}

pub fn addhandler_exts(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<String> {
    loan(this)?;
    let shown = |extension: Vec<u8>| format!("{} ", String::from_utf8_lossy(&extension));
    Ok(handler_extensions().into_iter().map(shown).collect())
}

pub fn basic_auth_pw<'py>(
    this: Req<'_, 'py>,
    _arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    loan(this)?.basic_auth_pw().ok().map(Latin1).into_bound_py_any(this.py())
}

pub fn remote_host<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let py = this.py();
    let number = arguments.integer(0, 1)?;
    let lookup = RemoteLookup::from_number(number)
        .ok_or_else(|| PyValueError::new_err(format!("{number} is none of REMOTE_*")))?;
    let request = loan(this)?;
    let Some((name, is_ip)) = thread::detach(py, || request.remote_host(lookup)) else {
        return Ok(py.None().into_bound(py));
    };
    if arguments.some(1).is_some() {
        return (Text(name), i32::from(is_ip)).into_bound_py_any(py);
    }
    Text(name).into_bound_py_any(py)
}

pub fn expr(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<bool> {
    let expression = text_argument(arguments.required(0)?, "expression")?;
    let request = loan(this)?;
    // Functions and operators may look at files, and make subrequests.
    thread::detach(this.py(), || request.condition(expression.as_bytes()))
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

pub fn expr_string<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let expression = text_argument(arguments.required(0)?, "expression")?;
    let request = loan(this)?;
    let text = thread::detach(this.py(), || request.interpolated(expression.as_bytes()))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Text(&text).into_bound_py_any(this.py())
}

pub fn internal_redirect(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let value = arguments.required(0)?;
    text_argument(value, "new_uri")?;
    let uri = encode_line(value, "new_uri")?;
    let request = output(this)?;
    thread::detach(this.py(), || request.internal_redirect(uri.as_bytes()));
    Ok(())
}

pub fn is_https(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<i32> {
    Ok(i32::from(loan(this)?.is_https()))
}

pub fn log_error(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let message = arguments.required(0)?;
    if message.is_none() {
        return Ok(());
    }
    if !message.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!(
            "message must be str, not {}",
            type_name(message)
        )));
    }
    let (text, level) = (encode(message, "message")?, log_level(arguments.integer(1, 0)?));
    let request = loan(this)?;
    thread::detach(this.py(), || log::log(Target::Request(*request), level, text.as_bytes()));
    Ok(())
}

pub fn meets_conditions(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<i32> {
    Ok(loan(this)?.meets_conditions().0)
}

pub fn register_cleanup(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let state = State::of(this.object())?;
    let cleanup = Cleanup::new(state, arguments.required(0)?, arguments.optional(1))?;
    RequestState::of(*loan(this)?).extras().cleanups.borrow_mut().push(cleanup);
    Ok(())
}

pub fn send_http_header(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    loan(this).map(drop)
}

pub fn send_interim_response(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let status = i32::try_from(arguments.integer(0, 103)?).unwrap_or(-1);
    let request = loan(this)?;
    thread::detach(this.py(), || request.send_interim_response(Status(status)))
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

pub fn set_etag(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    loan(this)?.set_etag();
    Ok(())
}

pub fn set_last_modified(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    loan(this)?.set_last_modified();
    Ok(())
}

pub fn ssl_var_lookup<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let name = text_argument(arguments.required(0)?, "name")?;
    loan(this)?.ssl_var_lookup(name.as_bytes()).map(Text).into_bound_py_any(this.py())
}

pub fn update_mtime(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let seconds: f64 = arguments.required(0)?.extract()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; the fraction is dropped as documented"
    )]
    let seconds = seconds as i64;
    loan(this)?.update_mtime(seconds.saturating_mul(1_000_000));
    Ok(())
}
