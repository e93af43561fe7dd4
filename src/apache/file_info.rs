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
