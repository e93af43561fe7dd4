//! Pieces of a response that are to be on their way to the client before the call that sends them returns.

use pyo3::prelude::*;

use super::request_state::RequestState;
use crate::apache::direct::Tried;
use crate::apache::stream::{Stream, StreamError};
use crate::python::thread;

/// How many pieces a thread sends before it lets other threads run Python: CPython sees to that by itself, but not where
/// no bytecode runs between the pieces.
const IN_A_ROW: u32 = 64;

/// So many bytes are sent in less time than it takes to get Python's lock back.
const LITTLE: usize = 4096;

/// Sends the pieces, after all that httpd has been given before. Python's lock is let go of where that may take long; not for
/// what the client's socket takes at once, if it is little or nobody else wants to run Python.
///
/// # Errors
/// The client is gone, or a filter has failed.
pub fn send_now(py: Python<'_>, stream: &Stream<'_>, pieces: &[&[u8]]) -> Result<(), StreamError> {
    let in_a_row = &RequestState::of(stream.request()).sent_in_a_row;
    let is_little = || pieces.iter().map(|piece| piece.len()).sum::<usize>() <= LITTLE;
    let may_try = in_a_row.get() < IN_A_ROW && (!thread::is_wanted() || is_little());
    let tried = if may_try { stream.try_send(pieces)? } else { Tried::Declined };
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
