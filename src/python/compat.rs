//! What differs between the CPythons one binary meets: found in the running process with `dlsym`, never at link time.

use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};

use pyo3::ffi;

/// `Py_TPFLAGS_DISALLOW_INSTANTIATION` (CPython 3.10, `object.h`); pyo3 hides it from the stable ABI.
pub(super) const DISALLOW_INSTANTIATION: c_uint = 1 << 7;

/// The running Python as (major, minor, micro).
#[must_use]
pub fn version() -> (u8, u8, u8) {
    // SAFETY: `Py_Version` is a constant of libpython (stable ABI since 3.11).
    let packed: c_ulong = unsafe { ffi::Py_Version };
    let byte = |shift: u32| u8::try_from((packed >> shift) & 0xff).unwrap_or(u8::MAX);
    (byte(24), byte(16), byte(8))
}

/// A symbol of the running process, or None where this CPython has none of that name.
pub(super) fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: RTLD_DEFAULT with a C string only searches.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// Turns the user site directory off: a server must not import from the home of whoever started it.
/// The flag exists up to CPython 3.14; later ones read it from their configuration only.
pub(super) fn forbid_user_site() {
    set_flag(c"Py_NoUserSiteDirectory", 1);
}

/// `python -OO` for the whole process. Must come before Python starts.
pub(super) fn optimize() {
    set_flag(c"Py_OptimizeFlag", 2);
}

/// Files and file names are UTF-8 where the locale names no encoding, as for the `python` command (PEP 540). Debian
/// starts httpd with `LANG=C`. The flag exists up to CPython 3.14; UTF-8 is the default of later ones (PEP 686).
pub(super) fn prefer_utf8() {
    let setting = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = setting("LC_ALL").or_else(|| setting("LC_CTYPE")).or_else(|| setting("LANG"));
    let names_none = locale.is_none_or(|locale| locale == "C" || locale == "POSIX");
    if names_none && setting("PYTHONUTF8").is_none() {
        set_flag(c"Py_UTF8Mode", 1);
    }
}

fn set_flag(name: &CStr, value: c_int) {
    if let Some(address) = symbol(name) {
        // SAFETY: libpython exports these flags as plain `int`; Python has not started, so nothing reads it now.
        unsafe { *address.cast::<c_int>() = value };
    }
}

/// The file that holds the running libpython, if the dynamic linker tells.
pub(super) fn library_path() -> Option<String> {
    // SAFETY: an all-zero Dl_info is valid, and dladdr only fills it for an address of this process.
    let (found, info) = unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let address = (&raw const ffi::Py_Version).cast::<c_void>();
        (libc::dladdr(address, &raw mut info), info)
    };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr gave a NUL-terminated path owned by the dynamic linker.
    let path = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(path.to_string_lossy().into_owned())
}
