//! The special methods of a class, as rows beside its attributes and methods.

use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{Borrowed, ffi};

use super::boundary::{boundary, conjure, into_pointer};
use super::class::{self, Contents, This};
use super::row::{Getter, KeywordCall, keyword_call};

/// One special method.
pub struct Slot(pub(super) ffi::PyType_Slot);

// SAFETY: a slot points at a function.
unsafe impl Sync for Slot {}

/// `==` and its kin, as `__lt__` and so on receive them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Order,
}

const fn slot(slot: c_int, pfunc: *mut c_void) -> Slot {
    Slot(ffi::PyType_Slot { slot, pfunc })
}

/// `__new__`: makes the contents of an object of `class` from the call's arguments. Without it a class cannot be
/// constructed by Python code.
#[must_use]
pub const fn construct<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Fn(
            &'a Bound<'py, PyType>,
            &'a Bound<'py, PyTuple>,
            Option<&'a Bound<'py, PyDict>>,
        ) -> PyResult<T>
        + Copy,
{
    let _plain = function;
    slot(ffi::Py_tp_new, new_call::<T, F> as *mut c_void)
}

/// `__len__`, which `bool()` uses too.
#[must_use]
pub const fn length<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Fn(This<'a, 'py, T>) -> PyResult<usize> + Copy,
{
    let _plain = function;
    slot(ffi::Py_mp_length, length_call::<T, F> as *mut c_void)
}

/// `__getitem__`.
#[must_use]
pub const fn item<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Lookup<'a, 'py, T>,
{
    let _plain = function;
    slot(ffi::Py_mp_subscript, item_call::<T, F> as *mut c_void)
}

/// `__setitem__` and `__delitem__` (the value is None then).
#[must_use]
pub const fn assign_item<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Fn(
            This<'a, 'py, T>,
            Borrowed<'a, 'py, PyAny>,
            Option<Borrowed<'a, 'py, PyAny>>,
        ) -> PyResult<()>
        + Copy,
{
    let _plain = function;
    slot(ffi::Py_mp_ass_subscript, assign_item_call::<T, F> as *mut c_void)
}

/// `__contains__`.
#[must_use]
pub const fn contains<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Fn(This<'a, 'py, T>, Borrowed<'a, 'py, PyAny>) -> PyResult<bool> + Copy,
{
    let _plain = function;
    slot(ffi::Py_sq_contains, contains_call::<T, F> as *mut c_void)
}

/// `__call__`.
#[must_use]
pub const fn call<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> KeywordCall<'a, 'py, T>,
{
    let _plain = function;
    slot(ffi::Py_tp_call, keyword_call::<T, F> as *mut c_void)
}

/// `__repr__`, which `str()` uses too.
#[must_use]
pub const fn represent<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Getter<'a, 'py, T>,
{
    let _plain = function;
    slot(ffi::Py_tp_repr, unary_call::<T, F> as *mut c_void)
}

/// `__iter__`.
#[must_use]
pub const fn iterate<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Getter<'a, 'py, T>,
{
    let _plain = function;
    slot(ffi::Py_tp_iter, unary_call::<T, F> as *mut c_void)
}

/// `__next__`: None ends the iteration.
#[must_use]
pub const fn next<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Next<'a, 'py, T>,
{
    let _plain = function;
    slot(ffi::Py_tp_iternext, next_call::<T, F> as *mut c_void)
}

/// `|`: either operand may be ours. None: this operation is not ours (`NotImplemented`).
#[must_use]
pub const fn or<F>(function: F) -> Slot
where
    F: for<'a, 'py> Fn(
            Borrowed<'a, 'py, PyAny>,
            Borrowed<'a, 'py, PyAny>,
        ) -> PyResult<Option<Bound<'py, PyAny>>>
        + Copy,
{
    let _plain = function;
    slot(ffi::Py_nb_or, or_call::<F> as *mut c_void)
}

