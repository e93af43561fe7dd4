//! A Python type declared as a const table of plain Rust functions.
//!
//! A `Class<T>` becomes a heap type of its own in every interpreter. Its objects hold a `T`. The rows of the table, attributes
//! and methods, are in [`super::row`], its special methods in [`super::slot`].

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ops::{ControlFlow, Deref};
use std::ptr;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyType};
use pyo3::{Borrowed, ffi};

use super::boundary::boundary;
use super::row::{Attribute, Method, leak_methods};
use super::slot::Slot;
use super::{Object, compat};

/// What the objects of a class hold.
pub trait Contents: Sized + 'static {
    /// Names the Python objects that `self` holds, for the garbage collector.
    fn traverse(&self, visit: &Visit) -> ControlFlow<c_int> {
        let _ = visit;
        ControlFlow::Continue(())
    }

    /// Lets go of them.
    fn clear(&self) {}
}

/// The garbage collector's visitor.
pub struct Visit {
    function: ffi::visitproc,
    argument: *mut c_void,
}

impl Visit {
    /// Tells the collector of one object.
    pub fn object<T>(&self, object: &Py<T>) -> ControlFlow<c_int> {
        // SAFETY: called while the collector traverses, with a live object.
        match unsafe { (self.function)(object.as_ptr(), self.argument) } {
            0 => ControlFlow::Continue(()),
            stop => ControlFlow::Break(stop),
        }
    }
}

/// The table of one Python type.
pub struct Class<T> {
    table: Table,
    contents: PhantomData<fn() -> T>,
}

/// What does not depend on what the objects hold.
struct Table {
    name: &'static CStr,
    doc: &'static CStr,
    attributes: &'static [Attribute],
    methods: &'static [Method],
    slots: &'static [Slot],
    dictionary: bool,
    subclassable: bool,
}

/// What does: size, where the dictionary is, and the functions that every type with contents has.
struct Memory {
    size: usize,
    dictionary: usize,
    functions: [(c_int, *mut c_void); 3],
}

impl<T: Contents> Class<T> {
    /// `name` is how `str(type(x))` shows it: the classes present themselves as built-in ones.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        let table = Table {
            name,
            doc: c"",
            attributes: &[],
            methods: &[],
            slots: &[],
            dictionary: false,
            subclassable: true,
        };
        Self { table, contents: PhantomData }
    }

    #[must_use]
    pub const fn doc(mut self, doc: &'static CStr) -> Self {
        self.table.doc = doc;
        self
    }

    #[must_use]
    pub const fn attributes(mut self, attributes: &'static [Attribute]) -> Self {
        self.table.attributes = attributes;
        self
    }

    #[must_use]
    pub const fn methods(mut self, methods: &'static [Method]) -> Self {
        self.table.methods = methods;
        self
    }

    #[must_use]
    pub const fn slots(mut self, slots: &'static [Slot]) -> Self {
        self.table.slots = slots;
        self
    }

    /// Objects take arbitrary further attributes.
    #[must_use]
    pub const fn with_dictionary(mut self) -> Self {
        self.table.dictionary = true;
        self
    }

    #[must_use]
    pub const fn final_class(mut self) -> Self {
        self.table.subclassable = false;
        self
    }

    /// Makes the type in `module`'s interpreter and adds nothing to the module.
    ///
    /// # Errors
    /// What CPython raises when it cannot make the type.
    pub fn create<'py>(&self, module: &Bound<'py, PyModule>) -> PyResult<Bound<'py, PyType>> {
        let memory = Memory {
            size: mem::size_of::<Layout<T>>(),
            dictionary: mem::offset_of!(Layout<T>, dictionary),
            functions: [
                (ffi::Py_tp_dealloc, deallocate::<T> as *mut c_void),
                (ffi::Py_tp_traverse, traverse::<T> as *mut c_void),
                (ffi::Py_tp_clear, clear::<T> as *mut c_void),
            ],
        };
        self.table.create(module, &memory)
    }
}

