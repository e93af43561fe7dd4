//! Rows of a class: attributes, methods, functions, each naming a plain Rust function, and the C functions they become.
//!
//! Functions are passed as their own zero-sized types, so that each method is a C function of its own. Attributes, of which
//! there are many more, have two between them, and name what these call.

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt, PyErr, ffi};

use super::Object;
use super::boundary::{boundary, conjure, into_pointer};
use super::class::{Contents, This};

/// One attribute.
#[derive(Clone, Copy)]
pub struct Attribute {
    name: &'static CStr,
    doc: &'static CStr,
    read: Read,
    write: Option<Write>,
}

/// Gets an object whose class has the attribute.
type Read = for<'py> unsafe fn(Python<'py>, *mut ffi::PyObject) -> PyResult<Object<'py>>;
/// Gets such an object, and a value.
type Write = unsafe fn(Borrowed<'_, '_, PyAny>, Borrowed<'_, '_, PyAny>, &str) -> PyResult<()>;

impl Attribute {
    const fn new(
        name: &'static CStr,
        doc: &'static CStr,
        read: Read,
        write: Option<Write>,
    ) -> Self {
        assert!(name.to_bytes().is_ascii(), "names are ASCII");
        Self { name, doc, read, write }
    }

    /// The row as CPython wants it. The C functions know it by its address.
    pub(super) fn definition(&'static self) -> ffi::PyGetSetDef {
        ffi::PyGetSetDef {
            name: self.name.as_ptr(),
            get: Some(get),
            set: Some(set),
            doc: self.doc.as_ptr(),
            closure: ptr::from_ref(self).cast_mut().cast(),
        }
    }

    fn name(&self) -> &'static str {
        // SAFETY: `new` has seen that it is ASCII.
        unsafe { str::from_utf8_unchecked(self.name.to_bytes()) }
    }

    fn error(&self, what: &str) -> PyErr {
        PyAttributeError::new_err(format!("attribute '{}' {what}", self.name()))
    }
}

/// One method of a class, or one function of a module.
#[derive(Clone, Copy)]
pub struct Method(pub(super) ffi::PyMethodDef);

// SAFETY: the rows point at constants and functions only.
unsafe impl Sync for Method {}
/// A table of methods that CPython keeps pointing at: leaked, once per interpreter.
pub(super) fn leak_methods(methods: &[Method]) -> *mut ffi::PyMethodDef {
    let mut table: Vec<_> = methods.iter().map(|method| method.0).collect();
    table.push(ffi::PyMethodDef::zeroed());
    Box::leak(table.into_boxed_slice()).as_mut_ptr()
}

/// The arguments of a call, all positional.
#[derive(Clone, Copy)]
pub struct Arguments<'a, 'py> {
    values: &'a [*mut ffi::PyObject],
    py: Python<'py>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    #[must_use]
    pub fn py(self) -> Python<'py> {
        self.py
    }

    #[must_use]
    pub fn count(self) -> usize {
        self.values.len()
    }

    /// The argument at `index`, if given.
    #[must_use]
    pub fn optional(self, index: usize) -> Option<Borrowed<'a, 'py, PyAny>> {
        // SAFETY: CPython's argument array holds live objects for the length of the call.
        self.values.get(index).map(|value| unsafe { Borrowed::from_ptr(self.py, *value) })
    }

    /// The argument at `index`, or None where it is missing or Python's None.
    #[must_use]
    pub fn some(self, index: usize) -> Option<Borrowed<'a, 'py, PyAny>> {
        self.optional(index).filter(|value| !value.is_none())
    }

    /// The argument at `index`, which the row's arity guarantees.
    pub fn required(self, index: usize) -> PyResult<Borrowed<'a, 'py, PyAny>> {
        self.optional(index)
            .ok_or_else(|| PyTypeError::new_err(format!("argument {} is missing", index + 1)))
    }

    /// An integer, or `default` when it is missing.
    pub fn integer(self, index: usize, default: i64) -> PyResult<i64> {
        self.optional(index).map_or(Ok(default), |value| value.extract())
    }
}