/// `|=`. None: this operation is not ours.
#[must_use]
pub const fn or_in_place<F>(function: F) -> Slot
where
    F: for<'a, 'py> Fn(
            Borrowed<'a, 'py, PyAny>,
            Borrowed<'a, 'py, PyAny>,
        ) -> PyResult<Option<Bound<'py, PyAny>>>
        + Copy,
{
    let _plain = function;
    slot(ffi::Py_nb_inplace_or, or_call::<F> as *mut c_void)
}

/// `==` and `!=`. None: this comparison is not ours (`NotImplemented`).
#[must_use]
pub const fn compare<T, F>(function: F) -> Slot
where
    T: Contents,
    F: for<'a, 'py> Fn(
            This<'a, 'py, T>,
            Borrowed<'a, 'py, PyAny>,
            Comparison,
        ) -> PyResult<Option<bool>>
        + Copy,
{
    let _plain = function;
    slot(ffi::Py_tp_richcompare, compare_call::<T, F> as *mut c_void)
}

/// `hash(x)` raises `TypeError`.
#[must_use]
pub const fn unhashable() -> Slot {
    slot(ffi::Py_tp_hash, ffi::PyObject_HashNotImplemented as *mut c_void)
}

/// A function for `__getitem__`. Implemented for plain functions of the right shape.
pub trait Lookup<'a, 'py, T>: Copy {
    fn look_up(
        self,
        this: This<'a, 'py, T>,
        key: Borrowed<'a, 'py, PyAny>,
    ) -> PyResult<*mut ffi::PyObject>;
}

impl<'a, 'py, T: Contents, F, R> Lookup<'a, 'py, T> for F
where
    F: Fn(This<'a, 'py, T>, Borrowed<'a, 'py, PyAny>) -> PyResult<R> + Copy,
    R: IntoPyObject<'py>,
{
    fn look_up(
        self,
        this: This<'a, 'py, T>,
        key: Borrowed<'a, 'py, PyAny>,
    ) -> PyResult<*mut ffi::PyObject> {
        into_pointer(this.py(), self(this, key)?)
    }
}

/// A function for `__next__`. Implemented for plain functions of the right shape.
pub trait Next<'a, 'py, T>: Copy {
    fn next(self, this: This<'a, 'py, T>) -> PyResult<*mut ffi::PyObject>;
}

impl<'a, 'py, T: Contents, F, R> Next<'a, 'py, T> for F
where
    F: Fn(This<'a, 'py, T>) -> PyResult<Option<R>> + Copy,
    R: IntoPyObject<'py>,
{
    fn next(self, this: This<'a, 'py, T>) -> PyResult<*mut ffi::PyObject> {
        self(this)?.map_or(Ok(ptr::null_mut()), |value| into_pointer(this.py(), value))
    }
}

unsafe extern "C" fn new_call<T, F>(
    subtype: *mut ffi::PyTypeObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> Fn(
            &'a Bound<'py, PyType>,
            &'a Bound<'py, PyTuple>,
            Option<&'a Bound<'py, PyDict>>,
        ) -> PyResult<T>
        + Copy,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: CPython passes a type that derives from ours, a tuple, and a dict or NULL.
        unsafe {
            let class =
                Borrowed::from_ptr(py, subtype.cast()).cast_unchecked::<PyType>().to_owned();
            let arguments =
                Borrowed::from_ptr(py, arguments).cast_unchecked::<PyTuple>().to_owned();
            let keywords = Borrowed::from_ptr_or_opt(py, keywords)
                .map(|object| object.cast_unchecked::<PyDict>().to_owned());
            let contents = conjure::<F>()(&class, &arguments, keywords.as_ref())?;
            Ok(class::instantiate(&class, contents)?.into_ptr())
        }
    })
}

