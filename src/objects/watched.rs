//! A file that something was made of, as it was then.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub path: PathBuf,
    /// Since 1970.
    pub modified: Duration,
    pub size: u64,
    pub inode: u64,
}

impl Watched {
    #[must_use]
    pub fn of(path: &Path, metadata: &Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
            .unwrap_or_default();
        Self { path: path.into(), modified, size: metadata.len(), inode: metadata.ino() }
    }

    /// Whether the file is still the same: one look at it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|now| Self::of(&self.path, &now) == *self)
    }
}

/// Path, modification time (ns), size and inode, as Python passes them.
impl From<(PathBuf, u64, u64, u64)> for Watched {
    fn from((path, modified, size, inode): (PathBuf, u64, u64, u64)) -> Self {
        Self { path, modified: Duration::from_nanos(modified), size, inode }
    }
}
