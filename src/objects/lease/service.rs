//! Who serves a request, and when that thread is not alone with it.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;

use super::super::family::{FREE, WITH_HTTPD};
use super::{Lease, OfRequest, SERVED, this_thread};
use crate::python::{fork, thread};

impl Lease<OfRequest> {
    /// This thread serves the request, and is about to run Python code for it. `is_first`: none is running yet.
    #[must_use]
    pub fn serve(&self, is_first: bool) -> Service<'_> {
        // Of a family httpd has all.
        if is_first && self.tenancy.family.get().is_none() {
            self.tenancy.turn(FREE, WITH_HTTPD);
        }
        Service { lease: self, is_first, outer: SERVED.replace(self) }
    }
}

/// A thread serves a request with Python code. The request is that thread's alone, but while it is [shared](Service::share).
pub struct Service<'l> {
    lease: &'l Lease<OfRequest>,
    is_first: bool,
    outer: *const Lease<OfRequest>,
}

impl Service<'_> {
    /// A handler is about to run, whose threads may have the request on loan too until what is returned is dropped.
    #[must_use]
    pub fn share<'py>(&self, py: Python<'py>) -> Sharing<'_, 'py> {
        let (lease, is_first) = (self.lease, self.is_first);
        let tenancy = &*lease.tenancy;
        let family = tenancy.family.get();
        if is_first {
            tenancy.is_wanted.store(false, Ordering::Relaxed);
        }
        if is_first || family.is_some() {
            tenancy.turn(WITH_HTTPD, FREE);
        }
        let family_before = family.map(|family| family.open(this_thread()));
        Sharing { py, lease, is_first, family_before }
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        SERVED.set(self.outer);
    }
}

/// A handler runs. To be dropped attached, as it was made.
pub struct Sharing<'s, 'py> {
    py: Python<'py>,
    lease: &'s Lease<OfRequest>,
    is_first: bool,
    /// None: there was no family yet.
    family_before: Option<usize>,
}

impl Drop for Sharing<'_, '_> {
    fn drop(&mut self) {
        let tenancy = &*self.lease.tenancy;
        let thread = this_thread();
        let family = tenancy.family.get().map(|family| {
            // That httpd works is for the family to know: a subrequest that has run can be looked at by all threads again.
            let is_in_a_call = tenancy.holder.load(Ordering::Relaxed) == thread;
            let made_meanwhile = match (is_in_a_call, self.is_first) {
                (true, _) => thread,
                (false, true) => WITH_HTTPD,
                (false, false) => FREE,
            };
            (family, self.family_before.unwrap_or(made_meanwhile))
        });
        let is_done = match family {
            Some((family, before)) => family.try_close(before),
            None => !self.is_first || tenancy.turn(FREE, WITH_HTTPD),
        };
        // A process that the handler has made by fork has no other thread.
        if is_done || fork::is_copy() {
            return;
        }
        // Another thread's loan may need Python to end.
        thread::detach(self.py, || match family {
            Some((family, before)) => family.close(before),
            None => self.lease.take_back(WITH_HTTPD),
        });
    }
}
