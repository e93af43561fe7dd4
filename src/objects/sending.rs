//! Pieces of a response that are to be on their way to the client before the call that sends them returns.

use pyo3::prelude::*;

use super::request_state::RequestState;
use crate::apache::direct::Tried;
use crate::apache::stream::{Stream, StreamError};
use crate::python::thread;

/// How many pieces a thread sends before it lets other threads run Python: CPython sees to that by itself, but not where
/// no bytecode runs between the pieces.
const IN_A_ROW: u32 = 64;

/// Sends the pieces, after all that httpd has been given before. Python's lock is let go of where that may take long: for
/// what the client's socket takes at once, to get it back would cost more than sending.
///
/// # Errors
/// The client is gone, or a filter has failed.
pub fn send_now(py: Python<'_>, stream: &Stream<'_>, pieces: &[&[u8]]) -> Result<(), StreamError> {
    let in_a_row = &RequestState::of(stream.request()).sent_in_a_row;
    let tried = if in_a_row.get() < IN_A_ROW { stream.try_send(pieces)? } else { Tried::Declined };
    let left = match tried {
        Tried::Sent => {
            in_a_row.set(in_a_row.get() + 1);
            return Ok(());
        }
        Tried::Queued => &[],
        Tried::Declined => pieces,
    };
    in_a_row.set(0);
    thread::detach(py, || stream.send(left, true))
}
