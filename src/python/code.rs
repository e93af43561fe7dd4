//! Code objects.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use pyo3::{Borrowed, ffi};

use super::Object;

/// The code object of a module's source, like `compile(source, file, "exec", dont_inherit=True)` makes it.
///
/// CPython's own `compile` looks whether it was given a syntax tree, for which it first makes the 200 types of `ast` in the
/// interpreter: 1,500 objects, some 170 KB, which most interpreters never need.
///
/// # Errors
/// `SyntaxError`; `UnicodeEncodeError` for a name that no file can have; what `compile` raises for a source with a NUL in it.
pub fn compile<'py>(source: &[u8], file: &Bound<'py, PyAny>) -> PyResult<Object<'py>> {
    let py = file.py();
    let Ok(text) = CString::new(source) else {
        let compile = py.import("builtins")?.getattr("compile")?;
        return compile.call1((PyBytes::new(py, source), file, "exec", 0, true));
    };
    // SAFETY: attached, a live object; a new reference or NULL with an exception set.
    let file = unsafe {
        let encoded = ffi::PyUnicode_EncodeFSDefault(file.as_ptr());
        Bound::from_owned_ptr_or_err(py, encoded)?.cast_into::<PyBytes>()?
    };
    let file = CString::new(file.as_bytes())?;
    // SAFETY: attached, both end with a NUL; a new reference or NULL with an exception set.
    unsafe {
        let code = ffi::Py_CompileString(text.as_ptr(), file.as_ptr(), ffi::Py_file_input);
        Bound::from_owned_ptr_or_err(py, code)
    }
}

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
