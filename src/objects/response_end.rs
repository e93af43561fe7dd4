//! The end of a response. httpd logs a request, and clears up after it, inside the last of its output filters: whatever
//! were sent on the connection then would enter that filter again.

use std::cell::Cell;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// As long as it lives, its thread runs what belongs to the end of a response.
pub struct ResponseEnd(());

impl ResponseEnd {
    #[must_use]
    pub fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self(())
    }
}

impl Drop for ResponseEnd {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// To be asked before something is sent.
///
/// # Errors
/// `RuntimeError` at the end of a response.
pub fn refuse() -> PyResult<()> {
    if DEPTH.get() == 0 {
        return Ok(());
    }
    Err(PyRuntimeError::new_err("the response is over: log handlers and cleanups can send nothing"))
}
