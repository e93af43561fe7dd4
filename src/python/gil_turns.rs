//! How the threads of the server take turns at one of Python's locks.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::gil_queue::{Queue, Waiter, Word};
use super::gil_ticket::{next_ticket, ticket};
use super::meter::UNMEASURED;
use super::{fork, meter, processor};

/// One of Python's locks, as our threads see it, which take turns at it. Each thread that takes the lock writes here, so nothing
/// else that processors read shares its cache lines: pairs of 64 bytes, since some fetch the neighbour, too.
///
/// Turns are good manners, not safety: who does not take them has Python's own lock to wait for.
#[repr(align(128))]
pub(super) struct Gil {
    /// The ticket of the attachment whose turn it is; 0 when it is nobody's.
    holder: AtomicU64,
    /// The ticket for which somebody has waited in vain: its thread holds on for long, or has let go of the lock inside Python.
    slow: AtomicU64,
    /// Since when the holder is being woken up for its turn, nanoseconds; 0 once it runs.
    given: AtomicU64,
    /// When the lock was got, and how long it is held at a time by half of those who hold it; nanoseconds. Only the holder changes
    /// these and what follows.
    since: AtomicU64,
    usual: AtomicU64,
    /// How often the holder had waited for something before, if it is one of those that are asked.
    waits: AtomicU64,
    /// How many of those have waited for something while they held the lock, of WHOLE.
    waiting: AtomicU32,
    /// Whether who waits for a turn sleeps, and whether turns do more harm than good.
    is_long: AtomicBool,
    is_unfit: AtomicBool,
    /// Whether somebody has had to wait since the lock was got, and how often in a row nobody had; up to CALM.
    is_wanted: AtomicBool,
    calm: AtomicU32,
    queue: Queue,
}

/// When to do what, by how long the lock is held as a rule; nanoseconds. What ends at another length than it begins does not change
/// to and fro: the lock is held for longer where the processor must fetch all that a handler needs.
struct Limits {
    /// Where it is held for longer, who waits sleeps in the queue. Otherwise to let other threads run and to look again is cheaper.
    long: u64,
    long_no_more: u64,
    /// Where it is held for longer, Python itself passes it on.
    too_long: u64,
}

impl Limits {
    /// Python makes threads let go of the lock after 5 ms.
    const BOUND: Self = Self { long: 25_000, long_no_more: 10_000, too_long: 1_000_000 };
    /// Where a thread wakes up on any processor, a queue of ours is no better than Python's.
    const UNBOUND: Self = Self { long: u64::MAX, long_no_more: u64::MAX, too_long: 50_000 };

    fn here() -> &'static Self {
        if processor::may_bind() { &Self::BOUND } else { &Self::UNBOUND }
    }
}

/// Nanoseconds. Where the lock is held for no longer, who waits keeps its processor for so long as the second: the holder runs on
/// another, and is done before a third thread could begin.
const SHORT: u64 = 3_000;
const STAY: u64 = 6_000;
/// How often a thread looks before it sleeps after all.
const LOOKS: u32 = 40;
/// So often in a row nobody had to wait, and nobody will soon.
const CALM: u32 = 64;
/// Nanoseconds for which the lock is held, as long as nobody knows.
const FIRST_GUESS: u64 = 2_500;
/// Nanoseconds, after which who waits takes the turn of a thread that is still not awake. After 20,000 handlers took up to a fifth
/// less time, but few threads did most of the work and the others' clients had to wait for it: 17 ms in place of 3 at the 99th
/// percentile. A queue for shorter holds than `long` came to the same.
const OVERDUE: u64 = 100_000;
/// Nanoseconds, beside what is usual, after which a holder is slow.
const PATIENCE: u64 = 200_000;
/// One of so many holders is asked whether it has waited, which takes a system call.
const ASKED: u64 = 8;
const WHOLE: u32 = 256;
/// Of WHOLE. Where more than this wait for something inside Python, others can run Python meanwhile; until fewer than FEW do.
const MANY: u32 = WHOLE / 4;
const FEW: u32 = WHOLE / 8;

impl Gil {
    pub const fn new() -> Self {
        Self {
            holder: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            given: AtomicU64::new(0),
            since: AtomicU64::new(UNMEASURED),
            usual: AtomicU64::new(FIRST_GUESS),
            waits: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            is_long: AtomicBool::new(false),
            is_unfit: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            calm: AtomicU32::new(CALM),
            queue: Queue::new(),
        }
    }

