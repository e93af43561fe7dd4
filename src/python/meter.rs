//! How long threads are in Python, and how long they wait to get there.
//!
//! In Python is who is attached: between two calls into httpd, which detach. A wait that was none costs a look at the clock.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What an interpreter's threads count, wherever that is kept: nanoseconds in Python, nanoseconds of waiting for it, waits,
/// and the threads that are busy with it now.
pub type Meter = [AtomicU64; 4];

/// A time, in nanoseconds, that was not taken because nobody counts.
pub(super) const UNMEASURED: u64 = 0;

const IN_PYTHON: usize = 0;
const WAITING: usize = 1;
const WAITS: usize = 2;
const BUSY: usize = 3;

/// Nanoseconds. Taking Python's lock when it is free is faster.
const NOTICEABLE: u64 = 2_000;

/// Set once somebody had to wait although none of our threads was in Python: threads that Python made are about, or ours that
/// let go of the lock inside of Python.
static UNSEEN_HOLDERS: AtomicBool = AtomicBool::new(false);

/// Of the calling thread.
struct Here {
    /// That of the innermost attachment.
    meter: Cell<Option<&'static Meter>>,
    /// Nanoseconds in which an attachment was left for something else, summed up for ever.
    away: Cell<u64>,
}

thread_local! {
    static HERE: Here = const { Here { meter: Cell::new(None), away: Cell::new(0) } };
}

/// A thread on its way into an interpreter.
pub(super) struct Arrival {
    meter: Option<&'static Meter>,
    outer: Option<&'static Meter>,
    away: u64,
    is_seen: bool,
    at: u64,
}

impl Arrival {
    /// `is_held`: one of our threads is in Python.
    pub(super) fn new(meter: Option<&'static Meter>, is_held: bool) -> Self {
        let (outer, away) = HERE.with(|here| (here.meter.replace(meter), here.away.get()));
        let arrival = |at| Self { meter, outer, away, is_seen: is_held, at };
        let Some(counts) = meter else { return arrival(0) };
        if !same(outer, meter) {
            counts[BUSY].fetch_add(1, Ordering::Relaxed);
        }
        arrival(clock())
    }

    /// It is in.
    pub(super) fn enter(self) -> Stay {
        let entered = self.meter.map_or(UNMEASURED, |meter| {
            let entered = clock();
            note_wait(meter, self.at, entered, self.is_seen);
            entered
        });
        Stay { arrival: self, entered }
    }
}

/// A thread in an interpreter.
pub(super) struct Stay {
    arrival: Arrival,
    entered: u64,
}

impl Stay {
    /// When it got in.
    pub(super) fn since(&self) -> u64 {
        self.entered
    }

    /// It is about to leave. Returns when that is.
    pub(super) fn end(&self) -> u64 {
        let Arrival { meter, outer, away: before, at, .. } = self.arrival;
        HERE.with(|here| {
            here.meter.set(outer);
            let Some(counts) = meter else { return UNMEASURED };
            let left = clock();
            let away = here.away.replace(before + (left - at)) - before;
            let inside = (left - self.entered).saturating_sub(away);
            counts[IN_PYTHON].fetch_add(inside, Ordering::Relaxed);
            if !same(outer, meter) {
                counts[BUSY].fetch_sub(1, Ordering::Relaxed);
            }
            left
        })
    }
}

/// A thread that has left an interpreter and will be back.
pub(super) struct Pause {
    meter: Option<&'static Meter>,
    left: u64,
    away: u64,
    is_seen: Cell<bool>,
    wanted: Cell<u64>,
}

impl Pause {
    pub(super) fn begin() -> Self {
        let (meter, away) = HERE.with(|here| (here.meter.get(), here.away.get()));
        let left = if meter.is_some() { clock() } else { UNMEASURED };
        Self { meter, left, away, is_seen: Cell::new(true), wanted: Cell::new(0) }
    }

    /// When it left.
    pub(super) fn since(&self) -> u64 {
        self.left
    }

