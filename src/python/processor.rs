//! On which of the machine's processors threads run, and whether they have waited for something.

use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Processors that a thread may run on.
#[derive(Clone, Copy)]
pub(super) struct Processors(libc::cpu_set_t);

const SIZE: usize = size_of::<libc::cpu_set_t>();

/// Nanoseconds between two looks at what the machine's processors do.
const A_MOMENT: u64 = 100_000_000;
/// So many idle ones are to spare. Of two, one is idle for a while whenever all wait for what the other does.
const TO_SPARE: f64 = 1.5;

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

/// Seconds since the machine was started, and those that its processors have been idle since, summed up (proc(5)).
#[derive(Clone, Copy)]
struct Uptime {
    passed: f64,
    idle: f64,
}

impl Uptime {
    fn read() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/uptime").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace().map(|word| word.parse().ok());
        Some(Self { passed: words.next()??, idle: words.next()?? })
    }

    /// How many processors were idle since an earlier time, on the average.
    fn idle_since(self, before: Self) -> f64 {
        (self.idle - before.idle) / (self.passed - before.passed)
    }
}

/// Whether the machine has no processors to spare, as far as is known.
static IS_BUSY: AtomicBool = AtomicBool::new(false);
/// When to look at that again.
static NEXT_LOOK: AtomicU64 = AtomicU64::new(0);

/// Looks whether the machine has processors to spare, unless somebody has done so a moment ago; `now`: nanoseconds.
pub(super) fn look(now: u64) {
    static BEFORE: Mutex<Option<Uptime>> = Mutex::new(None);
    let next = NEXT_LOOK.load(Ordering::Relaxed);
    let is_next = |later| {
        NEXT_LOOK.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    if now < next || !is_next(now + A_MOMENT) {
        return;
    }
    // A copy of the process may have been made while another thread had it.
    let Some(mut before) = BEFORE.try_lock() else { return };
    let Some(uptime) = Uptime::read() else {
        NEXT_LOOK.store(u64::MAX, Ordering::Relaxed);
        return;
    };
    let idle = before.replace(uptime).map(|before| uptime.idle_since(before));
    IS_BUSY.store(idle.is_some_and(|idle| idle < TO_SPARE), Ordering::Relaxed);
}

/// Takes the machine for one that has none to spare, from now on.
#[cfg(test)]
pub(super) fn be_busy() {
    NEXT_LOOK.store(u64::MAX, Ordering::Relaxed);
    IS_BUSY.store(true, Ordering::Relaxed);
}

/// Whether threads of the process can run at the same time.
pub(super) fn are_several() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL
        .get_or_init(|| std::thread::available_parallelism().is_ok_and(|number| number.get() > 1))
}

/// Whether threads are to be bound: there is more than one processor, but none to spare, on which a thread had better wake up;
/// nobody has refused it; and there is no filter of system calls, which may end the process for a call that it does not know
/// from other servers (seccomp(2)).
pub(super) fn may_bind() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    let may = *MAY.get_or_init(|| {
        let status = || std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        are_several() && status().lines().any(|line| line.split_whitespace().eq(["Seccomp:", "0"]))
    });
    may && IS_BUSY.load(Ordering::Relaxed) && !REFUSED.load(Ordering::Relaxed)
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
    fn how_many_are_idle_is_an_average() {
        let before = Uptime::parse("100.50 300.25\n").expect("as the kernel writes it");
        let idle = |text| Uptime::parse(text).map(|now| now.idle_since(before));
        assert_eq!(idle("102.50 300.25"), Some(0.0));
        assert_eq!(idle("102.50 303.25"), Some(1.5));
        assert_eq!(idle("102.50"), None);
        assert_eq!(idle("soon 1.0"), None);
        let is_busy = |text| idle(text).is_some_and(|idle| idle < TO_SPARE);
        assert!(!is_busy("100.50 300.25"), "no time has passed");
    }

    #[test]
    fn nobody_is_bound_before_the_machine_was_seen_busy() {
        assert!(!may_bind());
        look(1);
        assert!(!may_bind(), "of one look");
        assert!(Uptime::read().is_some());
        be_busy();
        look(u64::MAX - 1);
        assert!(IS_BUSY.load(Ordering::Relaxed));
    }

    #[test]
    fn who_is_bound_can_run_where_it_could_before() {
        be_busy();
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
