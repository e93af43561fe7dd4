//! C strings as bytes, and bytes as C strings.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::{ptr, slice};

/// Short enough for the stack, long enough for nearly every header name and value.
const ON_STACK: usize = 256;

/// The bytes of a C string, without its NUL.
///
/// # Safety
/// `text` is NULL or a C string that lives, unchanged, for `'a`.
pub(super) unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller promises the rest.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Calls `action` with `text` as a C string, which lives only for the call. As C would, it ends at the first NUL.
pub(super) fn with_c_str<T>(text: &[u8], action: impl FnOnce(&CStr) -> T) -> T {
    let text = before_nul(text);
    with_terminated(text, |start| {
        // SAFETY: the text, in which there is no NUL, and one after it.
        action(unsafe {
            let bytes = slice::from_raw_parts(start.cast::<u8>(), text.len() + 1);
            CStr::from_bytes_with_nul_unchecked(bytes)
        })
    })
}

/// Calls `action` with the start of a copy of `text` and a NUL, which lives only for the call: for C, to which the text ends at
/// the first NUL anyway.
pub(super) fn with_terminated<T>(text: &[u8], action: impl FnOnce(*const c_char) -> T) -> T {
    if text.len() < ON_STACK {
        let mut buffer = [const { MaybeUninit::<u8>::uninit() }; ON_STACK];
        let start = buffer.as_mut_ptr().cast::<u8>();
        // SAFETY: there is room for the text and a NUL.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), start, text.len());
            start.add(text.len()).write(0);
        }
        return action(start.cast());
    }
    let mut buffer = Vec::with_capacity(text.len() + 1);
    buffer.extend_from_slice(text);
    buffer.push(0);
    action(buffer.as_ptr().cast())
}

/// What C sees of `text`.
pub(super) fn before_nul(text: &[u8]) -> &[u8] {
    match memchr::memchr(0, text) {
        Some(end) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::with_c_str;

    #[test]
    fn bytes_of_any_length_become_c_strings() {
        for length in [0, 1, 255, 256, 257, 5000] {
            let text = vec![b'x'; length];
            with_c_str(&text, |c_str| assert_eq!(c_str.to_bytes(), text));
        }
    }

    #[test]
    fn a_nul_ends_the_text() {
        with_c_str(b"file\0.txt", |c_str| assert_eq!(c_str.to_bytes(), b"file"));
    }
}
