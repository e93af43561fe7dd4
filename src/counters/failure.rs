//! The last errors, of all children: as many as there is room for, each a line of bounded length.

use std::sync::atomic::{Ordering, fence};

use super::board::{self, Board, FAILURE, FAILURES};
use super::{BOARD, names};

const TICKET: usize = 0;
const TIME: usize = 1;
const PROCESS: usize = 2;
const INTERPRETER: usize = 3;
const URI_LENGTH: usize = 4;
const TEXT_LENGTH: usize = 5;
const URI: usize = 6;
const TEXT: usize = 38;
const URI_BYTES: usize = (TEXT - URI) * 8;
const TEXT_BYTES: usize = (FAILURE - TEXT) * 8;

/// An error of Python code.
#[derive(Debug)]
pub struct Failure {
    /// Microseconds since 1970.
    pub time: i64,
    pub process: u64,
    pub interpreter: String,
    /// Empty where there was no request.
    pub uri: String,
    pub text: String,
}

pub fn note(interpreter: usize, uri: &[u8], text: &str) {
    if let Some(board) = BOARD.get() {
        write(board, interpreter, uri, text, super::now());
    }
}

/// The ticket is odd while the rest is being written: who reads then knows that it is not whole.
fn write(board: &Board, interpreter: usize, uri: &[u8], text: &str, now: i64) {
    let ticket = board.failures().fetch_add(1, Ordering::Relaxed);
    let place = usize::try_from(ticket).unwrap_or(0) % FAILURES;
    let numbers = board.failure(place);
    let uri = String::from_utf8_lossy(uri);
    let (uri, text) = (board::fitting(&uri, URI_BYTES), board::fitting(text, TEXT_BYTES));
    numbers[TICKET].store(ticket * 2 + 1, Ordering::Relaxed);
    fence(Ordering::Release);
    let uri_length = board::write(&numbers[URI..TEXT], uri.as_bytes());
    let text_length = board::write(&numbers[TEXT..], text.as_bytes());
    let rest = [
        (TIME, now.unsigned_abs()),
        (PROCESS, std::process::id().into()),
        (INTERPRETER, interpreter as u64),
        (URI_LENGTH, uri_length as u64),
        (TEXT_LENGTH, text_length as u64),
    ];
    for (index, value) in rest {
        numbers[index].store(value, Ordering::Relaxed);
    }
    numbers[TICKET].store(ticket * 2 + 2, Ordering::Release);
}

/// The newest first.
pub fn all(board: &Board) -> Vec<Failure> {
    let mut found: Vec<(u64, Failure)> =
        (0..FAILURES).filter_map(|place| read(board, place)).collect();
    found.sort_by_key(|(ticket, _)| std::cmp::Reverse(*ticket));
    found.into_iter().map(|(_, failure)| failure).collect()
}

fn read(board: &Board, place: usize) -> Option<(u64, Failure)> {
    let numbers = board.failure(place);
    let ticket = numbers[TICKET].load(Ordering::Acquire);
    if ticket == 0 || ticket % 2 == 1 {
        return None;
    }
    let value = |index: usize| numbers[index].load(Ordering::Relaxed);
    let length = |index: usize| usize::try_from(value(index)).unwrap_or(0);
    let text = |from: usize, to: usize, length: usize| {
        String::from_utf8_lossy(&board::read(&numbers[from..to], length)).into_owned()
    };
    let failure = Failure {
        time: value(TIME).cast_signed(),
        process: value(PROCESS),
        interpreter: names::name(board, length(INTERPRETER)).unwrap_or_default(),
        uri: text(URI, TEXT, length(URI_LENGTH)),
        text: text(TEXT, FAILURE, length(TEXT_LENGTH)),
    };
    fence(Ordering::Acquire);
    (numbers[TICKET].load(Ordering::Relaxed) == ticket).then_some((ticket, failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept() {
        let board = Board::new(1, 0).expect("memory");
        for number in 0..=FAILURES {
            write(&board, 0, b"/\xff", &format!("error {number}"), number as i64);
        }
        let all = all(&board);
        assert_eq!(all.len(), FAILURES);
        assert_eq!((&*all[0].text, &*all[0].uri, all[0].time), ("error 32", "/\u{fffd}", 32));
        assert_eq!(all[FAILURES - 1].text, "error 1");
        assert_eq!(all[0].interpreter, "other");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let board = Board::new(1, 0).expect("memory");
        write(&board, 0, &[b'u'; 1000], &"ä".repeat(1000), 0);
        let all = all(&board);
        assert_eq!((all[0].uri.len(), all[0].text.len()), (URI_BYTES, TEXT_BYTES));
    }

    #[test]
    fn what_was_never_finished_is_not_shown() {
        let board = Board::new(1, 0).expect("memory");
        board.failure(0)[TICKET].store(1, Ordering::Relaxed);
        assert!(all(&board).is_empty());
    }
}
