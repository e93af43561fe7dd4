//! The counters of one interpreter in one child.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::failure;

/// Numbers of a row; three cache lines. What most requests count is in the first one.
pub const LENGTH: usize = 24;
/// The first numbers are counted by whoever attaches threads.
const METER: usize = 4;
const IN_PYTHON: usize = 0;
const WAITING: usize = 1;
const WAITS: usize = 2;
const BUSY: usize = 3;
/// By class, as [`CLASSES`] has them.
const RESPONSES: [usize; CLASSES.len()] = [8, 9, 6, 7, 10, 11];
/// By kind, as [`Work::ALL`] has them.
const CALLS: [usize; Work::ALL.len()] = [4, 12, 5, 13, 14, 15, 16];
const ERRORS: usize = 17;
const RELOADS: usize = 18;

/// What responses are told apart by: the first digit of their status.
pub const CLASSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What Python code is called for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// A content handler.
    Content,
    /// A handler of any other phase, also at the beginning and the end of a child.
    Phase,
    /// A WSGI application.
    Wsgi,
    Filter,
    /// A handler of connections.
    Connection,
    /// An element of a page with server side includes.
    Include,
    /// A provider of authentication or authorisation.
    Provider,
}

impl Work {
    pub const ALL: [Self; 7] = [
        Self::Content,
        Self::Phase,
        Self::Wsgi,
        Self::Filter,
        Self::Connection,
        Self::Include,
        Self::Provider,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Phase => "phase",
            Self::Wsgi => "wsgi",
            Self::Filter => "filter",
            Self::Connection => "connection",
            Self::Include => "include",
            Self::Provider => "provider",
        }
    }
}

/// Where an interpreter counts.
#[derive(Clone, Copy)]
pub struct Row {
    numbers: &'static [AtomicU64; LENGTH],
    interpreter: usize,
}

impl Row {
    pub(super) fn new(numbers: &'static [AtomicU64; LENGTH], interpreter: usize) -> Self {
        Self { numbers, interpreter }
    }

    pub(super) fn numbers(self) -> &'static [AtomicU64; LENGTH] {
        self.numbers
    }

    /// Nanoseconds in Python, nanoseconds of waiting for it, waits, busy threads.
    #[must_use]
    pub fn meter(self) -> &'static [AtomicU64; METER] {
        self.numbers.first_chunk().expect("a row is longer")
    }

    pub fn count_call(self, work: Work) {
        self.add(CALLS[work as usize], 1);
    }

    /// A request that Python has had to do with is over.
    pub fn count_response(self, status: i32) {
        let class = usize::try_from(status / 100).unwrap_or(0);
        let class = if class < CLASSES.len() { class } else { 0 };
        self.add(RESPONSES[class], 1);
    }

    pub fn count_reloads(self, modules: u64) {
        self.add(RELOADS, modules);
    }

    /// An error, of which is remembered who has met it and the last element of its traceback. `uri` is empty where there is no
    /// request.
    pub fn note_error(self, uri: &[u8], name: &str, elements: &[String]) {
        self.add(ERRORS, 1);
        let last = elements.last().map_or("", |element| element.trim_end());
        failure::note(self.interpreter, uri, &format!("{name}: {last}"));
    }

    fn add(self, index: usize, amount: u64) {
        self.numbers[index].fetch_add(amount, Ordering::Relaxed);
    }
}

/// What is never shown.
pub fn unseen() -> Row {
    static NUMBERS: OnceLock<&'static [AtomicU64; LENGTH]> = OnceLock::new();
    Row::new(NUMBERS.get_or_init(|| Box::leak(Box::default())), 0)
}

/// Counters as they were at one moment, or a sum of such.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts([u64; LENGTH]);

impl Counts {
    pub(super) fn of(numbers: &[AtomicU64; LENGTH]) -> Self {
        Self(std::array::from_fn(|index| numbers[index].load(Ordering::Relaxed)))
    }

    /// What has come to be since; threads are busy now or not.
    pub(super) fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|index| match index {
            BUSY => self.0[index],
            _ => self.0[index].saturating_sub(before.0[index]),
        }))
    }

    pub(super) fn without_busy(mut self) -> Self {
        self.0[BUSY] = 0;
        self
    }

    pub fn add(&mut self, other: Self) {
        self.0[BUSY] = self.busy() + other.busy();
        for index in (0..LENGTH).filter(|index| *index != BUSY) {
            self.0[index] += other.0[index];
        }
    }

    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Nanoseconds.
    #[must_use]
    pub fn in_python(self) -> u64 {
        self.0[IN_PYTHON]
    }

    /// Nanoseconds.
    #[must_use]
    pub fn waiting(self) -> u64 {
        self.0[WAITING]
    }

    #[must_use]
    pub fn waits(self) -> u64 {
        self.0[WAITS]
    }

    /// Threads; those that a child left when it died may be taken away once more.
    #[must_use]
    pub fn busy(self) -> u64 {
        u64::try_from(self.0[BUSY].cast_signed()).unwrap_or(0)
    }

    #[must_use]
    pub fn errors(self) -> u64 {
        self.0[ERRORS]
    }

    #[must_use]
    pub fn reloads(self) -> u64 {
        self.0[RELOADS]
    }

    /// By class, as [`CLASSES`] has them.
    #[must_use]
    pub fn responses(&self) -> [u64; CLASSES.len()] {
        RESPONSES.map(|place| self.0[place])
    }

    #[must_use]
    pub fn requests(&self) -> u64 {
        self.responses().iter().sum()
    }

    #[must_use]
    pub fn calls(self, work: Work) -> u64 {
        self.0[CALLS[work as usize]]
    }
}

/// The place of the level among numbers that only grow.
pub fn reset_busy(numbers: &[AtomicU64; LENGTH]) {
    numbers[BUSY].store(0, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_told_apart_by_class() {
        let row = Row::new(Box::leak(Box::default()), 0);
        for status in [100, 200, 204, 302, 404, 500, 599, 600, 0, -2] {
            row.count_response(status);
        }
        let counts = Counts::of(row.numbers());
        assert_eq!(counts.responses(), [3, 1, 2, 1, 1, 2]);
        assert_eq!(counts.requests(), 10);
    }

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let mut places =
            [&RESPONSES[..], &CALLS, &[IN_PYTHON, WAITING, WAITS, BUSY], &[ERRORS, RELOADS]]
                .concat();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), RESPONSES.len() + CALLS.len() + METER + 2);
        assert!(places.iter().all(|place| *place < LENGTH));
    }

    #[test]
    fn every_kind_of_work_has_its_counter() {
        let row = Row::new(Box::leak(Box::default()), 0);
        for (times, work) in Work::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| row.count_call(work));
        }
        let counts = Counts::of(row.numbers());
        let calls: Vec<u64> = Work::ALL.into_iter().map(|work| counts.calls(work)).collect();
        assert_eq!(calls, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((counts.errors(), counts.requests(), counts.busy()), (0, 0, 0));
    }
}
