//! Memory that the parent and all its children share, whatever becomes of any of them.

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU64;

/// `count` numbers, all 0, to be asked for in the parent: children inherit them by `fork`. They are never given back. Memory is
/// used only for those that somebody looks at, page by page.
///
/// # Errors
/// The kernel has no memory to give.
pub fn numbers(count: usize) -> io::Result<&'static [AtomicU64]> {
    let length = count.checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory)?;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping wherever the kernel likes, of no file.
    let start = unsafe { libc::mmap(ptr::null_mut(), length, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is that long, zeroed, aligned to a page and never unmapped; all access goes by atomic numbers,
    // for which 0 is a value.
    Ok(unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>(), count) })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    #[test]
    fn a_child_counts_for_its_parent() {
        let numbers = super::numbers(1000).expect("memory");
        assert!(numbers.iter().all(|number| number.load(Ordering::Relaxed) == 0));
        // SAFETY: the child calls nothing but _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            numbers[999].fetch_add(7, Ordering::Relaxed);
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) };
        }
        // SAFETY: waits for the child that was just made.
        unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        assert_eq!(numbers[999].load(Ordering::Relaxed), 7);
    }
}
