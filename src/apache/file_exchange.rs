//! Two files that trade their names in one step.

use std::ffi::CStr;
use std::io;

/// From now on each path leads to the file that the other led to. Nobody sees a moment between.
///
/// # Errors
/// `NotFound` unless both are there; `InvalidInput` or `Unsupported` where the kernel or the file system cannot do that.
pub fn exchange(one: &CStr, other: &CStr) -> io::Result<()> {
    // SAFETY: two C strings that are only read (renameat2(2)).
    let result = unsafe {
        libc::renameat2(
            libc::AT_FDCWD,
            one.as_ptr(),
            libc::AT_FDCWD,
            other.as_ptr(),
            libc::RENAME_EXCHANGE,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
