//! What a look at a file found: type, size, owner, times.

use std::ptr;

use super::apr_error::AprError;
use super::pool::{OwnedPool, Pool};
use super::sys;
use super::text::{self, with_c_str};

/// httpd's `finfo`, on its own: it borrows nothing.
///
/// A field means something only if its bit (APR_FINFO_*) is in `valid`; `filetype` and `fname` always do. Where there is no
/// file (APR_NOFILE), `valid` is 0.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileInfo {
    /// One of APR_NOFILE, APR_REG, APR_DIR ...
    pub filetype: i32,
    pub valid: i32,
    /// APR's bits, a hexadecimal digit each for user, group and world: not `st_mode`.
    pub protection: i32,
    pub user: u32,
    pub group: u32,
    pub inode: u64,
    pub device: u64,
    pub nlink: i32,
    pub size: i64,
    pub csize: i64,
    /// Times are microseconds since 1970.
    pub atime: i64,
    pub mtime: i64,
    pub ctime: i64,
    pub fname: Option<Vec<u8>>,
    pub name: Option<Vec<u8>>,
}

impl FileInfo {
    /// Looks at `path`, following links unless `wanted` has APR_FINFO_LINK. What `wanted` asks for and the system does not
    /// have is left out of `valid`.
    pub fn of(path: &[u8], wanted: i32) -> Result<Self, AprError> {
        let pool = OwnedPool::root()?;
        let mut raw = Self::default().to_raw(pool.pool());
        // SAFETY: the pool and the path live for the call. The strings of the result are in the pool, or the path itself.
        with_c_str(path, |path| unsafe {
            let status = sys::apr_stat(&raw mut raw, path.as_ptr(), wanted, pool.pool().raw());
            if status != sys::APR_INCOMPLETE as sys::apr_status_t {
                AprError::check(status)?;
            }
            Ok(Self::from_raw(&raw))
        })
    }

    /// Whether there is a file.
    pub fn exists(&self) -> bool {
        self.filetype != sys::APR_NOFILE as i32
    }

    pub fn is_directory(&self) -> bool {
        self.filetype == sys::APR_DIR as i32
    }

    pub fn has_protection(&self) -> bool {
        self.has(sys::APR_FINFO_PROT)
    }

    pub fn has_inode(&self) -> bool {
        self.has(sys::APR_FINFO_INODE)
    }

    pub fn has_device(&self) -> bool {
        self.has(sys::APR_FINFO_DEV)
    }

    pub fn has_nlink(&self) -> bool {
        self.has(sys::APR_FINFO_NLINK)
    }

    pub fn has_user(&self) -> bool {
        self.has(sys::APR_FINFO_USER)
    }

    pub fn has_group(&self) -> bool {
        self.has(sys::APR_FINFO_GROUP)
    }

    pub fn has_size(&self) -> bool {
        self.has(sys::APR_FINFO_SIZE)
    }

    pub fn has_atime(&self) -> bool {
        self.has(sys::APR_FINFO_ATIME)
    }

    pub fn has_mtime(&self) -> bool {
        self.has(sys::APR_FINFO_MTIME)
    }

    pub fn has_ctime(&self) -> bool {
        self.has(sys::APR_FINFO_CTIME)
    }

    /// Whether `valid` has all of these bits.
    fn has(&self, bits: u32) -> bool {
        self.valid as u32 & bits == bits
    }

    /// httpd leaves garbage in some fields of `finfo`: about the parent directory where there is no
    /// file, and pointers to nowhere where it has not looked. So only what `valid` vouches for is
    /// taken.
    ///
    /// # Safety
    /// APR or httpd's directory walk has filled `raw` in; its strings live for the call.
    pub(super) unsafe fn from_raw(raw: &sys::apr_finfo_t) -> Self {
        // The walk starts with the type alone; a successful look adds more, and the file's name.
        let looked_at = raw.valid as u32 & !sys::APR_FINFO_TYPE != 0;
        // SAFETY: the caller's promise; a look at a file sets fname.
        let fname = looked_at.then(|| unsafe { text::bytes(raw.fname) }).flatten();
        let fname = fname.map(<[u8]>::to_vec);
        if raw.filetype == sys::APR_NOFILE {
            return Self { fname, ..Self::default() };
        }
        let named = raw.valid as u32 & sys::APR_FINFO_NAME != 0;
        // SAFETY: the caller's promise.
        let name = named.then(|| unsafe { text::bytes(raw.name) }).flatten();
        Self {
            filetype: raw.filetype as i32,
            valid: raw.valid,
            protection: raw.protection,
            user: raw.user,
            group: raw.group,
            inode: raw.inode,
            device: raw.device,
            nlink: raw.nlink,
            size: raw.size,
            csize: raw.csize,
            atime: raw.atime,
            mtime: raw.mtime,
            ctime: raw.ctime,
            fname,
            name: name.map(<[u8]>::to_vec),
        }
    }

    /// The same as APR's record, with its strings in `pool`.
    pub(super) fn to_raw(&self, pool: Pool<'_>) -> sys::apr_finfo_t {
        let copy = |text: &Option<Vec<u8>>| {
            text.as_ref().map_or(ptr::null(), |text| pool.dup(text).as_ptr())
        };
        sys::apr_finfo_t {
            pool: pool.raw(),
            valid: self.valid,
            protection: self.protection,
            filetype: self.filetype as sys::apr_filetype_e,
            user: self.user,
            group: self.group,
            inode: self.inode,
            device: self.device,
            nlink: self.nlink,
            size: self.size,
            csize: self.csize,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            fname: copy(&self.fname),
            name: copy(&self.name),
            filehand: ptr::null_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FileInfo;

    #[test]
    fn nothing_is_known_of_no_file() {
        let info = FileInfo::default();
        assert!(!info.exists() && !info.is_directory() && !info.has_size());
    }

    #[test]
    fn a_field_is_known_by_its_bits() {
        let info = FileInfo { filetype: 2, valid: 0x100 | 0x10_0000, ..FileInfo::default() };
        assert!(info.exists() && info.is_directory() && info.has_size());
        assert!(!info.has_protection(), "that of the group and the world is missing");
    }
}
