//! A child's part of the memory. Its numbers are never set back: the next child goes on with them, and remembers what they were.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::board::{Board, GENERATION, PROCESS, SINCE, TAKEN};
use super::names;
use super::row::{self, Counts};
use crate::apache::process;

/// That of children for whom there is none.
const SHARED: usize = 0;

/// That of this process.
static OWN: OnceLock<usize> = OnceLock::new();

/// A slot with a child that lives.
pub struct Child {
    pub process: u32,
    /// Microseconds since 1970.
    pub since: i64,
    pub generation: i32,
}

pub fn own() -> Option<usize> {
    OWN.get().copied()
}

/// Takes a slot that nobody has, or whose child is dead.
pub fn claim(board: &Board, generation: i32, now: i64) {
    let own_process = std::process::id();
    let own = (1..board.slots()).find(|slot| take(&board.slot_head(*slot)[PROCESS], own_process));
    let own = own.or_else(|| (1..board.slots()).find(|slot| take_over(board, *slot, own_process)));
    let _ = OWN.set(own.unwrap_or(SHARED));
    let Some(slot) = own else { return };
    let head = board.slot_head(slot);
    if head[SINCE].load(Ordering::Relaxed) != 0 {
        remember(board, slot);
    }
    head[GENERATION].store(u64::from(generation.unsigned_abs()), Ordering::Relaxed);
    head[SINCE].store(now.unsigned_abs(), Ordering::Relaxed);
    head[TAKEN].store(process::ticks_since_boot(), Ordering::Release);
}

pub fn give_back(board: &Board) {
    let Some(slot) = own().filter(|slot| *slot != SHARED) else { return };
    let head = board.slot_head(slot);
    if head[PROCESS].load(Ordering::Relaxed) == u64::from(std::process::id()) {
        head[TAKEN].store(0, Ordering::Relaxed);
        head[PROCESS].store(0, Ordering::Release);
    }
}

/// Whether a child has ever had the slot: the others have no memory yet.
pub fn is_used(board: &Board, slot: usize) -> bool {
    slot == SHARED || board.slot_head(slot)[SINCE].load(Ordering::Relaxed) != 0
}

/// The child that has the slot now, if it lives.
pub fn child(board: &Board, slot: usize) -> Option<Child> {
    let head = board.slot_head(slot);
    let taken = head[TAKEN].load(Ordering::Acquire);
    let process = u32::try_from(head[PROCESS].load(Ordering::Relaxed)).ok()?;
    if slot == SHARED || process == 0 || !lives(process, taken) {
        return None;
    }
    let since = head[SINCE].load(Ordering::Relaxed).cast_signed();
    let generation = i32::try_from(head[GENERATION].load(Ordering::Relaxed)).unwrap_or(0);
    Some(Child { process, since, generation })
}

fn take(owner: &AtomicU64, process: u32) -> bool {
    owner.compare_exchange(0, process.into(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Several may try at the same time: whoever takes away the time of the dead child has the slot.
fn take_over(board: &Board, slot: usize, process: u32) -> bool {
    let head = board.slot_head(slot);
    let taken = head[TAKEN].load(Ordering::Acquire);
    let owner = u32::try_from(head[PROCESS].load(Ordering::Relaxed)).unwrap_or(0);
    let is_dead = taken != 0 && !lives(owner, taken);
    let is_ours = is_dead
        && head[TAKEN].compare_exchange(taken, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if is_ours {
        head[PROCESS].store(process.into(), Ordering::Release);
    }
    is_ours
}

fn remember(board: &Board, slot: usize) {
    for (interpreter, _) in names::all(board) {
        let numbers = board.row(slot, interpreter).numbers();
        let before = board.row_before(slot, interpreter);
        row::reset_busy(numbers);
        if Counts::of(numbers).is_nothing() {
            continue;
        }
        for (before, number) in before.iter().zip(numbers) {
            before.store(number.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// Numbers of processes are used again: one that was started after the slot was taken is another. The child that takes a slot
/// does not ask for its own start: to read a file takes code that an idle child has no other use for, 0.2 MB of pages.
fn lives(process: u32, taken: u64) -> bool {
    started(process).is_some_and(|started| started <= taken)
}

/// When a process was started, in ticks since the machine was: field 22 of its line, proc(5).
fn started(process: u32) -> Option<u64> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = line.rfind(')')? + 1;
    line[after_name..].split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        let own = std::process::id();
        assert!(lives(own, process::ticks_since_boot()));
    }

    #[test]
    fn a_later_process_of_the_same_number_is_another() {
        let own = std::process::id();
        let started_at = started(own).expect("a time");
        assert!(lives(own, started_at));
        assert!(!lives(own, started_at - 1));
    }

    #[test]
    fn a_child_goes_on_where_another_one_has_ended() {
        let board = Board::new(1, 5).expect("memory");
        let head = board.slot_head(1);
        // A process that is no more.
        head[PROCESS].store(u64::from(u32::MAX), Ordering::Relaxed);
        head[TAKEN].store(1, Ordering::Relaxed);
        head[SINCE].store(6, Ordering::Relaxed);
        board.row(1, 0).count_response(200);
        for slot in 2..board.slots() {
            board.slot_head(slot)[PROCESS].store(1, Ordering::Relaxed);
        }
        claim(&board, 3, 7);
        assert_eq!(own(), Some(1));
        let child = child(&board, 1).expect("this one");
        assert_eq!((child.process, child.since, child.generation), (std::process::id(), 7, 3));
        board.row(1, 0).count_response(200);
        let before = Counts::of(board.row_before(1, 0));
        assert_eq!(before.requests(), 1);
        assert_eq!(Counts::of(board.row(1, 0).numbers()).since(before).requests(), 1);
        give_back(&board);
        assert_eq!(head[PROCESS].load(Ordering::Relaxed), 0);
    }
}
