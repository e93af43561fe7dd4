//! APR's memory pools: who owns the memory of a request, a connection, a server; and what is done when one ends.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::mem;
use std::ptr::{self, NonNull};

use super::apr_error::AprError;
use super::{boundary, sys, text};

/// A pool that someone else will destroy, not before `'p` ends.
#[derive(Clone, Copy)]
pub struct Pool<'p> {
    raw: NonNull<sys::apr_pool_t>,
    lifetime: PhantomData<&'p ()>,
}

impl<'p> Pool<'p> {
    /// # Safety
    /// `raw` is NULL or a pool that lives for `'p`.
    pub(super) unsafe fn from_raw(raw: *mut sys::apr_pool_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, lifetime: PhantomData })
    }

    pub(super) fn raw(self) -> *mut sys::apr_pool_t {
        self.raw.as_ptr()
    }

    /// A copy of `text` that lives as long as the pool. As C would, it ends at the first NUL.
    pub fn dup(self, text: &[u8]) -> &'p CStr {
        let text = text::before_nul(text);
        // SAFETY: the pool lives for 'p, and so does what is allocated in it; apr_pstrmemdup ends its copy with a NUL.
        unsafe {
            let copy = sys::apr_pstrmemdup(self.raw(), text.as_ptr().cast(), text.len());
            CStr::from_ptr(copy)
        }
    }

    /// Calls `action` when the pool is cleared or destroyed, newest registration first. By then its child pools are gone.
    pub fn on_end<F: FnOnce() + 'static>(self, action: F) {
        self.put_with(action, run_action::<F>);
    }

    /// Calls `action` before anything of the pool is taken apart: all child pools and all that has cleanups still live.
    pub fn before_end<F: FnOnce() + 'static>(self, action: F) {
        let data = self.put(action).as_ptr().cast::<c_void>().cast_const();
        // SAFETY: run_action::<F> gets the F that was put into the pool, and APR runs a cleanup once.
        unsafe { sys::apr_pool_pre_cleanup_register(self.raw(), data, Some(run_action::<F>)) }
    }

    /// Gives `value` to the pool, which drops it at its end.
    pub(super) fn keep<T: 'static>(self, value: T) -> NonNull<T> {
        self.put_with(value, drop_value::<T>)
    }

    /// Moves `value` into the pool, and has `end` called with it when the pool is cleared or destroyed.
    fn put_with<T: 'static>(self, value: T, end: Cleanup) -> NonNull<T> {
        let place = self.put(value);
        // SAFETY: the callers pass a function for a T, and APR runs a cleanup once. Nothing is done before an exec.
        unsafe {
            let data = place.as_ptr().cast::<c_void>().cast_const();
            let none = Some(sys::apr_pool_cleanup_null as Cleanup);
            sys::apr_pool_cleanup_register(self.raw(), data, Some(end), none);
        }
        place
    }

    /// Moves `value` into memory of the pool. Nobody drops it.
    fn put<T: 'static>(self, value: T) -> NonNull<T> {
        const { assert!(mem::align_of::<T>() <= ALIGNMENT, "APR aligns its memory to 8 bytes") };
        // SAFETY: the pool lives. APR ends the process rather than return NULL, and what it returns is large enough, aligned,
        // and nobody else's.
        unsafe {
            let place = sys::apr_palloc(self.raw(), mem::size_of::<T>().max(1)).cast::<T>();
            place.write(value);
            NonNull::new_unchecked(place)
        }
    }

    /// A pool inside this one, destroyed when the result is dropped.
    pub fn child(self) -> Result<OwnedPool<'p>, AprError> {
        OwnedPool::create(self.raw())
    }
}

/// A pool that is destroyed when this is dropped. It cannot outlive its parent.
pub struct OwnedPool<'p> {
    raw: NonNull<sys::apr_pool_t>,
    parent: PhantomData<&'p ()>,
}

impl OwnedPool<'static> {
    /// A pool with no parent but APR's own root, for what belongs to no request, connection or server.
    pub fn root() -> Result<Self, AprError> {
        Self::create(ptr::null_mut())
    }
}

impl<'p> OwnedPool<'p> {
    fn create(parent: *mut sys::apr_pool_t) -> Result<Self, AprError> {
        let mut raw = ptr::null_mut();
        // SAFETY: `parent` is NULL or a live pool. The pool shares its parent's allocator, which is locked where APR has threads.
        let status =
            unsafe { sys::apr_pool_create_ex(&raw mut raw, parent, None, ptr::null_mut()) };
        AprError::check(status)?;
        NonNull::new(raw).map(|raw| Self { raw, parent: PhantomData }).ok_or(AprError::NO_MEMORY)
    }

    pub fn pool(&self) -> Pool<'_> {
        Pool { raw: self.raw, lifetime: PhantomData }
    }
}

// SAFETY: a root pool is tied to no thread: APR's root and its allocator have locks, and one owner uses the pool at a time.
unsafe impl Send for OwnedPool<'static> {}

impl Drop for OwnedPool<'_> {
    fn drop(&mut self) {
        // SAFETY: created by us, destroyed once; the parent outlives it ('p), so it has not been destroyed by that.
        unsafe { sys::apr_pool_destroy(self.raw.as_ptr()) }
    }
}

/// What APR calls at the end of a pool.
type Cleanup = unsafe extern "C" fn(*mut c_void) -> sys::apr_status_t;

/// `APR_ALIGN_DEFAULT` of apr_general.h.
const ALIGNMENT: usize = 8;

unsafe extern "C" fn run_action<F: FnOnce()>(data: *mut c_void) -> sys::apr_status_t {
    // SAFETY: `data` is an F in the pool, and APR runs a cleanup once: nobody uses it afterwards.
    let action = unsafe { data.cast::<F>().read() };
    boundary::contain(boundary::Place::Process, (), action);
    sys::APR_SUCCESS as sys::apr_status_t
}

unsafe extern "C" fn drop_value<T>(data: *mut c_void) -> sys::apr_status_t {
    // SAFETY: as in run_action, a T.
    boundary::contain(boundary::Place::Process, (), || unsafe { data.cast::<T>().drop_in_place() });
    sys::APR_SUCCESS as sys::apr_status_t
}
