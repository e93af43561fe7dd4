//! Starting and ending CPython in a child process.
//!
//! Python starts on first need, with no signal handlers of its own, and is never finalised: threads of the
//! server may still run when the process leaves. Registered `atexit` functions do run.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;

use super::compat;
use super::home::{self, Kind};

static OPTIMIZE: AtomicBool = AtomicBool::new(false);

/// Why Python could not be started. Each sentence is for the error log.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("MP0004: Python {0}.{1} is too old: mod_python needs 3.11 or later")]
    TooOld(u8, u8),
    #[error(
        "MP0005: another module of this server has already started Python in this process; only one of them can be loaded"
    )]
    Foreign,
    #[error(
        "MP0006: no standard library of Python {version} was found near {library}: set PYTHONHOME in the environment of httpd, \
         or reinstall Python"
    )]
    NoLibrary { version: String, library: String },
    #[error("MP0007: the path {0:?} of Python's installation cannot be given to Python")]
    BadPath(PathBuf),
    #[error("MP0008: Python could not make an interpreter")]
    Interpreter,
}

/// Asks for `python -OO`. It counts only when Python has not started yet.
pub fn optimize() {
    OPTIMIZE.store(true, Ordering::Relaxed);
}

/// Starts Python on this thread and leaves the thread attached to the main interpreter.
/// Called once in a process, under the lock of [`super::interpreter`].
pub(super) fn start() -> Result<(), StartError> {
    // SAFETY: may be called at any time.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        return Err(StartError::Foreign);
    }
    let (major, minor, _) = compat::version();
    if (major, minor) < (3, 11) {
        return Err(StartError::TooOld(major, minor));
    }
    if let Some(home) = home::of_process(Kind::Installation) {
        name_program(&home.join(format!("bin/python{major}.{minor}")))?;
    } else if std::env::var_os("PYTHONHOME").is_none() {
        name_program(&executable()?)?;
    }
    compat::forbid_user_site();
    compat::prefer_utf8();
    if OPTIMIZE.load(Ordering::Relaxed) {
        compat::optimize();
    }
    // SAFETY: Python is not initialised in this process, and the caller's lock keeps other threads out. 0: no signal handlers.
    unsafe { ffi::Py_InitializeEx(0) };
    Ok(())
}

/// Compiling and importing leaves much free memory behind; a child keeps an interpreter for its life.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: glibc's function may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Where the running libpython's own `pythonX.Y` would be. CPython derives its prefix from that name; left alone it would
/// search PATH and may find another Python, with which it cannot start.
fn executable() -> Result<PathBuf, StartError> {
    let (major, minor, _) = compat::version();
    let version = format!("{major}.{minor}");
    let library = compat::library_path().unwrap_or_else(|| "libpython".to_owned());
    let landmark = format!("lib/python{version}/os.py");
    Path::new(&library)
        .ancestors()
        .skip(1)
        .find(|prefix| prefix.join(&landmark).is_file())
        .map(|prefix| prefix.join(format!("bin/python{version}")))
        .ok_or(StartError::NoLibrary { version, library })
}

#[expect(deprecated, reason = "the stable ABI has no other way on 3.11 to 3.13")]
fn name_program(path: &Path) -> Result<(), StartError> {
    let bad = || StartError::BadPath(path.to_owned());
    let text = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| bad())?;
    // SAFETY: `text` is NUL-terminated; Py_DecodeLocale may be called before Python starts.
    let wide = unsafe { ffi::Py_DecodeLocale(text.as_ptr(), std::ptr::null_mut()) };
    if wide.is_null() {
        return Err(bad());
    }
    // SAFETY: `wide` is NUL-terminated and, as Py_SetProgramName asks, never freed.
    unsafe { ffi::Py_SetProgramName(wide) };
    Ok(())
}
