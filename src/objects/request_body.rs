//! The body that came with a request, as Python reads it: whole, in pieces or by lines, for `req` and for `wsgi.input`.
//!
//! Whoever calls has the request on loan. While the client is waited for, the thread is detached.

use std::cell::RefMut;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::native::State;
use super::request_extras::Refusal;
use super::request_state::RequestState;
use crate::apache::body::{ReadError, ReadPolicy};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::python::convert::Octets;
use crate::python::thread;

/// How much of the body is fetched at a time, bytes.
const BLOCK: usize = 64 * 1024;
/// Room made at once for what a client has announced, bytes: no more, since announcing costs nothing.
const RESERVED: usize = 1024 * 1024;

/// At most `count` bytes, or all that is left.
///
/// # Errors
/// `OSError` when the client does not send it; `SERVER_RETURN` where httpd does not want it.
pub fn read<'py>(
    py: Python<'py>,
    request: Request<'_>,
    count: Option<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    with_body(py, request, |body| body.fill(request, count))?;
    take(py, request, count.unwrap_or(usize::MAX))
}

/// A line with its newline, or at most `limit` bytes of it; empty at the end.
///
/// # Errors
/// As for [`read`].
pub fn readline<'py>(
    py: Python<'py>,
    request: Request<'_>,
    limit: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let length = with_body(py, request, |body| body.fill_line(request, limit))?;
    take(py, request, length)
}

/// Whole lines, until they are `enough` bytes or the body ends.
///
/// # Errors
/// As for [`read`].
pub fn readlines<'py>(
    py: Python<'py>,
    request: Request<'_>,
    enough: usize,
) -> PyResult<Bound<'py, PyList>> {
    let lines = PyList::empty(py);
    let mut size = 0;
    loop {
        let line = readline(py, request, usize::MAX)?;
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

/// Reads the rest and forgets it; OK or an HTTP status.
///
/// # Errors
/// `RuntimeError` while the body is being read.
pub fn discard(py: Python<'_>, request: Request<'_>) -> PyResult<Status> {
    let mut body = body_of(RequestState::of(request))?;
    body.close();
    Ok(thread::detach(py, || request.discard_request_body()))
}

/// The request's body as far as it has been fetched: the part not yet handed to Python.
#[derive(Default)]
pub struct Body {
    buffer: Vec<u8>,
    /// Where the unread part of `buffer` begins.
    start: usize,
    begun: bool,
    ended: bool,
    failed: Option<Status>,
}

/// Why no more of the body is to be had.
pub enum Failure {
    /// The client is gone, or an input filter refuses: what httpd would answer with.
    Read(Status),
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
        if let Some(status) = self.failed {
            return Err(Failure::Read(status));
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
        match request.get_client_block(&mut self.buffer, most.clamp(1, BLOCK)) {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(ReadError(status)) => {
                self.failed = Some(status);
                return Err(Failure::Read(status));
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
            let announced = usize::try_from(request.remaining() - request.read_length());
            let expected = announced.unwrap_or(0).min(count.unwrap_or(usize::MAX));
            self.buffer.reserve(expected.min(RESERVED));
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

fn with_body<R>(
    py: Python<'_>,
    request: Request<'_>,
    f: impl FnOnce(&mut Body) -> Result<R, Failure>,
) -> PyResult<R> {
    let state = RequestState::of(request);
    let mut body = body_of(state)?;
    reading(py, state, true, || f(&mut body)).map_err(|failure| raised(py, state, &failure))
}

/// Runs `f`, which reads the body, with this thread detached if it may have to wait.
pub fn reading<R>(py: Python<'_>, state: &RequestState, waits: bool, f: impl FnOnce() -> R) -> R {
    state.reading.set(true);
    let result = if waits { thread::detach(py, f) } else { f() };
    state.reading.set(false);
    result
}

/// The exception for a body that could not be read.
pub fn raised(py: Python<'_>, state: &RequestState, failure: &Failure) -> PyErr {
    match failure {
        Failure::Read(_) => read_error(py, state),
        Failure::Refused(status) => server_return(py, *status),
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

fn read_error(py: Python<'_>, state: &RequestState) -> PyErr {
    match state.known_extras().and_then(|extras| extras.refusal.borrow().clone()) {
        Some(Refusal::Status(status)) => server_return(py, status),
        Some(Refusal::Error(sentence)) => {
            PyOSError::new_err(format!("Client read error: {sentence}"))
        }
        None => PyOSError::new_err("Client read error (Timeout?)"),
    }
}

/// `SERVER_RETURN` with a status, as an exception to raise.
pub fn server_return(py: Python<'_>, status: Status) -> PyErr {
    let raised =
        State::current(py).and_then(|state| state.server_return.bind(py).call1((status.0,)));
    raised.map_or_else(|error| error, PyErr::from_value)
}

fn take<'py>(py: Python<'py>, request: Request<'_>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
    let mut body = body_of(RequestState::of(request))?;
    let count = count.min(body.unread().len());
    body.take(py, count)
}