    /// It wants to go back; `is_held`: one of our threads is in Python.
    pub(super) fn want(&self, is_held: bool) {
        self.is_seen.set(is_held);
        if self.meter.is_some() && (is_held || UNSEEN_HOLDERS.load(Ordering::Relaxed)) {
            self.wanted.set(clock());
        }
    }

    /// It is back. Returns when that was.
    pub(super) fn end(&self) -> u64 {
        let Some(meter) = self.meter else { return UNMEASURED };
        let now = clock();
        HERE.with(|here| here.away.set(self.away + (now - self.left)));
        if self.wanted.get() != 0 {
            note_wait(meter, self.wanted.get(), now, self.is_seen.get());
        }
        now
    }
}

fn note_wait(meter: &Meter, since: u64, until: u64, is_seen: bool) {
    let waited = until - since;
    if waited < NOTICEABLE {
        return;
    }
    meter[WAITING].fetch_add(waited, Ordering::Relaxed);
    meter[WAITS].fetch_add(1, Ordering::Relaxed);
    if !is_seen && !UNSEEN_HOLDERS.load(Ordering::Relaxed) {
        UNSEEN_HOLDERS.store(true, Ordering::Relaxed);
    }
}

fn same(one: Option<&'static Meter>, other: Option<&'static Meter>) -> bool {
    one.map(std::ptr::from_ref) == other.map(std::ptr::from_ref)
}

/// Nanoseconds since some time, never fewer than before.
#[must_use]
pub fn clock() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills in the record; every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    fn meter() -> &'static Meter {
        Box::leak(Box::default())
    }

    fn count(meter: &Meter, index: usize) -> u64 {
        meter[index].load(Ordering::Relaxed)
    }

    const NAP: Duration = Duration::from_millis(20);
    const NAP_NANOSECONDS: u64 = 20_000_000;

    #[test]
    fn a_pause_is_not_in_python() {
        let meter = meter();
        let stay = Arrival::new(Some(meter), false).enter();
        assert_eq!(count(meter, BUSY), 1);
        sleep(NAP);
        let before = clock();
        let pause = Pause::begin();
        sleep(NAP);
        pause.want(false);
        pause.end();
        let paused = clock() - before;
        stay.end();
        let whole = clock() - stay.entered;
        assert!(count(meter, IN_PYTHON) >= NAP_NANOSECONDS);
        assert!(count(meter, IN_PYTHON) <= whole - paused + 1_000_000);
        assert_eq!(count(meter, BUSY), 0);
    }

    #[test]
    fn what_is_inside_counts_once() {
        let (outer, inner) = (meter(), meter());
        let start = clock();
        let stay = Arrival::new(Some(outer), false).enter();
        let pause = Pause::begin();
        let again = Arrival::new(Some(outer), false).enter();
        assert_eq!(count(outer, BUSY), 1, "one thread");
        sleep(NAP);
        again.end();
        pause.want(false);
        pause.end();
        let other = Arrival::new(Some(inner), false).enter();
        sleep(NAP);
        other.end();
        stay.end();
        let whole = clock() - start;
        assert!(count(outer, IN_PYTHON) >= NAP_NANOSECONDS);
        assert!(count(inner, IN_PYTHON) >= NAP_NANOSECONDS);
        assert!(count(outer, IN_PYTHON) + count(inner, IN_PYTHON) <= whole);
        assert_eq!((count(outer, BUSY), count(inner, BUSY)), (0, 0));
    }

    #[test]
    fn only_a_real_wait_is_one() {
        let meter = meter();
        let arrival = Arrival::new(Some(meter), true);
        sleep(NAP);
        arrival.enter().end();
        assert_eq!(count(meter, WAITS), 1);
        assert!(count(meter, WAITING) >= NAP_NANOSECONDS);
        assert!(count(meter, IN_PYTHON) < NAP_NANOSECONDS);
        let shortest = (0..100)
            .map(|_| {
                let before = count(meter, WAITS);
                Arrival::new(Some(meter), false).enter().end();
                count(meter, WAITS) - before
            })
            .min();
        assert_eq!(shortest, Some(0));
    }
}