    /// Waits until the lock is free, as far as our threads are concerned, and nobody else is to have it first. Most handlers are
    /// done in microseconds. To put a thread to sleep for that and to wake it up costs more than the handler; and so does what
    /// one processor must fetch from the cache of another, when threads on both get the lock by turns.
    pub fn wait_for_turn(&self) {
        let ticket = next_ticket();
        let is_unfit = self.is_unfit.load(Ordering::Relaxed);
        if if is_unfit { !self.is_held() } else { self.take(ticket) } {
            return;
        }
        change(&self.is_wanted, true, false);
        if !is_unfit && !fork::is_copy() {
            self.wait(ticket);
        }
    }

    fn take(&self, ticket: u64) -> bool {
        self.holder.load(Ordering::Relaxed) == 0 && self.change_holder(0, ticket)
    }

    fn change_holder(&self, from: u64, to: u64) -> bool {
        // In one order with what is seen of the queue: who enters it and who leaves the lock must not miss each other.
        self.holder.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn wait(&self, ticket: u64) {
        if self.is_slow() || self.take_over(ticket) {
            return;
        }
        if !self.is_long.load(Ordering::Relaxed) {
            self.look_again(ticket);
        } else if let Some(waiter) = Waiter::this_thread() {
            self.queue_up(&waiter, ticket);
        }
    }

    /// Who has looked often enough sleeps in the queue of Python's lock, and those behind do so at once.
    fn look_again(&self, ticket: u64) {
        if self.stay(ticket) {
            return;
        }
        for _ in 0..LOOKS {
            thread::yield_now();
            if self.take(ticket) || self.is_slow() {
                return;
            }
        }
        self.slow.store(self.holder.load(Ordering::Acquire), Ordering::Relaxed);
    }

    /// True when there is nothing to wait for any more.
    fn stay(&self, ticket: u64) -> bool {
        if self.usual.load(Ordering::Relaxed) > SHORT || !processor::are_several() {
            return false;
        }
        let end = meter::clock() + STAY;
        while meter::clock() < end {
            hint::spin_loop();
            if self.take(ticket) || self.is_slow() {
                return true;
            }
        }
        false
    }

    fn queue_up(&self, waiter: &Arc<Waiter>, ticket: u64) {
        let enter = |first| self.queue.enter(waiter, ticket, first, || self.take(ticket));
        let Some(mut place) = enter(false) else { return };
        let mut seen = self.holder.load(Ordering::Relaxed);
        loop {
            let patience = PATIENCE + 4 * self.usual.load(Ordering::Relaxed);
            match waiter.wait(Duration::from_nanos(patience) * (1 + place)) {
                Word::Go => return,
                Word::Turn if self.begin(ticket) => return,
                Word::Turn => match enter(true) {
                    Some(first) => place = first,
                    None => return,
                },
                Word::Nothing => {
                    if self.is_over(ticket, seen) && self.queue.leave(waiter) {
                        return;
                    }
                    place = self.queue.place(waiter).unwrap_or(place);
                }
            }
            seen = self.holder.load(Ordering::Relaxed);
        }
    }

    /// The turn was given to this thread. False when another has taken it since.
    fn begin(&self, ticket: u64) -> bool {
        let is_mine = self.holder.load(Ordering::Acquire) == ticket;
        if is_mine {
            self.given.store(0, Ordering::Relaxed);
        }
        is_mine
    }

    /// Whether who has waited for long need not wait any more; `seen`: the holder, when it began to.
    fn is_over(&self, ticket: u64, seen: u64) -> bool {
        if self.take(ticket) || self.take_over(ticket) || self.is_slow() {
            return true;
        }
        let is_awake = self.given.load(Ordering::Relaxed) == 0;
        if is_awake && self.holder.load(Ordering::Acquire) == seen {
            self.slow.store(seen, Ordering::Relaxed);
            self.queue.dissolve();
        }
        false
    }

    /// Takes the turn of a thread that is not awake in time: its processor has other things to do.
    fn take_over(&self, ticket: u64) -> bool {
        let holder = self.holder.load(Ordering::Acquire);
        let given = self.given.load(Ordering::Relaxed);
        let is_overdue = given != 0 && meter::clock().saturating_sub(given) > OVERDUE;
        let takes = is_overdue && self.change_holder(holder, ticket);
        if takes {
            self.given.store(0, Ordering::Relaxed);
        }
        takes
    }

    fn is_slow(&self) -> bool {
        self.holder.load(Ordering::Acquire) == self.slow.load(Ordering::Relaxed)
    }

    /// This thread has let go of the lock.
    pub fn give_turn(&self) {
        if self.change_holder(ticket(), 0) && !self.queue.is_empty() {
            self.hand_over();
        }
    }

    #[cold]
    fn hand_over(&self) {
        if fork::is_copy() {
            return;
        }
        let next = self.queue.next(|ticket| {
            let takes = self.change_holder(0, ticket);
            if takes {
                self.given.store(meter::clock(), Ordering::Relaxed);
            }
            takes
        });
        if let Some(next) = next {
            next.give_turn();
        }
    }

    /// Whether others had to wait for the lock lately. To be asked by the holder.
    pub fn is_wanted(&self) -> bool {
        self.calm.load(Ordering::Relaxed) < CALM || self.is_wanted.load(Ordering::Relaxed)
    }

    /// Whether one of our threads has the lock.
    pub fn is_held(&self) -> bool {
        self.holder.load(Ordering::Relaxed) != 0
    }

    /// This thread has the lock, since `now`, whoever's turn it was.
    pub fn note_held(&self, now: u64) {
        let ticket = ticket();
        if self.holder.load(Ordering::Relaxed) != ticket {
            self.given.store(0, Ordering::Relaxed);
            self.holder.store(ticket, Ordering::SeqCst);
        }
        if ticket.is_multiple_of(ASKED) {
            self.waits.store(processor::waits(), Ordering::Relaxed);
        }
        self.since.store(now, Ordering::Relaxed);
    }

    /// This thread is about to let go of the lock, and then [gives](Self::give_turn) the turn to the next.
    pub fn note_free(&self, now: u64) {
        if ticket().is_multiple_of(ASKED) {
            self.note_waits(processor::waits() != self.waits.load(Ordering::Relaxed));
            processor::look(now);
        }
        let is_wanted = self.is_wanted.load(Ordering::Relaxed);
        let calm = self.calm.load(Ordering::Relaxed);
        change(&self.is_wanted, false, true);
        self.calm.store(if is_wanted { 0 } else { CALM.min(calm + 1) }, Ordering::Relaxed);
        let since = self.since.load(Ordering::Relaxed);
        if since != UNMEASURED && now != UNMEASURED {
            self.note_length(now.saturating_sub(since));
        }
    }

    /// Goes towards the length that half of them exceed: how much longer a few take says nothing of the others.
    fn note_length(&self, held: u64) {
        let usual = self.usual.load(Ordering::Relaxed);
        let step = usual / 16 + 1;
        let usual = if held > usual { usual + step } else { usual.saturating_sub(step) };
        self.usual.store(usual, Ordering::Relaxed);
        self.judge();
    }

    fn note_waits(&self, has_waited: bool) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let waiting = waiting - waiting / 8 + if has_waited { WHOLE / 8 } else { 0 };
        self.waiting.store(waiting, Ordering::Relaxed);
        self.judge();
    }

