//! Running pages: the content handler `mod_python.psp`, and what the class `PSP` of that module does it with.

use std::ffi::CStr;
use std::sync::OnceLock;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::held_output::{self, Mark};
use super::lease::{Lease, OfRequest};
use super::native::State;
use super::psp_pages::{self, Page};
use super::request::{self, RequestObject};
use super::request_state::RequestState;
use super::settings_of;
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::python::Object;
use crate::python::class;
use crate::python::code;
use crate::python::convert::{Text, encode_without_nul};
use crate::python::row::Arguments;

const ESCAPE: &[u8] = b"mod_python.psp.escape";
const CONTENT_TYPE: &[u8] = b"text/html; charset=utf-8";

type Module<'a, 'py> = Borrowed<'a, 'py, PyAny>;

/// What every run needs of an interpreter, made once.
pub struct Names {
    /// The globals of a page, but for what differs from request to request.
    globals: Py<PyDict>,
    request: Py<PyString>,
    file: Py<PyString>,
    write: Py<PyString>,
    write_method: Py<PyString>,
    write_html_method: Py<PyString>,
}

impl Names {
    fn of<'a>(py: Python<'_>, names: &'a OnceLock<Self>) -> PyResult<&'a Self> {
        if let Some(known) = names.get() {
            return Ok(known);
        }
        let globals = py.import("mod_python.psp")?.getattr("page_globals")?;
        let name = |text: &CStr| PyString::intern(py, &text.to_string_lossy()).unbind();
        let made = Self {
            globals: globals.cast_into::<PyDict>()?.unbind(),
            request: name(c"req"),
            file: name(c"__file__"),
            write: name(c"__write__"),
            write_method: name(c"_write_page"),
            write_html_method: name(c"_write_page_html"),
        };
        Ok(names.get_or_init(|| made))
    }
}

/// `psp_handler(req)`: runs the page that the request was mapped to.
pub fn handler<'py>(
    _module: Module<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let py = arguments.py();
    let object = arguments.required(0)?;
    let state = State::current(py)?;
    let Some(lease) = request::lease_of(object, state) else {
        return on_python_side(py, "serve", (object,));
    };
    let request = lease.borrow(py)?;
    let debug = settings_of(*request).is_some_and(|settings| settings.debug());
    let path = request.filename().unwrap_or_default();
    if debug && path.ends_with(b"_") {
        drop(request);
        return on_python_side(py, "show_source", (object,));
    }
    request.set_content_type(CONTENT_TYPE);
    RequestState::of(*request).content_type_set.set(true);
    let page = psp_pages::find(py, state, path, Some(*request), false)?;
    let file = Text(path).into_pyobject(py)?;
    drop(request);
    let has_attributes = class::has_attributes::<RequestObject>(&object.to_owned());
    if !page.is_plain || has_attributes {
        return on_python_side(py, "serve", (object, &page.object));
    }
    run_plain(py, state, object, &page, &file)
        .map_err(|error| relocated(py, state, &page, error))?;
    Status::OK.0.into_bound_py_any(py)
}

fn on_python_side<'py>(
    py: Python<'py>,
    function: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Object<'py>> {
    py.import("mod_python.psp")?.call_method1(function, arguments)
}

fn run_plain(
    py: Python<'_>,
    state: &State,
    object: Borrowed<'_, '_, PyAny>,
    page: &Page,
    file: &Object<'_>,
) -> PyResult<()> {
    let names = Names::of(py, &state.psp_names)?;
    let globals = names.globals.bind(py).copy()?;
    globals.set_item(names.request.bind(py), object)?;
    globals.set_item(names.file.bind(py), file)?;
    run(py, state, object, page.code.bind(py).as_borrowed(), &globals)
}

/// The exception, with a traceback that names the template's own lines.
fn relocated(py: Python<'_>, state: &State, page: &Page, error: PyErr) -> PyErr {
    if error.is_instance(py, state.server_return.bind(py)) {
        return error;
    }
    let own = || {
        let value = error.value(py);
        value.setattr("__traceback__", error.traceback(py))?;
        py.import("mod_python.psp_page")?.call_method1("relocate", (&page.object, value))
    };
    own().map_or_else(|failure| failure, PyErr::from_value)
}

/// `_psp_page(filename, any_request)`: the compiled page.
pub fn page<'py>(_module: Module<'_, 'py>, arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let py = arguments.py();
    let path = encode_without_nul(arguments.required(0)?, "filename")?;
    let any_request = arguments.required(1)?.is_truthy()?;
    let page = psp_pages::find(py, State::current(py)?, path.as_bytes(), None, any_request)?;
    Ok(page.object.bind(py).clone())
}

/// `_psp_run(req, code, globals)`: runs a page's code; what it writes is held back until it is done.
pub fn run_page(_module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let py = arguments.py();
    let globals = arguments.required(2)?.cast::<PyDict>()?.to_owned();
    let request = arguments.required(0)?;
    run(py, State::current(py)?, request, arguments.required(1)?, &globals)
}

fn run(
    py: Python<'_>,
    state: &State,
    object: Borrowed<'_, '_, PyAny>,
    code: Borrowed<'_, '_, PyAny>,
    globals: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let names = Names::of(py, &state.psp_names)?;
    let lease = request::lease_of(object, state)
        .ok_or_else(|| PyTypeError::new_err("req must be an mp_request"))?;
    let request = lease.borrow(py)?;
    let method = if escapes(*request)? { &names.write_html_method } else { &names.write_method };
    globals.set_item(names.write.bind(py), object.getattr(method.bind(py))?)?;
    let mark = RequestState::of(*request).held.enter();
    drop(request);
    let result = code::run(code, globals);
    let finished = finish(py, state, lease, mark, result.as_ref().err());
    result.and(finished)
}

/// Whether expressions are escaped.
fn escapes(request: Request<'_>) -> PyResult<bool> {
    let option = settings_of(request).and_then(|settings| settings.option(ESCAPE));
    match option {
        None | Some(b"none") => Ok(false),
        Some(b"html") => Ok(true),
        Some(other) => Err(PyValueError::new_err(format!(
            "PythonOption mod_python.psp.escape must be html or none, not {}",
            String::from_utf8_lossy(other)
        ))),
    }
}

/// Sends what the outermost page has written; what a page wrote that failed is forgotten.
fn finish(
    py: Python<'_>,
    state: &State,
    lease: &Lease<OfRequest>,
    mark: Mark,
    raised: Option<&PyErr>,
) -> PyResult<()> {
    let request = lease.borrow(py)?;
    let request_state = RequestState::of(*request);
    let held = &request_state.held;
    if raised.is_some_and(|raised| !is_planned(py, state, raised)) {
        held.forget(mark);
    }
    if held.leave() { held_output::send(py, *request, request_state) } else { Ok(()) }
}

/// `SERVER_RETURN` with OK or DONE: the response is meant as it is.
fn is_planned(py: Python<'_>, state: &State, raised: &PyErr) -> bool {
    let result = || -> PyResult<Option<i32>> {
        let arguments = raised.value(py).getattr("args")?.cast_into::<PyTuple>()?;
        let first = arguments.get_item(0)?.cast_into::<PyInt>()?;
        first.extract().map(Some)
    };
    raised.is_instance(py, state.server_return.bind(py))
        && matches!(result(), Ok(Some(number)) if number == Status::OK.0 || number == Status::DONE.0)
}
