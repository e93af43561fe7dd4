//! What differs between the CPythons one binary meets: found in the running process with `dlsym`, never at link time.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use pyo3::ffi;

use super::runtime::StartError;

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

/// Whether the running libpython is a free-threaded build, which has other layouts of objects than the stable ABI knows.
pub(super) fn is_free_threaded() -> bool {
    // SAFETY: Py_GetVersion may be called at any time and answers with a static C string.
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) };
    names_free_threading(&version.to_string_lossy())
}

fn names_free_threading(version: &str) -> bool {
    version.contains("free-threading build")
}

/// `PyInterpreterConfig` (CPython 3.12, `cpython/pylifecycle.h`).
#[repr(C)]
pub(super) struct InterpreterConfig {
    use_main_obmalloc: c_int,
    allow_fork: c_int,
    allow_exec: c_int,
    allow_threads: c_int,
    allow_daemon_threads: c_int,
    check_multi_interp_extensions: c_int,
    gil: c_int,
}

/// `PyInterpreterConfig_OWN_GIL`.
const OWN_GIL: c_int = 2;

/// `PyStatus` (CPython 3.8, `cpython/initconfig.h`).
#[repr(C)]
pub(super) struct Status {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exit_code: c_int,
}

type NewInterpreterFromConfig =
    unsafe extern "C" fn(*mut *mut ffi::PyThreadState, *const InterpreterConfig) -> Status;

/// `Py_NewInterpreterFromConfig`, which CPython has since 3.12 outside of the stable ABI.
pub(super) fn new_interpreter_from_config() -> Option<NewInterpreterFromConfig> {
    let address = symbol(c"Py_NewInterpreterFromConfig")?;
    // SAFETY: CPython's function of this name has this signature.
    Some(unsafe { std::mem::transmute::<*mut c_void, NewInterpreterFromConfig>(address) })
}

/// Makes an interpreter with a lock and an allocator of its own, and leaves the thread attached to it. What it may do is
/// else as in any other interpreter.
///
/// # Safety
/// The thread is attached to the main interpreter.
pub(super) unsafe fn new_own_gil_interpreter() -> Result<*mut ffi::PyThreadState, StartError> {
    let make = new_interpreter_from_config().ok_or(StartError::Interpreter)?;
    let config = InterpreterConfig {
        use_main_obmalloc: 0,
        allow_fork: 1,
        allow_exec: 1,
        allow_threads: 1,
        allow_daemon_threads: 1,
        check_multi_interp_extensions: 1,
        gil: OWN_GIL,
    };
    let mut state = ptr::null_mut();
    // SAFETY: the caller's promise; both pointers are of live values.
    let status = unsafe { make(&raw mut state, &raw const config) };
    if status.kind == 0 && !state.is_null() {
        return Ok(state);
    }
    let reason = if status.message.is_null() {
        "no reason is given".into()
    } else {
        // SAFETY: the message of a PyStatus is a static C string.
        unsafe { CStr::from_ptr(status.message) }.to_string_lossy().into_owned()
    };
    Err(StartError::OwnGil(reason))
}

/// `Py_mod_multiple_interpreters` with `Py_MOD_PER_INTERPRETER_GIL_SUPPORTED`, for those that know it (CPython 3.12).
pub(super) fn module_slots() -> *mut ffi::PyModuleDef_Slot {
    let end = ffi::PyModuleDef_Slot { slot: 0, value: ptr::null_mut() };
    let mut slots = vec![end];
    if version() >= (3, 12, 0) {
        let supported = ptr::without_provenance_mut(2);
        slots.insert(0, ffi::PyModuleDef_Slot { slot: 3, value: supported });
    }
    Box::leak(slots.into_boxed_slice()).as_mut_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_threaded_builds_say_so() {
        for version in [
            "3.13.0 experimental free-threading build (main, Oct  7 2024, 23:47:18) [GCC 14.2.0]",
            "3.14.0 free-threading build (main, Oct  7 2025, 15:35:57) [GCC 14.2.0]",
        ] {
            assert!(names_free_threading(version), "{version}");
        }
        assert!(!names_free_threading("3.13.5 (main, Jun 25 2025, 18:55:22) [GCC 14.2.0]"));
        assert!(!is_free_threaded(), "the one that runs the tests");
    }
}
