//! `_apache._string_fields`: the fields of a form as objects, with an index of the first of each name.

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::python::row::Arguments;

/// `_string_fields(names, texts, octets, class)`
pub fn string_fields<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
    let py = arguments.py();
    let list = |index| Ok::<_, PyErr>(arguments.required(index)?.cast::<PyList>()?);
    let (names, texts, octets_of_texts) = (list(0)?, list(1)?, list(2)?);
    let class = arguments.required(3)?;
    let (name_of, octets_of) = (PyString::intern(py, "name"), PyString::intern(py, "_octets"));
    let (fields, first) = (PyList::empty(py), PyDict::new(py));
    for ((name, text), octets) in names.iter().zip(texts.iter()).zip(octets_of_texts.iter()) {
        let field = class.call1((text,))?;
        field.setattr(&name_of, &name)?;
        if !octets.is_none() {
            field.setattr(&octets_of, octets)?;
        }
        fields.append(&field)?;
        first.set_default(name, field)?;
    }
    Ok((fields, first))
}
