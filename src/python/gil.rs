//! Python's locks (GILs): the one that interpreters share, and those of interpreters that have one of their own; and how
//! the threads of the server take turns at each.

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::compat;
use super::meter::UNMEASURED;

/// Whether an interpreter has a lock of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    #[default]
    Shared,
    Own,
}

/// Which interpreters have a lock of their own.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// For interpreters that are not named below.
    pub others: Sharing,
    pub named: Vec<(Box<[u8]>, Sharing)>,
}

/// The running Python knows one lock only.
#[derive(Debug, thiserror::Error)]
pub struct TooOld {
    major: u8,
    minor: u8,
    library: Option<String>,
}

impl fmt::Display for TooOld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let library = self.library.as_deref().unwrap_or("libpython");
        write!(
            f,
            "a GIL of its own for an interpreter needs Python 3.12 or later, but mod_python runs Python {}.{} ({library})",
            self.major, self.minor
        )
    }
}

/// The process' own, from `PythonInterpreterGIL`.
static CHOICE: OnceLock<Choice> = OnceLock::new();

/// Says what interpreters are to have. It counts for those made from now on.
pub fn choose(choice: Choice) {
    let _ = CHOICE.set(choice);
}

/// Whether this Python can give interpreters locks of their own.
///
/// # Errors
/// It is older than 3.12.
pub fn supports_own() -> Result<(), TooOld> {
    let (major, minor, _) = compat::version();
    if compat::new_interpreter_from_config().is_some() {
        return Ok(());
    }
    Err(TooOld { major, minor, library: compat::library_path() })
}

/// What was chosen for an interpreter.
pub(super) fn sharing_of(name: &[u8]) -> Sharing {
    CHOICE.get().map_or(Sharing::Shared, |choice| choice.sharing_of(name))
}

impl Choice {
    fn sharing_of(&self, name: &[u8]) -> Sharing {
        let named = self.named.iter().find(|(known, _)| **known == *name);
        named.map_or(self.others, |(_, sharing)| *sharing)
    }
}

/// One of Python's locks, as our threads see it. Each thread that takes the lock writes here, so nothing else that processors
/// read shares its cache lines: pairs of 64 bytes, since some fetch the neighbour, too.
#[repr(align(128))]
pub(super) struct Gil {
    /// The attachment that holds it, by a number of its own; 0 when none of ours does.
    holder: AtomicU64,
    /// The attachment that somebody has waited for in vain: it holds on for long, or has let go of the lock inside Python.
    slow: AtomicU64,
    /// When its holder got it, and how long it is held at a time as a rule; nanoseconds. Only the holder changes them.
    since: AtomicU64,
    usual: AtomicU64,
    /// Whether that is long.
    is_long: AtomicBool,
}

/// The lock of the main interpreter and of all that have none of their own.
pub(super) static SHARED: Gil = Gil::new();

/// How often a thread lets others run before it sleeps in Python's own queue.
const TURNS: u32 = 40;
/// Nanoseconds. For a lock that is held longer than this as a rule, to be put to sleep and woken costs less than to try again
/// and again. Only less than SHORT ends that: threads that sleep and threads that try get along badly with each other.
const LONG: u64 = 50_000;
const SHORT: u64 = 30_000;
/// Nanoseconds. Who holds it for longer counts as this much, or the short ones that follow would be taken for long, too.
const MOST: u64 = 2 * LONG;

impl Gil {
    pub const fn new() -> Self {
        Self {
            holder: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            since: AtomicU64::new(UNMEASURED),
            usual: AtomicU64::new(0),
            is_long: AtomicBool::new(false),
        }
    }

