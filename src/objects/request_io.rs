//! The bodies of a request and of its response.

use std::cell::RefMut;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::held_output;
use super::native::State;
use super::request::{Req, integer, loan, output, output_now};
use super::request_state::{Refusal, RequestState};
use crate::apache::body::ReadPolicy;
use crate::apache::request::Request;
use crate::apache::response::SendFileError;
use crate::apache::status::Status;
use crate::python::convert::{Data, Octets, encode_without_nul};
use crate::python::row::Arguments;
use crate::python::thread;

/// How much of the body is fetched at a time, bytes.
const BLOCK: usize = 64 * 1024;
/// Writes that stay below this in sum are only copied by httpd, which sends what has gathered at 8000 bytes.
const BUFFERED: usize = 4096;

/// The request's body as far as it has been fetched: the part not yet handed to Python.
#[derive(Default)]
pub struct Body {
    buffer: Vec<u8>,
    /// Where the unread part of `buffer` begins.
    start: usize,
    begun: bool,
    ended: bool,
    failed: bool,
}

/// Why no more of the body is to be had.
pub enum Failure {
    /// The client is gone, or an input filter refuses.
    Read,
    /// httpd does not want such a body: the status to answer with.
    Refused(Status),
}

impl Body {
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Takes the first `count` unread bytes.
    fn take<'py>(&mut self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let taken = Octets(&self.unread()[..count]).into_pyobject(py)?;
        self.start += count;
        if self.start == self.buffer.len() {
            // A large buffer is given back; a small one serves the next line.
            if self.buffer.capacity() > BLOCK {
                self.buffer = Vec::new();
            }
            self.buffer.clear();
            self.start = 0;
        }
        Ok(taken)
    }

    /// Passes over the first `count` unread bytes.
    pub fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// What is left is of no interest: httpd sees to it at the end of the request.
    pub fn close(&mut self) {
        *self = Self { begun: true, ended: true, ..Self::default() };
    }

    /// Fetches one more block of up to `most` bytes, waiting for the client. False at the end.
    pub fn fetch(&mut self, request: Request<'_>, most: usize) -> Result<bool, Failure> {
        if self.failed {
            return Err(Failure::Read);
        }
        if self.ended {
            return Ok(false);
        }
        if !self.begun {
            let is_chunked = request.headers_in().get(b"Transfer-Encoding").is_some();
            let policy =
                if is_chunked { ReadPolicy::ChunkedDechunk } else { ReadPolicy::ChunkedError };
            request.setup_client_block(policy).map_err(Failure::Refused)?;
            self.begun = true;
            if !request.should_client_block() {
                self.ended = true;
                return Ok(false);
            }
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let held = self.buffer.len();
        self.buffer.resize(held + most.clamp(1, BLOCK), 0);
        let fetched = request.get_client_block(&mut self.buffer[held..]);
        self.buffer.truncate(held + fetched.unwrap_or(0));
        match fetched {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(_) => {
                self.failed = true;
                return Err(Failure::Read);
            }
        }
        Ok(!self.ended)
    }

    /// Fetches until `count` bytes are unread, or to the end.
    fn fill(&mut self, request: Request<'_>, count: Option<usize>) -> Result<(), Failure> {
        loop {
            let wanted = match count {
                Some(count) if self.unread().len() >= count => return Ok(()),
                Some(count) => count - self.unread().len(),
                None => BLOCK,
            };
            if !self.fetch(request, wanted)? {
                return Ok(());
            }
        }
    }

    /// Fetches until a whole line is unread, at most `limit` bytes of it; returns its length.
    fn fill_line(&mut self, request: Request<'_>, limit: usize) -> Result<usize, Failure> {
        let mut searched = 0;
        loop {
            let unread = self.unread();
            if let Some(newline) = unread[searched..].iter().position(|byte| *byte == b'\n') {
                return Ok((searched + newline + 1).min(limit));
            }
            if unread.len() >= limit {
                return Ok(limit);
            }
            searched = unread.len();
            if !self.fetch(request, 8192)? {
                return Ok(self.unread().len());
            }
        }
    }
}

/// Runs `f` on the body with this thread detached.
fn with_body<R>(
    this: Req<'_, '_>,
    f: impl FnOnce(&mut Body, Request<'_>) -> Result<R, Failure>,
) -> PyResult<R> {
    let request = loan(this)?;
    let state = RequestState::of(*request);
    let mut body = body_of(state)?;
    reading(this.py(), state, true, || f(&mut body, *request))
        .map_err(|failure| raised(this, &failure))
}

/// Runs `f`, which reads the body, with this thread detached if it may have to wait.
pub fn reading<R>(py: Python<'_>, state: &RequestState, waits: bool, f: impl FnOnce() -> R) -> R {
    state.reading.set(true);
    let result = if waits { thread::detach(py, f) } else { f() };
    state.reading.set(false);
    result
}

/// The exception for a body that could not be read.
pub fn raised(this: Req<'_, '_>, failure: &Failure) -> PyErr {
    match (failure, loan(this)) {
        (Failure::Read, Ok(request)) => read_error(this, RequestState::of(*request)),
        (Failure::Refused(status), Ok(_)) => server_return(this, *status),
        (_, Err(over)) => over,
    }
}

/// The body, unless somebody is reading it: an input filter asks while it is being read through that filter, or what keeps a
/// form's field while the form is being read.
pub fn body_of(state: &RequestState) -> PyResult<RefMut<'_, Body>> {
    state.body.try_borrow_mut().map_err(|_| {
        PyRuntimeError::new_err(
            "the body is being read already: an input filter reads with filter.read()",
        )
    })
}

