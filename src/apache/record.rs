//! The record that httpd loads (`module`), and what httpd keeps for a module: configuration by directory and by server,
//! and one slot in each request and connection.

use std::any::TypeId;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::boundary::{self, Place};
use super::connection::Connection;
use super::hook::{self, Hooks};
use super::pool::Pool;
use super::request::Request;
use super::server::Server;
use super::{sys, text};

/// Directives of one place (a directory or location section, a server), and how two places combine.
pub trait Config: Sized + 'static {
    /// The configuration before any directive is read. `place` is the section's directory or location; None for a server
    /// and for what stands outside of all sections.
    fn create(place: Option<&[u8]>) -> Self;

    /// What is in force where both apply; `add` is the more specific one.
    fn merge(base: &Self, add: &Self) -> Merged<Self>;
}

/// The outcome of a merge. Naming one of the two parts costs nothing.
pub enum Merged<T> {
    Base,
    Add,
    New(T),
}

/// The one record of this library. httpd writes into it (index, name of the file, list of modules), hence the cell.
#[repr(transparent)]
pub struct ModuleRecord(UnsafeCell<sys::module>);

// SAFETY: httpd writes into the record only while it reads its configuration, when there is one thread.
unsafe impl Sync for ModuleRecord {}

/// The record that was adopted last; NULL in a process that is no httpd.
static CURRENT: AtomicPtr<sys::module> = AtomicPtr::new(ptr::null_mut());

/// A table of directives that ends as httpd expects and lives for ever.
#[derive(Clone, Copy)]
pub struct Commands(*const sys::command_rec);

impl Commands {
    /// No directives.
    pub const NONE: Self = Self(ptr::null());

    /// # Safety
    /// `first` is the first row of a static table that ends with a row whose name is NULL.
    pub(super) const unsafe fn from_raw(first: *const sys::command_rec) -> Self {
        Self(first)
    }
}

impl ModuleRecord {
    /// What httpd's STANDARD20_MODULE_STUFF fills in, and the module's own parts: directory configuration `D`, server
    /// configuration `S`, the directives, and the function that registers hooks and first of all calls [`adopt`].
    ///
    /// [`adopt`]: ModuleRecord::adopt
    pub const fn new<D: Config, S: Config, R>(
        name: &'static CStr,
        commands: Commands,
        register: R,
    ) -> Self
    where
        R: Fn(Hooks<'_>) + Copy + 'static,
    {
        let _ = register;
        // SAFETY: all fields are numbers, pointers or optional functions, for which zero is a value. Newer httpds have
        // fields at the end that older ones lack, so they are not named.
        let mut record: sys::module = unsafe { MaybeUninit::zeroed().assume_init() };
        record.version = sys::MODULE_MAGIC_NUMBER_MAJOR as c_int;
        record.minor_version = sys::MODULE_MAGIC_NUMBER_MINOR as c_int;
        record.module_index = -1;
        record.name = name.as_ptr();
        record.magic = sys::MODULE_MAGIC_COOKIE as _;
        record.create_dir_config = Some(create_for_directory::<D>);
        record.merge_dir_config = Some(merge::<D>);
        record.create_server_config = Some(create_for_server::<S>);
        record.merge_server_config = Some(merge::<S>);
        record.cmds = commands.0;
        record.register_hooks = Some(hook::register::<R>);
        Self(UnsafeCell::new(record))
    }

    /// Makes this the record whose log level, configuration and state are meant everywhere else in this layer.
    pub fn adopt(&'static self) {
        CURRENT.store(self.0.get(), Ordering::Release);
        boundary::log_panics();
    }
}

/// The index by which httpd knows the module in its log levels; none before httpd has loaded it.
pub(super) fn module_index() -> c_int {
    match NonNull::new(CURRENT.load(Ordering::Acquire)) {
        // SAFETY: the record is static; its index is written only before it is adopted.
        Some(record) => unsafe { (*record.as_ptr()).module_index },
        None => sys::APLOG_NO_MODULE,
    }
}

impl<'r> Request<'r> {
    /// The configuration in force for the request at this moment; None if httpd has none of type `T`.
    pub fn config<T: Config>(self) -> Option<&'r T> {
        // SAFETY: a request's configuration lives as long as its pool, and only `create` and `merge` have put it there.
        unsafe { config_in(self.record().per_dir_config) }
    }

    /// What [`set_state`](Self::set_state) has stored, if it is a `T`.
    pub fn state<T: 'static>(self) -> Option<&'r T> {
        // SAFETY: only set_state writes this slot; what it stored lives as long as the pool.
        unsafe { state_in(self.record().request_config) }
    }

    /// Stores `state` for the life of the request's pool. A former state stays alive until then too.
    pub fn set_state<T: 'static>(self, state: T) -> &'r T {
        // SAFETY: the vector belongs to this request, whose pool is given.
        unsafe { set_state_in(self.record().request_config, self.pool(), state) }
    }
}

impl<'c> Connection<'c> {
    /// What [`set_state`](Self::set_state) has stored, if it is a `T`.
    pub fn state<T: 'static>(self) -> Option<&'c T> {
        // SAFETY: as for Request::state.
        unsafe { state_in(self.record().conn_config) }
    }

    /// Stores `state` for the life of the connection's pool. A former state stays alive until then too.
    pub fn set_state<T: 'static>(self, state: T) -> &'c T {
        // SAFETY: the vector belongs to this connection, whose pool is given.
        unsafe { set_state_in(self.record().conn_config, self.pool(), state) }
    }
}

impl Server {
    /// The server's own configuration, merged with the main server's.
    pub fn config<T: Config>(&self) -> Option<&T> {
        // SAFETY: a server's configuration lives as long as the server, and only `create` and `merge` have put it there.
        unsafe { config_in(self.record().module_config) }
    }

