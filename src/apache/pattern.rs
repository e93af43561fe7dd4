//! What `<DirectoryMatch>` and wildcards in `<Directory>` match: httpd's regular expressions and APR's file name patterns.

use std::ffi::{CStr, CString, c_int};
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr;

use super::{sys, text};

pub struct Pattern {
    text: CString,
    kind: Kind,
}

enum Kind {
    Wildcard,
    Regex(Regex),
}

impl Pattern {
    /// `*`, `?` and `[...]`, none of which matches a slash.
    pub fn wildcard(text: &CStr) -> Pattern {
        Pattern { text: text.to_owned(), kind: Kind::Wildcard }
    }

    /// None if httpd cannot compile it.
    pub fn regex(text: &CStr) -> Option<Pattern> {
        Some(Pattern { text: text.to_owned(), kind: Kind::Regex(Regex::compile(text)?) })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &[u8] {
        self.text.to_bytes()
    }

    pub fn matches(&self, name: &[u8]) -> bool {
        match &self.kind {
            Kind::Wildcard => text::with_c_str(name, |name| {
                // SAFETY: two C strings, read during the call.
                unsafe {
                    sys::apr_fnmatch(
                        self.text.as_ptr(),
                        name.as_ptr(),
                        sys::APR_FNM_PATHNAME as c_int,
                    ) == 0
                }
            }),
            Kind::Regex(regex) => regex.matches(name),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pattern").field(&self.text).finish()
    }
}

/// Compiled by httpd outside of any pool, freed when dropped.
struct Regex(sys::ap_regex_t);

impl Regex {
    fn compile(text: &CStr) -> Option<Regex> {
        let mut regex = MaybeUninit::<sys::ap_regex_t>::zeroed();
        // SAFETY: ap_regcomp fills the record when it returns 0, and leaves nothing to free when it does not.
        unsafe {
            let status =
                sys::ap_regcomp(regex.as_mut_ptr(), text.as_ptr(), sys::AP_REG_EXTENDED as c_int);
            (status == 0).then(|| Regex(regex.assume_init()))
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        // SAFETY: the expression is compiled; the name is given with its length and no submatches are asked for.
        unsafe {
            sys::ap_regexec_len(
                &raw const self.0,
                name.as_ptr().cast(),
                name.len(),
                0,
                ptr::null_mut(),
                0,
            ) == 0
        }
    }
}

// SAFETY: the record is the only owner of the compiled expression, which is tied to no thread.
unsafe impl Send for Regex {}

// SAFETY: matching only reads the compiled expression; httpd shares its own in the same way.
unsafe impl Sync for Regex {}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled by compile, freed once.
        unsafe { sys::ap_regfree(&raw mut self.0) }
    }
}
