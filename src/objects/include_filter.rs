//! `mp_include_filter`: what a tag of server side includes writes to. It has the members of a filter, and ends with its tag.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::Borrowed;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::lease::{Lease, OfElement};
use super::native::State;
use super::request::integer;
use super::request_state::RequestState;
use crate::apache::include::NotSent;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::Data;
use crate::python::row::{Arguments, Arity, method, read, read_write};
use crate::python::thread;

pub struct IncludeFilterObject {
    lease: Lease<OfElement>,
    softspace: AtomicI64,
}

type Filter<'a, 'py> = This<'a, 'py, IncludeFilterObject>;

pub const INCLUDE_FILTER: Class<IncludeFilterObject> = Class::<IncludeFilterObject>::new(c"builtins.mp_include_filter")
    .doc(c"What a tag of server side includes writes to.")
    .final_class()
    .attributes(&[
        read(c"name", name, c"str: 'includes'."),
        read(c"req", request, c"mp_request: the request of the page."),
        read(c"is_input", zero, c"int: 0."),
        read(c"handler", nothing, c"None: a tag has no handler."),
        read(c"dir", nothing, c"None: a tag has no handler."),
        read(c"closed", zero, c"int: 0, since closing does nothing."),
        read_write(c"softspace", softspace, set_softspace, c"int: unused; for programs of old."),
    ])
    .methods(&[
        method(c"write", write, Arity(1, 1), c"write(data)\n--\n\nPut str (as UTF-8) or bytes in the tag's place."),
        method(c"flush", flush, Arity(0, 2), c"flush()\n--\n\nSend the page as far as it is made. Raises OSError when the client is gone."),
        method(c"close", ignored, Arity(0, 2), c"close()\n--\n\nDoes nothing: the page goes on after the tag."),
        method(c"read", no_data, Arity(0, 1), c"read(length=-1)\n--\n\nb'': a tag has no input."),
        method(c"readline", no_data, Arity(0, 1), c"readline(length=-1)\n--\n\nb'': a tag has no input."),
        method(c"pass_on", ignored, Arity(0, 0), c"pass_on()\n--\n\nDoes nothing: a tag has no input."),
        method(c"disable", ignored, Arity(0, 0), c"disable()\n--\n\nDoes nothing: a tag runs once."),
    ]);

impl Contents for IncludeFilterObject {}

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    py: Python<'py>,
    state: &State,
    lease: Lease<OfElement>,
) -> PyResult<Object<'py>> {
    let contents = IncludeFilterObject { lease, softspace: AtomicI64::new(0) };
    class::instantiate(state.include_filter.bind(py), contents)
}

fn name(_this: Filter<'_, '_>) -> PyResult<&'static str> {
    Ok("includes")
}

fn request<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
    let element = this.lease.borrow(this.py())?;
    RequestState::of(element.request()).object(this.py(), State::of(this.object())?)
}

fn zero(_this: Filter<'_, '_>) -> PyResult<i32> {
    Ok(0)
}

fn nothing(_this: Filter<'_, '_>) -> PyResult<Option<&'static str>> {
    Ok(None)
}

fn softspace(this: Filter<'_, '_>) -> PyResult<i64> {
    Ok(this.softspace.load(Ordering::Relaxed))
}

fn set_softspace(this: Filter<'_, '_>, value: Borrowed<'_, '_, PyAny>, what: &str) -> PyResult<()> {
    this.softspace.store(integer(value, what)?, Ordering::Relaxed);
    Ok(())
}

fn write(this: Filter<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let data = Data::from_object(arguments.required(0)?)?;
    let element = this.lease.borrow(this.py())?;
    element.write(data.as_bytes()).map_err(|error| failed(&error))
}

fn flush(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    let element = this.lease.borrow(this.py())?;
    thread::detach(this.py(), || element.flush()).map_err(|error| failed(&error))
}

fn failed(error: &NotSent) -> PyErr {
    PyOSError::new_err(error.to_string())
}

fn ignored(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    this.lease.borrow(this.py()).map(drop)
}

fn no_data<'py>(
    this: Filter<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    arguments.integer(0, -1)?;
    this.lease.borrow(this.py())?;
    Ok(PyBytes::new(this.py(), b""))
}
