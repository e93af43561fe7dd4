//! The threads that wait for their turn at one of Python's locks, in the order in which they came.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::processor::{self, Processors};

/// A thread, as those know it that give turns. A thread waits for one turn at a time.
pub(super) struct Waiter {
    thread: Thread,
    number: libc::pid_t,
    ticket: AtomicU64,
    word: AtomicU32,
    /// Where it may run, if it was woken up on the processor of who told it.
    elsewhere: Mutex<Option<Processors>>,
}

const NOTHING: u32 = 0;
const TURN: u32 = 1;
const GO: u32 = 2;

/// What a waiter was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// Nothing, in the time that it gave.
    Nothing,
    /// It has the turn.
    Turn,
    /// It is not to wait for a turn any more.
    Go,
}

impl Waiter {
    /// The calling thread; None when it is about to end.
    pub fn this_thread() -> Option<Arc<Self>> {
        thread_local!(static THIS: OnceCell<Arc<Waiter>> = const { OnceCell::new() });
        THIS.try_with(|this| Arc::clone(this.get_or_init(|| Arc::new(Self::new())))).ok()
    }

    fn new() -> Self {
        Self {
            thread: thread::current(),
            number: processor::this_thread(),
            ticket: AtomicU64::new(0),
            word: AtomicU32::new(NOTHING),
            elsewhere: Mutex::new(None),
        }
    }

    /// Waits to be told something. To be called by the thread itself.
    pub fn wait(&self, patience: Duration) -> Word {
        let end = Instant::now() + patience;
        // A thread may have been woken up for a word that it has heard already.
        while self.word.load(Ordering::Acquire) == NOTHING {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Word::Nothing;
            }
            thread::park_timeout(left);
        }
        if self.word.load(Ordering::Acquire) == GO {
            return Word::Go;
        }
        if let Some(elsewhere) = self.elsewhere.lock().take() {
            elsewhere.allow();
        }
        Word::Turn
    }

    fn tell(&self, word: u32) {
        self.word.store(word, Ordering::Release);
        self.thread.unpark();
    }

    /// It has the turn, and is to go on where the one before it was: what Python has in memory is in the cache of that
    /// processor, and to fetch it from there takes longer than most handlers do.
    pub fn give_turn(&self) {
        *self.elsewhere.lock() = processor::bind_here(self.number);
        self.tell(TURN);
    }
}

/// The threads that wait.
pub(super) struct Queue {
    waiters: Mutex<VecDeque<Arc<Waiter>>>,
    /// How many, for who does not want to lock them.
    length: AtomicUsize,
}

impl Queue {
    pub const fn new() -> Self {
        Self { waiters: Mutex::new(VecDeque::new()), length: AtomicUsize::new(0) }
    }

    pub fn is_empty(&self) -> bool {
        self.length.load(Ordering::SeqCst) == 0
    }

    /// Puts a waiter at the end, or in front of all if it has waited before; but not where `may_go_on` says yes, which is asked
    /// when whoever gives a turn sees the waiter already. Returns its place.
    pub fn enter(
        &self,
        waiter: &Arc<Waiter>,
        ticket: u64,
        first: bool,
        may_go_on: impl FnOnce() -> bool,
    ) -> Option<u32> {
        let mut waiters = self.waiters.lock();
        waiter.ticket.store(ticket, Ordering::Relaxed);
        waiter.word.store(NOTHING, Ordering::Relaxed);
        let place = if first { 0 } else { waiters.len() };
        waiters.insert(place, Arc::clone(waiter));
        self.length.store(waiters.len(), Ordering::SeqCst);
        if !may_go_on() {
            return Some(number(place));
        }
        waiters.remove(place);
        self.length.store(waiters.len(), Ordering::SeqCst);
        None
    }

    /// Takes out the first, if `takes` it by its ticket.
    pub fn next(&self, takes: impl FnOnce(u64) -> bool) -> Option<Arc<Waiter>> {
        let mut waiters = self.waiters.lock();
        let ticket = waiters.front()?.ticket.load(Ordering::Relaxed);
        if !takes(ticket) {
            return None;
        }
        let next = waiters.pop_front();
        self.length.store(waiters.len(), Ordering::SeqCst);
        next
    }