impl Table {
    fn create<'py>(
        &self,
        module: &Bound<'py, PyModule>,
        memory: &Memory,
    ) -> PyResult<Bound<'py, PyType>> {
        let py = module.py();
        let mut members = dictionary_members(memory.dictionary);
        let mut slots = self.type_slots(&mut members, memory);
        let mut spec = ffi::PyType_Spec {
            name: self.name.as_ptr(),
            basicsize: c_int::try_from(memory.size).expect("objects are small"),
            itemsize: 0,
            flags: self.flags(),
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the tables the slots point at are leaked or constant; CPython copies the spec, and the members.
        unsafe {
            let object =
                ffi::PyType_FromModuleAndSpec(module.as_ptr(), &raw mut spec, ptr::null_mut());
            let class = Bound::from_owned_ptr_or_err(py, object)?;
            // `repr` shows the full C name of a built-in class; assigning the name leaves only the name.
            let name = self.name.to_string_lossy();
            class.setattr("__name__", name.rsplit('.').next())?;
            Ok(class.cast_into_unchecked())
        }
    }

    fn flags(&self) -> u32 {
        let constructible = self.slots.iter().any(|slot| slot.0.slot == ffi::Py_tp_new);
        let mut flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC;
        if self.subclassable {
            flags |= ffi::Py_TPFLAGS_BASETYPE;
        }
        let flags = u32::try_from(flags).expect("type flags are 32 bits");
        if constructible { flags } else { flags | compat::DISALLOW_INSTANTIATION }
    }

    fn type_slots(
        &self,
        members: &mut [ffi::PyMemberDef],
        memory: &Memory,
    ) -> Vec<ffi::PyType_Slot> {
        let row = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
        let mut slots = vec![
            row(ffi::Py_tp_doc, self.doc.as_ptr().cast_mut().cast()),
            row(ffi::Py_tp_getset, self.attribute_table().cast()),
            row(ffi::Py_tp_methods, self.method_table().cast()),
        ];
        slots.extend(memory.functions.map(|(slot, function)| row(slot, function)));
        if self.dictionary {
            slots.push(row(ffi::Py_tp_members, members.as_mut_ptr().cast()));
        }
        slots.extend(
            self.slots
                .iter()
                .map(|slot| ffi::PyType_Slot { slot: slot.0.slot, pfunc: slot.0.pfunc }),
        );
        slots.push(row(0, ptr::null_mut()));
        slots
    }

    /// Leaked once per interpreter: the type keeps pointing at it.
    fn attribute_table(&self) -> *mut ffi::PyGetSetDef {
        let mut table: Vec<_> = self.attributes.iter().map(Attribute::definition).collect();
        if self.dictionary {
            table.push(ffi::PyGetSetDef {
                name: c"__dict__".as_ptr(),
                get: Some(ffi::PyObject_GenericGetDict),
                set: None,
                doc: ptr::null(),
                closure: ptr::null_mut(),
            });
        }
        table.push(ffi::PyGetSetDef {
            name: ptr::null(),
            get: None,
            set: None,
            doc: ptr::null(),
            closure: ptr::null_mut(),
        });
        Box::leak(table.into_boxed_slice()).as_mut_ptr()
    }

    fn method_table(&self) -> *mut ffi::PyMethodDef {
        leak_methods(self.methods)
    }
}

fn dictionary_members(offset: usize) -> [ffi::PyMemberDef; 2] {
    let offset = ffi::Py_ssize_t::try_from(offset).expect("objects are small");
    let member = |name: *const c_char, offset| ffi::PyMemberDef {
        name,
        type_code: ffi::Py_T_PYSSIZET,
        offset,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    };
    [member(c"__dictoffset__".as_ptr(), offset), member(ptr::null(), 0)]
}

/// An object as CPython lays it out.
#[repr(C)]
struct Layout<T> {
    header: ffi::PyObject,
    dictionary: *mut ffi::PyObject,
    contents: ManuallyDrop<T>,
}

/// Makes an object of `class`, which must be the type that `Class<T>` made in this interpreter, or a subclass of it.
///
/// # Errors
/// `MemoryError`.
pub fn instantiate<'py, T: Contents>(
    class: &Bound<'py, PyType>,
    contents: T,
) -> PyResult<Object<'py>> {
    // SAFETY: PyType_GenericAlloc gives zeroed memory of at least the type's basic size, which is `Layout<T>`'s.
    unsafe {
        let object = ffi::PyType_GenericAlloc(class.as_type_ptr(), 0);
        let object = Bound::from_owned_ptr_or_err(class.py(), object)?;
        ptr::write(
            &raw mut (*object.as_ptr().cast::<Layout<T>>()).contents,
            ManuallyDrop::new(contents),
        );
        Ok(object)
    }
}

