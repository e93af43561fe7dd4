//! Requests that take their memory in one place: a request, its subrequests, those that it was redirected to, and their
//! filters. APR's pools are for one thread at a time, so that one thread at a time works with any of them.
//!
//! Most requests are alone, and have no family.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Python code runs, if any does: a thread may come in.
pub const FREE: usize = 0;
/// httpd works, on the thread that serves the request.
pub const WITH_HTTPD: usize = 1;

pub struct Family {
    /// FREE, WITH_HTTPD, or the thread that works with one of its records.
    holder: AtomicUsize,
    /// Whether httpd, or who serves, waits for threads to come out: others get in no more.
    is_wanted: AtomicBool,
    /// What the threads serve that may come in while httpd works: a connection's address.
    pub connection: usize,
}

impl Family {
    #[must_use]
    pub fn new(holder: usize, connection: usize) -> Arc<Self> {
        let (holder, is_wanted) = (AtomicUsize::new(holder), AtomicBool::new(false));
        Arc::new(Self { holder, is_wanted, connection })
    }

    /// Lets `thread` work with its records. Returns what to [leave](Self::leave) it to, if this thread has not been in before.
    ///
    /// # Errors
    /// Another thread is in.
    pub fn enter(&self, thread: usize, is_serving: bool) -> Result<Option<usize>, Busy> {
        let now = self.holder.load(Ordering::Relaxed);
        if now == thread {
            return Ok(None);
        }
        let is_in = self.is_open_to(now, is_serving) && self.turn(now, thread);
        if is_serving {
            // Who serves comes next: others could keep it out for good.
            self.is_wanted.store(!is_in, Ordering::Relaxed);
        }
        if is_in { Ok(Some(now)) } else { Err(Busy) }
    }

    /// Whether it is worth another try.
    #[must_use]
    pub fn may_be_entered(&self, thread: usize, is_serving: bool) -> bool {
        let now = self.holder.load(Ordering::Relaxed);
        now == thread || self.is_open_to(now, is_serving)
    }

    fn is_open_to(&self, now: usize, is_serving: bool) -> bool {
        match now {
            FREE => is_serving || !self.is_wanted.load(Ordering::Relaxed),
            WITH_HTTPD => is_serving,
            _ => false,
        }
    }

    /// `thread` has done its work.
    pub fn leave(&self, thread: usize, to: usize) {
        self.turn(thread, to);
    }

    /// Python code is about to run on `thread`, which httpd works on. Returns what to [close](Self::close) it to.
    #[must_use]
    pub fn open(&self, thread: usize) -> usize {
        let worked = [WITH_HTTPD, thread].into_iter().find(|&now| self.turn(now, FREE));
        worked.unwrap_or(FREE)
    }

    /// httpd goes on, after those who are in have come out.
    pub fn close(&self, to: usize) {
        self.is_wanted.store(true, Ordering::Relaxed);
        wait_until(|| self.try_close(to));
        self.is_wanted.store(false, Ordering::Relaxed);
    }

    /// The same, if nobody is in: false when somebody is.
    #[must_use]
    pub fn try_close(&self, to: usize) -> bool {
        to == FREE || self.turn(FREE, to) || self.holder.load(Ordering::Relaxed) == to
    }

    fn turn(&self, from: usize, to: usize) -> bool {
        self.holder.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// Waits for what other threads do in one call, after which nobody is woken.
pub fn wait_until(is_so: impl Fn() -> bool) {
    const LOOKS: u32 = 20;
    const SHORTEST: Duration = Duration::from_micros(20);
    const LONGEST: Duration = Duration::from_millis(2);
    for look in 0.. {
        if is_so() {
            return;
        }
        match look {
            0..LOOKS => std::thread::yield_now(),
            _ => std::thread::sleep((SHORTEST * 2_u32.pow((look - LOOKS).min(7))).min(LONGEST)),
        }
    }
}

/// Another thread works with one of the records.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

#[cfg(test)]
mod tests {
    use super::*;

    const A: usize = 100;
    const B: usize = 200;

    #[test]
    fn one_thread_at_a_time() {
        let family = Family::new(FREE, 7);
        assert_eq!(family.enter(A, true), Ok(Some(FREE)));
        assert_eq!(family.enter(A, true), Ok(None), "it is in already");
        assert_eq!(family.enter(B, false), Err(Busy));
        family.leave(A, FREE);
        assert_eq!(family.enter(B, false), Ok(Some(FREE)));
        assert_eq!(family.enter(A, true), Err(Busy));
    }

    #[test]
    fn who_serves_comes_next() {
        let family = Family::new(B, 7);
        assert_eq!(family.enter(A, true), Err(Busy));
        family.leave(B, FREE);
        assert_eq!(family.enter(B, false), Err(Busy));
        assert_eq!(family.enter(A, true), Ok(Some(FREE)));
        family.leave(A, FREE);
        assert_eq!(family.enter(B, false), Ok(Some(FREE)));
    }

    #[test]
    fn while_httpd_works_only_who_serves_comes_in() {
        let family = Family::new(WITH_HTTPD, 7);
        assert_eq!(family.enter(B, false), Err(Busy));
        assert_eq!(family.enter(A, true), Ok(Some(WITH_HTTPD)));
        family.leave(A, WITH_HTTPD);
        let before = family.open(A);
        assert_eq!(family.enter(B, false), Ok(Some(FREE)));
        family.leave(B, FREE);
        family.close(before);
        assert_eq!(family.enter(B, false), Err(Busy));
    }

    #[test]
    fn python_code_inside_of_a_call_lets_others_in() {
        let family = Family::new(A, 7);
        let before = family.open(A);
        assert_eq!(family.enter(B, false), Ok(Some(FREE)));
        let closing = Arc::clone(&family);
        let closed = std::thread::spawn(move || closing.close(before));
        while !family.is_wanted.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        family.leave(B, FREE);
        closed.join().expect("nothing panics there");
        assert_eq!(family.enter(B, false), Err(Busy));
        assert_eq!(family.enter(A, true), Ok(None));
    }

    #[test]
    fn inside_of_other_python_code_nothing_changes() {
        let family = Family::new(FREE, 7);
        assert_eq!(family.enter(B, false), Ok(Some(FREE)));
        let before = family.open(A);
        assert_eq!(before, FREE);
        family.close(before);
        assert!(family.may_be_entered(B, false));
    }
}
