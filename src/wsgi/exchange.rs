//! One call of an application: what `start_response` was told, and what of the response has gone out. The object is the
//! `start_response` itself; its method `write` is what it returns.

use parking_lot::Mutex;
use pyo3::Borrowed;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::head::Head;
use super::kept::Kept;
use crate::apache::request::Request;
use crate::apache::stream::{Stream, StreamError};
use crate::objects::lease::{Lease, Loan, OfRequest};
use crate::objects::request_state::RequestState;
use crate::objects::sending::send_now;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::type_name;
use crate::python::row::{Arguments, Arity, method};
use crate::python::slot::call;
use crate::python::thread;

/// httpd copies this much and sends it with what follows, or at the end: nothing that could block.
const COPIED: usize = 8000;

pub struct Exchange {
    lease: Lease<OfRequest>,
    /// The name of the method that it returns, interned.
    write: Py<PyString>,
    /// Never locked while the thread is detached.
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    head: Option<Head>,
    /// The head has been handed to httpd.
    begun: bool,
    /// The response has no body, whatever the application gives.
    without_body: bool,
    /// What Content-Length leaves to be sent.
    left: Option<u64>,
    overrun: bool,
    failure: Option<StreamError>,
}

impl Contents for Exchange {}

pub const EXCHANGE: Class<Exchange> = Class::<Exchange>::new(c"mod_python.wsgi.StartResponse")
    .doc(c"start_response(status, headers, exc_info=None)\n--\n\nBegin the response (PEP 3333). Returns write.")
    .slots(&[call::<Exchange, _>(start_response)])
    .methods(&[method(c"write", write, Arity(1, 1), c"write(data)\n--\n\nSend bytes to the client now. Raises OSError when the client is gone.")]);

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    py: Python<'py>,
    kept: &Kept,
    lease: Lease<OfRequest>,
) -> PyResult<Object<'py>> {
    let write = kept.write.clone_ref(py);
    let exchange = Exchange { lease, write, progress: Mutex::default() };
    class::instantiate(kept.exchange.bind(py), exchange)
}

/// How to send a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Before this returns.
    Now,
    /// With what follows, or with the end.
    Later,
}

/// Why the response does not go on.
pub enum Stop {
    /// Nothing more is wanted.
    Enough,
    /// The client is gone, or a filter has failed.
    Stream(StreamError),
    Raised(PyErr),
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

fn start_response<'py>(
    this: This<'_, 'py, Exchange>,
    arguments: Borrowed<'_, 'py, PyTuple>,
    keywords: Option<Borrowed<'_, 'py, PyDict>>,
) -> PyResult<Object<'py>> {
    let named = keywords.map(|keywords| keywords.get_item("exc_info")).transpose()?.flatten();
    let count = arguments.len() + keywords.map_or(0, |keywords| keywords.len());
    if !(2..=3).contains(&arguments.len())
        || count > 3
        || (count > arguments.len()) != named.is_some()
    {
        return Err(PyTypeError::new_err(
            "start_response takes a status, a list of headers and perhaps exc_info (PEP 3333)",
        ));
    }
    let third = if arguments.len() == 3 { Some(arguments.get_item(2)?) } else { None };
    let exc_info = third.or(named).filter(|value| !value.is_none());
    let head = Head::parse(arguments.get_borrowed_item(0)?, arguments.get_borrowed_item(1)?)?;
    this.contents().begin(head, exc_info.as_ref())?;
    this.object().getattr(this.write.bind(this.py()))
}

fn write(this: This<'_, '_, Exchange>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let data = arguments.required(0)?;
    let data = data.cast::<PyBytes>().map_err(|_| not_bytes("write() takes bytes", data))?;
    let exchange = this.contents();
    let request = exchange.loan(this.py())?;
    let stream = RequestState::stream(*request);
    match exchange.send(this.py(), &stream, &[data.as_bytes()], Manner::Now) {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Stream(failure)) => Err(PyOSError::new_err(format!("write(): {failure}"))),
        Err(Stop::Raised(error)) => Err(error),
    }
}

/// `TypeError` for data of the wrong class.
pub fn not_bytes(what: &str, value: Borrowed<'_, '_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{what}, not {} (PEP 3333)", type_name(value)))
}

impl Exchange {
    fn begin(&self, head: Head, exc_info: Option<&Object<'_>>) -> PyResult<()> {
        let mut progress = self.progress.lock();
        match exc_info {
            Some(exc_info) if progress.begun => {
                drop(progress);
                return Err(raised(exc_info)?);
            }
            None if progress.begun || progress.head.is_some() => {
                return Err(PyRuntimeError::new_err(
                    "start_response() was called already; a second call needs exc_info (PEP 3333)",
                ));
            }
            _ => {}
        }
        progress.head = Some(head);
        Ok(())
    }

