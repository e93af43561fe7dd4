//! The native module `_apache` of one interpreter, and the state it keeps there.

use std::any::Any;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pyo3::Borrowed;
use pyo3::exceptions::{PyBaseException, PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyType};

use super::cleanup::Cleanup;
use super::psp_pages::Pages;
use super::psp_run::Names;
use super::{
    clock, connection, file_info, filter, functions, handler_list, request, resolve, server,
    subrequest, table, table_iterator,
};
use crate::apache::constants;
use crate::apache::server::Server;
use crate::counters::{self, Row};
use crate::python::class::{Class, Contents};
use crate::python::convert::Text;
use crate::python::home::{self, Kind};
use crate::python::interpreter::{self, Interpreter};
use crate::python::{module, package};

/// What an interpreter keeps: its own types and its name.
pub struct State {
    pub interpreter: &'static Interpreter,
    /// What is counted of it.
    pub counters: Row,
    pub request: Py<PyType>,
    pub server: Py<PyType>,
    pub connection: Py<PyType>,
    pub subrequest: Py<PyType>,
    pub table: Py<PyType>,
    pub iterator: Py<PyType>,
    pub file_info: Py<PyType>,
    pub filter: Py<PyType>,
    pub handler_list: Py<PyType>,
    pub server_return: Py<PyAny>,
    pub request_timeout: Py<PyAny>,
    /// Grows when what handlers resolve to may have changed.
    generation: AtomicUsize,
    /// What is to be called when the process ends.
    pub cleanups: Mutex<Vec<Cleanup>>,
    /// Compiled Python Server Pages, and what running them needs.
    pub pages: Pages,
    pub psp_names: OnceLock<Names>,
    /// The class of forms, once one was set on a request.
    pub form: OnceLock<Py<PyType>>,
    /// What handlers' texts have led to.
    pub handlers: resolve::Resident,
    /// What the room that runs WSGI applications keeps here.
    pub wsgi: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// Named like this in `repr` and messages.
const SERVER_RETURN: &std::ffi::CStr = c"_apache.SERVER_RETURN";
const REQUEST_TIMEOUT: &std::ffi::CStr = c"mod_python.apache.RequestTimeout";
const REQUEST_TIMEOUT_DOC: &std::ffi::CStr =
    c"Raised in code that runs longer than PythonTimeout allows. No Exception: what catches all of those does not catch it.";

/// Fills a new interpreter: the package, the native module, and the Python side's own start.
///
/// # Errors
/// What Python raises meanwhile.
pub fn prepare(
    py: Python<'_>,
    interpreter: &'static Interpreter,
) -> PyResult<Box<dyn Any + Send + Sync>> {
    let counters = counters::of_interpreter(interpreter.name());
    interpreter.measure(counters.meter());
    let native = module::create(
        py,
        c"_apache",
        c"httpd, as mod_python shows it to Python.",
        functions::FUNCTIONS,
    )?;
    package::install(py, &native.getattr("_compile")?)?;
    if let Some(home) = home::of_process(Kind::Virtual) {
        activate(py, home)?;
    }
    let state = Box::leak(Box::new(State::new(&native, interpreter, counters)?));
    module::set_state(&native, state);
    state.announce(&native)?;
    let main_server =
        Server::main().map(|main| server::instantiate(py, state, main)).transpose()?;
    native.setattr("interpreter", interpreter.name())?;
    native.setattr("main_server", &main_server)?;
    py.import("mod_python.apache")?.call_method1("init", (interpreter.name(), main_server))?;
    if interpreter.has_own_gil() {
        py.import("mod_python.own_gil")?.call_method1("explain_refusals", (interpreter.name(),))?;
    }
    clock::start();
    let state: &'static State = state;
    Ok(Box::new(state))
}

/// Makes the interpreter find what is installed in a virtual environment.
///
/// # Errors
/// What Python raises meanwhile.
pub fn activate(py: Python<'_>, home: &Path) -> PyResult<()> {
    py.import("mod_python.home")?.call_method1("activate", (Text(home.as_os_str().as_bytes()),))?;
    Ok(())
}

impl State {
    fn new(
        module: &Bound<'_, PyModule>,
        interpreter: &'static Interpreter,
        counters: Row,
    ) -> PyResult<Self> {
        let py = module.py();
        let server_return =
            PyErr::new_type(py, SERVER_RETURN, None, Some(&py.get_type::<PyException>()), None)?;
        let base = py.get_type::<PyBaseException>();
        let doc = Some(REQUEST_TIMEOUT_DOC);
        let request_timeout = PyErr::new_type(py, REQUEST_TIMEOUT, doc, Some(&base), None)?;
        Ok(Self {
            interpreter,
            counters,
            request: class(module, &request::REQUEST)?,
            server: class(module, &server::SERVER)?,
            connection: class(module, &connection::CONNECTION)?,
            subrequest: class(module, &subrequest::SUBREQUEST)?,
            table: class(module, &table::TABLE)?,
            iterator: class(module, &table_iterator::ITERATOR)?,
            file_info: class(module, &file_info::FILE_INFO)?,
            filter: class(module, &filter::FILTER)?,
            handler_list: class(module, &handler_list::HANDLER_LIST)?,
            server_return: server_return.into_any(),
            request_timeout: request_timeout.into_any(),
            generation: AtomicUsize::new(0),
            cleanups: Mutex::new(Vec::new()),
            pages: Pages::default(),
            psp_names: OnceLock::new(),
            form: OnceLock::new(),
            handlers: resolve::Resident::default(),
            wsgi: OnceLock::new(),
        })
    }

