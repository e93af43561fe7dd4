//! httpd's runtime directory, and the directory in it that belongs to the server's children alone.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::pool::Pool;
use super::{sys, text};

/// A directory, or why there is none.
type Found = Result<PathBuf, String>;

/// The parent writes it, children inherit it.
static PRIVATE: Mutex<Option<Found>> = Mutex::new(None);

/// `DefaultRuntimeDir`.
pub(super) fn of(pool: Pool<'_>) -> Option<PathBuf> {
    // SAFETY: the pool lives for the call, and the path as long as the pool.
    let path = unsafe { text::bytes(sys::ap_runtime_dir_relative(pool.raw(), c".".as_ptr())) }?;
    Some(PathBuf::from(OsStr::from_bytes(path)))
}

/// Makes `mod_python` in the runtime directory, which only the user of the children may enter. To be called in the parent,
/// which may be root, at each start. That it fails matters only to whom [`private`] tells so.
pub fn prepare(pool: Pool<'_>) {
    let made = of(pool).ok_or_else(|| "httpd has no runtime directory".to_owned());
    let made = made.and_then(|runtime| {
        let path = runtime.join("mod_python");
        make(&path, children_user()).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    });
    *PRIVATE.lock() = Some(made);
}

/// The directory that [`prepare`] has made.
///
/// # Errors
/// Why there is none, as a sentence.
pub fn private() -> Found {
    PRIVATE.lock().clone().unwrap_or_else(|| Err("httpd has not been started".to_owned()))
}

/// The user that children run as: `User` where the parent is root, else its own.
fn children_user() -> u32 {
    // SAFETY: geteuid cannot fail; httpd writes the record while it reads the configuration, which is over.
    unsafe {
        match libc::geteuid() {
            0 => sys::ap_unixd_config.user_id,
            user => user,
        }
    }
}

fn make(path: &Path, user: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // No link is followed: what is looked at here is what is changed.
    let directory: File = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)?;
    let found = directory.metadata()?;
    // SAFETY: geteuid cannot fail.
    let this_user = unsafe { libc::geteuid() };
    if found.uid() == this_user && found.uid() != user {
        fchown(&directory, Some(user), None)?;
    } else if found.uid() != user {
        let message = format!(
            "belongs to user {}, not to user {user}, whom the server's children run as; remove it or change its owner",
            found.uid()
        );
        return Err(io::Error::other(message));
    }
    if found.permissions().mode() & 0o777 != 0o700 {
        directory.set_permissions(fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_the_children_alone() {
        let parent = std::env::temp_dir().join(format!("mod_python-test.{}", std::process::id()));
        fs::create_dir(&parent).expect("a new directory");
        // SAFETY: geteuid cannot fail.
        let user = unsafe { libc::geteuid() };
        let path = parent.join("own");
        for _ in 0..2 {
            make(&path, user).expect("makes it, or finds it");
            let found = fs::symlink_metadata(&path).expect("it is there");
            assert!(found.is_dir());
            assert_eq!(found.permissions().mode() & 0o777, 0o700);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("ours");
        }
        let link = parent.join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(make(&link, user).is_err());
        fs::remove_dir_all(&parent).expect("ours");
    }
}
