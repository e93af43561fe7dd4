//! A borrowed httpd object that is revoked when its owner dies.
//!
//! Python code may keep `req`, a table or a connection for as long as it likes; httpd's record behind it goes with its
//! pool. What Python holds is a lease: each use borrows the record for the length of one call (a loan), and the pool's
//! cleanup revokes it. Using a revoked lease raises `RuntimeError`. One thread at a time holds a loan, so that threads
//! started by a handler cannot enter httpd's record while a blocking call of another thread is inside it.
//!
//! Between handlers httpd itself works on a request. Then only the thread that serves it may have a loan ([`Service`]);
//! others, which a handler has started or which serve another request, wait for the next handler, or the end.
//!
//! What takes its memory where the request does, its subrequests among it, has leases of its own, but is used by one thread at
//! a time all the same ([`Family`]).
//!
//! A connection outlives its handlers, and its requests take their memory where it does. Any thread may look at its fields;
//! its table and its bytes are for the thread that serves it, or for all while a handler has the connection itself ([`Opening`]).

#![expect(
    unsafe_code,
    reason = "the one place where the lifetime of a record is checked at run time"
)]

mod service;

use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

pub use self::service::{Service, Sharing};
use super::family::{Busy, FREE, Family, WITH_HTTPD, wait_until};
use crate::apache::connection::Connection;
use crate::apache::include::Element;
use crate::apache::invocation::Invocation;
use crate::apache::request::Request;
use crate::python::thread;

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

/// A lease that is over when this is dropped, whatever becomes of the call that it was made for.
pub struct Ending<K: Leased>(pub Lease<K>);

impl<K: Leased> Drop for Ending<K> {
    fn drop(&mut self) {
        self.0.revoke();
    }
}