/// How many arguments a method takes.
#[derive(Clone, Copy)]
pub struct Arity(pub u8, pub u8);

/// A function that reads an attribute: a plain function of the right shape, or a zero-sized type around one.
pub trait Getter<'a, 'py, T>: Copy {
    fn read(self, this: This<'a, 'py, T>) -> PyResult<Object<'py>>;
}

impl<'a, 'py, T: Contents, F, R> Getter<'a, 'py, T> for F
where
    F: Fn(This<'a, 'py, T>) -> PyResult<R> + Copy,
    R: IntoPyObject<'py>,
{
    fn read(self, this: This<'a, 'py, T>) -> PyResult<Object<'py>> {
        self(this)?.into_bound_py_any(this.py())
    }
}

/// A method.
pub trait Call<'a, 'py, T>: Copy {
    fn call(
        self,
        this: This<'a, 'py, T>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<*mut ffi::PyObject>;
}

impl<'a, 'py, T: Contents, F, R> Call<'a, 'py, T> for F
where
    F: Fn(This<'a, 'py, T>, Arguments<'a, 'py>) -> PyResult<R> + Copy,
    R: IntoPyObject<'py>,
{
    fn call(
        self,
        this: This<'a, 'py, T>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<*mut ffi::PyObject> {
        into_pointer(this.py(), self(this, arguments)?)
    }
}

/// A method that takes keywords.
pub trait KeywordCall<'a, 'py, T>: Copy {
    fn call(
        self,
        this: This<'a, 'py, T>,
        arguments: Borrowed<'a, 'py, PyTuple>,
        keywords: Option<Borrowed<'a, 'py, PyDict>>,
    ) -> PyResult<*mut ffi::PyObject>;
}

impl<'a, 'py, T: Contents, F, R> KeywordCall<'a, 'py, T> for F
where
    F: Fn(
            This<'a, 'py, T>,
            Borrowed<'a, 'py, PyTuple>,
            Option<Borrowed<'a, 'py, PyDict>>,
        ) -> PyResult<R>
        + Copy,
    R: IntoPyObject<'py>,
{
    fn call(
        self,
        this: This<'a, 'py, T>,
        arguments: Borrowed<'a, 'py, PyTuple>,
        keywords: Option<Borrowed<'a, 'py, PyDict>>,
    ) -> PyResult<*mut ffi::PyObject> {
        into_pointer(this.py(), self(this, arguments, keywords)?)
    }
}

/// A function of a module: the module's object is `self`.
pub trait Function<'a, 'py>: Copy {
    fn call(
        self,
        module: Borrowed<'a, 'py, PyAny>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<*mut ffi::PyObject>;
}

impl<'a, 'py, F, R> Function<'a, 'py> for F
where
    F: Fn(Borrowed<'a, 'py, PyAny>, Arguments<'a, 'py>) -> PyResult<R> + Copy,
    R: IntoPyObject<'py>,
{
    fn call(
        self,
        module: Borrowed<'a, 'py, PyAny>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<*mut ffi::PyObject> {
        into_pointer(arguments.py(), self(module, arguments)?)
    }
}

/// An attribute that is read only.
#[must_use]
pub const fn read<T, F>(name: &'static CStr, function: F, doc: &'static CStr) -> Attribute
where
    T: Contents,
    F: for<'a, 'py> Getter<'a, 'py, T>,
{
    let _plain = function;
    const { assert!(mem::size_of::<F>() == 0, "a row names a plain function") };
    Attribute::new(name, doc, read_with::<T, F>, None)
}

/// An attribute that may be assigned; the assigning function is told the attribute's name, for its messages.
#[must_use]
pub const fn read_write<T, F, S>(
    name: &'static CStr,
    function: F,
    set: S,
    doc: &'static CStr,
) -> Attribute
where
    T: Contents,
    F: for<'a, 'py> Getter<'a, 'py, T>,
    S: for<'a, 'py> Fn(This<'a, 'py, T>, Borrowed<'a, 'py, PyAny>, &str) -> PyResult<()> + Copy,
{
    let _plain = (function, set);
    const {
        assert!(mem::size_of::<F>() == 0 && mem::size_of::<S>() == 0, "a row names plain functions")
    };
    Attribute::new(name, doc, read_with::<T, F>, Some(write_with::<T, S>))
}

/// A method. `doc` starts with its signature, as Python's own built-in ones do.
#[must_use]
pub const fn method<T, F>(
    name: &'static CStr,
    function: F,
    arity: Arity,
    doc: &'static CStr,
) -> Method
where
    T: Contents,
    F: for<'a, 'py> Call<'a, 'py, T>,
{
    let _plain = function;
    const { assert!(mem::size_of::<F>() == 0, "a row names a plain function") };
    let call: ffi::PyCFunctionFast = match (arity.0, arity.1) {
        (0, 0) => method_call::<T, F, 0, 0>,
        (0, 1) => method_call::<T, F, 0, 1>,
        (0, 2) => method_call::<T, F, 0, 2>,
        (0, u8::MAX) => method_call::<T, F, 0, { u8::MAX }>,
        (1, 1) => method_call::<T, F, 1, 1>,
        (1, 2) => method_call::<T, F, 1, 2>,
        (1, 3) => method_call::<T, F, 1, 3>,
        (2, 2) => method_call::<T, F, 2, 2>,
        (2, 3) => method_call::<T, F, 2, 3>,
        (3, 3) => method_call::<T, F, 3, 3>,
        (3, 4) => method_call::<T, F, 3, 4>,
        (4, 4) => method_call::<T, F, 4, 4>,
        _ => panic!("add this arity to the list above"),
    };
    Method(fast_method(name, call, doc))
}

/// A method that takes keywords.
#[must_use]
pub const fn keyword_method<T, F>(name: &'static CStr, function: F, doc: &'static CStr) -> Method
where
    T: Contents,
    F: for<'a, 'py> KeywordCall<'a, 'py, T>,
{
    let _plain = function;
    const { assert!(mem::size_of::<F>() == 0, "a row names a plain function") };
    Method(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionWithKeywords: keyword_call::<T, F> },
        ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    })
}

/// A function of a module.
#[must_use]
pub const fn function<F>(
    name: &'static CStr,
    function: F,
    arity: Arity,
    doc: &'static CStr,
) -> Method
where
    F: for<'a, 'py> Function<'a, 'py>,
{
    let _plain = function;
    const { assert!(mem::size_of::<F>() == 0, "a row names a plain function") };
    let call: ffi::PyCFunctionFast = match (arity.0, arity.1) {
        (0, 0) => function_call::<F, 0, 0>,
        (0, 1) => function_call::<F, 0, 1>,
        (1, 1) => function_call::<F, 1, 1>,
        (1, 2) => function_call::<F, 1, 2>,
        (1, 3) => function_call::<F, 1, 3>,
        (1, 4) => function_call::<F, 1, 4>,
        (2, 2) => function_call::<F, 2, 2>,
        (2, 3) => function_call::<F, 2, 3>,
        (2, 5) => function_call::<F, 2, 5>,
        (3, 3) => function_call::<F, 3, 3>,
        (3, 4) => function_call::<F, 3, 4>,
        (4, 4) => function_call::<F, 4, 4>,
        _ => panic!("add this arity to the list above"),
    };
    Method(fast_method(name, call, doc))
}

const fn fast_method(
    name: &'static CStr,
    call: ffi::PyCFunctionFast,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFast: call },
        ml_flags: ffi::METH_FASTCALL,
        ml_doc: doc.as_ptr(),
    }
}