fn read_error(this: Req<'_, '_>, state: &RequestState) -> PyErr {
    match &*state.refusal.borrow() {
        Some(Refusal::Status(status)) => server_return(this, *status),
        Some(Refusal::Error(sentence)) => {
            PyOSError::new_err(format!("Client read error: {sentence}"))
        }
        None => PyOSError::new_err("Client read error (Timeout?)"),
    }
}

/// `SERVER_RETURN` with a status, as an exception to raise.
pub fn server_return(this: Req<'_, '_>, status: Status) -> PyErr {
    let raised = State::of(this.object())
        .and_then(|state| state.server_return.bind(this.py()).call1((status.0,)));
    raised.map_or_else(|error| error, PyErr::from_value)
}

fn take<'py>(this: Req<'_, 'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
    let request = loan(this)?;
    let mut body = body_of(RequestState::of(*request))?;
    let count = count.min(body.unread().len());
    body.take(this.py(), count)
}

/// A length argument: negative or missing is "no limit".
fn limit(arguments: Arguments<'_, '_>) -> PyResult<Option<usize>> {
    match arguments.optional(0) {
        None => Ok(None),
        Some(length) => Ok(usize::try_from(integer(length, "len")?).ok()),
    }
}

pub fn read<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let count = limit(arguments)?;
    with_body(this, |body, request| body.fill(request, count))?;
    take(this, count.unwrap_or(usize::MAX))
}

pub fn readline<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    line(this, limit(arguments)?.unwrap_or(usize::MAX))
}

fn line<'py>(this: Req<'_, 'py>, limit: usize) -> PyResult<Bound<'py, PyBytes>> {
    let length = with_body(this, |body, request| body.fill_line(request, limit))?;
    take(this, length)
}

pub fn readlines<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let hint = match arguments.optional(0) {
        None => -1,
        Some(hint) => integer(hint, "sizehint")?,
    };
    let enough = if hint == -1 { usize::MAX } else { usize::try_from(hint).unwrap_or(0) };
    let lines = PyList::empty(this.py());
    let mut size = 0;
    loop {
        let line = line(this, usize::MAX)?;
        let length = line.as_bytes().len();
        if length == 0 {
            return Ok(lines);
        }
        lines.append(line)?;
        size += length;
        if size >= enough {
            return Ok(lines);
        }
    }
}

pub fn discard_request_body(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<i32> {
    let request = loan(this)?;
    let mut body = body_of(RequestState::of(*request))?;
    body.close();
    Ok(thread::detach(this.py(), || request.discard_request_body().0))
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
    if !flush && state.held.is_holding() {
        return held_output::write(this.py(), *request, state, bytes);
    }
    held_output::send(this.py(), *request)?;
    write_through(this.py(), *request, bytes, flush)
}

/// Gives httpd something to write, and has it sent at once if `flush`.
///
/// # Errors
/// `OSError` when the client is gone.
pub fn write_through(
    py: Python<'_>,
    request: Request<'_>,
    bytes: &[u8],
    flush: bool,
) -> PyResult<()> {
    let state = RequestState::of(request);
    let unflushed = state.unflushed.get().saturating_add(bytes.len());
    let sent = if flush {
        state.unflushed.set(0);
        thread::detach(py, || request.write(bytes).and_then(|()| request.flush()))
    } else if unflushed < BUFFERED {
        state.unflushed.set(unflushed);
        request.write(bytes)
    } else {
        state.unflushed.set(unflushed % BUFFERED);
        thread::detach(py, || request.write(bytes))
    };
    sent.map_err(|_| client_gone())?;
    state.bytes_queued.set(state.bytes_queued.get() + bytes.len() as u64);
    Ok(())
}

/// What is raised when nobody takes the response any more.
pub fn client_gone() -> PyErr {
    PyOSError::new_err("Write failed, client closed connection.")
}

pub fn flush(this: Req<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    let request = output(this)?;
    RequestState::of(*request).unflushed.set(0);
    let flushed = thread::detach(this.py(), || request.flush());
    flushed.map_err(|_| PyOSError::new_err("Flush failed, client closed connection."))
}

pub fn sendfile(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<u64> {
    let path = this.py().import("os")?.call_method1("fspath", (arguments.required(0)?,))?;
    let path = encode_without_nul(path.as_borrowed(), "path")?;
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
