//! The boundary CPython -> Rust, for every function that Python calls.

use std::any::Any;
use std::mem;

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::{IntoPyObjectExt, PyErr, ffi};

use super::thread;

/// The function a zero-sized function type stands for.
pub(super) fn conjure<F: Copy>() -> F {
    const { assert!(mem::size_of::<F>() == 0, "only plain functions are zero-sized") };
    // SAFETY: F is Copy and zero-sized, and its one value was handed to the row's constructor, so it can exist.
    unsafe { mem::zeroed() }
}

/// The boundary CPython -> Rust: a token, a caught panic (`SystemError`), an exception set for `failure`.
pub(super) fn boundary<R>(failure: R, body: impl for<'py> FnOnce(Python<'py>) -> PyResult<R>) -> R {
    let mut attempt = Attempt { body: Some(body), value: failure };
    within(&mut attempt);
    attempt.value
}

struct Attempt<F, R> {
    body: Option<F>,
    value: R,
}

impl<F: for<'py> FnOnce(Python<'py>) -> PyResult<R>, R> thread::Counted for Attempt<F, R> {
    fn run(&mut self, py: Python<'_>) {
        match self.body.take().map(|body| body(py)) {
            Some(Ok(value)) => self.value = value,
            Some(Err(error)) => error.restore(py),
            None => {}
        }
    }
}

/// What is the same for hundreds of functions.
#[inline(never)]
fn within(attempt: &mut dyn thread::Counted) {
    if let Err(panic) = thread::enter(attempt) {
        thread::counted(|py| panic_error(&*panic).restore(py));
    }
}

fn panic_error(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    PySystemError::new_err(format!("mod_python: internal error (please report it): {text}"))
}

pub(super) fn into_pointer<'py, R: IntoPyObject<'py>>(
    py: Python<'py>,
    value: R,
) -> PyResult<*mut ffi::PyObject> {
    // What gives back nothing gives back None; PyO3 would make an empty tuple of it.
    if mem::size_of::<R>() == 0 {
        return Ok(py.None().into_ptr());
    }
    value.into_bound_py_any(py).map(Bound::into_ptr)
}
