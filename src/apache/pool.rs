//! APR's memory pools: who owns the memory of a request, a connection, a server; and what is done when one ends.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
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
    pub fn on_end(self, action: impl FnOnce() + 'static) {
        let data = boxed_action(action);
        // SAFETY: `data` is what run_action expects, and APR runs a cleanup once. Nothing is done before an exec.
        unsafe {
            sys::apr_pool_cleanup_register(
                self.raw(),
                data,
                Some(run_action),
                Some(sys::apr_pool_cleanup_null),
            );
        }
    }

    /// Calls `action` before anything of the pool is taken apart: all child pools and all that has cleanups still live.
    pub fn before_end(self, action: impl FnOnce() + 'static) {
        let data = boxed_action(action);
        // SAFETY: as in on_end.
        unsafe { sys::apr_pool_pre_cleanup_register(self.raw(), data, Some(run_action)) }
    }

    /// Gives `value` to the pool, which drops it at its end.
    pub(super) fn keep<T: 'static>(self, value: T) -> NonNull<T> {
        let value = Box::into_raw(Box::new(value));
        // SAFETY: `value` came from a Box<T>, which is what drop_box::<T> takes back, once.
        unsafe {
            sys::apr_pool_cleanup_register(
                self.raw(),
                value.cast::<c_void>().cast_const(),
                Some(drop_box::<T>),
                Some(sys::apr_pool_cleanup_null),
            );
            NonNull::new_unchecked(value)
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

type Action = Box<dyn FnOnce()>;

fn boxed_action(action: impl FnOnce() + 'static) -> *const c_void {
    let action: Action = Box::new(action);
    Box::into_raw(Box::new(action)).cast::<c_void>().cast_const()
}

unsafe extern "C" fn run_action(data: *mut c_void) -> sys::apr_status_t {
    // SAFETY: `data` is from boxed_action, and APR runs a cleanup once.
    let action = unsafe { Box::from_raw(data.cast::<Action>()) };
    boundary::contain(boundary::Place::Process, (), || (*action)());
    sys::APR_SUCCESS as sys::apr_status_t
}

unsafe extern "C" fn drop_box<T>(data: *mut c_void) -> sys::apr_status_t {
    // SAFETY: `data` is from Pool::keep::<T>, and APR runs a cleanup once.
    let value = unsafe { Box::from_raw(data.cast::<T>()) };
    boundary::contain(boundary::Place::Process, (), || drop(value));
    sys::APR_SUCCESS as sys::apr_status_t
}