    /// The request, for the length of a call on it.
    ///
    /// # Errors
    /// `RuntimeError` when it is over.
    pub fn loan(&self, py: Python<'_>) -> PyResult<Loan<'_, OfRequest>> {
        self.lease.borrow(py)
    }

    /// Whether httpd has been given the head: from then on an error cannot be answered with another one.
    pub fn has_begun(&self) -> bool {
        self.progress.lock().begun
    }

    /// Why sending failed, if it has.
    pub fn failure(&self) -> Option<StreamError> {
        self.progress.lock().failure
    }

    /// Whether the application has given more than its Content-Length says.
    pub fn has_overrun(&self) -> bool {
        self.progress.lock().overrun
    }

    /// What is missing of what Content-Length says, bytes.
    pub fn missing(&self) -> u64 {
        let progress = self.progress.lock();
        if progress.without_body { 0 } else { progress.left.unwrap_or(0) }
    }

    /// Enters the length of the whole body, where the application has not. Returns what can be sent.
    pub fn announce(&self, length: u64) -> u64 {
        let mut progress = self.progress.lock();
        match (progress.begun, &mut progress.head) {
            (false, Some(head)) => (*head.length.get_or_insert(length)).min(length),
            _ => progress.left.unwrap_or(length).min(length),
        }
    }

    /// Where the whole body is known before the head has gone out.
    ///
    /// # Errors
    /// `RuntimeError` when it is shorter than the application has announced.
    pub fn check_whole(&self, request: Request<'_>, total: u64) -> PyResult<()> {
        let progress = self.progress.lock();
        let Some(head) = progress.head.as_ref().filter(|_| !progress.begun) else { return Ok(()) };
        match head.length {
            Some(length) if total < length && !request.is_without_body(head.status) => {
                Err(PyRuntimeError::new_err(format!(
                    "the body has {total} bytes, but its Content-Length says {length}"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Sends pieces of the body, after the head. Whoever calls has the request on loan.
    ///
    /// # Errors
    /// `Enough` once the rest of the body is not wanted.
    pub fn send(
        &self,
        py: Python<'_>,
        stream: &Stream<'_>,
        pieces: &[&[u8]],
        manner: Manner,
    ) -> Result<(), Stop> {
        let total = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if total == 0 {
            return Ok(());
        }
        let wanted = self.take(stream.request(), total)?;
        if wanted == 0 {
            return Err(Stop::Enough);
        }
        let cut;
        let pieces = if wanted < total {
            cut = cut_to(pieces, wanted);
            &cut[..]
        } else {
            pieces
        };
        let sent = match (manner, pieces) {
            (Manner::Later, [piece]) if piece.len() <= COPIED => {
                stream.request().write(piece).map_err(StreamError::from)
            }
            (Manner::Later, _) => thread::detach(py, || stream.send(pieces, false)),
            (Manner::Now, _) => send_now(py, stream, pieces),
        };
        self.note(sent)
    }

    /// Remembers that sending failed.
    pub fn note(&self, sent: Result<(), StreamError>) -> Result<(), Stop> {
        sent.map_err(|failure| {
            self.progress.lock().failure = Some(failure);
            Stop::Stream(failure)
        })
    }

    /// Hands the head to httpd, if that has not been done, and says how much of `total` bytes is to be sent.
    pub fn take(&self, request: Request<'_>, total: u64) -> Result<u64, Stop> {
        let mut progress = self.progress.lock();
        if let Some(failure) = progress.failure {
            return Err(Stop::Stream(failure));
        }
        progress.hand_over(request)?;
        if progress.without_body {
            return Ok(0);
        }
        let Some(left) = progress.left else { return Ok(total) };
        let wanted = total.min(left);
        progress.left = Some(left - wanted);
        progress.overrun |= wanted < total;
        Ok(wanted)
    }

    /// After the last piece: a response without a body has its head now.
    ///
    /// # Errors
    /// `RuntimeError` when the application has not called start_response, or promised a body and gave none.
    pub fn end(&self, request: Request<'_>) -> Result<(), Stop> {
        self.check_whole(request, 0)?;
        self.progress.lock().hand_over(request)
    }
}

impl Progress {
    fn hand_over(&mut self, request: Request<'_>) -> Result<(), Stop> {
        if self.begun {
            return Ok(());
        }
        let Some(head) = self.head.take() else {
            return Err(Stop::Raised(PyRuntimeError::new_err(
                "the application has not called start_response() (PEP 3333)",
            )));
        };
        self.begun = true;
        self.left = head.length;
        self.without_body = request.is_without_body(head.status);
        head.apply(request);
        Ok(())
    }
}

/// The first `count` bytes.
fn cut_to<'a>(pieces: &[&'a [u8]], count: u64) -> Vec<&'a [u8]> {
    let mut left = usize::try_from(count).unwrap_or(usize::MAX);
    let cut = |piece: &&'a [u8]| {
        let part = &piece[..piece.len().min(left)];
        left -= part.len();
        part
    };
    pieces.iter().map(cut).collect()
}

/// The exception of an `exc_info` tuple.
fn raised(exc_info: &Object<'_>) -> PyResult<PyErr> {
    let value = exc_info
        .cast::<PyTuple>()
        .ok()
        .and_then(|tuple| tuple.get_item(1).ok())
        .ok_or_else(|| PyTypeError::new_err("exc_info must be a tuple of three (PEP 3333)"))?;
    Ok(PyErr::from_value(value))
}

#[cfg(test)]
mod tests {
    use super::cut_to;

    #[test]
    fn pieces_are_cut_to_the_length() {
        let pieces: [&[u8]; 3] = [b"abc", b"def", b"ghi"];
        assert_eq!(cut_to(&pieces, 4).concat(), b"abcd");
        assert_eq!(cut_to(&pieces, 9).concat(), b"abcdefghi");
    }
}
