//! Handlers that a request has added to its phases: a text to resolve as if it were configured, or something to call.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{Borrowed, Py};

use crate::config::handlers::{Directory, HandlerEntry};
use crate::config::phase::Phase;
use crate::config::turn::Turn;
use crate::python::convert::{encode_without_nul, type_name};
use crate::python::interpreter::Interpreter;
use crate::python::{Object, thread};

#[derive(Clone)]
pub struct AddedHandler {
    pub entry: HandlerEntry,
    /// What to call; without it the entry says what that is.
    pub callable: Option<Arc<Callable>>,
}

/// A handler waiting for its phase.
pub struct AddedTo {
    pub phase: Phase,
    pub turn: Turn,
    pub handler: AddedHandler,
}

/// A Python object to call, in the interpreter it belongs to.
pub struct Callable {
    pub interpreter: &'static Interpreter,
    object: Option<Py<PyAny>>,
}

impl AddedHandler {
    /// # Errors
    /// `TypeError` for what is neither text nor callable, `ValueError` for text with a NUL.
    pub fn new(
        handler: Borrowed<'_, '_, PyAny>,
        interpreter: &'static Interpreter,
        phase: Phase,
        directory: Directory,
    ) -> PyResult<Self> {
        if handler.is_instance_of::<PyString>() {
            let text = encode_without_nul(handler, "handler")?;
            let entry = HandlerEntry::new(text.as_bytes(), phase, directory);
            return Ok(Self { entry, callable: None });
        }
        if !handler.is_callable() {
            let class = type_name(handler);
            let message = format!("handler must be str or callable, not {class}");
            return Err(pyo3::exceptions::PyTypeError::new_err(message));
        }
        let entry = HandlerEntry::new(name(handler).as_bytes(), phase, directory);
        let object = Some(handler.to_owned().unbind());
        Ok(Self { entry, callable: Some(Arc::new(Callable { interpreter, object })) })
    }
}

/// What the log and `req.hlist.handler` call it: `module::function`, or its class.
fn name(callable: Borrowed<'_, '_, PyAny>) -> String {
    let text = |name| callable.getattr(name).and_then(|value| value.extract::<String>()).ok();
    match (text("__module__"), text("__qualname__")) {
        (Some(module), Some(name)) => format!("{module}::{name}"),
        _ => type_name(callable),
    }
}

impl Callable {
    /// The object, for a thread that is attached to its interpreter.
    pub fn bind<'py>(&self, py: Python<'py>) -> Option<Object<'py>> {
        self.object.as_ref().map(|object| object.bind(py).clone())
    }
}

impl Drop for Callable {
    fn drop(&mut self) {
        let object = self.object.take();
        thread::attach(self.interpreter, |_| drop(object));
    }
}
