//! mod_include's elements: a function of ours behind `<!--#name … -->`. Without mod_include there are none.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::access::optional_function;
use super::apr_error::AprError;
use super::boundary::{Place, contain};
use super::hook::{Stateless, the};
use super::request::Request;
use super::{sys, text};

/// One element of a page, while mod_include waits for what takes its place.
pub struct Element<'e> {
    context: NonNull<sys::include_ctx_t>,
    filter: NonNull<sys::ap_filter_t>,
    brigade: NonNull<sys::apr_bucket_brigade>,
    lifetime: PhantomData<&'e ()>,
}

/// A part of a page could not be sent: the client is gone, or a filter refused it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the page could not be sent: {0}")]
pub struct NotSent(AprError);

/// An attribute of an element: its name, and its value if it has one, entities decoded.
pub type Attribute = (Vec<u8>, Option<Vec<u8>>);

/// Makes mod_include call `handler` for the elements of a name; to be done whenever the configuration has been read. What
/// `handler` fails with ends the page.
pub fn register<F>(name: &'static CStr, handler: F)
where
    F: Fn(Element<'_>) -> Result<(), NotSent> + Stateless,
{
    type Register = unsafe extern "C" fn(*mut c_char, sys::include_handler_fn_t);
    let _ = handler;
    // SAFETY: mod_include.h declares the function so; it keeps the name, which is static and not written to.
    unsafe {
        if let Some(register) = optional_function::<Register>(c"ap_register_include_handler") {
            register(name.as_ptr().cast_mut(), Some(call::<F>));
        }
    }
}

unsafe extern "C" fn call<F>(
    context: *mut sys::include_ctx_t,
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t
where
    F: Fn(Element<'_>) -> Result<(), NotSent> + Stateless,
{
    let pointers = (NonNull::new(context), NonNull::new(filter), NonNull::new(brigade));
    let (Some(context), Some(filter), Some(brigade)) = pointers else { return AprError::GENERAL.0 };
    // SAFETY: mod_include passes its filter, which lives for the call.
    let place = Place::Request(unsafe { filter.as_ref() }.r);
    let element = || Element { context, filter, brigade, lifetime: PhantomData };
    let result = contain(place, None, || Some(the::<F>()(element())));
    match result {
        Some(Ok(())) => sys::APR_SUCCESS as sys::apr_status_t,
        Some(Err(NotSent(error))) => error.0,
        None => {
            element().write_error();
            sys::APR_SUCCESS as sys::apr_status_t
        }
    }
}

impl<'e> Element<'e> {
    /// Who this is, for a lease.
    pub fn address(&self) -> NonNull<c_void> {
        NonNull::from(self).cast()
    }

    /// # Safety
    /// `address` is that of an element that lives and stays in its place for `'l`, on the thread that works on it.
    pub unsafe fn from_address<'l>(address: NonNull<c_void>) -> &'l Element<'l> {
        // SAFETY: the caller's promise.
        unsafe { address.cast::<Element<'l>>().as_ref() }
    }

    /// The request of the page.
    pub fn request(&self) -> Request<'e> {
        // SAFETY: the filter lives for 'e, and its request longer.
        unsafe { Request::from_raw(self.filter.as_ref().r) }.expect("a filter of a request has one")
    }

    /// False where a condition of the page hides the element.
    pub fn is_shown(&self) -> bool {
        self.flags() & sys::SSI_FLAG_PRINTING as c_int != 0
    }

    /// False under IncludesNOEXEC.
    pub fn may_execute(&self) -> bool {
        self.flags() & sys::SSI_FLAG_NO_EXEC as c_int == 0
    }

    fn flags(&self) -> c_int {
        // SAFETY: the context lives for 'e, and nobody writes to it now.
        unsafe { self.context.as_ref() }.flags
    }

    /// The attributes; mod_include gives them once.
    pub fn attributes(&self) -> Vec<Attribute> {
        type Next = unsafe extern "C" fn(
            *mut sys::include_ctx_t,
            *mut *mut c_char,
            *mut *mut c_char,
            c_int,
        );
        const DECODED: c_int = 1;
        let mut attributes = Vec::new();
        // SAFETY: mod_include.h declares the function so; all arguments live, and its results until the element is over.
        unsafe {
            let Some(next) = optional_function::<Next>(c"ap_ssi_get_tag_and_value") else {
                return attributes;
            };
            loop {
                let (mut name, mut value) = (ptr::null_mut(), ptr::null_mut());
                next(self.context.as_ptr(), &raw mut name, &raw mut value, DECODED);
                let Some(name) = text::bytes(name) else { return attributes };
                attributes.push((name.to_vec(), text::bytes(value).map(<[u8]>::to_vec)));
            }
        }
    }

    /// Puts a copy of `data` in the element's place, behind what is there.
    pub fn write(&self, data: &[u8]) -> Result<(), NotSent> {
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: the brigade lives for 'e and only this thread has it; the bytes are copied.
        let status = unsafe {
            sys::apr_brigade_write(
                self.brigade.as_ptr(),
                None,
                ptr::null_mut(),
                data.as_ptr().cast(),
                data.len(),
            )
        };
        AprError::check(status).map_err(NotSent)
    }

    /// Sends the page as far as it is made; waits for the client.
    pub fn flush(&self) -> Result<(), NotSent> {
        // SAFETY: filter and brigade live for 'e and only this thread has them. Whatever the next filter does with the
        // buckets, the brigade is empty afterwards, as mod_include expects it to be after passing it on.
        unsafe {
            let (filter, brigade) = (self.filter.as_ref(), self.brigade.as_ptr());
            let status = sys::ap_fflush(filter.next, brigade);
            sys::apr_brigade_cleanup(brigade.cast());
            if status == sys::APR_SUCCESS as i32 && (*filter.c).aborted != 0 {
                return Err(NotSent(AprError(sys::APR_ECONNABORTED as i32)));
            }
            AprError::check(status).map_err(NotSent)
        }
    }

    /// Puts what SSIErrorMsg or `<!--#config errmsg -->` says in the element's place.
    pub fn write_error(&self) {
        // SAFETY: the context lives for 'e, and its text at least as long.
        let message = unsafe { text::bytes(self.context.as_ref().error_str) };
        // Memory is all that may be missing, and then APR ends the process.
        let _ = self.write(message.unwrap_or_default());
    }
}
