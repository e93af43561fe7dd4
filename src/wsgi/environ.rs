//! The environment of a request: httpd's CGI variables as Latin-1 text, and the keys of PEP 3333.

use std::collections::HashMap;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use super::kept::Kept;
use crate::apache::process;
use crate::apache::request::Request;
use crate::python::convert::Latin1;

/// Clients may send headers of any name: those beyond this many are not remembered.
const REMEMBERED: usize = 256;

/// The part that is the same in every request of a process.
///
/// # Errors
/// `MemoryError`.
pub fn prototype<'py>(file_wrapper: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyDict>> {
    let py = file_wrapper.py();
    let prototype = PyDict::new(py);
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
    pub input: Bound<'py, PyAny>,
    pub errors: Bound<'py, PyAny>,
}

/// The environment, after [`Request::add_cgi_vars`].
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
        environ.set_item(known.name(py, name)?, Latin1(value))?;
    }
    drop(known);
    if let Some(credentials) = request.headers_in().get(b"Authorization") {
        environ.set_item(names.authorization.bind(py), Latin1(credentials))?;
    }
    environ.set_item(names.script_name.bind(py), Latin1(parts.script_name))?;
    environ.set_item(names.path_info.bind(py), Latin1(parts.path_info))?;
    let scheme = if is_https { &names.https } else { &names.http };
    environ.set_item(names.url_scheme.bind(py), scheme.bind(py))?;
    environ.set_item(names.input.bind(py), &parts.input)?;
    environ.set_item(names.errors.bind(py), &parts.errors)?;
    Ok(environ)
}

/// The keys of environments, as interned strings: made once, hashed once.
pub struct Names {
    known: Mutex<Known>,
    authorization: Py<PyString>,
    script_name: Py<PyString>,
    path_info: Py<PyString>,
    url_scheme: Py<PyString>,
    input: Py<PyString>,
    errors: Py<PyString>,
    http: Py<PyString>,
    https: Py<PyString>,
}

#[derive(Default)]
struct Known(HashMap<Box<[u8]>, Py<PyString>>);

impl Names {
    #[must_use]
    pub fn new(py: Python<'_>) -> Self {
        let intern = |name| PyString::intern(py, name).unbind();
        Self {
            known: Mutex::default(),
            authorization: intern("HTTP_AUTHORIZATION"),
            script_name: intern("SCRIPT_NAME"),
            path_info: intern("PATH_INFO"),
            url_scheme: intern("wsgi.url_scheme"),
            input: intern("wsgi.input"),
            errors: intern("wsgi.errors"),
            http: intern("http"),
            https: intern("https"),
        }
    }
}

impl Known {
    fn name<'py>(&mut self, py: Python<'py>, name: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        if let Some(known) = self.0.get(name) {
            return Ok(known.bind(py).clone().into_any());
        }
        match std::str::from_utf8(name) {
            Ok(text) if text.is_ascii() && self.0.len() < REMEMBERED => {
                let interned = PyString::intern(py, text);
                self.0.insert(name.into(), interned.clone().unbind());
                Ok(interned.into_any())
            }
            _ => Latin1(name).into_pyobject(py),
        }
    }
}
