//! `_apache.read_file` and `_apache.replace_file`: small files that belong to the server's user alone. What Python's own
//! `open`, `read` and `close` do, letting other threads into Python once and not three times.

use std::ffi::{CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::request_io::os_error;
use crate::apache::file_exchange::exchange;
use crate::python::convert::{encode, encode_without_nul};
use crate::python::row::Arguments;
use crate::python::thread;

const SMALL: usize = 4096;
/// What follows a file's name in that of its spare.
const SPARE: &str = ".spare";

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

/// `replace_file(path, data, is_locked)`
pub fn replace_file(
    _module: Borrowed<'_, '_, PyAny>,
    arguments: Arguments<'_, '_>,
) -> PyResult<()> {
    let path = encode_without_nul(arguments.required(0)?, "path")?;
    let data = encode(arguments.required(1)?, "data")?;
    let is_locked = arguments.required(2)?.is_truthy()?;
    let (path, data) = (path.as_bytes(), data.as_bytes());
    thread::detach(arguments.py(), || match is_locked {
        true => replace_by_spare(path, data),
        false => replace_by_new(path, data),
    })
    .map_err(|error| failure("written", path, &error))
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

/// Writes to the file's spare, the file before last, and lets both trade names. That costs a fraction of a new file, and
/// nothing of it can be seen of a write that did not end. Only who has a lock may: others would write to the same spare.
fn replace_by_spare(path: &[u8], data: &[u8]) -> io::Result<()> {
    let spare = with_suffix(path, SPARE);
    let mut file = private().create(true).truncate(false).open(&spare)?;
    file.write_all(data)?;
    if file.metadata()?.len() > data.len() as u64 {
        file.set_len(data.len() as u64)?;
    }
    drop(file);
    // There is no such file yet, or the file system cannot do that.
    let c_spare = CString::new(spare.clone().into_os_string().into_vec())?;
    exchange(&c_spare, &CString::new(path)?).or_else(|_| fs::rename(&spare, name(path)))
}

/// Writes a new file and gives it the name of the old one.
fn replace_by_new(path: &[u8], data: &[u8]) -> io::Result<()> {
    let (new, mut file) = new_beside(path)?;
    let done = file.write_all(data).and_then(|()| fs::rename(&new, name(path)));
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done
}

fn new_beside(path: &[u8]) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let new = with_suffix(path, &format!(".{}-{number}", std::process::id()));
        match private().create_new(true).open(&new) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return Ok((new, opened?)),
        }
    }
}

fn private() -> OpenOptions {
    OpenOptions::new().write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).to_owned()
}

fn with_suffix(path: &[u8], suffix: &str) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&[path, suffix.as_bytes()].concat()))
}

fn name(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

fn failure(action: &str, path: &[u8], error: &io::Error) -> PyErr {
    let path = String::from_utf8_lossy(path);
    os_error(
        error.raw_os_error().unwrap_or(libc::EIO),
        &format!("{path} could not be {action}: {error}"),
    )
}
