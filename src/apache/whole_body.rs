//! A response that is held back until it is known to be whole. httpd cuts the ranges that a client asks for out of a body that
//! comes to its filter in one piece, end included; what a handler sends comes in pieces, and its end after it.

use std::ptr;

use super::boundary::{Place, contain};
use super::brigade::{Brigade, Kind};
use super::hook::Hooks;
use super::request::Request;
use super::status::Status;
use super::sys;

const NAME: &std::ffi::CStr = c"MOD_PYTHON_WHOLE_BODY";
/// More than this is not held back in memory, bytes. Files are held by their descriptors, of any size.
const MOST: usize = 64 * 1024;

impl Hooks<'_> {
    /// Registers the filter that holds back.
    pub fn whole_bodies(self) {
        // SAFETY: the name is a constant, and httpd has one thread while it loads modules.
        unsafe {
            sys::ap_register_output_filter(
                NAME.as_ptr(),
                Some(hold),
                None,
                sys::AP_FTYPE_CONTENT_SET,
            );
        }
    }
}

impl Request<'_> {
    /// A file is going to be sent, of which the client may want a part. To be called before its first byte.
    pub(super) fn hold_for_ranges(self) {
        let record = self.record();
        let is_wanted = self.headers_in().get(b"Range").is_some()
            && self.main().is_none()
            && record.sent_bodyct == 0
            && record.status == Status::HTTP_OK.0;
        if is_wanted && !self.is_holding() {
            // SAFETY: request and connection live.
            unsafe {
                sys::ap_add_output_filter(
                    NAME.as_ptr(),
                    ptr::null_mut(),
                    self.raw(),
                    record.connection,
                );
            }
        }
    }

    fn is_holding(self) -> bool {
        self.output_filters().any(|filter| {
            // SAFETY: a filter of a live request has a record of what is registered under its name.
            let function = unsafe { (*filter.frec).filter_func.out_func };
            function.is_some_and(|function| ptr::fn_addr_eq(function, hold as Filter))
        })
    }
}

type Filter =
    unsafe extern "C" fn(*mut sys::ap_filter_t, *mut sys::apr_bucket_brigade) -> sys::apr_status_t;

unsafe extern "C" fn hold(
    filter: *mut sys::ap_filter_t,
    passed: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    // SAFETY: httpd passes a filter of a live request, and a brigade that is the filter's to work on.
    contain(Place::Request(unsafe { (*filter).r }), sys::APR_EGENERAL as i32, || unsafe {
        let Some(brigade) = Brigade::from_raw(passed) else { return sys::APR_SUCCESS as i32 };
        let held = (*filter).ctx.cast::<sys::apr_bucket_brigade>();
        let before = Brigade::from_raw(held);
        if is_to_pass(before, brigade) {
            let next = (*filter).next;
            sys::ap_remove_output_filter(filter);
            let Some(held) = before else { return sys::ap_pass_brigade(next, passed) };
            held.take_all(brigade);
            return sys::ap_pass_brigade(next, held.raw());
        }
        let (mut held, mut passed) = (held, passed);
        let pool = (*(*filter).r).pool;
        let saved = sys::ap_save_brigade(filter, &raw mut held, &raw mut passed, pool);
        (*filter).ctx = held.cast();
        saved
    })
}

/// Whether nothing more is to be waited for: the end is here, or what is not to be held back.
fn is_to_pass(before: Option<Brigade<'_>>, brigade: Brigade<'_>) -> bool {
    let mut memory = 0;
    for bucket in before.into_iter().flat_map(Brigade::buckets).chain(brigade.buckets()) {
        match bucket.kind() {
            Kind::Eos | Kind::Flush | Kind::Error => return true,
            Kind::Memory => memory += bucket.length(),
            Kind::Distant | Kind::Mark => {}
        }
    }
    memory > MOST
}