    /// Enters types and constants in the module.
    fn announce(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let types = [
            ("mp_request", &self.request),
            ("mp_subrequest", &self.subrequest),
            ("mp_server", &self.server),
            ("mp_conn", &self.connection),
            ("mp_table", &self.table),
            ("table", &self.table),
            ("mp_finfo", &self.file_info),
            ("mp_filter", &self.filter),
            ("mp_hlist", &self.handler_list),
        ];
        for (name, class) in types {
            module.setattr(name, class.bind(py))?;
        }
        module.setattr("REQ_EXIT", "REQ_EXIT")?;
        module.setattr("SERVER_RETURN", self.server_return.bind(py))?;
        module.setattr("RequestTimeout", self.request_timeout.bind(py))?;
        for (name, value) in constants::NUMBERS.iter().copied().flatten() {
            module.setattr(name.to_string_lossy().as_ref(), *value)?;
        }
        for (name, value) in constants::MAGIC_TYPES {
            module.setattr(name.to_string_lossy().as_ref(), value.to_string_lossy().as_ref())?;
        }
        Ok(())
    }

    /// Whether an exception says that PythonTimeout is over.
    #[must_use]
    pub fn is_timeout(&self, py: Python<'_>, raised: &PyErr) -> bool {
        raised.is_instance(py, self.request_timeout.bind(py))
    }

    /// The state of the interpreter that this thread is attached to.
    ///
    /// # Errors
    /// `TypeError` in an interpreter that mod_python did not make.
    pub fn current(py: Python<'_>) -> PyResult<&'static Self> {
        let found = interpreter::current(py).and_then(Self::of_interpreter);
        // While an interpreter is being prepared, it has only its module.
        found.map_or_else(|| Self::of_module(py), Ok)
    }

    /// The state of a prepared interpreter.
    #[must_use]
    pub fn of_interpreter(interpreter: &Interpreter) -> Option<&'static Self> {
        interpreter.contents::<&'static Self>().copied()
    }

    /// The state behind an object of one of the module's types.
    ///
    /// # Errors
    /// `TypeError` for another object.
    pub fn of(object: Borrowed<'_, '_, PyAny>) -> PyResult<&'static Self> {
        module::state_of_class(&object.get_type()).ok_or_else(foreign)
    }

    fn of_module(py: Python<'_>) -> PyResult<&'static Self> {
        let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
        let native = modules.get_item("_apache")?.ok_or_else(foreign)?;
        module::state(native.as_borrowed()).ok_or_else(foreign)
    }

    /// Counts changes of what handlers may resolve to.
    #[must_use]
    pub fn generation(&self) -> usize {
        self.generation.load(Ordering::Acquire)
    }

    pub fn handlers_changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

fn class<T: Contents>(module: &Bound<'_, PyModule>, table: &Class<T>) -> PyResult<Py<PyType>> {
    table.create(module).map(Bound::unbind)
}

fn foreign() -> PyErr {
    PyTypeError::new_err("this interpreter was not made by mod_python")
}