struct Tenancy {
    /// FREE, WITH_HTTPD, REVOKED, or the thread that has the record on loan.
    holder: AtomicUsize,
    address: NonNull<c_void>,
    /// What a thread serves that may have the record while it is with httpd: a connection's address, 0 for none.
    served_with: usize,
    /// Of a connection: whether a handler of its own runs.
    is_open: AtomicBool,
    /// Whether httpd, or the end, waits for loans to end: other threads get no new ones then.
    is_wanted: AtomicBool,
    family: OnceLock<Arc<Family>>,
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
        Self::with(K::address_of(handle), 0)
    }

    fn with(address: NonNull<c_void>, served_with: usize) -> Self {
        let tenancy = Arc::new(Tenancy {
            holder: AtomicUsize::new(FREE),
            address,
            served_with,
            is_open: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            family: OnceLock::new(),
        });
        Self { tenancy, kind: PhantomData }
    }

    /// The record, for as long as the loan is kept. Waits while another thread is inside a call on it.
    ///
    /// # Errors
    /// `RuntimeError` when the record is gone.
    pub fn borrow(&self, py: Python<'_>) -> PyResult<Loan<'_, K>> {
        let tenancy = &*self.tenancy;
        let thread = this_thread();
        let mut has_waited = false;
        loop {
            let now = tenancy.holder.load(Ordering::Relaxed);
            let before = match now {
                REVOKED => return Err(gone::<K>()),
                holder if holder == thread => Some(None),
                _ => (tenancy.may_be_taken(now) && tenancy.turn(now, thread)).then_some(Some(now)),
            };
            if let Some(before) = before {
                if let Ok(family_before) = tenancy.enter_family(thread, before) {
                    if has_waited && tenancy.is_served_here() {
                        tenancy.is_wanted.store(false, Ordering::Relaxed);
                    }
                    return Ok(self.loan(before, family_before));
                }
                // Nobody waits for the family with a loan that others may wait for.
                before.map(|before| tenancy.turn(thread, before));
            }
            has_waited = true;
            self.wait_to_try(py, thread);
        }
    }

    /// Until the calling thread might get a loan. Who serves the request comes next: others could keep it out for good.
    fn wait_to_try(&self, py: Python<'_>, thread: usize) {
        let tenancy = &*self.tenancy;
        if tenancy.is_served_here() {
            tenancy.is_wanted.store(true, Ordering::Relaxed);
        }
        thread::detach(py, || wait_until(|| tenancy.may_be_tried(thread)));
    }

    /// Has what takes its memory where this does used by one thread at a time from now on. To be called by the thread that
    /// serves the request, in httpd or in a call.
    #[must_use]
    pub fn family(&self) -> &Arc<Family> {
        let tenancy = &*self.tenancy;
        tenancy.family.get_or_init(|| {
            let thread = this_thread();
            let is_in_a_call = tenancy.holder.load(Ordering::Relaxed) == thread;
            Family::new(if is_in_a_call { thread } else { WITH_HTTPD }, tenancy.served_with)
        })
    }

    /// Makes a new lease one of a family.
    pub fn join(&self, family: &Arc<Family>) {
        let _ = self.tenancy.family.set(Arc::clone(family));
    }

    /// Ends the lease. Not to be called attached: another thread's loan may need Python to end.
    pub fn revoke(&self) {
        self.take_back(REVOKED);
    }

    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.tenancy.holder.load(Ordering::Relaxed) == REVOKED
    }

    /// Waits for loans of other threads, and leaves the record to nobody, to httpd, or to this thread.
    fn take_back(&self, to: usize) {
        let tenancy = &*self.tenancy;
        let thread = this_thread();
        tenancy.is_wanted.store(true, Ordering::Relaxed);
        loop {
            let now = tenancy.holder.load(Ordering::Relaxed);
            match now {
                REVOKED => return,
                // A signal ends the process in the middle of a loan, or the loan ends later and gives back to httpd.
                holder if holder == thread => {
                    if to == REVOKED {
                        tenancy.holder.store(REVOKED, Ordering::Release);
                    }
                    return;
                }
                FREE | WITH_HTTPD => {
                    if tenancy.turn(now, to) {
                        return;
                    }
                }
                _ => wait_until(|| tenancy.holder.load(Ordering::Relaxed) != now),
            }
        }
    }

    fn loan(&self, before: Option<usize>, family_before: Option<usize>) -> Loan<'_, K> {
        // SAFETY: the holder is this thread, so the record is alive and `revoke` waits until the loan is dropped.
        let handle = unsafe { K::handle(self.tenancy.address) };
        Loan { tenancy: &self.tenancy, handle, before, family_before }
    }
}

impl Lease<OfRequest> {
    /// A request's lease. Until a [`Service`] begins, any thread may have the request on loan.
    #[must_use]
    pub fn of_request(request: Request<'_>) -> Self {
        Self::with(request.address(), request.connection().address().addr().get())
    }
}

thread_local! {
    /// The request that this thread serves, by its lease; null for none.
    static SERVED: Cell<*const Lease<OfRequest>> = const { Cell::new(ptr::null()) };
}

/// The request that this thread serves.
fn served<'s>() -> Option<&'s Lease<OfRequest>> {
    // SAFETY: a service borrows the lease for as long as it stands here, and is further up on this thread's stack than those who ask.
    unsafe { SERVED.get().as_ref() }
}

impl Lease<OfConnection> {
    #[must_use]
    pub fn of_connection(connection: Connection<'_>) -> Self {
        let address = connection.address();
        Self::with(address, address.addr().get())
    }

    /// Python code is about to run that has the whole connection.
    #[must_use]
    pub fn open(&self) -> Opening<'_> {
        self.tenancy.is_open.store(true, Ordering::Relaxed);
        Opening(self)
    }

    /// Calls `action` with the connection, for more than a look at its fields: nobody works on it or on its request meanwhile.
    ///
    /// # Errors
    /// `RuntimeError` when the connection is gone, or is httpd's just now or another thread's.
    pub fn work<R>(&self, py: Python<'_>, action: impl FnOnce(Connection<'_>) -> R) -> PyResult<R> {
        let request = served().map(|request| request.borrow(py)).transpose()?;
        let connection = self.borrow(py)?;
        if !self.tenancy.is_open.load(Ordering::Relaxed) && !self.tenancy.is_served_here() {
            return Err(PyRuntimeError::new_err(
                "the notes and the bytes of a connection are for the thread that serves it: have the handler use them, or give the thread what it needs",
            ));
        }
        let done = action(*connection);
        drop((connection, request));
        Ok(done)
    }
}

