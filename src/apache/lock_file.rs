//! Locks that all processes of the server share, as many as there are keys.
//!
//! A lock is one byte of a file that has no name: the kernel gives it back when its holder dies. The file is made once by
//! the parent and inherited, so that the children of an old and a new generation agree. The kernel tells processes apart,
//! a table in each process its threads.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::pool::Pool;
use super::runtime_directory;

static FILE: OnceLock<File> = OnceLock::new();
static HELD: Mutex<Option<HashMap<u64, Holder>>> = Mutex::new(None);
static RELEASED: Condvar = Condvar::new();

/// Who has a lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Thread(ThreadId),
    /// Whoever has the [`Hold`], on any thread.
    Hold,
}

impl Holder {
    fn this_thread() -> Self {
        Self::Thread(thread::current().id())
    }
}

/// Why a lock was not taken or given back.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("this thread holds the lock already")]
    Held,
    #[error("this thread does not hold the lock")]
    NotHeld,
    #[error("the lock file could not be used: {0}")]
    File(#[from] io::Error),
}

/// Makes the file in httpd's runtime directory, or in the system's directory for temporary files where that is not to be
/// written. To be called in the parent; later calls do nothing.
///
/// # Errors
/// The file cannot be made.
pub fn prepare(pool: Pool<'_>) -> io::Result<()> {
    if FILE.get().is_some() {
        return Ok(());
    }
    let name = format!("mod_python.{}.locks", std::process::id());
    let file = runtime_directory::of(pool)
        .into_iter()
        .chain([std::env::temp_dir()])
        .map(|directory| unnamed(directory.join(&name)))
        .reduce(io::Result::or)
        .unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))?;
    let _ = FILE.set(file);
    Ok(())
}

fn unnamed(path: PathBuf) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

/// Waits for the lock of a key.
///
/// # Errors
/// This thread has it already, or the file is not to be used.
pub fn lock(key: u64) -> Result<(), LockError> {
    take(key, Holder::this_thread(), true).map(drop)
}

/// Takes the lock of a key if it is free, and says whether it was.
///
/// # Errors
/// The file is not to be used.
pub fn try_lock(key: u64) -> Result<bool, LockError> {
    match take(key, Holder::this_thread(), false) {
        Err(LockError::Held) => Ok(false),
        other => other,
    }
}

/// Gives the lock of a key back.
///
/// # Errors
/// This thread does not have it.
pub fn unlock(key: u64) -> Result<(), LockError> {
    release(key, Holder::this_thread())
}

/// A lock that belongs to no thread: dropping this, wherever that is, gives it back.
pub struct Hold {
    key: u64,
}

impl Hold {
    /// Waits for the lock of a key.
    ///
    /// # Errors
    /// The file is not to be used.
    pub fn of(key: u64) -> Result<Self, LockError> {
        take(key, Holder::Hold, true)?;
        Ok(Self { key })
    }

    /// The lock of a key, if it is free. Waits for nobody.
    ///
    /// # Errors
    /// The file is not to be used.
    pub fn try_of(key: u64) -> Result<Option<Self>, LockError> {
        // Not then_some: a hold that is not taken would give back somebody's.
        Ok(take(key, Holder::Hold, false)?.then(|| Self { key }))
    }

    pub fn key(&self) -> u64 {
        self.key
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ = release(self.key, Holder::Hold);
    }
}

fn release(key: u64, holder: Holder) -> Result<(), LockError> {
    let mut held = HELD.lock();
    let holders = held.get_or_insert_default();
    if holders.get(&key) != Some(&holder) {
        return Err(LockError::NotHeld);
    }
    let result = set(key, libc::F_UNLCK, false);
    holders.remove(&key);
    drop(held);
    RELEASED.notify_all();
    result.map(drop).map_err(LockError::File)
}

fn take(key: u64, holder: Holder, wait: bool) -> Result<bool, LockError> {
    if !enter(key, holder, wait)? {
        return Ok(false);
    }
    let taken = set(key, libc::F_WRLCK, wait);
    if !matches!(taken, Ok(true)) {
        HELD.lock().get_or_insert_default().remove(&key);
        RELEASED.notify_all();
    }
    taken.map_err(LockError::File)
}

/// The turn among the threads of this process.
fn enter(key: u64, holder: Holder, wait: bool) -> Result<bool, LockError> {
    let mut held = HELD.lock();
    loop {
        match held.get_or_insert_default().get(&key) {
            None => {
                held.get_or_insert_default().insert(key, holder);
                return Ok(true);
            }
            Some(found) if *found == holder && holder != Holder::Hold => {
                return Err(LockError::Held);
            }
            Some(_) if !wait => return Ok(false),
            Some(_) => RELEASED.wait(&mut held),
        }
    }
}

/// The turn among processes. False: somebody else has the lock.
fn set(key: u64, kind: libc::c_int, wait: bool) -> io::Result<bool> {
    let file = FILE.get().ok_or(io::ErrorKind::NotFound)?;
    loop {
        // SAFETY: an all-zero flock is valid; fcntl reads it, and the descriptor is open.
        let result = unsafe {
            let mut range: libc::flock = std::mem::zeroed();
            range.l_type = kind as libc::c_short;
            range.l_whence = libc::SEEK_SET as libc::c_short;
            // Offsets are signed.
            range.l_start = (key >> 1) as libc::off_t;
            range.l_len = 1;
            libc::fcntl(
                file.as_raw_fd(),
                if wait { libc::F_SETLKW } else { libc::F_SETLK },
                &raw const range,
            )
        };
        if result == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // The kernel takes all threads of a process for one and sees circles that are none.
            Some(libc::EDEADLK) => thread::sleep(Duration::from_millis(5)),
            Some(libc::EACCES | libc::EAGAIN) if !wait => return Ok(false),
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder() {
        let path =
            std::env::temp_dir().join(format!("mod_python-test.{}.locks", std::process::id()));
        let _ = FILE.set(unnamed(path).expect("a lock file"));
        lock(8).expect("free");
        assert!(matches!(lock(8), Err(LockError::Held)));
        assert!(!try_lock(8).expect("answers"));
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!try_lock(8).expect("answers"));
                assert!(matches!(unlock(8), Err(LockError::NotHeld)));
                assert!(try_lock(16).expect("answers"));
            });
        });
        unlock(8).expect("held");
        assert!(try_lock(8).expect("answers"));
        let hold = Hold::of(24).expect("free");
        assert!(!try_lock(24).expect("answers"));
        thread::spawn(move || drop(hold)).join().expect("no panic");
        assert!(try_lock(24).expect("answers"));
    }
}
