//! What tells one state of a file from another, by one system call.

use std::ffi::CStr;
use std::fs::Metadata;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStamp {
    /// Since 1970; zero for a file from before.
    pub modified: Duration,
    /// In bytes.
    pub size: u64,
    pub inode: u64,
}

impl FileStamp {
    /// That of the file behind `path`, links followed; None where there is none that can be looked at.
    ///
    /// It is asked at each request of a handler's file: `std::fs::metadata` would copy the path, look for a NUL in it and ask
    /// for more.
    #[must_use]
    pub fn of(path: &CStr) -> Option<Self> {
        let mut found = MaybeUninit::<libc::stat64>::uninit();
        // SAFETY: the path ends with a NUL, and there is room for what is found.
        let result = unsafe { libc::stat64(path.as_ptr(), found.as_mut_ptr()) };
        if result != 0 {
            return None;
        }
        // SAFETY: stat64() has succeeded, and has filled it in.
        let found = unsafe { found.assume_init_ref() };
        Some(Self {
            modified: since_1970(found.st_mtime, found.st_mtime_nsec),
            size: u64::try_from(found.st_size).unwrap_or_default(),
            inode: found.st_ino,
        })
    }
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified: since_1970(metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.len(),
            inode: metadata.ino(),
        }
    }
}

/// The types of the two are the platform's.
fn since_1970(seconds: impl TryInto<u64>, nanoseconds: impl TryInto<u32>) -> Duration {
    match (seconds.try_into(), nanoseconds.try_into()) {
        (Ok(seconds), Ok(nanoseconds)) => Duration::new(seconds, nanoseconds),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn both_ways_of_looking_see_the_same() {
        let path = std::env::current_exe().unwrap();
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        let seen = FileStamp::of(&name).unwrap();
        assert_eq!(seen, FileStamp::from(&std::fs::metadata(&path).unwrap()));
        assert!(seen.size > 0 && seen.inode > 0 && seen.modified > Duration::ZERO);
    }

    #[test]
    fn what_is_not_there_has_none() {
        assert_eq!(FileStamp::of(c"/nonexistent/file"), None);
        assert_eq!(FileStamp::of(c""), None);
    }

    #[test]
    fn before_1970_is_zero() {
        assert_eq!(since_1970(-1, 5), Duration::ZERO);
        assert_eq!(since_1970(1, 5), Duration::new(1, 5));
    }
}
