//! `_apache.read_file` and `_apache.overwrite_file`: small files that belong to the server's user alone. What Python's own
//! `open`, `read` and `close` do, letting other threads into Python once and not three times.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::request_io::os_error;
use crate::python::convert::{encode, encode_without_nul};
use crate::python::row::Arguments;
use crate::python::thread;

const SMALL: usize = 4096;

/// `read_file(path)`
pub fn read_file<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let py = arguments.py();
    let path = encode_without_nul(arguments.required(0)?, "path")?;
    match thread::detach(py, || read(path.as_bytes())) {
        Ok(data) => Ok(Some(PyBytes::new(py, &data))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure("read", path.as_bytes(), &error)),
    }
}

/// `overwrite_file(path, data)`
pub fn overwrite_file(
    _module: Borrowed<'_, '_, PyAny>,
    arguments: Arguments<'_, '_>,
) -> PyResult<()> {
    let path = encode_without_nul(arguments.required(0)?, "path")?;
    let data = encode(arguments.required(1)?, "data")?;
    thread::detach(arguments.py(), || overwrite(path.as_bytes(), data.as_bytes()))
        .map_err(|error| failure("written", path.as_bytes(), &error))
}

fn read(path: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(name(path))?;
    let mut data = vec![0; SMALL];
    let length = file.read(&mut data)?;
    data.truncate(length);
    if length == SMALL {
        file.read_to_end(&mut data)?;
    }
    Ok(data)
}

fn overwrite(path: &[u8], data: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(name(path))?;
    file.write_all(data)
}

fn name(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}

fn failure(action: &str, path: &[u8], error: &io::Error) -> PyErr {
    let path = String::from_utf8_lossy(path);
    os_error(
        error.raw_os_error().unwrap_or(libc::EIO),
        &format!("{path} could not be {action}: {error}"),
    )
}
