//! Many instances of one subclass of `str`, with what their slots hold: what a call of the class looks up is looked up once.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use pyo3::{Borrowed, ffi};

use super::Object;
use super::class::reference_count;

/// A subclass of `str`.
pub struct StrSubclass<'py> {
    class: Bound<'py, PyType>,
    /// `str.__new__`, if a call of the class does nothing else.
    new: Option<ffi::newfunc>,
    /// The arguments of its calls, which it keeps nothing of: one tuple for all.
    arguments: Bound<'py, PyTuple>,
}

impl<'py> StrSubclass<'py> {
    /// # Errors
    /// `TypeError` for what is no class.
    pub fn of(class: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let class = class.cast::<PyType>()?.to_owned();
        let text = class.py().get_type::<PyString>();
        let same = |slot| slot_of(&class, slot) == slot_of(&text, slot);
        let is_plain = class.is_exact_instance_of::<PyType>()
            && class.is_subclass(&text)?
            && same(ffi::Py_tp_new)
            && same(ffi::Py_tp_init);
        // SAFETY: the slot of this number holds a function of this type.
        let new = is_plain.then(|| unsafe { as_new(slot_of(&text, ffi::Py_tp_new)) }).flatten();
        let arguments = PyTuple::new(class.py(), [PyString::new(class.py(), "")])?;
        Ok(Self { class, new, arguments })
    }

    #[must_use]
    pub fn py(&self) -> Python<'py> {
        self.class.py()
    }

    /// # Errors
    /// What the class raises; `MemoryError`.
    pub fn instantiate(&self, text: Object<'py>) -> PyResult<Object<'py>> {
        let Some(new) = self.new else { return self.class.call1((text,)) };
        let arguments = self.arguments_of(text)?;
        // SAFETY: attached; what a call of the class would pass.
        unsafe {
            let made = new(self.class.as_type_ptr(), arguments.as_ptr(), std::ptr::null_mut());
            Bound::from_owned_ptr_or_err(self.class.py(), made)
        }
    }

    /// `text` in the tuple for all; in one of its own while somebody has found that, by `gc.get_objects()`.
    fn arguments_of(&self, text: Object<'py>) -> PyResult<Cow<'_, Bound<'py, PyTuple>>> {
        if reference_count(self.arguments.as_any()) != 1 {
            return PyTuple::new(self.class.py(), [text]).map(Cow::Owned);
        }
        // SAFETY: attached; the tuple has one item, which may be replaced, since nobody else has the tuple.
        match unsafe { ffi::PyTuple_SetItem(self.arguments.as_ptr(), 0, text.into_ptr()) } {
            0 => Ok(Cow::Borrowed(&self.arguments)),
            _ => Err(PyErr::fetch(self.class.py())),
        }
    }

    /// One of the attributes that its instances have a slot for.
    ///
    /// # Errors
    /// `AttributeError` when there is none of this name; `TypeError` when it cannot be set.
    pub fn member(&self, name: &Bound<'py, PyString>) -> PyResult<Member<'py>> {
        let descriptor = self.class.getattr(name)?;
        // SAFETY: the slot of this number is empty or holds a function of this type.
        let set = unsafe { as_set(slot_of(&descriptor.get_type(), ffi::Py_tp_descr_set)) };
        match set {
            Some(set) => Ok(Member { descriptor, set }),
            None => Err(pyo3::exceptions::PyTypeError::new_err(format!("{name} cannot be set"))),
        }
    }
}

/// An attribute, by its descriptor.
pub struct Member<'py> {
    descriptor: Object<'py>,
    set: ffi::descrsetfunc,
}

impl<'py> Member<'py> {
    /// # Errors
    /// What the descriptor raises: `TypeError` for an object of another class.
    pub fn set(&self, object: &Object<'py>, value: &Object<'py>) -> PyResult<()> {
        // SAFETY: attached; the descriptor's own function, which checks the object.
        match unsafe { (self.set)(self.descriptor.as_ptr(), object.as_ptr(), value.as_ptr()) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(object.py())),
        }
    }
}

fn slot_of(class: &Bound<'_, PyType>, slot: std::ffi::c_int) -> *mut std::ffi::c_void {
    // SAFETY: reads a slot of a live type, of any type since CPython 3.10.
    unsafe { ffi::PyType_GetSlot(class.as_type_ptr(), slot) }
}

/// # Safety
/// NULL, or such a function.
unsafe fn as_new(slot: *mut std::ffi::c_void) -> Option<ffi::newfunc> {
    // SAFETY: the caller's promise; NULL is None.
    unsafe { std::mem::transmute(slot) }
}

/// # Safety
/// NULL, or such a function.
unsafe fn as_set(slot: *mut std::ffi::c_void) -> Option<ffi::descrsetfunc> {
    // SAFETY: the caller's promise; NULL is None.
    unsafe { std::mem::transmute(slot) }
}
