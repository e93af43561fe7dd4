//! What is counted, in memory that the parent and all its children share: nothing that has been counted is lost when a child
//! ends, however it ends, and no number but a level ever goes down.
//!
//! | file | noun |
//! |---|---|
//! | `board` | the memory, and what stands where in it |
//! | `slot` | the part of one child, which another one goes on with after its death |
//! | `row` | the counters of one interpreter in one child |
//! | `names` | the interpreters |
//! | `failure` | the last errors |
//! | `snapshot` | all of it at one moment, summed up |

mod board;
mod failure;
mod names;
mod row;
mod slot;
mod snapshot;

pub use failure::Failure;
pub use row::{CLASSES, Counts, Row, Work};
pub use snapshot::{Process, Snapshot};

use std::io;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use board::Board;

static BOARD: OnceLock<Board> = OnceLock::new();

/// Makes the memory. To be called in the parent when the configuration is in force; a restart goes on counting.
///
/// # Errors
/// There is no memory.
pub fn prepare(children: usize) -> io::Result<()> {
    if BOARD.get().is_none() {
        let _ = BOARD.set(Board::new(children, now())?);
    }
    Ok(())
}

/// Takes a part of the memory for this child, of a generation of httpd's.
pub fn begin(generation: i32) {
    if let Some(board) = BOARD.get() {
        slot::claim(board, generation, now());
    }
}

/// Gives the part back, with what is in it: the child ends.
pub fn end() {
    if let Some(board) = BOARD.get() {
        slot::give_back(board);
    }
}

/// The counters of an interpreter in this child. What has none of its own shares one: those of a process that is no child,
/// and of more interpreters than there is room for.
#[must_use]
pub fn of_interpreter(name: &str) -> Row {
    let own = BOARD.get().and_then(|board| {
        let slot = slot::own()?;
        Some(board.row(slot, names::index(board, name)))
    });
    own.unwrap_or_else(row::unseen)
}

/// All that has been counted; None if there is no memory for it.
#[must_use]
pub fn snapshot() -> Option<Snapshot> {
    BOARD.get().map(snapshot::take)
}

/// Microseconds since 1970.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(0)
}