unsafe extern "C" fn get(object: *mut ffi::PyObject, row: *mut c_void) -> *mut ffi::PyObject {
    boundary(ptr::null_mut(), |py| {
        // SAFETY: `row` is what `definition` gave to CPython, which calls it with an instance of the class only.
        let value = unsafe { ((*row.cast::<Attribute>()).read)(py, object)? };
        Ok(value.into_ptr())
    })
}

unsafe extern "C" fn set(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    row: *mut c_void,
) -> c_int {
    boundary(-1, |py| {
        // SAFETY: as for `get`.
        let attribute = unsafe { &*row.cast::<Attribute>() };
        let Some(write) = attribute.write else { return Err(attribute.error("is read-only")) };
        if value.is_null() {
            return Err(attribute.error("cannot be deleted"));
        }
        // SAFETY: as for `get`; both are live objects for the length of the call.
        unsafe {
            let object = Borrowed::from_ptr(py, object);
            write(object, Borrowed::from_ptr(py, value), attribute.name()).map(|()| 0)
        }
    })
}

/// # Safety
/// `object` is alive, and an instance of the class of `T`.
unsafe fn read_with<'py, T: Contents, F: for<'a, 'p> Getter<'a, 'p, T>>(
    py: Python<'py>,
    object: *mut ffi::PyObject,
) -> PyResult<Object<'py>> {
    // SAFETY: the caller's promise.
    conjure::<F>().read(unsafe { This::from_pointer(py, object) })
}

