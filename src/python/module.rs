//! A native module declared as a table, with Rust state of its own in every interpreter.

use std::any::TypeId;
use std::ffi::{CStr, c_void};
use std::ptr;

use pyo3::prelude::*;
use pyo3::types::{PyModule, PyType};
use pyo3::{Borrowed, ffi};

use super::compat;
use super::row::{Method, leak_methods};

/// Makes a module object in the current interpreter and enters it in `sys.modules`. Each interpreter has a definition of its
/// own, so that nothing is shared between them, whatever lock they run under.
///
/// # Errors
/// What CPython raises when it cannot make the module.
pub fn create<'py>(
    py: Python<'py>,
    name: &'static CStr,
    doc: &'static CStr,
    functions: &[Method],
) -> PyResult<Bound<'py, PyModule>> {
    let definition = Box::leak(Box::new(ffi::PyModuleDef {
        m_base: ffi::PyModuleDef_HEAD_INIT,
        m_name: name.as_ptr(),
        m_doc: doc.as_ptr(),
        m_size: ffi::Py_ssize_t::try_from(size_of::<Slot>()).expect("a slot is small"),
        m_methods: leak_methods(functions),
        m_slots: compat::module_slots(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    let machinery = py.import("importlib.machinery")?;
    let spec = machinery.getattr("ModuleSpec")?.call1((name.to_string_lossy(), py.None()))?;
    // SAFETY: the definition is leaked, as the module needs. Execution makes the state, zeroed, and `Slot` reads zeroes as
    // "not set".
    let module = unsafe {
        let version = ffi::PYTHON_ABI_VERSION;
        let object = ffi::PyModule_FromDefAndSpec2(definition, spec.as_ptr(), version);
        let module = Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked::<PyModule>();
        if ffi::PyModule_ExecDef(module.as_ptr(), definition) != 0 {
            return Err(PyErr::fetch(py));
        }
        module
    };
    py.import("sys")?.getattr("modules")?.set_item(module.name()?, &module)?;
    Ok(module)
}

/// What a module's state holds: a pointer to `'static` Rust state, and the type it is of.
#[repr(C)]
struct Slot {
    state: *const c_void,
    type_id: Option<fn() -> TypeId>,
}

/// Gives the module its state. It must be a module that [`create`] made.
pub fn set_state<S: 'static>(module: &Bound<'_, PyModule>, state: &'static S) {
    // SAFETY: `create` made room for a Slot; attached, so nobody else looks at it meanwhile.
    unsafe {
        let slot = ffi::PyModule_GetState(module.as_ptr()).cast::<Slot>();
        assert!(!slot.is_null(), "a module made by `create`");
        slot.write(Slot { state: ptr::from_ref(state).cast(), type_id: Some(TypeId::of::<S>) });
    }
}

/// The state of the module that `object` is, if it is one of ours whose state is an `S`.
#[must_use]
pub fn state<S: 'static>(module: Borrowed<'_, '_, PyAny>) -> Option<&'static S> {
    // SAFETY: attached, a live object; NULL with an exception for what is no module.
    let slot = unsafe { ffi::PyModule_GetState(module.as_ptr()) };
    if slot.is_null() {
        drop(PyErr::take(module.py()));
    }
    read_slot(slot.cast())
}

fn read_slot<S: 'static>(slot: *const Slot) -> Option<&'static S> {
    // SAFETY: NULL, or the state of a module with a Slot; what it points to is 'static and of the type it names.
    unsafe {
        let slot = slot.as_ref()?;
        (slot.type_id?() == TypeId::of::<S>()).then(|| &*slot.state.cast::<S>())
    }
}

/// The state of the module in which a class, or the class it derives from, was made.
#[must_use]
pub fn state_of_class<S: 'static>(class: &Bound<'_, PyType>) -> Option<&'static S> {
    let mut current = class.as_type_ptr();
    while !current.is_null() {
        // SAFETY: a live heap type; static types answer NULL with an exception, which is dropped.
        unsafe {
            let slot = ffi::PyType_GetModuleState(current);
            if !slot.is_null() {
                return read_slot(slot.cast());
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
