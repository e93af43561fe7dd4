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
use crate::python::convert::{Filling, Octets, whole_bytes_of};
use crate::python::thread;

/// A shorter body is copied once more, bytes.
const LEAST_DIRECT: usize = 32 * 1024;
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
    let length = body_of(RequestState::of(request))?.direct_length(request, count);
    if let Some(length) = length {
        let direct = whole_bytes_of(py, length, |filling| {
            with_body(py, request, |body| body.fill_directly(request, filling, count.is_none()))
        })?;
        if let Some(bytes) = direct {
            return Ok(bytes.cast_into()?);
        }
    }
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
        if !self.begin(request)? {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let got = request.append_client_block(&mut self.buffer, most.clamp(1, BLOCK));
        self.note(got)?;
        Ok(!self.ended)
    }

    /// Before the first block. False where there is no body.
    fn begin(&mut self, request: Request<'_>) -> Result<bool, Failure> {
        if self.begun {
            return Ok(true);
        }
        let is_chunked = request.headers_in().contains(b"Transfer-Encoding");
        let policy = if is_chunked { ReadPolicy::ChunkedDechunk } else { ReadPolicy::ChunkedError };
        request.setup_client_block(policy).map_err(Failure::Refused)?;
        self.begun = true;
        self.ended = !request.should_client_block();
        Ok(!self.ended)
    }

    fn note(&mut self, got: Result<usize, ReadError>) -> Result<(), Failure> {
        match got {
            Ok(count) => {
                self.ended = count == 0;
                Ok(())
            }
            Err(ReadError(status)) => {
                self.failed = Some(status);
                Err(Failure::Read(status))
            }
        }
    }

    /// How much a read of `count` bytes, or of all, is going to give, where it is known and worth to be read to where it stays.
    fn direct_length(&self, request: Request<'_>, count: Option<usize>) -> Option<usize> {
        if self.ended || self.failed.is_some() {
            return None;
        }
        let left = if self.begun {
            usize::try_from(request.remaining() - request.read_length()).ok()?
        } else {
            announced(request)?
        };
        let length = (self.unread().len() + left).min(count.unwrap_or(usize::MAX));
        (LEAST_DIRECT..=RESERVED).contains(&length).then_some(length)
    }

    /// Fills all of `filling`. What does not fill it, and is more than fills it `to_end`, is kept, to be read in the other way;
    /// and so is what went wrong.
    fn fill_directly(
        &mut self,
        request: Request<'_>,
        filling: &mut Filling<'_>,
        to_end: bool,
    ) -> Result<(), Failure> {
        let kept = self.unread().len().min(filling.missing());
        filling.put(&self.buffer[self.start..self.start + kept]);
        self.start += kept;
        self.begin(request)?;
        while !(filling.is_full() || self.ended || self.failed.is_some()) {
            let got = filling.put_by(BLOCK, |room| request.get_client_block(room));
            let _ = self.note(got);
        }
        if to_end && filling.is_full() && !self.ended {
            let _ = self.fetch(request, BLOCK);
        }
        if !filling.is_full() || to_end && !self.unread().is_empty() {
            self.buffer.splice(..self.start, filling.filled().iter().copied());
            self.start = 0;
            filling.give_up();
        }
        Ok(())
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

/// How long a body without transfer coding is going to be, bytes.
fn announced(request: Request<'_>) -> Option<usize> {
    if request.headers_in().contains(b"Transfer-Encoding") {
        return None;
    }
    usize::try_from(request.announced_length()?).ok()
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
