//! Files that something was made of, as they were then.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::apache::file_stamp::FileStamp;
use crate::python::meter;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    path: CString,
    pub stamp: FileStamp,
}

impl Watched {
    /// A path with a NUL, which no file has, is as one of a file that is gone.
    #[must_use]
    pub fn new(path: &Path, stamp: FileStamp) -> Self {
        Self { path: CString::new(path.as_os_str().as_bytes()).unwrap_or_default(), stamp }
    }

    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.path.to_bytes()
    }

    /// Whether the file is still the same: one look at it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        FileStamp::of(&self.path) == Some(self.stamp)
    }
}

/// Path, modification time (ns), size and inode, as Python passes them.
impl From<(PathBuf, u64, u64, u64)> for Watched {
    fn from((path, modified, size, inode): (PathBuf, u64, u64, u64)) -> Self {
        Self::new(&path, FileStamp { modified: Duration::from_nanos(modified), size, inode })
    }
}

/// The files that one thing was made of.
pub struct WatchedFiles {
    files: Box<[Watched]>,
    /// When somebody began the last look that found all of them the same; nanoseconds of [`meter::clock`].
    seen: AtomicU64,
}

/// Nanoseconds for which a look is good for other threads, too: a system call for each file is a good part of a short request,
/// and a busy server serves several in this time. It is about what a request takes from its client to here, so that who changes
/// a file and asks then has the new one, and less than a tick of the clock that many file systems take their times from.
const SHARED_FOR: u64 = 50_000;

impl WatchedFiles {
    /// Whether all are still the same.
    #[must_use]
    pub fn are_current(&self) -> bool {
        self.are_current_at(meter::clock())
    }

    fn are_current_at(&self, now: u64) -> bool {
        if now.saturating_sub(self.seen.load(Ordering::Relaxed)) < SHARED_FOR {
            return true;
        }
        let are_current = self.files.iter().all(Watched::is_current);
        if are_current {
            self.seen.store(now, Ordering::Relaxed);
        }
        are_current
    }
}

impl FromIterator<Watched> for WatchedFiles {
    fn from_iter<I: IntoIterator<Item = Watched>>(files: I) -> Self {
        Self { files: files.into_iter().collect(), seen: AtomicU64::new(0) }
    }
}

impl PartialEq for WatchedFiles {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_good_for_those_who_come_at_the_same_moment() {
        let path = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
        std::fs::write(&path, "one").expect("a file");
        let stamp = FileStamp::from(&std::fs::metadata(&path).expect("is there"));
        let files: WatchedFiles = [Watched::new(&path, stamp)].into_iter().collect();
        let first = 7 * SHARED_FOR;
        assert!(files.are_current_at(first));
        std::fs::write(&path, "another").expect("a file");
        assert!(files.are_current_at(first + SHARED_FOR - 1));
        assert!(!files.are_current_at(first + SHARED_FOR));
        assert!(!files.are_current_at(first + SHARED_FOR), "what has changed is looked at again");
        std::fs::remove_file(&path).expect("is there");
        assert!(!files.are_current());
    }
}
