//! Methods of a connection that read and write its bytes, below HTTP: for connection handlers, and for protocols that a
//! request changes to.

use pyo3::exceptions::{PyOSError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::connection::{Conn, work};
use super::request::integer;
use super::request_io::os_error;
use super::response_end;
use crate::apache::connection_io::ReadError;
use crate::python::convert::{Data, Octets};
use crate::python::row::Arguments;
use crate::python::thread;

/// What a length argument asks for.
enum Length {
    /// Negative: up to the end.
    All,
    /// 0 or missing: as it comes.
    Any,
    Most(usize),
}

fn length(arguments: Arguments<'_, '_>) -> PyResult<Length> {
    let number = arguments.optional(0).map_or(Ok(0), |length| integer(length, "length"))?;
    Ok(match usize::try_from(number) {
        Err(_) => Length::All,
        Ok(0) => Length::Any,
        Ok(most) => Length::Most(most),
    })
}

pub fn read<'py>(
    this: Conn<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (py, length) = (this.py(), length(arguments)?);
    let data = work(this, |connection| {
        thread::detach(py, || match length {
            Length::All => connection.read_all(),
            Length::Any => connection.read(None),
            Length::Most(most) => connection.read(Some(most)),
        })
    })?;
    Octets(&data.map_err(read_error)?).into_pyobject(py)
}

pub fn readline<'py>(
    this: Conn<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = this.py();
    let most = match length(arguments)? {
        Length::Most(most) => Some(most),
        Length::All | Length::Any => None,
    };
    let line = work(this, |connection| thread::detach(py, || connection.read_line(most)))?;
    Octets(&line.map_err(read_error)?).into_pyobject(py)
}

pub fn write(this: Conn<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let data = Data::from_object(arguments.required(0)?)?;
    let bytes = data.as_bytes();
    if bytes.is_empty() {
        return Ok(());
    }
    response_end::refuse()?;
    work(this, |connection| thread::detach(this.py(), || connection.write(bytes)))?
        .map_err(|_| PyOSError::new_err("Connection write failed, client closed connection."))
}

fn read_error(error: ReadError) -> PyErr {
    let message = format!("Connection read error: {error}");
    match error {
        ReadError::Closed => PyOSError::new_err(message),
        ReadError::TimedOut => PyTimeoutError::new_err(message),
        ReadError::Failed(error) => os_error(error.0, &message),
    }
}
