//! Exceptions as text.

use pyo3::prelude::*;

use super::convert::items;

/// One line for an exception: its class and its text. Never fails.
#[must_use]
pub fn describe(py: Python<'_>, error: &PyErr) -> String {
    let class =
        error.get_type(py).name().map_or_else(|_| "Exception".to_owned(), |name| name.to_string());
    match error.value(py).str() {
        Ok(text) if !text.to_string_lossy().is_empty() => {
            format!("{class}: {}", text.to_string_lossy())
        }
        _ => class,
    }
}

/// The elements that Python's `traceback.format_exception` gives, the whole chain included. When that module itself fails,
/// one element that [`describe`] makes.
#[must_use]
pub fn traceback(py: Python<'_>, error: &PyErr) -> Vec<String> {
    let formatted = py.import("traceback").and_then(|module| {
        let value = error.value(py);
        // Before 3.12 CPython hands the traceback over beside the exception.
        let elements = module
            .call_method1("format_exception", (value.get_type(), value, error.traceback(py)))?;
        items(&elements.try_iter()?)?
            .iter()
            .map(|element| Ok(element.str()?.to_string_lossy().into_owned()))
            .collect::<PyResult<Vec<_>>>()
    });
    formatted.unwrap_or_else(|_| vec![describe(py, error)])
}
