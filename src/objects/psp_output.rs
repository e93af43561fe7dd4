//! What a page's source calls to write its text and the values of its expressions.

use std::io::Write;

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString};

use super::held_output;
use super::request::{Req, output_now};
use super::request_state::RequestState;
use crate::apache::request::Request;
use crate::python::row::Arguments;

/// How many characters an `i64` has at most.
const DIGITS: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escaping {
    None,
    Html,
}

/// Texts and values in turn.
pub fn write(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    write_pieces(this, arguments, Escaping::None)
}

/// Texts and values in turn; in the values, what HTML gives a meaning is escaped.
pub fn write_html(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    write_pieces(this, arguments, Escaping::Html)
}

fn write_pieces(
    this: Req<'_, '_>,
    arguments: Arguments<'_, '_>,
    escaping: Escaping,
) -> PyResult<()> {
    let py = this.py();
    let mut index = 0;
    while index < arguments.count() {
        let request = output_now(this)?;
        let state = RequestState::of(*request);
        while let Some(piece) = arguments.optional(index) {
            let escaping = if index % 2 == 0 { Escaping::None } else { escaping };
            if !write_plain(py, *request, state, piece, escaping)? {
                break;
            }
            index += 1;
        }
        drop(request);
        if let Some(value) = arguments.optional(index) {
            write_value(this, value, escaping)?;
            index += 1;
        }
    }
    Ok(())
}

/// Writes what is text without any Python code; false for other values.
fn write_plain(
    py: Python<'_>,
    request: Request<'_>,
    state: &RequestState,
    piece: Borrowed<'_, '_, PyAny>,
    escaping: Escaping,
) -> PyResult<bool> {
    if let Ok(text) = piece.cast_exact::<PyString>() {
        write_text(py, request, state, text.to_str()?, escaping)?;
        return Ok(true);
    }
    let Ok(number) = piece.cast_exact::<PyInt>() else { return Ok(false) };
    let Ok(number) = number.extract::<i64>() else { return Ok(false) };
    let mut digits = [0; DIGITS];
    let mut rest = &mut digits[..];
    // The buffer is large enough.
    let _ = write!(rest, "{number}");
    let used = DIGITS - rest.len();
    held_output::write(py, request, state, &digits[..used])?;
    Ok(true)
}

/// Writes `str(value)`, or what the value says is its HTML, by the method that template libraries have agreed upon. The request
/// is free meanwhile: this may be Python code that writes to it.
fn write_value(
    this: Req<'_, '_>,
    value: Borrowed<'_, '_, PyAny>,
    escaping: Escaping,
) -> PyResult<()> {
    let py = this.py();
    let is_plain = value.is_exact_instance_of::<PyInt>() || value.is_exact_instance_of::<PyFloat>();
    let method = match escaping {
        Escaping::Html if !is_plain => value.get_type().getattr_opt("__html__")?,
        _ => None,
    };
    let (text, escaping) = match method {
        Some(method) => (method.call1((value,))?.str()?, Escaping::None),
        None => (value.str()?, escaping),
    };
    let request = output_now(this)?;
    write_text(py, *request, RequestState::of(*request), text.to_str()?, escaping)
}

fn write_text(
    py: Python<'_>,
    request: Request<'_>,
    state: &RequestState,
    text: &str,
    escaping: Escaping,
) -> PyResult<()> {
    let escaped = if escaping == Escaping::Html { escaped(text.as_bytes()) } else { None };
    held_output::write(py, request, state, escaped.as_deref().unwrap_or(text.as_bytes()))
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
