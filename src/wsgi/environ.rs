//! The environment of a request: httpd's CGI variables as Latin-1 text, and the keys of PEP 3333.

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use rustc_hash::FxHashMap;

use super::kept::Kept;
use crate::apache::process;
use crate::apache::request::Request;
use crate::python::Object;
use crate::python::convert::Latin1;

/// Clients may send headers of any name: those beyond this many are not remembered.
const REMEMBERED: usize = 256;

/// Variables that say of most requests what they said of the one before. None of them is a client's secret.
const REPEATED: [&str; 15] = [
    "CONTEXT_DOCUMENT_ROOT",
    "CONTEXT_PREFIX",
    "DOCUMENT_ROOT",
    "HTTP_HOST",
    "PATH",
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "SERVER_ADDR",
    "SERVER_ADMIN",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SIGNATURE",
    "SERVER_SOFTWARE",
];

/// The part that is the same in every request of a process.
///
/// # Errors
/// `MemoryError`.
pub fn prototype<'py>(file_wrapper: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyDict>> {
    let py = file_wrapper.py();
    let prototype = PyDict::new(py);
    prototype.set_item(PyString::intern(py, "GATEWAY_INTERFACE"), "CGI/1.1")?;
    prototype.set_item(PyString::intern(py, "wsgi.version"), (1, 0))?;
    prototype.set_item(PyString::intern(py, "wsgi.multithread"), process::is_threaded())?;
    prototype.set_item(PyString::intern(py, "wsgi.multiprocess"), process::is_forked())?;
    prototype.set_item(PyString::intern(py, "wsgi.run_once"), false)?;
    prototype.set_item(PyString::intern(py, "wsgi.input_terminated"), true)?;
    prototype.set_item(PyString::intern(py, "wsgi.file_wrapper"), file_wrapper)?;
    Ok(prototype)
}

/// What differs from request to request beside the CGI variables.
pub struct Parts<'a, 'py> {
    pub script_name: &'a [u8],
    pub path_info: &'a [u8],
    pub input: &'a Object<'py>,
    pub errors: &'a Object<'py>,
}

/// The environment, after [`Request::add_common_vars`].
///
/// # Errors
/// `MemoryError`.
pub fn build<'py>(
    py: Python<'py>,
    kept: &Kept,
    request: Request<'_>,
    parts: &Parts<'_, 'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let environ = kept.prototype.bind(py).copy()?;
    let names = &kept.names;
    let mut known = names.known.lock();
    let mut is_https = false;
    for (name, value) in request.subprocess_env() {
        let value = value.unwrap_or_default();
        is_https |= name == b"HTTPS" && !value.eq_ignore_ascii_case(b"off");
        known.enter(&environ, name, value)?;
    }
    known.enter(&environ, b"SERVER_PROTOCOL", request.protocol().unwrap_or_default())?;
    known.enter(&environ, b"REQUEST_METHOD", request.method().unwrap_or_default())?;
    known.enter(&environ, b"QUERY_STRING", request.args().unwrap_or_default())?;
    known.enter(&environ, b"REQUEST_URI", request.request_uri())?;
    known.enter(&environ, b"SCRIPT_NAME", parts.script_name)?;
    known.enter(&environ, b"PATH_INFO", parts.path_info)?;
    if let Some(credentials) = request.headers_in().get(b"Authorization") {
        known.enter(&environ, b"HTTP_AUTHORIZATION", credentials)?;
    }
    drop(known);
    let scheme = if is_https { &names.https } else { &names.http };
    environ.set_item(names.url_scheme.bind(py), scheme.bind(py))?;
    environ.set_item(names.input.bind(py), parts.input)?;
    environ.set_item(names.errors.bind(py), parts.errors)?;
    Ok(environ)
}

/// The keys of environments, as interned strings: made once, hashed once.
pub struct Names {
    /// Nothing that could run other Python code happens while it is locked: only text is made.
    known: Mutex<Known>,
    url_scheme: Py<PyString>,
    input: Py<PyString>,
    errors: Py<PyString>,
    http: Py<PyString>,
    https: Py<PyString>,
}

impl Names {
    #[must_use]
    pub fn new(py: Python<'_>) -> Self {
        let intern = |name| PyString::intern(py, name).unbind();
        Self {
            known: Mutex::default(),
            url_scheme: intern("wsgi.url_scheme"),
            input: intern("wsgi.input"),
            errors: intern("wsgi.errors"),
            http: intern("http"),
            https: intern("https"),
        }
    }
}

#[derive(Default)]
struct Known(FxHashMap<Box<[u8]>, Variable>);

struct Variable {
    name: Py<PyString>,
    /// What it was last, where it is mostly the same.
    last: Option<(Box<[u8]>, Py<PyAny>)>,
}

impl Known {
    fn enter(&mut self, environ: &Bound<'_, PyDict>, name: &[u8], value: &[u8]) -> PyResult<()> {
        let py = environ.py();
        if let Some(variable) = self.0.get_mut(name) {
            let value = variable.value(py, value)?;
            return environ.set_item(variable.name.bind(py), value);
        }
        match std::str::from_utf8(name) {
            Ok(text) if text.is_ascii() && self.0.len() < REMEMBERED => {
                let interned = PyString::intern(py, text).unbind();
                environ.set_item(interned.bind(py), Latin1(value))?;
                let last = REPEATED.contains(&text).then(|| (Box::default(), empty(py)));
                self.0.insert(name.into(), Variable { name: interned, last });
                Ok(())
            }
            _ => environ.set_item(Latin1(name), Latin1(value)),
        }
    }
}

impl Variable {
    fn value<'py>(&mut self, py: Python<'py>, value: &[u8]) -> PyResult<Object<'py>> {
        let Some((bytes, text)) = &mut self.last else { return Latin1(value).into_pyobject(py) };
        if **bytes != *value {
            *text = Latin1(value).into_pyobject(py)?.unbind();
            *bytes = value.into();
        }
        Ok(text.bind(py).clone())
    }
}

fn empty(py: Python<'_>) -> Py<PyAny> {
    PyString::new(py, "").into_any().unbind()
}
