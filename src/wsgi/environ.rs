//! The environment of a request: httpd's CGI variables as Latin-1 text, and the keys of PEP 3333.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
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

/// Variables that say of most requests what they said of the one before, and stay in the template from request to request.
/// None of them is a client's secret.
const REPEATED: [&str; 16] = [
    "CONTEXT_DOCUMENT_ROOT",
    "CONTEXT_PREFIX",
    "DOCUMENT_ROOT",
    "HTTP_HOST",
    "PATH",
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "SCRIPT_NAME",
    "SERVER_ADDR",
    "SERVER_ADMIN",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SIGNATURE",
    "SERVER_SOFTWARE",
];

/// The part that is the same in every request of a process, with a place for what is never the same.
fn template<'py>(file_wrapper: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyDict>> {
    let py = file_wrapper.py();
    let template = PyDict::new(py);
    template.set_item(PyString::intern(py, "GATEWAY_INTERFACE"), "CGI/1.1")?;
    template.set_item(PyString::intern(py, "wsgi.version"), (1, 0))?;
    template.set_item(PyString::intern(py, "wsgi.multithread"), process::is_threaded())?;
    template.set_item(PyString::intern(py, "wsgi.multiprocess"), process::is_forked())?;
    template.set_item(PyString::intern(py, "wsgi.run_once"), false)?;
    template.set_item(PyString::intern(py, "wsgi.input_terminated"), true)?;
    template.set_item(PyString::intern(py, "wsgi.file_wrapper"), file_wrapper)?;
    for name in [URL_SCHEME, INPUT, ERRORS] {
        template.set_item(PyString::intern(py, name), py.None())?;
    }
    Ok(template)
}

const URL_SCHEME: &str = "wsgi.url_scheme";
const INPUT: &str = "wsgi.input";
const ERRORS: &str = "wsgi.errors";

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
    let names = &kept.names;
    let mut entering = names.begin(py)?;
    let mut is_https = false;
    for (name, value) in request.subprocess_env() {
        let value = value.unwrap_or_default();
        is_https |= name == b"HTTPS" && !value.eq_ignore_ascii_case(b"off");
        entering.enter(name, value)?;
    }
    entering.enter(b"SERVER_PROTOCOL", request.protocol().unwrap_or_default())?;
    entering.enter(b"REQUEST_METHOD", request.method().unwrap_or_default())?;
    entering.enter(b"QUERY_STRING", request.args().unwrap_or_default())?;
    entering.enter(b"REQUEST_URI", request.request_uri())?;
    entering.enter(b"SCRIPT_NAME", parts.script_name)?;
    entering.enter(b"PATH_INFO", parts.path_info)?;
    if let Some(credentials) = request.headers_in().get(b"Authorization") {
        entering.enter(b"HTTP_AUTHORIZATION", credentials)?;
    }
    let environ = entering.finish()?;
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
    /// # Errors
    /// `MemoryError`.
    pub fn new(file_wrapper: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = file_wrapper.py();
        let intern = |name| PyString::intern(py, name).unbind();
        let known = Known {
            variables: Vec::new(),
            by_name: FxHashMap::default(),
            order: Vec::new(),
            template: template(file_wrapper)?.unbind(),
            in_template: Places::default(),
            changes: 0,
        };
        Ok(Self {
            known: Mutex::new(known),
            url_scheme: intern(URL_SCHEME),
            input: intern(INPUT),
            errors: intern(ERRORS),
            http: intern("http"),
            https: intern("https"),
        })
    }

    /// Begins an environment with what the one before had in common with most.
    fn begin<'k, 'py>(&'k self, py: Python<'py>) -> PyResult<Entering<'k, 'py>> {
        loop {
            let (template, changes) = {
                let known = self.known.lock();
                (known.template.clone_ref(py), known.changes)
            };
            // A new dict may set off a collection, which may run any code: other requests among it.
            let environ = template.bind(py).copy()?;
            let known = self.known.lock();
            if known.changes == changes {
                return Ok(Entering { known, environ, turn: 0, confirmed: Places::default() });
            }
        }
    }
}