    fn judge(&self) {
        let limits = Limits::here();
        let usual = self.usual.load(Ordering::Relaxed);
        let waiting = self.waiting.load(Ordering::Relaxed);
        change(&self.is_long, usual > limits.long, usual < limits.long_no_more);
        change(
            &self.is_unfit,
            usual > limits.too_long || waiting > MANY,
            usual < limits.too_long / 2 && waiting < FEW,
        );
    }
}

/// Writes only what is new: all threads read it.
fn change(state: &AtomicBool, begins: bool, ends: bool) {
    let now = state.load(Ordering::Relaxed);
    if if now { ends } else { begins } {
        state.store(!now, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETWEEN: u64 = Limits::BOUND.long.midpoint(Limits::BOUND.long_no_more);
    const LONGEST: u64 = Limits::BOUND.too_long;

    /// Holds the lock for so many nanoseconds, as far as it knows.
    fn hold(gil: &Gil, length: u64) {
        gil.wait_for_turn();
        gil.note_held(1_000);
        gil.note_free(1_000 + length);
        gil.give_turn();
    }

    #[test]
    fn how_long_it_is_held_follows_most_of_its_holders() {
        processor::be_busy();
        let gil = Gil::new();
        let usual_after = |lengths: &[u64]| {
            for length in lengths.iter().cycle().take(3_000) {
                hold(&gil, *length);
            }
            gil.usual.load(Ordering::Relaxed)
        };
        let few_are_long = [4_000, 4_000, 4_000, 100 * LONGEST];
        assert!((2_000..6_000).contains(&usual_after(&few_are_long)));
        assert!(!gil.is_unfit.load(Ordering::Relaxed));
        assert!(usual_after(&[2 * LONGEST]) > LONGEST);
        assert!(gil.is_unfit.load(Ordering::Relaxed));
        usual_after(&[Limits::here().too_long * 3 / 4]);
        assert!(gil.is_unfit.load(Ordering::Relaxed), "it does not change to and fro");
        usual_after(&[Limits::here().too_long / 4]);
        assert!(!gil.is_unfit.load(Ordering::Relaxed));
        let before = gil.usual.load(Ordering::Relaxed);
        gil.note_held(UNMEASURED);
        gil.note_free(1_000);
        gil.give_turn();
        assert_eq!(
            gil.usual.load(Ordering::Relaxed),
            before,
            "what nobody measured changes nothing"
        );
    }

    #[test]
    fn holders_that_wait_for_something_take_no_turns() {
        let gil = Gil::new();
        let hold_all = |waits: bool| {
            for _ in 0..20 * ASKED {
                gil.wait_for_turn();
                gil.note_held(1_000);
                if waits && ticket().is_multiple_of(ASKED) {
                    thread::sleep(Duration::from_micros(10));
                }
                gil.note_free(2_000);
                gil.give_turn();
            }
            gil.is_unfit.load(Ordering::Relaxed)
        };
        assert!(hold_all(true));
        assert!(!hold_all(false));
    }

    #[test]
    fn who_waits_gets_the_lock_when_it_is_free() {
        processor::be_busy();
        for is_long in [false, true] {
            let gil = Gil::new();
            gil.is_long.store(is_long, Ordering::Relaxed);
            gil.usual.store(BETWEEN, Ordering::Relaxed);
            let inside = AtomicU32::new(0);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..500 {
                            hold(&gil, BETWEEN);
                            inside.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(inside.into_inner(), 4_000);
            let stays = is_long && processor::may_bind();
            assert_eq!(gil.is_long.load(Ordering::Relaxed), stays, "it is between the limits");
            assert!(!gil.is_held());
            assert!(gil.queue.is_empty());
        }
    }

    #[test]
    fn who_waits_sleeps_where_it_is_held_for_long() {
        processor::be_busy();
        let is_long = |gil: &Gil| gil.is_long.load(Ordering::Relaxed);
        let gil = Gil::new();
        (0..500).for_each(|_| hold(&gil, Limits::BOUND.long * 2));
        assert_eq!(is_long(&gil), processor::may_bind());
        (0..500).for_each(|_| hold(&gil, Limits::BOUND.long_no_more / 2));
        assert!(!is_long(&gil));
    }

    #[test]
    fn nobody_waits_for_a_slow_holder_for_long() {
        for is_long in [false, true] {
            let gil = Gil::new();
            gil.is_long.store(is_long, Ordering::Relaxed);
            gil.wait_for_turn();
            gil.note_held(UNMEASURED);
            let slow = ticket();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| gil.wait_for_turn());
                }
            });
            assert_eq!(gil.slow.load(Ordering::Relaxed), slow);
            assert!(gil.queue.is_empty());
            gil.wait_for_turn();
            gil.give_turn();
        }
    }

    #[test]
    fn the_turn_of_a_thread_that_does_not_wake_up_is_taken() {
        let gil = Gil::new();
        gil.is_long.store(true, Ordering::Relaxed);
        gil.holder.store(u64::MAX, Ordering::Relaxed);
        gil.given.store(meter::clock() - 2 * OVERDUE, Ordering::Relaxed);
        gil.wait_for_turn();
        assert_eq!(gil.holder.load(Ordering::Relaxed), ticket());
        assert!(!gil.begin(u64::MAX), "it sees that when it is awake");
        gil.give_turn();
        assert!(!gil.is_held());
    }

    #[test]
    fn who_had_to_wait_is_remembered_for_a_while() {
        for is_unfit in [false, true] {
            let gil = Gil::new();
            gil.is_unfit.store(is_unfit, Ordering::Relaxed);
            gil.wait_for_turn();
            gil.note_held(UNMEASURED);
            assert!(!gil.is_wanted());
            thread::scope(|scope| {
                scope.spawn(|| gil.wait_for_turn());
                while !gil.is_wanted() {
                    thread::yield_now();
                }
                gil.note_free(UNMEASURED);
                gil.give_turn();
            });
            gil.holder.store(0, Ordering::Relaxed);
            gil.is_unfit.store(false, Ordering::Relaxed);
            (0..CALM).for_each(|_| {
                assert!(gil.is_wanted());
                hold(&gil, 1_000);
            });
            assert!(!gil.is_wanted());
        }
    }
}
