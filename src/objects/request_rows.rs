//! Rows of the request's table whose value is a field of httpd's record: what the field is in Python, how it is assigned.

use std::ffi::CStr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::native::State;
use super::request::{Req, RequestObject, loan};
use super::request_state::RequestState;
use super::server;
use crate::apache::request::Request;
use crate::python::Object;
use crate::python::convert::{
    Encoded, Latin1, Text, encode_latin1, encode_line, encode_without_nul,
};
use crate::python::row::{Attribute, Getter, read, read_write};

/// A zero-sized type around a function that reads a field, and how Python sees the field.
macro_rules! shown_as {
    ($($wrapper:ident, $show:ident: $field:ty, |$this:ident, $value:ident| $shown:expr;)*) => {$(
        #[derive(Clone, Copy)]
        pub struct $wrapper<F>(F);

        impl<'a, 'py, F> Getter<'a, 'py, RequestObject> for $wrapper<F>
        where
            F: for<'r> Fn(Request<'r>) -> $field + Copy,
        {
            fn read(self, this: Req<'a, 'py>) -> PyResult<Object<'py>> {
                $show(this, &self.0)
            }
        }

        /// One piece of code for all fields of the kind.
        #[inline(never)]
        fn $show<'py>(
            $this: Req<'_, 'py>,
            field: &dyn for<'r> Fn(Request<'r>) -> $field,
        ) -> PyResult<Object<'py>> {
            let request = loan($this)?;
            let $value = field(*request);
            $shown
        }
    )*};
}

shown_as! {
    AsText, text_of: Option<&'r [u8]>, |this, value| value.map(Text).into_bound_py_any(this.py());
    AsLatin1, latin1_of: Option<&'r [u8]>, |this, value| value.map(Latin1).into_bound_py_any(this.py());
    AsTexts, texts_of: Vec<&'r [u8]>, |this, value| Ok(PyTuple::new(this.py(), value.into_iter().map(Text))?.into_any());
    AsNumber, number_of: i32, |this, value| value.into_bound_py_any(this.py());
    AsWide, wide_of: i64, |this, value| value.into_bound_py_any(this.py());
    AsFlag, flag_of: bool, |this, value| i32::from(value).into_bound_py_any(this.py());
    AsTime, time_of: i64, |this, value| server::seconds(value).into_bound_py_any(this.py());
    AsRelated, related_of: Option<Request<'r>>, |this, value| related_object(this, value);
}

/// Another request of the same chain, as the object that its own phases see.
fn related_object<'py>(this: Req<'_, 'py>, other: Option<Request<'_>>) -> PyResult<Object<'py>> {
    let state = State::of(this.object())?;
    let object = other.map(|other| RequestState::of(other).object(this.py(), state)).transpose()?;
    object.into_bound_py_any(this.py())
}

pub const fn text<F>(name: &'static CStr, field: F, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Option<&'r [u8]> + Copy,
{
    read(name, AsText(field), doc)
}

pub const fn texts<F>(name: &'static CStr, field: F, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Vec<&'r [u8]> + Copy,
{
    read(name, AsTexts(field), doc)
}

pub const fn number<F: for<'r> Fn(Request<'r>) -> i32 + Copy>(
    name: &'static CStr,
    field: F,
    doc: &'static CStr,
) -> Attribute {
    read(name, AsNumber(field), doc)
}

pub const fn wide<F: for<'r> Fn(Request<'r>) -> i64 + Copy>(
    name: &'static CStr,
    field: F,
    doc: &'static CStr,
) -> Attribute {
    read(name, AsWide(field), doc)
}

pub const fn flag<F: for<'r> Fn(Request<'r>) -> bool + Copy>(
    name: &'static CStr,
    field: F,
    doc: &'static CStr,
) -> Attribute {
    read(name, AsFlag(field), doc)
}

/// Microseconds in httpd, seconds as a float in Python.
pub const fn time<F: for<'r> Fn(Request<'r>) -> i64 + Copy>(
    name: &'static CStr,
    field: F,
    doc: &'static CStr,
) -> Attribute {
    read(name, AsTime(field), doc)
}

pub const fn related<F>(name: &'static CStr, field: F, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Option<Request<'r>> + Copy,
{
    read(name, AsRelated(field), doc)
}

pub const fn number_rw<F, S>(name: &'static CStr, field: F, set: S, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> i32 + Copy,
    S: for<'r> Fn(Request<'r>, i32) + Copy,
{
    read_write(
        name,
        AsNumber(field),
        move |this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, _: &str| {
            let value = value.extract()?;
            set(*loan(this)?, value);
            Ok(())
        },
        doc,
    )
}

/// Text that Python assigns with a function of its own.
pub const fn text_with<F, S>(name: &'static CStr, field: F, set: S, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Option<&'r [u8]> + Copy,
    S: for<'a, 'py> Fn(Req<'a, 'py>, Borrowed<'a, 'py, PyAny>, &str) -> PyResult<()> + Copy,
{
    read_write(name, AsText(field), set, doc)
}

/// Text without NUL.
pub const fn text_rw<F, S>(name: &'static CStr, field: F, set: S, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Option<&'r [u8]> + Copy,
    S: for<'r, 'v> Fn(Request<'r>, Option<&'v [u8]>) + Copy,
{
    read_write(
        name,
        AsText(field),
        move |this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, name: &str| {
            assign(this, value, name, encode_without_nul, set)
        },
        doc,
    )
}

/// Text that may end up on a line of HTTP, or names a file.
pub const fn line_rw<F, S>(name: &'static CStr, field: F, set: S, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Option<&'r [u8]> + Copy,
    S: for<'r, 'v> Fn(Request<'r>, Option<&'v [u8]>) + Copy,
{
    read_write(
        name,
        AsText(field),
        move |this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, name: &str| {
            assign(this, value, name, encode_line, set)
        },
        doc,
    )
}

/// Latin-1 text without NUL.
pub const fn latin1_rw<F, S>(name: &'static CStr, field: F, set: S, doc: &'static CStr) -> Attribute
where
    F: for<'r> Fn(Request<'r>) -> Option<&'r [u8]> + Copy,
    S: for<'r, 'v> Fn(Request<'r>, Option<&'v [u8]>) + Copy,
{
    read_write(
        name,
        AsLatin1(field),
        move |this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, name: &str| {
            assign(this, value, name, latin1_without_nul, set)
        },
        doc,
    )
}

type Encode = for<'v, 'py> fn(Borrowed<'v, 'py, PyAny>, &str) -> PyResult<Encoded<'py>>;

fn assign(
    this: Req<'_, '_>,
    value: Borrowed<'_, '_, PyAny>,
    name: &str,
    encode: Encode,
    set: impl for<'r, 'v> Fn(Request<'r>, Option<&'v [u8]>),
) -> PyResult<()> {
    let encoded = if value.is_none() { None } else { Some(encode(value, name)?) };
    set(*loan(this)?, encoded.as_ref().map(Encoded::as_bytes));
    Ok(())
}

fn latin1_without_nul<'py>(value: Borrowed<'_, 'py, PyAny>, name: &str) -> PyResult<Encoded<'py>> {
    let encoded = encode_latin1(value, name)?;
    if encoded.as_bytes().contains(&0) {
        return Err(PyValueError::new_err(format!("{name} contains a NUL character")));
    }
    Ok(encoded)
}
