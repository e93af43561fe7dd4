//! The interpreters that have counters of their own, by a number that is the same in all children. None is ever forgotten.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};

use super::board::{self, Board, INTERPRETERS};

/// How interpreters without a number are called, all together.
const OTHER: &str = "other";

/// In place of the length of a name.
const FREE: u64 = 0;
const BEING_WRITTEN: u64 = u64::MAX;
/// How long to wait for a name that another process is writing; it may have been killed.
const PATIENCE: usize = 100_000;

/// The number of a name, a new one if need be; 0 when there is no room. Two children that come with the same name at the same
/// time may both give it a number: who reads takes them for one.
pub fn index(board: &Board, name: &str) -> usize {
    let name = board::fitting(name, (board::NAME - 1) * 8);
    for index in 1..INTERPRETERS {
        let numbers = board.name(index);
        if take(&numbers[0]) {
            let length = board::write(&numbers[1..], name.as_bytes());
            numbers[0].store(length as u64 + 1, Ordering::Release);
            return index;
        }
        if written(numbers).as_deref() == Some(name) {
            return index;
        }
    }
    0
}

/// What the number stands for; None for nothing.
pub fn name(board: &Board, index: usize) -> Option<String> {
    if index == 0 { Some(OTHER.to_owned()) } else { written(board.name(index)) }
}

/// All that have a number.
pub fn all(board: &Board) -> Vec<(usize, String)> {
    (0..INTERPRETERS).filter_map(|index| Some((index, name(board, index)?))).collect()
}

fn take(state: &AtomicU64) -> bool {
    state.compare_exchange(FREE, BEING_WRITTEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

fn written(numbers: &[AtomicU64]) -> Option<String> {
    let mut turns = 0;
    loop {
        match numbers[0].load(Ordering::Acquire) {
            BEING_WRITTEN if turns < PATIENCE => {
                turns += 1;
                hint::spin_loop();
            }
            FREE | BEING_WRITTEN => return None,
            length => {
                let length = usize::try_from(length - 1).unwrap_or(0);
                return String::from_utf8(board::read(&numbers[1..], length)).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let board = Board::new(1, 0).expect("memory");
        assert_eq!(index(&board, "main_interpreter"), 1);
        assert_eq!(index(&board, ""), 2);
        assert_eq!(index(&board, "main_interpreter"), 1);
        assert_eq!(name(&board, 2).as_deref(), Some(""));
        assert_eq!(name(&board, 3), None);
    }

    #[test]
    fn those_beyond_the_last_are_others() {
        let board = Board::new(1, 0).expect("memory");
        for number in 1..INTERPRETERS {
            assert_eq!(index(&board, &number.to_string()), number);
        }
        assert_eq!(index(&board, "one more"), 0);
        assert_eq!(index(&board, "7"), 7);
        assert_eq!(name(&board, 0).as_deref(), Some("other"));
    }

    #[test]
    fn a_name_that_was_never_finished_is_passed_over() {
        let board = Board::new(1, 0).expect("memory");
        assert!(take(&board.name(1)[0]));
        assert_eq!(index(&board, "next"), 2);
    }
}
