//! The bodies of a request and of its response.

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::held_output;
use super::request::{Req, integer, loan, output, output_now};
use super::request_body;
use super::request_state::RequestState;
use super::sending::send_now;
use crate::apache::response::SendFileError;
use crate::python::convert::{Data, encode_path};
use crate::python::row::Arguments;
use crate::python::thread;

/// A length argument: negative or missing is "no limit".
pub fn limit(arguments: Arguments<'_, '_>) -> PyResult<Option<usize>> {
    match arguments.optional(0) {
        None => Ok(None),
        Some(length) => Ok(usize::try_from(integer(length, "len")?).ok()),
    }
}

/// A size hint: what counts as enough.
pub fn enough(arguments: Arguments<'_, '_>) -> PyResult<usize> {
    let hint = match arguments.optional(0) {
        None => -1,
        Some(hint) => integer(hint, "sizehint")?,
    };
    Ok(if hint == -1 { usize::MAX } else { usize::try_from(hint).unwrap_or(0) })
}

pub fn read<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    request_body::read(this.py(), *loan(this)?, limit(arguments)?)
}

pub fn readline<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let limit = limit(arguments)?.unwrap_or(usize::MAX);
    request_body::readline(this.py(), *loan(this)?, limit)
}

pub fn readlines<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let enough = enough(arguments)?;
    request_body::readlines(this.py(), *loan(this)?, enough)
}

pub fn next_line<'py>(this: Req<'_, 'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let line = request_body::readline(this.py(), *loan(this)?, usize::MAX)?;
    Ok((!line.as_bytes().is_empty()).then_some(line))
}

pub fn discard_request_body(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<i32> {
    Ok(request_body::discard(this.py(), *loan(this)?)?.0)
}

pub fn write(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let data = Data::from_object(arguments.required(0)?)?;
    let flush = arguments.integer(1, 1)? != 0;
    let bytes = data.as_bytes();
    if bytes.is_empty() {
        return Ok(());
    }
    let request = output_now(this)?;
    let state = RequestState::of(*request);
    if !flush {
        return held_output::write(this.py(), *request, state, bytes);
    }
    let stream = RequestState::stream(*request);
    let sent = state.held.take(|held| send_now(this.py(), &stream, &[held, bytes]));
    sent.map_err(|_| client_gone())?;
    state.bytes_queued.set(state.bytes_queued.get() + bytes.len() as u64);
    Ok(())
}

/// What is raised when nobody takes the response any more.
pub fn client_gone() -> PyErr {
    PyOSError::new_err("Write failed, client closed connection.")
}

pub fn flush(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    let request = output_now(this)?;
    let held = &RequestState::of(*request).held;
    let flushed =
        thread::detach(this.py(), || held.give(*request, &[]).and_then(|()| request.flush()));
    flushed.map_err(|_| PyOSError::new_err("Flush failed, client closed connection."))
}

pub fn sendfile(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<u64> {
    let path = encode_path(arguments.required(0)?, "path")?;
    let offset = u64::try_from(arguments.integer(1, 0)?)
        .map_err(|_| PyValueError::new_err("sendfile: offset must not be negative"))?;
    let length = match arguments.integer(2, -1)? {
        -1 => None,
        length => Some(
            u64::try_from(length)
                .map_err(|_| PyValueError::new_err("sendfile: len must be -1 or not negative"))?,
        ),
    };
    let request = output(this)?;
    let sent = thread::detach(this.py(), || request.sendfile(path.as_bytes(), offset, length));
    let sent = sent.map_err(|error| sendfile_error(&error, path.as_bytes()))?;
    let state = RequestState::of(*request);
    state.bytes_queued.set(state.bytes_queued.get() + sent);
    Ok(sent)
}

fn sendfile_error(error: &SendFileError, path: &[u8]) -> PyErr {
    let path = String::from_utf8_lossy(path);
    match error {
        SendFileError::Stat(error) => {
            os_error(error.0, &format!("Could not stat file '{path}' for reading: {error}"))
        }
        SendFileError::Open(error) => {
            os_error(error.0, &format!("Could not open file '{path}' for reading: {error}"))
        }
        SendFileError::NotRegular => {
            PyOSError::new_err(format!("Could not open file '{path}': not a regular file"))
        }
        SendFileError::PastEnd => {
            PyValueError::new_err(format!("sendfile: offset is beyond the end of '{path}'"))
        }
        SendFileError::Write(error) => {
            os_error(error.0, &format!("Write failed, client closed connection: {error}"))
        }
    }
}

/// `OSError` of the class that belongs to an errno. APR's own numbers, which start at 20000, have none.
pub fn os_error(number: i32, message: &str) -> PyErr {
    if (1..20_000).contains(&number) {
        return PyOSError::new_err((number, message.to_owned()));
    }
    PyOSError::new_err(message.to_owned())
}

pub fn set_content_length(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let length = integer(arguments.required(0)?, "len")?;
    if length < 0 {
        return Err(PyValueError::new_err("set_content_length: len must not be negative"));
    }
    loan(this)?.set_content_length(length);
    Ok(())
}