/// # Safety
/// `object` is an instance of the class of `T`.
unsafe fn write_with<T, S>(
    object: Borrowed<'_, '_, PyAny>,
    value: Borrowed<'_, '_, PyAny>,
    name: &str,
) -> PyResult<()>
where
    T: Contents,
    S: for<'a, 'py> Fn(This<'a, 'py, T>, Borrowed<'a, 'py, PyAny>, &str) -> PyResult<()> + Copy,
{
    // SAFETY: the caller's promise.
    let this = unsafe { This::from_pointer(object.py(), object.as_ptr()) };
    conjure::<S>()(this, value, name)
}

unsafe extern "C" fn method_call<T, F, const LEAST: u8, const MOST: u8>(
    object: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> Call<'a, 'py, T>,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: CPython hands `count` live arguments, and an instance of the method's type.
        let (this, arguments) =
            unsafe { (This::from_pointer(py, object), arguments(py, values, count)) };
        check_arity(arguments, LEAST, MOST)?;
        conjure::<F>().call(this, arguments)
    })
}

pub(super) unsafe extern "C" fn keyword_call<T, F>(
    object: *mut ffi::PyObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> KeywordCall<'a, 'py, T>,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: CPython hands an instance of the method's type, a tuple, and a dict or NULL, alive for the call.
        unsafe {
            let arguments = Borrowed::from_ptr(py, arguments).cast_unchecked::<PyTuple>();
            let keywords = Borrowed::from_ptr_or_opt(py, keywords)
                .map(|object| object.cast_unchecked::<PyDict>());
            let this = This::from_pointer(py, object);
            conjure::<F>().call(this, arguments, keywords)
        }
    })
}

unsafe extern "C" fn function_call<F, const LEAST: u8, const MOST: u8>(
    module: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Function<'a, 'py>,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: CPython hands `count` live arguments, and the module object.
        let (module, arguments) =
            unsafe { (Borrowed::from_ptr(py, module), arguments(py, values, count)) };
        check_arity(arguments, LEAST, MOST)?;
        conjure::<F>().call(module, arguments)
    })
}

/// # Safety
/// `values` holds `count` live objects for `'a`.
unsafe fn arguments<'a, 'py>(
    py: Python<'py>,
    values: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> Arguments<'a, 'py> {
    let values: &[_] = if count == 0 {
        &[]
    } else {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(values, count.unsigned_abs()) }
    };
    Arguments { values, py }
}

fn check_arity(arguments: Arguments<'_, '_>, least: u8, most: u8) -> PyResult<()> {
    let count = arguments.count();
    if (usize::from(least)..=usize::from(most)).contains(&count) {
        return Ok(());
    }
    let expected =
        if least == most { format!("{least}") } else { format!("from {least} to {most}") };
    Err(PyTypeError::new_err(format!(
        "takes {expected} positional arguments but {count} were given"
    )))
}