    /// The place of a waiter; None when it is, or has been, told something.
    pub fn place(&self, waiter: &Arc<Waiter>) -> Option<u32> {
        self.waiters.lock().iter().position(|other| Arc::ptr_eq(other, waiter)).map(number)
    }

    /// Takes a waiter out. False when it is, or has been, told something.
    pub fn leave(&self, waiter: &Arc<Waiter>) -> bool {
        let mut waiters = self.waiters.lock();
        let Some(place) = waiters.iter().position(|other| Arc::ptr_eq(other, waiter)) else {
            return false;
        };
        waiters.remove(place);
        self.length.store(waiters.len(), Ordering::SeqCst);
        true
    }

    /// Nobody is to wait any more.
    pub fn dissolve(&self) {
        let waiters = {
            let mut waiters = self.waiters.lock();
            self.length.store(0, Ordering::SeqCst);
            std::mem::take(&mut *waiters)
        };
        for waiter in waiters {
            waiter.tell(GO);
        }
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_micros(1);
    const LATE: Duration = Duration::from_secs(60);

    fn waiters<const N: usize>(queue: &Queue) -> [Arc<Waiter>; N] {
        let waiters = std::array::from_fn(|_| Arc::new(Waiter::new()));
        for (ticket, waiter) in (1..).zip(&waiters) {
            assert_eq!(queue.enter(waiter, ticket, false, || false), Some(ticket as u32 - 1));
        }
        waiters
    }

    fn next(queue: &Queue) -> u64 {
        queue.next(|_| true).map_or(0, |next| next.ticket.load(Ordering::Relaxed))
    }

    #[test]
    fn who_comes_first_is_first() {
        let queue = Queue::new();
        let [_first, second, _third] = waiters(&queue);
        assert!(queue.next(|ticket| ticket != 1).is_none(), "it stays where it is not taken");
        assert_eq!(next(&queue), 1);
        assert_eq!(queue.place(&second), Some(0));
        assert_eq!(next(&queue), 2);
        assert_eq!(queue.place(&second), None);
        assert_eq!(
            queue.enter(&second, 2, true, || false),
            Some(0),
            "it goes before who came later"
        );
        assert_eq!([next(&queue), next(&queue), next(&queue)], [2, 3, 0]);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_may_go_on_does_not_wait() {
        let queue = Queue::new();
        let waiter = Arc::new(Waiter::new());
        let may_go_on = || {
            assert!(!queue.is_empty(), "who gives a turn must see it before it looks again");
            true
        };
        assert_eq!(queue.enter(&waiter, 1, false, may_go_on), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_leaves_is_told_nothing() {
        let queue = Queue::new();
        let [first, second] = waiters(&queue);
        assert_eq!(first.wait(SOON), Word::Nothing);
        assert!(queue.leave(&first));
        assert!(!queue.leave(&first));
        queue.dissolve();
        assert!(queue.is_empty());
        assert!(!queue.leave(&second));
        assert_eq!((first.wait(SOON), second.wait(LATE)), (Word::Nothing, Word::Go));
    }

    #[test]
    fn an_old_word_ends_no_wait() {
        let queue = Queue::new();
        let [waiter] = waiters(&queue);
        queue.dissolve();
        assert_eq!(waiter.wait(LATE), Word::Go, "which it sees without having slept");
        assert_eq!(queue.enter(&waiter, 1, false, || false), Some(0));
        let (before, patience) = (Instant::now(), Duration::from_millis(10));
        assert_eq!(waiter.wait(patience), Word::Nothing);
        assert!(before.elapsed() >= patience);
    }

    #[test]
    fn a_turn_reaches_a_thread_that_sleeps() {
        processor::be_busy();
        let queue = Queue::new();
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let waiter = Waiter::this_thread().expect("it lives");
                let before = thread::available_parallelism().expect("a number");
                queue.enter(&waiter, 7, false, || false);
                let word = waiter.wait(LATE);
                (word, thread::available_parallelism().expect("a number") == before)
            });
            let next = loop {
                match queue.next(|ticket| ticket == 7) {
                    Some(next) => break next,
                    None => thread::yield_now(),
                }
            };
            next.give_turn();
            assert_eq!(sleeper.join().expect("no panic"), (Word::Turn, true));
        });
    }
}
