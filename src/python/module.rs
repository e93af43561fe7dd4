//! A native module declared as a table, with Rust state of its own in every interpreter.

use std::ffi::{CStr, c_void};
use std::ptr;

use pyo3::prelude::*;
use pyo3::types::{PyModule, PyType};
use pyo3::{Borrowed, ffi};

use super::class::{Method, leak_methods};

/// Makes a module object in the current interpreter that owns `state`, and enters it in `sys.modules`.
///
/// # Errors
/// What CPython raises when it cannot make the module.
pub fn create<'py, S: 'static>(
    py: Python<'py>,
    name: &'static CStr,
    doc: &'static CStr,
    functions: &[Method],
    state: S,
) -> PyResult<Bound<'py, PyModule>> {
    let definition = Box::leak(Box::new(ffi::PyModuleDef {
        m_base: ffi::PyModuleDef_HEAD_INIT,
        m_name: name.as_ptr(),
        m_doc: doc.as_ptr(),
        m_size: ffi::Py_ssize_t::try_from(size_of::<*mut S>()).expect("a pointer is small"),
        m_methods: leak_methods(functions),
        m_slots: ptr::null_mut(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    // SAFETY: the definition is leaked, as the module needs; its state is room for one pointer, written before anyone reads it.
    let module = unsafe {
        let object = ffi::PyModule_Create2(definition, ffi::PYTHON_ABI_VERSION);
        let module = Bound::from_owned_ptr_or_err(py, object)?;
        let slot = ffi::PyModule_GetState(module.as_ptr()).cast::<*mut S>();
        slot.write(Box::into_raw(Box::new(state)));
        module.cast_into_unchecked::<PyModule>()
    };
    py.import("sys")?.getattr("modules")?.set_item(module.name()?, &module)?;
    Ok(module)
}

/// The state of the module that `object` is. It lives as long as its interpreter, which is never destroyed.
///
/// # Safety contract kept by construction
/// `S` must be the type [`create`] was called with: there is one native module, and so one `S`.
#[must_use]
pub fn state<S: 'static>(module: Borrowed<'_, '_, PyAny>) -> Option<&'static S> {
    // SAFETY: PyModule_GetState answers NULL (and an exception) for other objects; ours holds the pointer `create` wrote.
    unsafe {
        let slot = ffi::PyModule_GetState(module.as_ptr()).cast::<*const S>();
        if slot.is_null() {
            drop(PyErr::take(module.py()));
            return None;
        }
        Some(&**slot)
    }
}

/// The state of the module in which a class, or the class it derives from, was made.
#[must_use]
pub fn state_of_class<S: 'static>(class: &Bound<'_, PyType>) -> Option<&'static S> {
    let mut current = class.as_type_ptr();
    while !current.is_null() {
        // SAFETY: a live heap type; static types answer NULL with an exception, which is dropped.
        unsafe {
            let slot = ffi::PyType_GetModuleState(current).cast::<*const S>();
            if !slot.is_null() {
                return Some(&**slot);
            }
            drop(PyErr::take(class.py()));
            current = base(current);
        }
    }
    None
}

/// # Safety
/// `class` is a live type.
unsafe fn base(class: *mut ffi::PyTypeObject) -> *mut ffi::PyTypeObject {
    // SAFETY: PyType_GetSlot reads tp_base of a live type (of any type since 3.10).
    unsafe { ffi::PyType_GetSlot(class, ffi::Py_tp_base).cast::<c_void>().cast() }
}
