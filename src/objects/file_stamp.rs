//! `_apache._file_stamp`: what tells one version of a file from another, for those who ask it in each request.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::python::convert::encode;
use crate::python::row::Arguments;

/// No such file, no such directory, a name that is too long, a circle of links.
const NO_FILE: [i32; 4] = [libc::ENOENT, libc::ENOTDIR, libc::ENAMETOOLONG, libc::ELOOP];

/// The tuple (path, modification time in ns, size, inode) of a regular file; None if there is none.
///
/// # Errors
/// `OSError` where that cannot be found out.
pub fn file_stamp<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let path = arguments.required(0)?;
    let bytes = encode(path, "path")?;
    if bytes.as_bytes().contains(&0) {
        return Ok(None);
    }
    let metadata = match std::fs::metadata(OsStr::from_bytes(bytes.as_bytes())) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(None),
        Err(error) => {
            let is_missing = error.raw_os_error().is_some_and(|number| NO_FILE.contains(&number));
            return if is_missing { Ok(None) } else { Err(os_error(&error, &path)) };
        }
    };
    let modified = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
    let stamp = (path.to_owned(), modified, metadata.size(), metadata.ino());
    stamp.into_pyobject(arguments.py()).map(Some)
}

fn os_error(error: &std::io::Error, path: &Bound<'_, PyAny>) -> PyErr {
    let number = error.raw_os_error();
    PyOSError::new_err((number, error.to_string(), path.clone().unbind()))
}
