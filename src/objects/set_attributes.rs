//! What handlers have set on a request's object.

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString, PyType};

use super::native::State;

/// Whether their end can come before the response is sent: they are plain values, and forms, which close files at most. What a site
/// has made may run its code then, and wait for a database.
#[must_use]
pub fn are_plain(attributes: &Bound<'_, PyDict>, state: &State) -> bool {
    attributes.iter().all(|(_, value)| is_plain(&value) || is_form(&value, state))
}

fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBytes>()
}

/// Whether it is a `mod_python.util.FieldStorage`, as the publisher sets it as `req.form`.
fn is_form(value: &Bound<'_, PyAny>, state: &State) -> bool {
    let class = value.get_type();
    match state.form.get() {
        Some(known) => class.is(known),
        None => {
            let is_form = is_form_class(class.as_borrowed());
            if is_form {
                let _ = state.form.set(class.unbind());
            }
            is_form
        }
    }
}

/// Not by PyO3's `module()`, which keeps a `str` of one interpreter for the whole process.
fn is_form_class(class: Borrowed<'_, '_, PyType>) -> bool {
    let is_named = |attribute: &str, expected: &str| {
        let name = class.getattr(attribute);
        name.is_ok_and(|name| {
            name.cast::<PyString>().is_ok_and(|name| name.to_string_lossy() == expected)
        })
    };
    is_named("__name__", "FieldStorage") && is_named("__module__", "mod_python.util")
}