/// The contents of `object`, or None when it is no object of `class`.
#[must_use]
pub fn contents<'a, T: Contents>(
    object: Borrowed<'a, '_, PyAny>,
    class: &Bound<'_, PyType>,
) -> Option<&'a T> {
    // SAFETY: attached; both are live objects.
    if unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), class.as_type_ptr()) } == 0 {
        return None;
    }
    // SAFETY: instances of `class` are laid out as `Layout<T>`; the contents are borrowed no longer than the object.
    Some(unsafe { &*(&raw const (*object.as_ptr().cast::<Layout<T>>()).contents).cast::<T>() })
}

/// What user code has set on an object of a class `with_dictionary`; None if that is nothing.
#[must_use]
pub fn attributes<'py, T: Contents>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    // SAFETY: the caller's objects are laid out as `Layout<T>`, attached; CPython keeps NULL or a dict there.
    unsafe {
        let dictionary = (*object.as_ptr().cast::<Layout<T>>()).dictionary;
        let dictionary = Bound::from_borrowed_ptr_or_opt(object.py(), dictionary)?;
        Some(dictionary.cast_into_unchecked())
    }
}

/// Whether user code has set attributes on an object of a class `with_dictionary`.
#[must_use]
pub fn has_attributes<T: Contents>(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the caller's objects are laid out as `Layout<T>`; attached.
    unsafe { !(*object.as_ptr().cast::<Layout<T>>()).dictionary.is_null() }
}

/// How many owners an object has.
#[must_use]
pub fn reference_count(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: attached, and the object is alive.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

/// `self` in a function of a table.
pub struct This<'a, 'py, T> {
    object: Borrowed<'a, 'py, PyAny>,
    contents: PhantomData<&'a T>,
}

impl<T> Clone for This<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for This<'_, '_, T> {}

impl<'a, 'py, T: Contents> This<'a, 'py, T> {
    /// # Safety
    /// `object` is alive for `'a` and laid out as `Layout<T>`.
    pub(super) unsafe fn from_pointer(py: Python<'py>, object: *mut ffi::PyObject) -> Self {
        // SAFETY: the caller's promise.
        Self { object: unsafe { Borrowed::from_ptr(py, object) }, contents: PhantomData }
    }

    #[must_use]
    pub fn py(self) -> Python<'py> {
        self.object.py()
    }

    #[must_use]
    pub fn object(self) -> Borrowed<'a, 'py, PyAny> {
        self.object
    }

    /// The contents for as long as the object is borrowed.
    #[must_use]
    pub fn contents(self) -> &'a T {
        // SAFETY: a `This` is only made of objects laid out so, borrowed for 'a.
        unsafe { &*(&raw const (*self.object.as_ptr().cast::<Layout<T>>()).contents).cast::<T>() }
    }
}

impl<T: Contents> Deref for This<'_, '_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        This::contents(*self)
    }
}

unsafe extern "C" fn deallocate<T: Contents>(object: *mut ffi::PyObject) {
    // SAFETY: CPython calls it once, with the last reference gone. The contents are dropped with PyO3's count raised, since
    // they may hold references; memory and type are given back as the C API prescribes for heap types.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let layout = object.cast::<Layout<T>>();
        boundary((), |_| {
            ManuallyDrop::drop(&mut (*layout).contents);
            Ok(())
        });
        ffi::Py_CLEAR(&raw mut (*layout).dictionary);
        let class = ffi::Py_TYPE(object);
        let free: ffi::freefunc = mem::transmute(ffi::PyType_GetSlot(class, ffi::Py_tp_free));
        free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn traverse<T: Contents>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector passes a live object; the visitor is called as CPython documents, and nothing else of Python is.
    unsafe {
        let layout = object.cast::<Layout<T>>();
        let seen = visit(ffi::Py_TYPE(object).cast(), argument);
        if seen != 0 {
            return seen;
        }
        if !(*layout).dictionary.is_null() {
            let seen = visit((*layout).dictionary, argument);
            if seen != 0 {
                return seen;
            }
        }
        let visit = Visit { function: visit, argument };
        match (*layout).contents.traverse(&visit) {
            ControlFlow::Continue(()) => 0,
            ControlFlow::Break(stop) => stop,
        }
    }
}

unsafe extern "C" fn clear<T: Contents>(object: *mut ffi::PyObject) -> c_int {
    boundary(0, |_| {
        // SAFETY: the collector passes a live object.
        unsafe {
            let layout = object.cast::<Layout<T>>();
            ffi::Py_CLEAR(&raw mut (*layout).dictionary);
            (*layout).contents.clear();
        }
        Ok(0)
    })
}