    /// The configuration of directories that a request starts with, before any section has been merged.
    pub fn directory_defaults<T: Config>(&self) -> Option<&T> {
        // SAFETY: as for config.
        unsafe { config_in(self.record().lookup_defaults) }
    }
}

/// What httpd's `void *` points to: the type comes first, so that a wrong one is seen.
#[repr(C)]
struct Typed<T> {
    id: TypeId,
    value: T,
}

/// The configuration behind a `void *` that httpd hands to a directive, to be filled in.
///
/// # Safety
/// `data` is NULL or what [`ModuleRecord`]'s callbacks gave to httpd, and nobody else looks at it for `'a`.
pub(super) unsafe fn config_mut<'a, T: Config>(data: *mut c_void) -> Option<&'a mut T> {
    // SAFETY: the caller's promise; a Typed of any type starts with its TypeId.
    unsafe {
        let id = data.cast::<TypeId>().as_ref()?;
        (*id == TypeId::of::<T>()).then(|| &mut (*data.cast::<Typed<T>>()).value)
    }
}

/// # Safety
/// `data` is NULL or what [`ModuleRecord`]'s callbacks gave to httpd; it lives, unchanged, for `'a`.
pub(super) unsafe fn config_ref<'a, T: Config>(data: *const c_void) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { typed(data) }
}

/// # Safety
/// `data` is NULL or a `Typed` of some type; it lives, unchanged, for `'a`.
unsafe fn typed<'a, T: 'static>(data: *const c_void) -> Option<&'a T> {
    // SAFETY: the caller's promise; a Typed of any type starts with its TypeId.
    unsafe {
        let id = data.cast::<TypeId>().as_ref()?;
        (*id == TypeId::of::<T>()).then(|| &(*data.cast::<Typed<T>>()).value)
    }
}

/// # Safety
/// `vector` is NULL or a vector of configurations that lives, unchanged, for `'a`.
pub(super) unsafe fn config_in<'a, T: Config>(
    vector: *const sys::ap_conf_vector_t,
) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { config_ref(slot(vector)) }
}

/// # Safety
/// `vector` is NULL or a vector whose slot only [`set_state_in`] writes, with a pool that lives for `'a`.
unsafe fn state_in<'a, T: 'static>(vector: *const sys::ap_conf_vector_t) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { typed(slot(vector)) }
}

/// # Safety
/// `vector` belongs to what `pool` is the pool of.
unsafe fn set_state_in<'a, T: 'static>(
    vector: *mut sys::ap_conf_vector_t,
    pool: Pool<'a>,
    state: T,
) -> &'a T {
    let state = pool.keep(Typed { id: TypeId::of::<T>(), value: state });
    let record = CURRENT.load(Ordering::Acquire);
    // SAFETY: the pool keeps the state for 'a, where it is; the vector has a slot for the record.
    unsafe {
        if !vector.is_null() && !record.is_null() {
            sys::ap_set_module_config(vector, record, state.as_ptr().cast());
        }
        &(*state.as_ptr()).value
    }
}

/// # Safety
/// `vector` is NULL or a live vector of configurations.
pub(super) unsafe fn slot(vector: *const sys::ap_conf_vector_t) -> *const c_void {
    let record = CURRENT.load(Ordering::Acquire);
    if vector.is_null() || record.is_null() {
        return ptr::null();
    }
    // SAFETY: both are valid; httpd makes its vectors long enough for all modules. This is what the macro of
    // http_config.h does; the function of the same name is for those who cannot see inside.
    unsafe { *vector.cast::<*const c_void>().offset((*record).module_index as isize) }
}

/// Gives a configuration to httpd, which keeps it as long as the pool.
fn give<T: Config>(pool: Pool<'_>, value: T) -> *mut c_void {
    pool.keep(Typed { id: TypeId::of::<T>(), value }).as_ptr().cast()
}

unsafe extern "C" fn create_for_directory<D: Config>(
    pool: *mut sys::apr_pool_t,
    place: *mut c_char,
) -> *mut c_void {
    // SAFETY: httpd passes a live pool, and NULL or the section's path.
    let (pool, place) = unsafe { (Pool::from_raw(pool), text::bytes(place)) };
    boundary::contain(Place::Process, ptr::null_mut(), || {
        pool.map_or(ptr::null_mut(), |pool| give(pool, D::create(place)))
    })
}

unsafe extern "C" fn create_for_server<S: Config>(
    pool: *mut sys::apr_pool_t,
    server: *mut sys::server_rec,
) -> *mut c_void {
    // SAFETY: httpd passes a live pool.
    let pool = unsafe { Pool::from_raw(pool) };
    let create = || pool.map_or(ptr::null_mut(), |pool| give(pool, S::create(None)));
    boundary::contain(Place::Server(server), ptr::null_mut(), create)
}

unsafe extern "C" fn merge<T: Config>(
    pool: *mut sys::apr_pool_t,
    base: *mut c_void,
    add: *mut c_void,
) -> *mut c_void {
    // SAFETY: httpd passes a live pool and two configurations that `create` or `merge` made.
    let (pool, base_config, add_config) = unsafe {
        (
            Pool::from_raw(pool),
            config_ref::<T>(base.cast_const()),
            config_ref::<T>(add.cast_const()),
        )
    };
    boundary::contain(Place::Process, add, || match (pool, base_config, add_config) {
        (Some(pool), Some(base_config), Some(add_config)) => {
            match T::merge(base_config, add_config) {
                Merged::Base => base,
                Merged::Add => add,
                Merged::New(value) => give(pool, value),
            }
        }
        (_, Some(_), None) => base,
        _ => add,
    })
}
