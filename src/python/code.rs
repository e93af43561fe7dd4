//! Code objects.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{Borrowed, ffi};

/// Runs a code object, as made by `compile(…, "exec")`, as the body of a module whose globals are `globals`.
///
/// # Errors
/// What the code raises; `SystemError` for another kind of object.
pub fn run(code: Borrowed<'_, '_, PyAny>, globals: &Bound<'_, PyDict>) -> PyResult<()> {
    let globals = globals.as_ptr();
    // SAFETY: attached; PyEval_EvalCode checks what it is given, and returns a new reference or NULL with an exception set.
    unsafe {
        let result = ffi::PyEval_EvalCode(code.as_ptr(), globals, globals);
        Bound::from_owned_ptr_or_err(code.py(), result).map(drop)
    }
}
