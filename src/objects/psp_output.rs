//! What a page's source calls for the page's text and the values of its expressions.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString, PyTuple};

use super::held_output;
use super::request::Req;
use crate::python::Object;
use crate::python::convert::Data;
use crate::python::row::Arguments;

pub fn text(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    held_output::write(this, Data::from_object(arguments.required(0)?)?.as_bytes())
}

pub fn echo(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let text = string(arguments)?;
    held_output::write(this, Data::from_object(text.as_borrowed())?.as_bytes())
}

pub fn echo_html(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    if let Some(html) = own_html(arguments)? {
        return held_output::write(this, Data::from_object(html.as_borrowed())?.as_bytes());
    }
    let text = string(arguments)?;
    let data = Data::from_object(text.as_borrowed())?;
    match escaped(data.as_bytes()) {
        Some(escaped) => held_output::write(this, &escaped),
        None => held_output::write(this, data.as_bytes()),
    }
}

/// `str(…)` of what stands between the marks of an expression.
fn string<'py>(arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let py = arguments.py();
    match (arguments.count(), arguments.optional(0)) {
        (1, Some(value)) if value.is_exact_instance_of::<PyString>() => Ok(value.to_owned()),
        (1, Some(value)) => Ok(value.str()?.into_any()),
        _ => {
            let all = (0..arguments.count()).filter_map(|index| arguments.optional(index));
            let all = PyTuple::new(py, all.map(|value| value.to_owned()).collect::<Vec<_>>())?;
            py.get_type::<PyString>().call1(all)
        }
    }
}

/// What a value says is its HTML, by the method that template libraries have agreed upon.
fn own_html<'py>(arguments: Arguments<'_, 'py>) -> PyResult<Option<Object<'py>>> {
    let Some(value) = arguments.optional(0).filter(|_| arguments.count() == 1) else {
        return Ok(None);
    };
    let is_plain = value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>();
    if is_plain {
        return Ok(None);
    }
    let method = value.get_type().getattr_opt("__html__")?;
    method.map(|method| method.call1((value,))).transpose()
}

/// As Python's `html.escape`; None where nothing is to be escaped.
fn escaped(text: &[u8]) -> Option<Vec<u8>> {
    let is_special = |byte: &u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    let first = text.iter().position(is_special)?;
    let mut escaped = Vec::with_capacity(text.len() + 16);
    escaped.extend_from_slice(&text[..first]);
    for byte in &text[first..] {
        match byte {
            b'&' => escaped.extend_from_slice(b"&amp;"),
            b'<' => escaped.extend_from_slice(b"&lt;"),
            b'>' => escaped.extend_from_slice(b"&gt;"),
            b'"' => escaped.extend_from_slice(b"&quot;"),
            b'\'' => escaped.extend_from_slice(b"&#x27;"),
            other => escaped.push(*other),
        }
    }
    Some(escaped)
}
