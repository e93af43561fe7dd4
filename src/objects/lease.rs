//! A borrowed httpd object that is revoked when its owner dies.
//!
//! Python code may keep `req`, a table or a connection for as long as it likes; httpd's record behind it goes with its
//! pool. What Python holds is a lease: each use borrows the record for the length of one call (a loan), and the pool's
//! cleanup revokes it. Using a revoked lease raises `RuntimeError`. One thread at a time holds a loan, so that threads
//! started by a handler cannot enter httpd's record while a blocking call of another thread is inside it.

#![expect(
    unsafe_code,
    reason = "the one place where the lifetime of a record is checked at run time"
)]

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::apache::connection::Connection;
use crate::apache::include::Element;
use crate::apache::invocation::Invocation;
use crate::apache::request::Request;
use crate::python::thread;

const FREE: usize = 0;
const REVOKED: usize = usize::MAX;

/// A kind of record that can be leased.
pub trait Leased: 'static {
    type Handle<'a>: Copy;
    /// What a message calls it.
    const NAME: &'static str;
    /// Whose end ends it.
    const OWNER: &'static str;

    /// # Safety
    /// `address` is what `address_of` gave for a record that is alive for `'a`.
    unsafe fn handle<'a>(address: NonNull<c_void>) -> Self::Handle<'a>;
    fn address_of(handle: Self::Handle<'_>) -> NonNull<c_void>;
}

/// The lease of a request.
pub enum OfRequest {}

impl Leased for OfRequest {
    type Handle<'a> = Request<'a>;
    const NAME: &'static str = "request";
    const OWNER: &'static str = "request";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> Request<'a> {
        // SAFETY: the caller's promise.
        unsafe { Request::from_address(address) }
    }

    fn address_of(handle: Request<'_>) -> NonNull<c_void> {
        handle.address()
    }
}

/// The lease of an element of a page.
pub enum OfElement {}

impl Leased for OfElement {
    type Handle<'a> = &'a Element<'a>;
    const NAME: &'static str = "filter";
    const OWNER: &'static str = "tag";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> &'a Element<'a> {
        // SAFETY: the caller's promise.
        unsafe { Element::from_address(address) }
    }

    fn address_of(handle: &Element<'_>) -> NonNull<c_void> {
        handle.address()
    }
}

/// The lease of a connection.
pub enum OfConnection {}

impl Leased for OfConnection {
    type Handle<'a> = Connection<'a>;
    const NAME: &'static str = "connection";
    const OWNER: &'static str = "connection";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> Connection<'a> {
        // SAFETY: the caller's promise.
        unsafe { Connection::from_address(address) }
    }

    fn address_of(handle: Connection<'_>) -> NonNull<c_void> {
        handle.address()
    }
}

/// The lease of one invocation of a filter.
pub enum OfFilter {}

impl Leased for OfFilter {
    type Handle<'a> = &'a Invocation<'a>;
    const NAME: &'static str = "filter";
    const OWNER: &'static str = "invocation";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> &'a Invocation<'a> {
        // SAFETY: the caller's promise: an invocation at this address is alive for 'a.
        unsafe { address.cast::<Invocation<'a>>().as_ref() }
    }

    fn address_of(handle: &Invocation<'_>) -> NonNull<c_void> {
        NonNull::from(handle).cast()
    }
}

/// A share in a lease. The record's owner and every Python object on it have one.
pub struct Lease<K> {
    tenancy: Arc<Tenancy>,
    kind: PhantomData<fn() -> K>,
}

struct Tenancy {
    /// FREE, REVOKED, or the thread that has the record on loan.
    holder: AtomicUsize,
    address: NonNull<c_void>,
}

// SAFETY: the address is only used under a loan, and one thread at a time has one.
unsafe impl Send for Tenancy {}
// SAFETY: as above.
unsafe impl Sync for Tenancy {}

impl<K> Clone for Lease<K> {
    fn clone(&self) -> Self {
        Self { tenancy: Arc::clone(&self.tenancy), kind: PhantomData }
    }
}

impl<K: Leased> Lease<K> {
    /// A lease on a living record. Whoever makes it sees to it that [`Lease::revoke`] is called before the record dies.
    #[must_use]
    pub fn new(handle: K::Handle<'_>) -> Self {
        let address = K::address_of(handle);
        let tenancy = Arc::new(Tenancy { holder: AtomicUsize::new(FREE), address });
        Self { tenancy, kind: PhantomData }
    }

    /// The record, for as long as the loan is kept. Waits while another thread is inside a call on it.
    ///
    /// # Errors
    /// `RuntimeError` when the record is gone.
    pub fn borrow(&self, py: Python<'_>) -> PyResult<Loan<'_, K>> {
        let thread = this_thread();
        loop {
            match self.tenancy.holder.compare_exchange(
                FREE,
                thread,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(self.loan(false)),
                Err(holder) if holder == thread => return Ok(self.loan(true)),
                Err(REVOKED) => return Err(gone::<K>()),
                Err(_) => thread::detach(py, || self.wait_while_held()),
            }
        }
    }

    /// Ends the lease. Not to be called attached: another thread's loan may need Python to end.
    pub fn revoke(&self) {
        let thread = this_thread();
        loop {
            match self.tenancy.holder.compare_exchange(
                FREE,
                REVOKED,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(holder) if holder == thread || holder == REVOKED => {
                    self.tenancy.holder.store(REVOKED, Ordering::Release);
                    return;
                }
                Err(_) => self.wait_while_held(),
            }
        }
    }

    fn loan(&self, nested: bool) -> Loan<'_, K> {
        // SAFETY: the holder is this thread, so the record is alive and `revoke` waits until the loan is dropped.
        let handle = unsafe { K::handle(self.tenancy.address) };
        Loan { tenancy: &self.tenancy, handle, nested }
    }

    /// Loans of other threads last one call; there is nothing to be woken by.
    fn wait_while_held(&self) {
        let mut pause = Duration::from_micros(20);
        while !matches!(self.tenancy.holder.load(Ordering::Relaxed), FREE | REVOKED) {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }
}

fn gone<K: Leased>() -> PyErr {
    PyRuntimeError::new_err(format!(
        "this {} object can no longer be used: its {} is over",
        K::NAME,
        K::OWNER
    ))
}

/// Any value that tells threads apart; never 0 nor `usize::MAX`.
fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

/// A record in use.
pub struct Loan<'l, K: Leased> {
    tenancy: &'l Tenancy,
    handle: K::Handle<'l>,
    nested: bool,
}

impl<'l, K: Leased> Deref for Loan<'l, K> {
    type Target = K::Handle<'l>;

    fn deref(&self) -> &K::Handle<'l> {
        &self.handle
    }
}

impl<K: Leased> Drop for Loan<'_, K> {
    fn drop(&mut self) {
        if self.nested {
            return;
        }
        // A signal may have revoked the lease under this very thread.
        let thread = this_thread();
        let _ = self.tenancy.holder.compare_exchange(
            thread,
            FREE,
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}
