//! Signals of a child process: SIGUSR2, which no MPM of httpd uses, and threads that leave all signals to httpd's own.

use std::io;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

/// Whether this process is a child, and [`begin_child`] has been called in it.
static IS_CHILD: AtomicBool = AtomicBool::new(false);
/// A descriptor to write to, -1 for none.
static WAKE: AtomicI32 = AtomicI32::new(-1);
static DUMP_REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGUSR2 does not end the process, nor those that it forks. Called in the parent, so that no child is too young.
pub fn survive_dump_requests() {
    // SAFETY: the handler does only what a signal handler may.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = dump_requested as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGUSR2, &raw const action, ptr::null_mut());
    }
}

/// This process is a child, and forgets what signals its parent got.
pub fn begin_child() {
    DUMP_REQUESTED.store(false, Ordering::Release);
    IS_CHILD.store(true, Ordering::Release);
}

#[must_use]
pub fn is_child() -> bool {
    IS_CHILD.load(Ordering::Acquire)
}

/// Stores, and writes to a descriptor, which a signal handler may do (signal-safety(7)).
extern "C" fn dump_requested(_number: libc::c_int) {
    DUMP_REQUESTED.store(true, Ordering::Release);
    wake_from_handler();
}

/// As [`wake`], for a signal handler.
pub(super) fn wake_from_handler() {
    // SAFETY: this thread's errno.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        wake();
        *errno = before;
    }
}

/// Whether there is somebody to wake.
pub(super) fn can_wake() -> bool {
    WAKE.load(Ordering::Acquire) >= 0
}

/// Says where a byte is to be written to by [`wake`]. The descriptor stays open.
pub fn wake_through(descriptor: i32) {
    WAKE.store(descriptor, Ordering::Release);
    wake();
}

/// Wakes whoever reads from the other end; does not wait if that has not read what was written before.
pub fn wake() {
    let descriptor = WAKE.load(Ordering::Acquire);
    if descriptor >= 0 {
        // SAFETY: one byte from a static; the descriptor is never closed.
        unsafe { libc::write(descriptor, c"!".as_ptr().cast(), 1) };
    }
}

/// Whether SIGUSR2 has come since the last call.
#[must_use]
pub fn take_dump_request() -> bool {
    DUMP_REQUESTED.swap(false, Ordering::AcqRel)
}

/// Lets the calling thread get SIGUSR2: those of the threaded MPMs get no signals.
pub fn hear_dump_requests() {
    // SAFETY: a set of its own.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGUSR2);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
    }
}

/// Starts a thread that gets no signals: httpd's handlers of signals end the process where they run.
pub fn spawn_deaf(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // SAFETY: sets of its own; the calling thread's mask is put back.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        let started = thread::Builder::new().name(name.to_owned()).spawn(run);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        started.map(drop)
    }
}
