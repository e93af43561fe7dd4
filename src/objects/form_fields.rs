//! `_apache._string_fields`: the fields of a form as objects, with an index of them by name.

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::python::row::Arguments;

/// `_string_fields(pairs, class)`
pub fn string_fields<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
    let py = arguments.py();
    let (pairs, class) = (arguments.required(0)?.cast::<PyList>()?, arguments.required(1)?);
    let (name_of, octets_of) = (PyString::new(py, "name"), PyString::new(py, "_octets"));
    let (fields, index) = (PyList::empty(py), PyDict::new(py));
    for pair in pairs.iter() {
        let pair = pair.cast_into::<PyTuple>()?;
        let (name, octets) = (pair.get_borrowed_item(0)?, pair.get_borrowed_item(2)?);
        let field = class.call1((pair.get_borrowed_item(1)?,))?;
        field.setattr(&name_of, name)?;
        if !octets.is_none() {
            field.setattr(&octets_of, octets)?;
        }
        match index.get_item(name)? {
            Some(others) => others.cast_into::<PyList>()?.append(&field)?,
            None => index.set_item(name, PyList::new(py, [&field])?)?,
        }
        fields.append(field)?;
    }
    Ok((fields, index))
}
