//! `wsgi.input`: the body of the request. It ends where the body ends, whether it came with a length or in chunks.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyType};

use crate::objects::lease::{Lease, Loan, OfRequest};
use crate::objects::request_body;
use crate::objects::request_io::{enough, limit};
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::row::{Arguments, Arity, method};
use crate::python::slot::{iterate, next};

pub struct Input {
    lease: Lease<OfRequest>,
}

impl Contents for Input {}

pub const INPUT: Class<Input> = Class::<Input>::new(c"mod_python.wsgi.Input")
    .doc(c"The body of a request (PEP 3333, wsgi.input). It can be read until the request is over.")
    .slots(&[iterate::<Input, _>(itself), next::<Input, _>(next_line)])
    .methods(&[
        method(c"read", read, Arity(0, 1), c"read(size=-1)\n--\n\nbytes of the body: all that is left, or at most size. b'' at the end. Raises OSError when the client does not send it."),
        method(c"readline", readline, Arity(0, 1), c"readline(size=-1)\n--\n\nOne line with its newline, or at most size bytes of it."),
        method(c"readlines", readlines, Arity(0, 1), c"readlines(hint=-1)\n--\n\nList of lines, as many as make up hint bytes."),
    ]);

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    class: &Bound<'py, PyType>,
    lease: Lease<OfRequest>,
) -> PyResult<Object<'py>> {
    class::instantiate(class, Input { lease })
}

fn loan<'a>(this: This<'a, '_, Input>) -> PyResult<Loan<'a, OfRequest>> {
    this.contents().lease.borrow(this.py())
}

fn read<'py>(
    this: This<'_, 'py, Input>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    request_body::read(this.py(), *loan(this)?, limit(arguments)?)
}

fn readline<'py>(
    this: This<'_, 'py, Input>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let limit = limit(arguments)?.unwrap_or(usize::MAX);
    request_body::readline(this.py(), *loan(this)?, limit)
}

fn readlines<'py>(
    this: This<'_, 'py, Input>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let enough = enough(arguments)?;
    request_body::readlines(this.py(), *loan(this)?, enough)
}

fn itself<'py>(this: This<'_, 'py, Input>) -> PyResult<Object<'py>> {
    Ok(this.object().to_owned())
}

fn next_line<'py>(this: This<'_, 'py, Input>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let line = request_body::readline(this.py(), *loan(this)?, usize::MAX)?;
    Ok((!line.as_bytes().is_empty()).then_some(line))
}
