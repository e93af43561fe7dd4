//! Copies of the process that Python code makes by `os.fork()`.
//!
//! Such a copy has one thread, no business with httpd's clients, and is to leave by `os._exit()`. One that comes back from
//! Python code instead would go on as a server: answer its parent's requests, and take connections that nobody counts.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static IS_COPY: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The signals that this thread blocked before it forked.
    static BLOCKED: Cell<MaybeUninit<libc::sigset_t>> = const { Cell::new(MaybeUninit::uninit()) };
}

/// From now on forks are noticed.
pub(super) fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // SAFETY: the functions do what is allowed between fork and exec.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_copy)) };
    });
}

/// Whether this process is a copy of one in which Python was running.
#[must_use]
pub fn is_copy() -> bool {
    IS_COPY.load(Ordering::Relaxed)
}

/// Ends a copy, and nothing but its process: what is registered for the end belongs to the server's own.
pub fn end() -> ! {
    // SAFETY: may be called at any time.
    unsafe { libc::_exit(1) }
}

/// No signal reaches a copy before it has left httpd's handlers behind, which would end it as a child of httpd's.
unsafe extern "C" fn before() {
    let mut blocked = MaybeUninit::uninit();
    // SAFETY: sigfillset makes a set, and pthread_sigmask another one of what was in force.
    unsafe {
        let mut all = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), blocked.as_mut_ptr());
    }
    BLOCKED.set(blocked);
}

unsafe extern "C" fn in_parent() {
    let blocked = BLOCKED.replace(MaybeUninit::uninit());
    // SAFETY: `before` has set it, on this thread.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), ptr::null_mut()) };
}

/// httpd's threads block signals, and what it does at SIGTERM is not for a copy, which can be ended as any process can.
unsafe extern "C" fn in_copy() {
    IS_COPY.store(true, Ordering::Relaxed);
    // SAFETY: sigemptyset makes the set; the rest takes numbers of signals.
    unsafe {
        for number in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1, libc::SIGWINCH] {
            libc::signal(number, libc::SIG_DFL);
        }
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}
