//! A section of the page that mod_status makes. Without mod_status nobody asks for it.

use std::ffi::c_int;
use std::mem;
use std::ptr;

use super::boundary::{Place, contain};
use super::hook::{Hooks, Stateless, the};
use super::request::Request;
use super::status::Status;
use super::sys;

/// How mod_status is asked to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `?auto`: a line for each number, `name: value`.
    Lines,
    /// HTML, with tables; `?notable`: without.
    Page { tables: bool },
}

impl Form {
    fn of(flags: u32) -> Self {
        if flags & sys::AP_STATUS_SHORT != 0 {
            Self::Lines
        } else {
            Self::Page { tables: flags & sys::AP_STATUS_NOTABLE == 0 }
        }
    }
}

impl Hooks<'_> {
    /// Has mod_status call `hook` at the end of its page, to write to the request.
    pub fn status_section<F: Fn(Request<'_>, Form) + Stateless>(self, hook: F) {
        type Call = unsafe extern "C" fn(*mut sys::request_rec, c_int) -> c_int;
        let _ = hook;
        let call: Call = call::<F>;
        // SAFETY: mod_status.h declares this type for the hook of this name, as which mod_status calls it; APR keeps all
        // of these as functions without arguments.
        unsafe {
            let call = mem::transmute::<Call, unsafe extern "C" fn()>(call);
            let (name, place) = (c"status_hook".as_ptr(), sys::APR_HOOK_MIDDLE as c_int);
            sys::apr_optional_hook_add(name, Some(call), ptr::null(), ptr::null(), place);
        }
    }
}

unsafe extern "C" fn call<F: Fn(Request<'_>, Form) + Stateless>(
    r: *mut sys::request_rec,
    flags: c_int,
) -> c_int {
    // SAFETY: mod_status passes the request that it answers.
    if let Some(request) = unsafe { Request::from_raw(r) } {
        contain(Place::Request(r), (), || the::<F>()(request, Form::of(flags.cast_unsigned())));
    }
    Status::OK.0
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn forms_by_their_flags() {
        assert_eq!(Form::of(1), Form::Lines);
        assert_eq!(Form::of(4), Form::Page { tables: true });
        assert_eq!(Form::of(6), Form::Page { tables: false });
    }
}
