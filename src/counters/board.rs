//! The memory and its parts: head, slots' heads, names, failures; then for each slot its rows, and what these were when its
//! child took it. All are numbers of 64 bits; parts start at cache lines.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::row::{self, Row};
use crate::apache::shared_memory;

/// Interpreters with counters of their own; the first one stands for all others.
pub const INTERPRETERS: usize = 64;
/// Numbers of a slot's head: its child's process, when that took it in the kernel's clock and in ours, and httpd's generation.
pub const SLOT_HEAD: usize = 8;
pub const PROCESS: usize = 0;
pub const TAKEN: usize = 1;
pub const SINCE: usize = 2;
pub const GENERATION: usize = 3;
/// Numbers of a name: its state and length, then its bytes.
pub const NAME: usize = 16;
/// Failures that are remembered, and the numbers of one.
pub const FAILURES: usize = 32;
pub const FAILURE: usize = 128;

const HEAD: usize = 8;
const SINCE_ALL: usize = 0;
const NEXT_FAILURE: usize = 1;

/// Children beyond this share a slot, the first one.
const MOST_SLOTS: usize = 2048;

pub struct Board {
    numbers: &'static [AtomicU64],
    slots: usize,
}

impl Board {
    /// For so many children at a time. Those of the last generation may still be there.
    pub fn new(children: usize, now: i64) -> io::Result<Self> {
        let slots = (2 * children + 4).min(MOST_SLOTS);
        let mut board = Self { numbers: &[], slots };
        board.numbers = shared_memory::numbers(board.start_of_row(slots, 0))?;
        board.numbers[SINCE_ALL].store(now.unsigned_abs(), Ordering::Relaxed);
        Ok(board)
    }

    pub fn slots(&self) -> usize {
        self.slots
    }

    /// When counting began, in microseconds since 1970.
    pub fn since(&self) -> i64 {
        self.numbers[SINCE_ALL].load(Ordering::Relaxed).cast_signed()
    }

    /// How many failures there were.
    pub fn failures(&self) -> &'static AtomicU64 {
        &self.numbers[NEXT_FAILURE]
    }

    pub fn slot_head(&self, slot: usize) -> &'static [AtomicU64] {
        self.part(HEAD + slot * SLOT_HEAD, SLOT_HEAD)
    }

    pub fn name(&self, index: usize) -> &'static [AtomicU64] {
        self.part(self.start_of_names() + index * NAME, NAME)
    }

    pub fn failure(&self, index: usize) -> &'static [AtomicU64] {
        self.part(self.start_of_failures() + index * FAILURE, FAILURE)
    }

    pub fn row(&self, slot: usize, interpreter: usize) -> Row {
        Row::new(self.counters(self.start_of_row(slot, interpreter)), interpreter)
    }

    /// What a row was when the slot's child took it.
    pub fn row_before(&self, slot: usize, interpreter: usize) -> &'static [AtomicU64; row::LENGTH] {
        self.counters(self.start_of_row(slot, INTERPRETERS + interpreter))
    }

    fn start_of_names(&self) -> usize {
        HEAD + self.slots * SLOT_HEAD
    }

    fn start_of_failures(&self) -> usize {
        self.start_of_names() + INTERPRETERS * NAME
    }

    fn start_of_row(&self, slot: usize, row: usize) -> usize {
        let rows = self.start_of_failures() + FAILURES * FAILURE;
        rows + (slot * 2 * INTERPRETERS + row) * row::LENGTH
    }

    fn counters(&self, start: usize) -> &'static [AtomicU64; row::LENGTH] {
        self.part(start, row::LENGTH).try_into().expect("that many numbers")
    }

    fn part(&self, start: usize, length: usize) -> &'static [AtomicU64] {
        &self.numbers[Range { start, end: start + length }]
    }
}

/// Text in numbers, eight bytes in each; what does not fit is left out. Returns how many bytes that are.
pub fn write(numbers: &[AtomicU64], text: &[u8]) -> usize {
    for (number, bytes) in numbers.iter().zip(text.chunks(8)) {
        let mut all = [0; 8];
        all[..bytes.len()].copy_from_slice(bytes);
        number.store(u64::from_ne_bytes(all), Ordering::Relaxed);
    }
    text.len().min(numbers.len() * 8)
}

/// Text that was written, up to so many bytes.
pub fn read(numbers: &[AtomicU64], length: usize) -> Vec<u8> {
    let mut text: Vec<u8> =
        numbers.iter().flat_map(|number| number.load(Ordering::Relaxed).to_ne_bytes()).collect();
    text.truncate(length);
    text
}

/// As much of a text as fits, whole characters.
pub fn fitting(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_start_at_cache_lines_and_do_not_overlap() {
        let board = Board::new(3, 7).expect("memory");
        let line = |part: &[AtomicU64]| {
            let start = part.as_ptr().addr();
            assert_eq!(start % 64, 0);
            start..start + size_of_val(part)
        };
        let mut parts = Vec::new();
        parts.extend((0..board.slots()).map(|slot| line(board.slot_head(slot))));
        parts.extend((0..INTERPRETERS).map(|index| line(board.name(index))));
        parts.extend((0..FAILURES).map(|index| line(board.failure(index))));
        for slot in 0..board.slots() {
            for index in 0..INTERPRETERS {
                parts.push(line(board.row_before(slot, index)));
                parts.push(line(board.row(slot, index).numbers()));
            }
        }
        parts.sort_by_key(|part| part.start);
        assert!(parts.windows(2).all(|two| two[0].end <= two[1].start));
        assert_eq!(board.since(), 7);
    }

    #[test]
    fn text_comes_back() {
        let numbers: [AtomicU64; 3] = Default::default();
        for text in ["", "one", "eightish", "twenty-four bytes long !"] {
            assert_eq!(read(&numbers, write(&numbers, text.as_bytes())), text.as_bytes());
        }
        assert_eq!(write(&numbers, &[b'x'; 30]), 24);
        assert_eq!(fitting("aä", 2), "a");
    }
}
