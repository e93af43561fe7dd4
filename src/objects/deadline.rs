//! `PythonTimeout`: which calls into Python may not last longer than until when.
//!
//! A call that has a limit is armed by the thread that makes it, and disarmed by the same thread while it is still attached.
//! What becomes of one that is overdue is in `overdue`, which has it raise an exception there. That happens attached to the
//! same interpreter and under the lock of the table, so that no exception is announced for a call that is disarmed, and one that
//! has been announced is taken back when the call is over.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use pyo3::Python;

use super::clock;
use super::native::State;
use crate::apache::log_copy::{Exposed, LogCopy, Sight};
use crate::apache::request::Request;
use crate::python::states::Mark;

/// Calls that have a limit.
static TABLE: Mutex<Table> = Mutex::new(Table { calls: Vec::new(), next_key: 0 });

pub struct Table {
    calls: Vec<Timed>,
    next_key: u64,
}

/// A call that has a limit.
pub struct Timed {
    key: u64,
    pub state: &'static State,
    pub thread: Mark,
    /// Whose call it is, for the log.
    pub name: String,
    pub limit: Duration,
    due: Instant,
    /// When somebody set out to interrupt it.
    pub in_hand: Option<Instant>,
    /// Whether the log says that nobody can.
    pub is_told: bool,
    /// How often it has been interrupted.
    pub count: u32,
    sight: Sight,
}

/// A call under way. To be dropped attached, as it was made.
pub struct Armed<'py, 'r> {
    py: Python<'py>,
    key: u64,
    _exposed: Exposed<'r>,
}

/// Arms a call, if there is a limit. `name` is whose call it is.
#[inline]
#[must_use]
pub fn arm<'py, 'r>(
    py: Python<'py>,
    state: &'static State,
    request: Request<'r>,
    limit: Option<Duration>,
    name: impl FnOnce() -> String,
) -> Option<Armed<'py, 'r>> {
    limit.map(|limit| arm_for(py, state, request, limit, name()))
}

#[cold]
fn arm_for<'py, 'r>(
    py: Python<'py>,
    state: &'static State,
    request: Request<'r>,
    limit: Duration,
    name: String,
) -> Armed<'py, 'r> {
    let exposed = Exposed::new(request);
    let due = Instant::now() + limit;
    let mut table = TABLE.lock();
    let key = table.next_key;
    table.next_key += 1;
    table.calls.push(Timed {
        key,
        state,
        thread: Mark::here(py),
        name,
        limit,
        due,
        in_hand: None,
        is_told: false,
        count: 0,
        sight: exposed.sight(),
    });
    drop(table);
    clock::look_at(due);
    Armed { py, key, _exposed: exposed }
}

impl Drop for Armed<'_, '_> {
    fn drop(&mut self) {
        let mut table = TABLE.lock();
        let Some(index) = table.calls.iter().position(|call| call.key == self.key) else { return };
        let call = table.calls.swap_remove(index);
        // An exception that the call around this one has deserved too is left for it.
        let outer = |other: &Timed| other.thread == call.thread && other.count > 0;
        let is_shared = table.calls.iter().any(outer);
        drop(table);
        if call.count > 0 && !is_shared {
            call.thread.forgive(self.py);
        }
    }
}

/// The table, to be held for a moment only, and by nobody who lets go of Python or waits for it.
pub fn table() -> MutexGuard<'static, Table> {
    TABLE.lock()
}

impl Table {
    /// Calls that are overdue and that nobody has in hand.
    pub fn overdue(&mut self, now: Instant) -> impl Iterator<Item = &mut Timed> {
        self.calls.iter_mut().filter(move |call| call.in_hand.is_none() && call.due <= now)
    }

    pub fn in_hand(&mut self) -> impl Iterator<Item = &mut Timed> {
        self.calls.iter_mut().filter(|call| call.in_hand.is_some())
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.calls.iter().filter(|call| call.in_hand.is_none()).map(|call| call.due).min()
    }
}

impl Timed {
    /// It has been interrupted, and gets another chance.
    pub fn interrupted(&mut self, now: Instant) -> Instant {
        self.count += 1;
        self.in_hand = None;
        self.is_told = false;
        self.due = now + self.limit;
        self.due
    }

    /// Which of the calls it is.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Its request, for the log.
    pub fn copy(&self) -> Option<LogCopy> {
        self.sight.copy()
    }

    /// How long it has run, in words.
    pub fn time(&self) -> String {
        let seconds = self.limit.as_secs_f64() * f64::from(self.count + 1);
        format!("{seconds} {}", if (seconds - 1.0).abs() < 1e-9 { "second" } else { "seconds" })
    }
}
