//! On which of the machine's processors threads run, and whether they have waited for something.

use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Processors that a thread may run on.
#[derive(Clone, Copy)]
pub(super) struct Processors(libc::cpu_set_t);

const SIZE: usize = size_of::<libc::cpu_set_t>();

/// Set once the system, or a policy of it, has refused to bind a thread.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The kernel's number of the calling thread.
pub(super) fn this_thread() -> libc::pid_t {
    // SAFETY: may be called at any time.
    unsafe { libc::gettid() }
}

/// Lets a thread that sleeps wake up on the processor that the caller runs on, and nowhere else. Returns where it may run
/// otherwise, to be given back to it by [`Processors::allow`]; None where that is not to be had, and nothing was changed.
pub(super) fn bind_here(thread: libc::pid_t) -> Option<Processors> {
    if !may_bind() {
        return None;
    }
    let mut before = MaybeUninit::<libc::cpu_set_t>::uninit();
    let mut here = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel fills in a set of the size that it is told; a set of zeros is empty; the macros stay within a set, for
    // a number below the number of its bits.
    unsafe {
        let number =
            usize::try_from(libc::sched_getcpu()).ok().filter(|number| *number < 8 * SIZE)?;
        if libc::sched_getaffinity(thread, SIZE, before.as_mut_ptr()) != 0
            || !libc::CPU_ISSET(number, before.assume_init_ref())
        {
            return None;
        }
        libc::CPU_SET(number, here.assume_init_mut());
        if libc::sched_setaffinity(thread, SIZE, here.as_ptr()) != 0 {
            REFUSED.store(true, Ordering::Relaxed);
            return None;
        }
        Some(Processors(before.assume_init()))
    }
}

impl Processors {
    /// Lets the calling thread run on these again; or on all that there are, if they have been taken away from the process.
    pub fn allow(&self) {
        // SAFETY: both sets are sets, of the size that is told: every bit of a set may be one.
        unsafe {
            if libc::sched_setaffinity(0, SIZE, &raw const self.0) != 0 {
                let mut all = MaybeUninit::<libc::cpu_set_t>::uninit();
                all.as_mut_ptr().write_bytes(0xff, 1);
                libc::sched_setaffinity(0, SIZE, all.as_ptr());
            }
        }
    }
}

/// Whether there is more than one processor, nobody has refused it, and there is no filter of system calls, which may end the
/// process for a call that it does not know from other servers (seccomp(2)).
pub(super) fn may_bind() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    let may = *MAY.get_or_init(|| {
        let several = std::thread::available_parallelism().is_ok_and(|number| number.get() > 1);
        let status = || std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        several && status().lines().any(|line| line.split_whitespace().eq(["Seccomp:", "0"]))
    });
    may && !REFUSED.load(Ordering::Relaxed)
}

/// How often the calling thread has waited for something so far. Being made to wait for a processor does not count.
pub(super) fn waits() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills in the record, for which zeros are numbers too.
    unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init().ru_nvcsw.unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn allowed() -> usize {
        thread::available_parallelism().expect("a number").get()
    }

    #[test]
    fn who_is_bound_can_run_where_it_could_before() {
        let before = allowed();
        let (tell, told) = mpsc::channel::<Option<Processors>>();
        let (say, said) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            say.send(this_thread()).expect("somebody listens");
            let others = told.recv().expect("it is told");
            let bound = allowed();
            if let Some(others) = others {
                others.allow();
            }
            (bound, allowed())
        });
        let others = bind_here(said.recv().expect("it says"));
        let is_bound = others.is_some();
        assert_eq!(is_bound, may_bind());
        tell.send(others).expect("it listens");
        let (bound, after) = sleeper.join().expect("no panic");
        assert_eq!(bound, if is_bound { 1 } else { before });
        assert_eq!(after, before);
    }

    #[test]
    fn processors_that_are_taken_away_leave_the_others() {
        let nowhere = MaybeUninit::<libc::cpu_set_t>::zeroed();
        let before = allowed();
        // SAFETY: a set of zeros is empty.
        Processors(unsafe { nowhere.assume_init() }).allow();
        assert_eq!(allowed(), before);
    }

    #[test]
    fn a_sleep_is_a_wait() {
        let before = waits();
        thread::sleep(Duration::from_millis(1));
        assert!(waits() > before);
    }
}