    /// Lets other threads run while one of ours is in Python. Most handlers are done in microseconds: by then the lock is
    /// free, and nobody had to be put to sleep and woken, which costs more than the handler. Who has waited long enough
    /// sleeps after all, in the queue of Python's lock, and those behind do so at once; as all do where handlers take long.
    pub fn wait_for_turn(&self) {
        if self.is_long.load(Ordering::Relaxed) {
            return;
        }
        for _ in 0..TURNS {
            let holder = self.holder.load(Ordering::Acquire);
            if holder == 0 || holder == self.slow.load(Ordering::Relaxed) {
                return;
            }
            std::thread::yield_now();
        }
        self.slow.store(self.holder.load(Ordering::Acquire), Ordering::Relaxed);
    }

    /// Whether one of our threads has the lock.
    pub fn is_held(&self) -> bool {
        self.holder.load(Ordering::Relaxed) != 0
    }

    /// This thread has the lock, since `now`.
    pub fn note_held(&self, now: u64) {
        self.holder.store(next_attachment(), Ordering::Release);
        self.since.store(now, Ordering::Relaxed);
    }

    /// This thread is about to let go of the lock.
    pub fn note_free(&self, now: u64) {
        let since = self.since.load(Ordering::Relaxed);
        if since != UNMEASURED && now != UNMEASURED {
            let usual = self.usual.load(Ordering::Relaxed);
            let held = now.saturating_sub(since).min(MOST);
            let usual = usual - usual / 8 + held / 8;
            self.usual.store(usual, Ordering::Relaxed);
            if !(SHORT..=LONG).contains(&usual) {
                self.is_long.store(usual > LONG, Ordering::Relaxed);
            }
        }
        self.holder.store(0, Ordering::Release);
    }
}

/// A number that no other attachment of the process has; never 0. Threads count for themselves: a counter of all would be in
/// the cache of the processor that had it last.
fn next_attachment() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    const OF_A_THREAD: u64 = 1 << 40;
    thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
    let mut next = NEXT.get();
    if next.is_multiple_of(OF_A_THREAD) {
        next = THREADS.fetch_add(1, Ordering::Relaxed) * OF_A_THREAD + 1;
    }
    NEXT.set(next + 1);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_before_what_holds_for_others() {
        let named = vec![(Box::from(&b"slow"[..]), Sharing::Shared)];
        let choice = Choice { others: Sharing::Own, named };
        assert_eq!(choice.sharing_of(b"slow"), Sharing::Shared);
        assert_eq!(choice.sharing_of(b"other"), Sharing::Own);
        assert_eq!(Choice::default().sharing_of(b"other"), Sharing::Shared);
    }

    #[test]
    fn how_long_it_is_held_follows_most_of_its_holders() {
        let gil = Gil::new();
        let hold = |length: u64| {
            gil.note_held(1_000);
            gil.note_free(1_000 + length);
            gil.is_long.load(Ordering::Relaxed)
        };
        let between = (LONG + SHORT) / 2;
        assert!(!hold(u64::MAX / 2), "one does not make a rule");
        assert!((0..100).all(|_| !hold(between)));
        assert!((0..100).any(|_| hold(LONG * 2)));
        assert!((0..100).all(|_| hold(between)), "it does not change to and fro");
        gil.note_held(1_000);
        gil.note_free(UNMEASURED);
        assert!(hold(LONG), "what nobody measured changes nothing");
        assert!((0..100).any(|_| !hold(SHORT / 2)));
    }

    #[test]
    fn attachments_have_numbers_of_their_own() {
        let of_a_thread = || std::array::from_fn::<u64, 100, _>(|_| next_attachment());
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(of_a_thread)).collect();
        let numbers = threads.into_iter().flat_map(|thread| thread.join().expect("no panic"));
        let different: std::collections::HashSet<u64> = numbers.collect();
        assert_eq!(different.len(), 400);
        assert!(!different.contains(&0));
    }

    #[test]
    fn this_python_answers_by_its_version() {
        let (_, minor, _) = compat::version();
        assert_eq!(supports_own().is_ok(), minor >= 12);
        if let Err(error) = supports_own() {
            assert!(error.to_string().contains("needs Python 3.12 or later"), "{error}");
        }
    }
}