/// Python code that has a whole connection. To be dropped detached: another thread's loan may need Python to end.
pub struct Opening<'l>(&'l Lease<OfConnection>);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let thread = this_thread();
        self.0.take_back(thread);
        let tenancy = &*self.0.tenancy;
        tenancy.is_open.store(false, Ordering::Relaxed);
        tenancy.is_wanted.store(false, Ordering::Relaxed);
        tenancy.turn(thread, FREE);
    }
}

impl Tenancy {
    fn turn(&self, from: usize, to: usize) -> bool {
        self.holder.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the calling thread may have the record on loan when this is its holder.
    fn may_be_taken(&self, holder: usize) -> bool {
        match holder {
            FREE => !self.is_wanted.load(Ordering::Relaxed) || self.is_served_here(),
            WITH_HTTPD => self.is_served_here(),
            _ => false,
        }
    }

    /// Whether the calling thread might get a loan.
    fn may_be_tried(&self, thread: usize) -> bool {
        let holder = self.holder.load(Ordering::Relaxed);
        holder == REVOKED
            || (holder == thread || self.may_be_taken(holder))
                && self
                    .family
                    .get()
                    .is_none_or(|family| family.may_be_entered(thread, serves(family.connection)))
    }

    /// What the family goes back to after the loan, if it is this loan that entered it; what a family that is made meanwhile
    /// goes back to.
    fn enter_family(&self, thread: usize, before: Option<usize>) -> Result<Option<usize>, Busy> {
        match self.family.get() {
            None => Ok(before),
            Some(family) => family.enter(thread, serves(family.connection)),
        }
    }

    fn is_served_here(&self) -> bool {
        serves(self.served_with)
    }
}

/// Whether the calling thread serves a request of the connection at this address.
fn serves(connection: usize) -> bool {
    served().is_some_and(|request| request.tenancy.served_with == connection)
}

fn gone<K: Leased>() -> PyErr {
    PyRuntimeError::new_err(format!(
        "this {} object can no longer be used: its {} is over",
        K::NAME,
        K::OWNER
    ))
}

/// Any value that tells threads apart; never 0, 1 nor `usize::MAX`: the address of what the C library keeps of the thread.
fn this_thread() -> usize {
    // SAFETY: it has no conditions.
    unsafe { libc::pthread_self() as usize }
}

/// A record in use.
pub struct Loan<'l, K: Leased> {
    tenancy: &'l Tenancy,
    handle: K::Handle<'l>,
    /// What the record goes back to; None for a loan inside another one of this thread.
    before: Option<usize>,
    family_before: Option<usize>,
}

impl<'l, K: Leased> Deref for Loan<'l, K> {
    type Target = K::Handle<'l>;

    fn deref(&self) -> &K::Handle<'l> {
        &self.handle
    }
}

impl<K: Leased> Drop for Loan<'_, K> {
    fn drop(&mut self) {
        let thread = this_thread();
        if let Some(before) = self.family_before
            && let Some(family) = self.tenancy.family.get()
        {
            family.leave(thread, before);
        }
        let Some(before) = self.before else { return };
        // A signal may have revoked the lease under this very thread.
        let _ = self.tenancy.holder.compare_exchange(
            thread,
            before,
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_a_lease_too() {
        let ending = Ending(Lease::<OfFilter>::with(NonNull::dangling(), 0));
        let kept = ending.0.clone();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _ending = ending;
            panic!("expected by the test");
        }));
        assert!(panicked.is_err());
        assert_eq!(kept.tenancy.holder.load(Ordering::Relaxed), REVOKED);
    }
}
