//! A Python type declared as a const table of plain Rust functions, and the boundary CPython -> Rust.
//!
//! A `Class<T>` becomes a heap type of its own in every interpreter. Its objects hold a `T`. A row names a plain function: an
//! attribute reads `fn(This<'_, '_, T>) -> PyResult<R>`, a method `fn(This<'_, '_, T>, Arguments<'_, '_>) -> PyResult<R>`.
//! Functions are passed as their own zero-sized types, so that each row is a C function of its own.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ops::{ControlFlow, Deref};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::{PyAttributeError, PySystemError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyTuple, PyType};
use pyo3::{Borrowed, IntoPyObjectExt, PyErr, ffi};

use super::{Object, compat, slot::Slot, thread};

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
    name: &'static CStr,
    doc: &'static CStr,
    attributes: &'static [Attribute],
    methods: &'static [Method],
    slots: &'static [Slot],
    dictionary: bool,
    subclassable: bool,
    contents: PhantomData<fn() -> T>,
}

/// One attribute.
#[derive(Clone, Copy)]
pub struct Attribute(ffi::PyGetSetDef);

// SAFETY: the rows point at constants and functions only.
unsafe impl Sync for Attribute {}

/// One method of a class, or one function of a module.
#[derive(Clone, Copy)]
pub struct Method(pub(super) ffi::PyMethodDef);

// SAFETY: as for Attribute.
unsafe impl Sync for Method {}

