//! APR's arrays, read.

use std::ffi::c_char;
use std::slice;

use super::{sys, text};

/// The strings of an array of `char *`; NULL entries are left out.
///
/// # Safety
/// `array` is NULL or an array of C strings; array and strings live, unchanged, for `'a`.
pub(super) unsafe fn strings<'a>(array: *const sys::apr_array_header_t) -> Vec<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe {
        elements::<*const c_char>(array).iter().filter_map(|&string| text::bytes(string)).collect()
    }
}

/// # Safety
/// `array` is NULL or an array of `T`, which lives, unchanged, for `'a`.
pub(super) unsafe fn elements<'a, T>(array: *const sys::apr_array_header_t) -> &'a [T] {
    // SAFETY: the caller's promise; an empty array may have no memory.
    unsafe {
        match array.as_ref() {
            Some(array) if array.nelts > 0 && !array.elts.is_null() => slice::from_raw_parts(
                array.elts.cast::<T>().cast_const(),
                array.nelts.unsigned_abs() as usize,
            ),
            _ => &[],
        }
    }
}
