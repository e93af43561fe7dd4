//! A file that something was made of, as it was then.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apache::file_stamp::FileStamp;

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
