//! SIGTERM, for a child that has Python code to run before it ends.
//!
//! prefork ends a child in the signal's handler, in the middle of whatever it does; worker and event wait for their threads, so
//! that a child with a thread that does not come back is killed in the end. In both cases nobody would be left to run what is
//! registered for the end. So a signal that comes while the child is busy is noted, and whoever waits at the other end of
//! [`signal::wake`] sees to the rest.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::signal;

static REQUESTED: AtomicBool = AtomicBool::new(false);
/// Nothing is to be put off any more.
static DONE: AtomicBool = AtomicBool::new(false);
/// The function that tells whether the child is busy, 0 for none.
static IS_BUSY: AtomicUsize = AtomicUsize::new(0);
/// httpd's own handlers of the two signals, by which SIGTERM and SIGHUP end a child.
static OF_HTTPD: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
const SIGNALS: [libc::c_int; 2] = [libc::SIGTERM, libc::SIGHUP];

/// From now on the end that SIGTERM asks for, and in a process of one thread SIGHUP too, is put off while `is_busy` says so,
/// which may do no more than a signal handler may.
pub fn put_off(is_busy: fn() -> bool, is_threaded: bool) {
    if IS_BUSY.swap(is_busy as usize, Ordering::AcqRel) != 0 {
        return;
    }
    let count = if is_threaded { 1 } else { 2 };
    for (number, httpds) in SIGNALS.iter().zip(&OF_HTTPD).take(count) {
        // SAFETY: the records are this function's; the handler does only what a signal handler may, or what httpd's does.
        unsafe {
            let mut before: libc::sigaction = mem::zeroed();
            libc::sigaction(*number, ptr::null(), &raw mut before);
            httpds.store(before.sa_sigaction, Ordering::Release);
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = requested as Handler as usize;
            // With -DONE_PROCESS httpd's handler only notes the signal, and a call that waits has to end for it.
            action.sa_flags = (before.sa_flags & libc::SA_RESTART) | libc::SA_SIGINFO;
            action.sa_mask = before.sa_mask;
            libc::sigaction(*number, &raw const action, ptr::null_mut());
        }
    }
}

type Handler = extern "C" fn(libc::c_int, *const libc::siginfo_t, *const libc::c_void);

extern "C" fn requested(
    number: libc::c_int,
    told: *const libc::siginfo_t,
    _context: *const libc::c_void,
) {
    // SAFETY: the system passes a record of the signal, whose sender is known where a process sent it.
    let is_own = unsafe { told.as_ref().is_some_and(|told| told.si_pid() == libc::getpid()) };
    // A stopping child of worker and event wakes its own main thread by SIGTERM.
    let is_late = is_own || DONE.load(Ordering::Acquire);
    if !is_late && signal::can_wake() && is_busy() {
        REQUESTED.store(true, Ordering::Release);
        signal::wake_from_handler();
        return;
    }
    let httpds = SIGNALS.iter().zip(&OF_HTTPD).find(|row| *row.0 == number);
    let handler = httpds.map_or(libc::SIG_DFL, |row| row.1.load(Ordering::Acquire));
    if handler != libc::SIG_DFL && handler != libc::SIG_IGN {
        // SAFETY: the system had this address as the handler of the signal, set without SA_SIGINFO as by `apr_signal`.
        let handler: extern "C" fn(libc::c_int) = unsafe { mem::transmute(handler) };
        handler(number);
    }
}

fn is_busy() -> bool {
    let address = IS_BUSY.load(Ordering::Acquire);
    // SAFETY: `put_off` stored a function of this type.
    address != 0 && unsafe { mem::transmute::<usize, fn() -> bool>(address) }()
}

/// Whether an end has been asked for and put off since the last call.
#[must_use]
pub fn take_request() -> bool {
    REQUESTED.swap(false, Ordering::AcqRel)
}

/// What it was put off for is done: httpd gets the signal.
pub fn go_on() {
    DONE.store(true, Ordering::Release);
    // SAFETY: a signal to this process.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}

/// Ends the process here and now, as httpd would by SIGKILL a few seconds later.
pub fn leave() -> ! {
    // SAFETY: may be called at any time.
    unsafe { libc::_exit(0) }
}
