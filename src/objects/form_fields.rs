//! `_apache._string_fields`: the fields of a form as objects, with an index of the first of each name.

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::python::Object;
use crate::python::row::Arguments;

/// `_string_fields(names, texts, octets, class)`
pub fn string_fields<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
    let py = arguments.py();
    let list = |index| Ok::<_, PyErr>(arguments.required(index)?.cast::<PyList>()?);
    let (names, texts, class) = (list(0)?, list(1)?, arguments.required(3)?);
    let name_of = PyString::intern(py, "name");
    let mut fields = Vec::with_capacity(names.len());
    for (name, text) in names.iter().zip(texts.iter()) {
        let field = class.call1((text,))?;
        field.setattr(&name_of, name)?;
        fields.push(field);
    }
    if let Some(octets) = arguments.some(2) {
        set_octets(&fields, octets.cast::<PyList>()?)?;
    }
    let first = index(&names, &fields)?;
    Ok((PyList::new(py, fields)?, first))
}

fn set_octets(fields: &[Object<'_>], octets: Borrowed<'_, '_, PyList>) -> PyResult<()> {
    for (field, octets) in fields.iter().zip(octets.iter()).filter(|(_, octets)| !octets.is_none())
    {
        field.setattr("_octets", octets)?;
    }
    Ok(())
}

/// The first field of each name, in order.
fn index<'py>(names: &Bound<'py, PyList>, fields: &[Object<'py>]) -> PyResult<Bound<'py, PyDict>> {
    let first = PyDict::new(names.py());
    for (name, field) in names.iter().zip(fields) {
        first.set_item(name, field)?;
    }
    if first.len() == fields.len() {
        return Ok(first);
    }
    // Some names have several fields, the last of which is there now.
    first.clear();
    for (name, field) in names.iter().zip(fields) {
        first.set_default(name, field)?;
    }
    Ok(first)
}