unsafe extern "C" fn length_call<T, F>(object: *mut ffi::PyObject) -> ffi::Py_ssize_t
where
    T: Contents,
    F: for<'a, 'py> Fn(This<'a, 'py, T>) -> PyResult<usize> + Copy,
{
    boundary(-1, |py| {
        // SAFETY: CPython calls a slot with an instance of its type only; so for the functions below.
        let length = conjure::<F>()(unsafe { This::from_pointer(py, object) })?;
        Ok(ffi::Py_ssize_t::try_from(length).unwrap_or(ffi::Py_ssize_t::MAX))
    })
}

unsafe extern "C" fn item_call<T, F>(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> Lookup<'a, 'py, T>,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: an instance of the slot's type, and a live key.
        let (this, key) = unsafe { (This::from_pointer(py, object), Borrowed::from_ptr(py, key)) };
        conjure::<F>().look_up(this, key)
    })
}

unsafe extern "C" fn assign_item_call<T, F>(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> c_int
where
    T: Contents,
    F: for<'a, 'py> Fn(
            This<'a, 'py, T>,
            Borrowed<'a, 'py, PyAny>,
            Option<Borrowed<'a, 'py, PyAny>>,
        ) -> PyResult<()>
        + Copy,
{
    boundary(-1, |py| {
        // SAFETY: an instance of the slot's type, a live key, and a live value or NULL for a deletion.
        let (this, key, value) = unsafe {
            (
                This::from_pointer(py, object),
                Borrowed::from_ptr(py, key),
                Borrowed::from_ptr_or_opt(py, value),
            )
        };
        conjure::<F>()(this, key, value).map(|()| 0)
    })
}

unsafe extern "C" fn contains_call<T, F>(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> c_int
where
    T: Contents,
    F: for<'a, 'py> Fn(This<'a, 'py, T>, Borrowed<'a, 'py, PyAny>) -> PyResult<bool> + Copy,
{
    boundary(-1, |py| {
        // SAFETY: an instance of the slot's type, and a live key.
        let (this, key) = unsafe { (This::from_pointer(py, object), Borrowed::from_ptr(py, key)) };
        conjure::<F>()(this, key).map(c_int::from)
    })
}

unsafe extern "C" fn unary_call<T, F>(object: *mut ffi::PyObject) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> Getter<'a, 'py, T>,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: an instance of the slot's type.
        let value = conjure::<F>().read(unsafe { This::from_pointer(py, object) })?;
        Ok(value.into_ptr())
    })
}

unsafe extern "C" fn next_call<T, F>(object: *mut ffi::PyObject) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> Next<'a, 'py, T>,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: an instance of the slot's type.
        conjure::<F>().next(unsafe { This::from_pointer(py, object) })
    })
}

unsafe extern "C" fn or_call<F>(
    left: *mut ffi::PyObject,
    right: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Fn(
            Borrowed<'a, 'py, PyAny>,
            Borrowed<'a, 'py, PyAny>,
        ) -> PyResult<Option<Bound<'py, PyAny>>>
        + Copy,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: two live operands.
        let (left, right) =
            unsafe { (Borrowed::from_ptr(py, left), Borrowed::from_ptr(py, right)) };
        let result = conjure::<F>()(left, right)?;
        Ok(result.map_or_else(|| py.NotImplemented().into_ptr(), Bound::into_ptr))
    })
}

unsafe extern "C" fn compare_call<T, F>(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject
where
    T: Contents,
    F: for<'a, 'py> Fn(
            This<'a, 'py, T>,
            Borrowed<'a, 'py, PyAny>,
            Comparison,
        ) -> PyResult<Option<bool>>
        + Copy,
{
    boundary(ptr::null_mut(), |py| {
        // SAFETY: an instance of the slot's type, and a live other operand.
        let (this, other) =
            unsafe { (This::from_pointer(py, object), Borrowed::from_ptr(py, other)) };
        let comparison = match operation {
            ffi::Py_EQ => Comparison::Equal,
            ffi::Py_NE => Comparison::NotEqual,
            _ => Comparison::Order,
        };
        match conjure::<F>()(this, other, comparison)? {
            Some(result) => into_pointer(py, result),
            None => Ok(py.NotImplemented().into_ptr()),
        }
    })
}
