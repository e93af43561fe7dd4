//! What an interpreter keeps for its WSGI applications, made with the first of them: types, names, and what environments have
//! in common.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString, PyType};

use super::environ::Names;
use super::{errors, exchange, file_wrapper, input};
use crate::objects::native::{self, State};
use crate::python::class::{Class, Contents};
use crate::python::thread;

pub struct Kept {
    pub input: Py<PyType>,
    pub errors: Py<PyType>,
    pub exchange: Py<PyType>,
    pub file_wrapper: Py<PyType>,
    pub names: Names,
    /// `write`, the method that start_response returns.
    pub write: Py<PyString>,
    /// The virtual environment that a mount has asked for.
    home: OnceLock<PathBuf>,
    settling: Mutex<()>,
}

impl Kept {
    /// # Errors
    /// What Python raises when it cannot make a type.
    pub fn of(py: Python<'_>, state: &'static State) -> PyResult<&'static Self> {
        // Made before it is entered: who waits for another thread's initialisation must not be attached.
        if state.wsgi.get().is_none() {
            let made = Self::new(py)?;
            let _ = state.wsgi.set(Box::new(made));
        }
        let kept = state.wsgi.get().and_then(|kept| kept.downcast_ref());
        kept.ok_or_else(|| PyTypeError::new_err("this interpreter keeps nothing of WSGI"))
    }

    /// Makes the interpreter one of a virtual environment, once.
    ///
    /// # Errors
    /// `RuntimeError` when it is one of another environment.
    pub fn settle(&self, py: Python<'_>, home: Option<&Path>) -> PyResult<()> {
        let Some(home) = home else { return Ok(()) };
        if self.home.get().is_some_and(|known| known == home) {
            return Ok(());
        }
        // Another thread may be at it, and need Python for it.
        let _settling = thread::detach(py, || self.settling.lock());
        match self.home.get() {
            Some(known) if known == home => Ok(()),
            Some(known) => Err(PyRuntimeError::new_err(format!(
                "home={} cannot be in this interpreter, which has {}: give one application interpreter=",
                home.display(),
                known.display()
            ))),
            None => {
                native::activate(py, home)?;
                let _ = self.home.set(home.to_owned());
                Ok(())
            }
        }
    }

    fn new(py: Python<'_>) -> PyResult<Self> {
        let native = py.import("_apache")?;
        let file_wrapper = class(&native, &file_wrapper::FILE_WRAPPER)?;
        Ok(Self {
            input: class(&native, &input::INPUT)?,
            errors: class(&native, &errors::ERRORS)?,
            exchange: class(&native, &exchange::EXCHANGE)?,
            names: Names::new(file_wrapper.bind(py))?,
            write: PyString::intern(py, "write").unbind(),
            file_wrapper,
            home: OnceLock::new(),
            settling: Mutex::new(()),
        })
    }
}

fn class<T: Contents>(module: &Bound<'_, PyModule>, table: &Class<T>) -> PyResult<Py<PyType>> {
    table.create(module).map(Bound::unbind)
}