impl<T: Contents> Class<T> {
    /// `name` is how `str(type(x))` shows it: the classes present themselves as built-in ones.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            doc: c"",
            attributes: &[],
            methods: &[],
            slots: &[],
            dictionary: false,
            subclassable: true,
            contents: PhantomData,
        }
    }

    #[must_use]
    pub const fn doc(mut self, doc: &'static CStr) -> Self {
        self.doc = doc;
        self
    }

    #[must_use]
    pub const fn attributes(mut self, attributes: &'static [Attribute]) -> Self {
        self.attributes = attributes;
        self
    }

    #[must_use]
    pub const fn methods(mut self, methods: &'static [Method]) -> Self {
        self.methods = methods;
        self
    }

    #[must_use]
    pub const fn slots(mut self, slots: &'static [Slot]) -> Self {
        self.slots = slots;
        self
    }

    /// Objects take arbitrary further attributes.
    #[must_use]
    pub const fn with_dictionary(mut self) -> Self {
        self.dictionary = true;
        self
    }

    #[must_use]
    pub const fn final_class(mut self) -> Self {
        self.subclassable = false;
        self
    }

    /// Makes the type in `module`'s interpreter and adds nothing to the module.
    ///
    /// # Errors
    /// What CPython raises when it cannot make the type.
    pub fn create<'py>(&self, module: &Bound<'py, PyModule>) -> PyResult<Bound<'py, PyType>> {
        let py = module.py();
        let mut slots = self.type_slots();
        let mut spec = ffi::PyType_Spec {
            name: self.name.as_ptr(),
            basicsize: c_int::try_from(mem::size_of::<Layout<T>>()).expect("objects are small"),
            itemsize: 0,
            flags: self.flags(),
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the tables the slots point at are leaked or constant; CPython copies the spec.
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

    fn type_slots(&self) -> Vec<ffi::PyType_Slot> {
        let row = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
        let mut slots = vec![
            row(ffi::Py_tp_doc, self.doc.as_ptr().cast_mut().cast()),
            row(ffi::Py_tp_dealloc, deallocate::<T> as *mut c_void),
            row(ffi::Py_tp_traverse, traverse::<T> as *mut c_void),
            row(ffi::Py_tp_clear, clear::<T> as *mut c_void),
            row(ffi::Py_tp_getset, self.attribute_table().cast()),
            row(ffi::Py_tp_methods, self.method_table().cast()),
        ];
        if self.dictionary {
            slots.push(row(ffi::Py_tp_members, dictionary_member::<T>().cast()));
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
        let mut table: Vec<_> = self.attributes.iter().map(|attribute| attribute.0).collect();
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

pub(super) fn leak_methods(methods: &[Method]) -> *mut ffi::PyMethodDef {
    let mut table: Vec<_> = methods.iter().map(|method| method.0).collect();
    table.push(ffi::PyMethodDef::zeroed());
    Box::leak(table.into_boxed_slice()).as_mut_ptr()
}

fn dictionary_member<T>() -> *mut ffi::PyMemberDef {
    let offset = ffi::Py_ssize_t::try_from(mem::offset_of!(Layout<T>, dictionary))
        .expect("objects are small");
    let member = |name: *const c_char, offset| ffi::PyMemberDef {
        name,
        type_code: ffi::Py_T_PYSSIZET,
        offset,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    };
    let table = vec![member(c"__dictoffset__".as_ptr(), offset), member(ptr::null(), 0)];
    Box::leak(table.into_boxed_slice()).as_mut_ptr()
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

pub(super) fn into_pointer<'py, R: IntoPyObject<'py>>(
    py: Python<'py>,
    value: R,
) -> PyResult<*mut ffi::PyObject> {
    // What gives back nothing gives back None; PyO3 would make an empty tuple of it.
    if mem::size_of::<R>() == 0 {
        return Ok(py.None().into_ptr());
    }
    value.into_bound_py_any(py).map(Bound::into_ptr)
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
    Attribute(ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(getter::<T, F>),
        set: Some(refuse_assignment),
        doc: doc.as_ptr(),
        closure: name.as_ptr().cast_mut().cast(),
    })
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
    Attribute(ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(getter::<T, F>),
        set: Some(setter::<T, S>),
        doc: doc.as_ptr(),
        closure: name.as_ptr().cast_mut().cast(),
    })
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
        (1, 1) => method_call::<T, F, 1, 1>,
        (1, 2) => method_call::<T, F, 1, 2>,
        (1, 3) => method_call::<T, F, 1, 3>,
        (2, 2) => method_call::<T, F, 2, 2>,
        (2, 3) => method_call::<T, F, 2, 3>,
        (3, 3) => method_call::<T, F, 3, 3>,
        (3, 4) => method_call::<T, F, 3, 4>,
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
        (3, 4) => function_call::<F, 3, 4>,
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

/// The function a zero-sized function type stands for.
pub(super) fn conjure<F: Copy>() -> F {
    const { assert!(mem::size_of::<F>() == 0, "only plain functions are zero-sized") };
    // SAFETY: F is Copy and zero-sized, and its one value was handed to the row's constructor, so it can exist.
    unsafe { mem::zeroed() }
}

/// The boundary CPython -> Rust: a token, a caught panic (`SystemError`), an exception set for `failure`.
pub(super) fn boundary<R>(failure: R, body: impl for<'py> FnOnce(Python<'py>) -> PyResult<R>) -> R {
    thread::counted(|py| {
        let result = catch_unwind(AssertUnwindSafe(|| body(py)))
            .unwrap_or_else(|panic| Err(panic_error(&*panic)));
        result.unwrap_or_else(|error| {
            error.restore(py);
            failure
        })
    })
}

fn panic_error(panic: &(dyn std::any::Any + Send)) -> PyErr {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    PySystemError::new_err(format!("mod_python: internal error (please report it): {text}"))
}

unsafe extern "C" fn getter<T: Contents, F: for<'a, 'py> Getter<'a, 'py, T>>(
    object: *mut ffi::PyObject,
    _name: *mut c_void,
) -> *mut ffi::PyObject {
    boundary(ptr::null_mut(), |py| {
        // SAFETY: CPython calls a getset's getter with an instance of its type only.
        let value = conjure::<F>().read(unsafe { This::from_pointer(py, object) })?;
        Ok(value.into_ptr())
    })
}

unsafe extern "C" fn setter<T, S>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    name: *mut c_void,
) -> c_int
where
    T: Contents,
    S: for<'a, 'py> Fn(This<'a, 'py, T>, Borrowed<'a, 'py, PyAny>, &str) -> PyResult<()> + Copy,
{
    boundary(-1, |py| {
        if value.is_null() {
            return Err(attribute_error(name, "cannot be deleted"));
        }
        // SAFETY: as for `getter`; `value` is a live object for the length of the call.
        let (this, value) =
            unsafe { (This::from_pointer(py, object), Borrowed::from_ptr(py, value)) };
        let name = row_name(name);
        conjure::<S>()(this, value, &name).map(|()| 0)
    })
}

unsafe extern "C" fn refuse_assignment(
    _object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    name: *mut c_void,
) -> c_int {
    boundary(-1, |_| Err(attribute_error(name, "is read-only")))
}

fn attribute_error(name: *mut c_void, what: &str) -> PyErr {
    PyAttributeError::new_err(format!("attribute '{}' {what}", row_name(name)))
}

fn row_name(name: *mut c_void) -> Cow<'static, str> {
    // SAFETY: a row's closure is its own name, a constant C string.
    unsafe { CStr::from_ptr(name.cast_const().cast()) }.to_string_lossy()
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

unsafe extern "C" fn keyword_call<T, F>(
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
