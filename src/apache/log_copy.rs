//! A request as the error log shows it, copied while another thread serves it.
//!
//! httpd's records belong to the thread that works on them: even a line in the log may need memory from their pools. So a
//! thread that has something to say of another one's request logs it on a copy, with a pool of its own.

use std::marker::PhantomData;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use parking_lot::Mutex;

use super::apr_error::AprError;
use super::log::{self, Level, Target};
use super::pool::OwnedPool;
use super::request::Request;
use super::{serving, sys};

/// While it lives, others can copy the request.
pub struct Exposed<'r> {
    shared: Arc<Shared>,
    request: PhantomData<Request<'r>>,
}

/// An exposed request, seen from another thread.
pub struct Sight {
    shared: Arc<Shared>,
}

struct Shared {
    request: Mutex<Option<NonNull<sys::request_rec>>>,
}

// SAFETY: the record is only read, under the lock, of fields that are set before handlers run or that are replaced whole; the
// thread that serves the request takes it away under the same lock before it ends.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl<'r> Exposed<'r> {
    /// To be dropped before the request ends, which its lifetime says.
    #[must_use]
    pub fn new(request: Request<'r>) -> Self {
        let request = Mutex::new(NonNull::new(request.raw()));
        Self { shared: Arc::new(Shared { request }), request: PhantomData }
    }

    #[must_use]
    pub fn sight(&self) -> Sight {
        Sight { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Exposed<'_> {
    fn drop(&mut self) {
        *self.shared.request.lock() = None;
    }
}

impl Sight {
    /// None when the request is no longer exposed.
    #[must_use]
    pub fn copy(&self) -> Option<LogCopy> {
        let shared = self.shared.request.lock();
        let request = (*shared)?;
        // SAFETY: the record lives at least until the lock is released.
        unsafe { LogCopy::of(request.as_ref()) }.ok()
    }
}

/// The copy.
pub struct LogCopy {
    request: NonNull<sys::request_rec>,
    /// What it consists of.
    _pool: OwnedPool<'static>,
}

// SAFETY: nobody else knows the records and their pool.
unsafe impl Send for LogCopy {}

impl LogCopy {
    /// # Safety
    /// The record lives for the call; another thread may serve it.
    unsafe fn of(original: &sys::request_rec) -> Result<Self, AprError> {
        let pool = OwnedPool::root()?;
        let raw = pool.pool().raw();
        // SAFETY: httpd's records are plain C structures, for which zero is a value; strings of the request and the connection
        // live as long as they do, and all that the copies refer to is in the new pool, or belongs to the server.
        let request = unsafe {
            let connection = connection(&*original.connection, raw);
            let request: *mut sys::request_rec = allocate(raw);
            ptr::write_bytes(request, 0, 1);
            let copy = &mut *request;
            copy.pool = raw;
            copy.connection = connection;
            copy.server = original.server;
            copy.per_dir_config = (*original.server).lookup_defaults;
            copy.request_config = sys::ap_create_request_config(raw);
            copy.request_time = original.request_time;
            copy.method_number = original.method_number;
            copy.status = original.status;
            copy.method = duplicate(raw, original.method);
            copy.the_request = duplicate(raw, original.the_request);
            copy.unparsed_uri = duplicate(raw, original.unparsed_uri);
            copy.uri = duplicate(raw, original.uri);
            copy.protocol = duplicate(raw, original.protocol);
            copy.hostname = duplicate(raw, original.hostname);
            copy.log_id = duplicate(raw, original.log_id);
            copy.useragent_ip = duplicate(raw, original.useragent_ip);
            copy.useragent_addr = address(raw, original.useragent_addr);
            for table in [
                &mut copy.headers_in,
                &mut copy.headers_out,
                &mut copy.err_headers_out,
                &mut copy.subprocess_env,
                &mut copy.notes,
                &mut copy.trailers_in,
                &mut copy.trailers_out,
            ] {
                *table = sys::apr_table_make(raw, 1);
            }
            NonNull::new_unchecked(request)
        };
        Ok(Self { request, _pool: pool })
    }

    /// As [`log::log`] on the request.
    pub fn log(&self, level: Level, message: &[u8]) {
        // SAFETY: the copy lives as long as `self`.
        if let Some(request) = unsafe { Request::from_raw(self.request.as_ptr()) } {
            log::log(Target::Request(request), level, message);
        }
    }

    /// Method and path, as the client sent them.
    #[must_use]
    pub fn line(&self) -> String {
        // SAFETY: the copy and its strings live as long as `self`.
        let request = unsafe { Request::from_raw(self.request.as_ptr()) };
        request.map(serving::line).unwrap_or_default()
    }
}

/// # Safety
/// The connection lives for the call, the pool as long as the copy.
unsafe fn connection(original: &sys::conn_rec, pool: *mut sys::apr_pool_t) -> *mut sys::conn_rec {
    // SAFETY: as in LogCopy::of.
    unsafe {
        let connection: *mut sys::conn_rec = allocate(pool);
        ptr::write_bytes(connection, 0, 1);
        let copy = &mut *connection;
        copy.pool = pool;
        copy.base_server = original.base_server;
        copy.id = original.id;
        // Tells a client from a server that httpd asks; the log does not look into it.
        copy.sbh = original.sbh;
        copy.keepalives = original.keepalives;
        copy.conn_config = sys::ap_create_conn_config(pool);
        copy.notes = sys::apr_table_make(pool, 1);
        copy.log_id = duplicate(pool, original.log_id);
        copy.client_ip = duplicate(pool, original.client_ip);
        copy.local_ip = duplicate(pool, original.local_ip);
        copy.client_addr = address(pool, original.client_addr);
        copy.local_addr = address(pool, original.local_addr);
        connection
    }
}

/// # Safety
/// The pool lives. What is allocated has no value yet.
unsafe fn allocate<T>(pool: *mut sys::apr_pool_t) -> *mut T {
    // SAFETY: the caller's promise; APR aligns for any type.
    unsafe { sys::apr_palloc(pool, mem::size_of::<T>()).cast() }
}

/// # Safety
/// The pool lives, and so does the text, if it is not NULL.
unsafe fn duplicate(
    pool: *mut sys::apr_pool_t,
    text: *const std::ffi::c_char,
) -> *mut std::ffi::c_char {
    // SAFETY: the caller's promise; APR gives NULL for NULL.
    unsafe { sys::apr_pstrdup(pool, text) }
}

/// An address of which httpd's log shows the port.
///
/// # Safety
/// The pool lives, and so does the address, if it is not NULL.
unsafe fn address(
    pool: *mut sys::apr_pool_t,
    original: *mut sys::apr_sockaddr_t,
) -> *mut sys::apr_sockaddr_t {
    if original.is_null() {
        return original;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let size = mem::size_of::<sys::apr_sockaddr_t>();
        sys::apr_pmemdup(pool, original.cast(), size).cast()
    }
}
