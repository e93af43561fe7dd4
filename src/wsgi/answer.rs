//! What an application returned, on its way to the client.

use pyo3::Borrowed;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList, PyString, PyTuple};

use super::exchange::{Exchange, Manner, Stop, not_bytes};
use super::file_wrapper::{FileWrapper, Open};
use super::kept::Kept;
use crate::apache::stream::Stream;
use crate::python::Object;
use crate::python::class;
use crate::python::convert::type_name;
use crate::python::thread;

/// The result of an application, to be closed whatever becomes of it.
pub struct Answer<'a, 'r, 'py> {
    pub result: Object<'py>,
    pub exchange: &'a Exchange,
    pub stream: &'a Stream<'r>,
    pub kept: &'a Kept,
}

impl<'py> Answer<'_, '_, 'py> {
    /// Sends all of it.
    ///
    /// # Errors
    /// What the application raises while it makes its body; `TypeError` for what PEP 3333 does not allow.
    pub fn send(&self) -> Result<(), Stop> {
        let sent = match self.items() {
            Some(items) => self.send_items(&items),
            None => match self.file() {
                Some(open) => self.send_file(open),
                None => self.send_iterable(),
            },
        };
        match sent {
            Ok(()) | Err(Stop::Enough) => self.exchange.end(*self.exchange.loan(self.result.py())?),
            Err(stop) => Err(stop),
        }
    }

    /// Calls `close()`, which PEP 3333 promises.
    ///
    /// # Errors
    /// What it raises.
    pub fn close(&self) -> PyResult<()> {
        if self.result.is_exact_instance_of::<PyList>() {
            return Ok(());
        }
        match self.result.getattr_opt("close")? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }

    /// The items, where they are all there: exactly a list or a tuple.
    fn items(&self) -> Option<Vec<Object<'py>>> {
        if let Ok(list) = self.result.cast_exact::<PyList>() {
            return Some(list.iter().collect());
        }
        self.result.cast_exact::<PyTuple>().ok().map(|tuple| tuple.iter().collect())
    }

    /// No code of the application runs between the items, so that all can go in one brigade. The length of a single one is that of
    /// the body (PEP 3333, "Handling the Content-Length Header"); more go in chunks, as they do under mod_wsgi.
    fn send_items(&self, items: &[Object<'py>]) -> Result<(), Stop> {
        let pieces =
            items.iter().map(|item| bytes(item.as_borrowed())).collect::<PyResult<Vec<_>>>()?;
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        let total = pieces.iter().map(|piece| piece.len() as u64).sum();
        if items.len() <= 1 {
            self.exchange.announce(total);
        }
        let py = self.result.py();
        let request = self.exchange.loan(py)?;
        self.exchange.check_whole(*request, total)?;
        self.exchange.send(py, self.stream, &pieces, Manner::Later)
    }

    fn send_iterable(&self) -> Result<(), Stop> {
        let py = self.result.py();
        for item in self.iterate()? {
            let item = item?;
            let piece = bytes(item.as_borrowed())?;
            let _request = self.exchange.loan(py)?;
            self.exchange.send(py, self.stream, &[piece.as_bytes()], Manner::Now)?;
        }
        Ok(())
    }

    fn iterate(&self) -> PyResult<Bound<'py, PyIterator>> {
        let result = &self.result;
        if result.is_instance_of::<PyBytes>() || result.is_instance_of::<PyString>() {
            let class = type_name(result.as_borrowed());
            return Err(PyTypeError::new_err(format!(
                "the application returned {class}, which is no iterable of bytes: return [data] (PEP 3333)"
            )));
        }
        result.try_iter().map_err(|error| {
            let py = result.py();
            if result.is_none() || !error.is_instance_of::<PyTypeError>(py) {
                let class = type_name(result.as_borrowed());
                let told = PyTypeError::new_err(format!(
                    "the application must return an iterable of bytes, not {class} (PEP 3333)"
                ));
                told.set_cause(py, Some(error));
                return told;
            }
            error
        })
    }

    fn file(&self) -> Option<Open> {
        let py = self.result.py();
        let class = self.kept.file_wrapper.bind(py);
        class::contents::<FileWrapper>(self.result.as_borrowed(), class)?.open(py)
    }

    fn send_file(&self, open: Open) -> Result<(), Stop> {
        let request = self.exchange.loan(self.result.py())?;
        // A file may well be longer than the part of it that the application announced.
        let part = self.exchange.announce(open.length);
        let length = self.exchange.take(*request, part)?;
        if length == 0 {
            return Ok(());
        }
        let sent = thread::detach(self.result.py(), || {
            self.stream.send_file(open.descriptor, open.offset, length)
        });
        self.exchange.note(sent)
    }
}

fn bytes<'a, 'py>(item: Borrowed<'a, 'py, PyAny>) -> PyResult<Borrowed<'a, 'py, PyBytes>> {
    item.cast::<PyBytes>().map_err(|_| not_bytes("the application must yield bytes", item))
}
