//! `_apache._psp_source`: a template, with the fragments it includes, as Python source.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pyo3::exceptions::{PySyntaxError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::watched::Watched;
use crate::apache::file_stamp::FileStamp;
use crate::psp::{Error, Failure, Style, Template, Translation, translate};
use crate::python::Object;
use crate::python::convert::{Text, encode_without_nul};
use crate::python::row::Arguments;
use crate::python::thread;

/// In which a file system may give two writes the same time.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// A fragment that could not be read.
struct Unreadable {
    path: Vec<u8>,
    error: io::Error,
}

/// `_psp_source(name, source, directory, style)` -> (source, files, segments).
pub fn source<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let py = arguments.py();
    let name = encode_without_nul(arguments.required(0)?, "filename")?;
    let given = arguments.some(1).map(|source| {
        source.cast::<PyBytes>().map(|bytes| bytes.as_bytes().to_vec()).map_err(PyErr::from)
    });
    let given = given.transpose()?;
    let directory = arguments.some(2).map(|directory| encode_without_nul(directory, "dir"));
    let directory = directory.transpose()?;
    let directory = directory.as_ref().map(|directory| directory.as_bytes()).unwrap_or_default();
    let style = match arguments.integer(3, 0)? {
        0 => Style::DOCUMENTED,
        1 => Style::DIRECT,
        2 => Style::ANY_REQUEST,
        _ => return Err(PyValueError::new_err("style must be 0, 1 or 2")),
    };
    let name = name.as_bytes();
    let (done, watched) = thread::detach(py, || translated(name, given, directory, style))
        .map_err(|failure| raised(py, failure))?;
    let Translation { source, segments, .. } = done;
    let segments = segments.iter().map(|segment| (segment.from, segment.file, segment.line));
    let segments = PyTuple::new(py, segments)?;
    (source, watched_rows(py, &watched)?, segments).into_bound_py_any(py)
}

fn watched_rows<'py>(py: Python<'py>, watched: &[Watched]) -> PyResult<Bound<'py, PyTuple>> {
    let rows = watched.iter().map(|file| {
        let modified = u64::try_from(file.stamp.modified.as_nanos()).unwrap_or_default();
        (Text(file.path()), modified, file.stamp.size, file.stamp.inode).into_bound_py_any(py)
    });
    PyTuple::new(py, rows.collect::<PyResult<Vec<_>>>()?)
}

type Translated = Result<(Translation, Vec<Watched>), Failure<Unreadable>>;

fn translated(name: &[u8], given: Option<Vec<u8>>, directory: &[u8], style: Style) -> Translated {
    let mut watched = Vec::new();
    let page = match given {
        Some(source) => Template { name: lossy(name), source },
        None => read(name, &mut watched).map_err(Failure::Fragment)?,
    };
    let mut open = |fragment: &str| {
        let directory = if fragment.starts_with('/') { &b""[..] } else { directory };
        read(&[directory, fragment.as_bytes()].concat(), &mut watched)
    };
    let done = translate(&page, style, &mut open)?;
    Ok((done, watched))
}

fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn read(path: &[u8], watched: &mut Vec<Watched>) -> Result<Template, Unreadable> {
    let unreadable = |error| Unreadable { path: path.to_vec(), error };
    let file_path = Path::new(std::ffi::OsStr::from_bytes(path));
    let mut file = File::open(file_path).map_err(unreadable)?;
    let mut known = Watched::new(file_path, FileStamp::from(&file.metadata().map_err(unreadable)?));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if now.checked_sub(known.stamp.modified).is_some_and(|age| age < CLOCK_TICK) {
        // Written just now: another write could get the same time, and must not go unnoticed.
        known.stamp.inode = 0;
    }
    watched.push(known);
    let mut source = Vec::new();
    file.read_to_end(&mut source).map_err(unreadable)?;
    Ok(Template { name: lossy(path), source })
}

fn raised(py: Python<'_>, failure: Failure<Unreadable>) -> PyErr {
    match failure {
        Failure::Template(error) => syntax_error(&error),
        Failure::Fragment(Unreadable { path, error }) => {
            let number = error.raw_os_error().unwrap_or_default();
            let reason = py
                .import("os")
                .and_then(|os| os.call_method1("strerror", (number,)))
                .map_or_else(|_| error.to_string(), |reason| reason.to_string());
            let path = Text(&path).into_pyobject(py).map(Bound::unbind);
            match path {
                Ok(path) => pyo3::exceptions::PyOSError::new_err((number, reason, path)),
                Err(error) => error,
            }
        }
    }
}

fn syntax_error(error: &Error) -> PyErr {
    let place = (error.file.clone(), error.line, None::<usize>, None::<String>);
    PySyntaxError::new_err((error.problem.to_string(), place))
}
