//! Locks that all of httpd's processes share, placed where its Mutex directive says.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::apr_error::AprError;
use super::pool::Pool;
use super::server::Server;
use super::sys;

/// A kind of lock, by the name that the Mutex directive knows it by.
#[derive(Clone, Copy)]
pub struct MutexKind(pub &'static CStr);

impl MutexKind {
    /// Makes the Mutex directive know the name. For the pre_config hook.
    pub fn declare(self, pconf: Pool<'_>) -> Result<(), AprError> {
        // SAFETY: the pool lives, the name for ever; NULL means httpd's own directory.
        let status = unsafe {
            sys::ap_mutex_register(
                pconf.raw(),
                self.0.as_ptr(),
                ptr::null(),
                sys::APR_LOCK_DEFAULT,
                0,
            )
        };
        AprError::check(status)
    }
}

/// A lock between processes, and between the threads of each. A thread that holds it cannot take it again.
pub struct GlobalMutex {
    /// NULL after the pool's end, which destroys the lock.
    raw: Arc<AtomicPtr<sys::apr_global_mutex_t>>,
    /// The mark of this process' thread that holds it, or [`NOBODY`].
    holder: AtomicUsize,
}

const NOBODY: usize = 0;

impl GlobalMutex {
    /// Makes a lock that lives as long as the pool. For the post_config hook. Locks of one kind differ by `instance`.
    pub fn create(
        kind: MutexKind,
        instance: &CStr,
        server: Server,
        pconf: Pool<'_>,
    ) -> Result<Self, AprError> {
        let mut raw = ptr::null_mut();
        // SAFETY: server and pool live, the kind for ever; the instance is copied. A NULL name is not reported.
        let status = unsafe {
            sys::ap_global_mutex_create(
                &raw mut raw,
                ptr::null_mut(),
                kind.0.as_ptr(),
                instance.as_ptr(),
                server.raw(),
                pconf.raw(),
                0,
            )
        };
        AprError::check(status)?;
        let raw = Arc::new(AtomicPtr::new(raw));
        let ended = Arc::clone(&raw);
        pconf.before_end(move || ended.store(ptr::null_mut(), Ordering::Release));
        Ok(Self { raw, holder: AtomicUsize::new(NOBODY) })
    }

    /// Finds the lock again in a child. For the child_init hook, once.
    pub fn child_init(&self, pchild: Pool<'_>) -> Result<(), AprError> {
        let mut raw = self.raw()?;
        // SAFETY: the lock lives; no other thread runs yet.
        let status = unsafe {
            let file = sys::apr_global_mutex_lockfile(raw);
            sys::apr_global_mutex_child_init(&raw mut raw, file, pchild.raw())
        };
        AprError::check(status)?;
        self.raw.store(raw, Ordering::Release);
        Ok(())
    }

    /// Waits for the lock. Fails with EDEADLK if this thread has it.
    pub fn lock(&self) -> Result<(), AprError> {
        if self.is_mine() {
            return Err(AprError(libc::EDEADLK));
        }
        // SAFETY: the lock lives, and this thread does not hold it.
        AprError::check(unsafe { sys::apr_global_mutex_lock(self.raw()?) })?;
        self.holder.store(thread_mark(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes the lock if nobody has it.
    pub fn try_lock(&self) -> Result<bool, AprError> {
        if self.is_mine() {
            return Ok(false);
        }
        // SAFETY: the lock lives, and this thread does not hold it.
        let status = unsafe { sys::apr_global_mutex_trylock(self.raw()?) };
        if status == sys::APR_EBUSY as i32 {
            return Ok(false);
        }
        AprError::check(status)?;
        self.holder.store(thread_mark(), Ordering::Relaxed);
        Ok(true)
    }

    /// Gives the lock back. Fails with EPERM if this thread does not have it.
    pub fn unlock(&self) -> Result<(), AprError> {
        if !self.is_mine() {
            return Err(AprError(libc::EPERM));
        }
        let raw = self.raw()?;
        self.holder.store(NOBODY, Ordering::Relaxed);
        // SAFETY: the lock lives, and this thread holds it.
        AprError::check(unsafe { sys::apr_global_mutex_unlock(raw) })
    }

    /// Only the holder itself writes its mark, so a thread cannot mistake another's for its own.
    fn is_mine(&self) -> bool {
        self.holder.load(Ordering::Relaxed) == thread_mark()
    }

    fn raw(&self) -> Result<*mut sys::apr_global_mutex_t, AprError> {
        let raw = self.raw.load(Ordering::Acquire);
        if raw.is_null() { Err(AprError::GENERAL) } else { Ok(raw) }
    }
}

/// Differs from that of any other living thread.
fn thread_mark() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| ptr::from_ref(mark).addr())
}