struct Known {
    variables: Vec<Variable>,
    /// Where they are among these.
    by_name: FxHashMap<Arc<[u8]>, usize>,
    /// Those of the request before, one after the other: the next one hardly ever has them in another order.
    order: Vec<usize>,
    /// What every environment has, and those of REPEATED that the last one had.
    template: Py<PyDict>,
    /// Which of REPEATED are in the template.
    in_template: Places,
    /// How often the template was changed.
    changes: u64,
}

impl Known {
    /// Where the variable is that comes as the `turn`th, counted from 0.
    fn find(&mut self, name: &[u8], turn: usize) -> Option<usize> {
        if let Some(&index) = self.order.get(turn)
            && *self.variables[index].name == *name
        {
            return Some(index);
        }
        let index = *self.by_name.get(name)?;
        self.order.truncate(turn);
        self.order.push(index);
        Some(index)
    }

    fn add(&mut self, name: Arc<[u8]>, key: Py<PyString>, repeated: Option<Repeated>) {
        self.by_name.insert(Arc::clone(&name), self.variables.len());
        self.variables.push(Variable { name, key, repeated });
    }
}

struct Variable {
    name: Arc<[u8]>,
    key: Py<PyString>,
    repeated: Option<Repeated>,
}

/// What a variable of the template was last. Nothing is written here for a request that repeats it.
struct Repeated {
    /// Where it is in REPEATED.
    place: usize,
    value: Box<[u8]>,
}

/// Some of REPEATED.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Places(u16);

const _: () = assert!(REPEATED.len() <= u16::BITS as usize);

impl Places {
    fn has(self, place: usize) -> bool {
        self.0 & 1 << place != 0
    }

    fn put(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    fn take(&mut self, place: usize) {
        self.0 &= !(1 << place);
    }
}

/// An environment in the making.
struct Entering<'k, 'py> {
    known: MutexGuard<'k, Known>,
    environ: Bound<'py, PyDict>,
    /// How many variables there were before the next one.
    turn: usize,
    /// Which of REPEATED this request has, too.
    confirmed: Places,
}

impl<'py> Entering<'_, 'py> {
    fn enter(&mut self, name: &[u8], value: &[u8]) -> PyResult<()> {
        let py = self.environ.py();
        let Some(index) = self.known.find(name, self.turn) else {
            return self.enter_new(name, value);
        };
        self.turn += 1;
        let known = &mut *self.known;
        let variable = &mut known.variables[index];
        let Some(repeated) = &mut variable.repeated else {
            return self.environ.set_item(variable.key.bind(py), Latin1(value));
        };
        self.confirmed.put(repeated.place);
        if known.in_template.has(repeated.place) && *repeated.value == *value {
            return Ok(());
        }
        let text = Latin1(value).into_pyobject(py)?;
        known.changes += 1;
        known.template.bind(py).set_item(variable.key.bind(py), &text)?;
        repeated.value = value.into();
        known.in_template.put(repeated.place);
        self.environ.set_item(variable.key.bind(py), text)
    }

    fn enter_new(&mut self, name: &[u8], value: &[u8]) -> PyResult<()> {
        let py = self.environ.py();
        match std::str::from_utf8(name) {
            Ok(text) if text.is_ascii() && self.known.variables.len() < REMEMBERED => {
                let interned = PyString::intern(py, text).unbind();
                let place = REPEATED.iter().position(|name| *name == text);
                let repeated = place.map(|place| Repeated { place, value: Box::default() });
                self.known.add(name.into(), interned, repeated);
                self.enter(name, value)
            }
            _ => self.environ.set_item(Latin1(name), Latin1(value)),
        }
    }

    /// The environment, without what only the requests before had.
    fn finish(mut self) -> PyResult<Bound<'py, PyDict>> {
        if self.confirmed != self.known.in_template {
            self.take_out_the_rest()?;
        }
        Ok(self.environ)
    }

    #[cold]
    fn take_out_the_rest(&mut self) -> PyResult<()> {
        let py = self.environ.py();
        let known = &mut *self.known;
        for variable in &mut known.variables {
            let Some(repeated) = &mut variable.repeated else { continue };
            let place = repeated.place;
            if known.in_template.has(place) && !self.confirmed.has(place) {
                let name = variable.key.bind(py);
                self.environ.del_item(name)?;
                known.changes += 1;
                known.template.bind(py).del_item(name)?;
                repeated.value = Box::default();
                known.in_template.take(place);
            }
        }
        Ok(())
    }
}
