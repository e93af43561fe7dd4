//! `_apache.parse_cookies` and `_apache.cookie_pair`.

use pyo3::Borrowed;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::cookies::{Cookies, may_be_sent};
use crate::python::convert::{Text, encode, type_name};
use crate::python::row::Arguments;

/// `parse_cookies(header, name=None, merged=0)`
pub fn parse_cookies<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let (py, header) = (arguments.py(), arguments.required(0)?);
    if !header.is_instance_of::<PyString>() {
        let class = type_name(header);
        return Err(PyTypeError::new_err(format!("a Cookie header must be str, not {class}")));
    }
    let header = encode(header, "header")?;
    let wanted = arguments.some(1).map(|name| encode(name, "name")).transpose()?;
    let found = if arguments.integer(2, 0)? == 0 {
        Cookies::of(header.as_bytes())
    } else {
        Cookies::of_merged(header.as_bytes())
    };
    let list = PyList::empty(py);
    for (name, value) in found {
        if wanted.as_ref().is_none_or(|wanted| wanted.as_bytes() == name) {
            list.append(PyTuple::new(py, [Text(name), Text(value)])?)?;
        }
    }
    Ok(list)
}

/// `cookie_pair(name, value)`
pub fn cookie_pair<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    let (name, value) = (arguments.required(0)?, arguments.required(1)?);
    let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else {
        return Ok(None);
    };
    // What is no UTF-8 is nothing that may be sent either.
    let (Ok(name), Ok(value)) = (name.to_str(), value.to_str()) else { return Ok(None) };
    let pair = may_be_sent(name.as_bytes(), value.as_bytes());
    Ok(pair.then(|| PyString::new(arguments.py(), &[name, "=", value].concat())))
}
