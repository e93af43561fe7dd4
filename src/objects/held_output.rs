//! Output that is held back while a page runs, so that a page that fails half-way can still be answered with an error, and
//! httpd gets what a page wrote in one piece.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

use super::request_io::{self, client_gone};
use super::request_state::RequestState;
use crate::apache::request::Request;
use crate::python::thread;

/// More than this is not held back, bytes.
const MOST: usize = 256 * 1024;
/// What httpd only copies, so that it is not worth while to let other threads run, bytes.
const COPIED: usize = 4096;

/// Part of a request's state.
#[derive(Default)]
pub struct HeldOutput {
    /// How many pages run, one inside the other.
    pages: Cell<u32>,
    bytes: RefCell<Vec<u8>>,
    /// How often what was held has been sent.
    sent: Cell<u32>,
}

/// Where the output of a page begins.
#[derive(Clone, Copy)]
pub struct Mark {
    sent: u32,
    length: usize,
}

impl HeldOutput {
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.pages.get() > 0
    }

    /// A page begins.
    pub fn enter(&self) -> Mark {
        self.pages.set(self.pages.get() + 1);
        Mark { sent: self.sent.get(), length: self.bytes.borrow().len() }
    }

    /// The page is over. Whether it was the outermost one: what is held is to be sent then.
    pub fn leave(&self) -> bool {
        self.pages.set(self.pages.get() - 1);
        !self.is_holding()
    }

    /// Forgets what was written since `mark`, as far as it has not been sent.
    pub fn forget(&self, mark: Mark) {
        let start = if self.sent.get() == mark.sent { mark.length } else { 0 };
        self.bytes.borrow_mut().truncate(start);
    }

    fn take(&self) -> Vec<u8> {
        self.sent.set(self.sent.get().wrapping_add(1));
        self.bytes.take()
    }
}

/// Writes something from within a page: held back, or given to httpd when no page runs any more.
///
/// # Errors
/// `OSError` when the client is gone.
pub fn write(
    py: Python<'_>,
    request: Request<'_>,
    state: &RequestState,
    bytes: &[u8],
) -> PyResult<()> {
    let held = &state.held;
    if !held.is_holding() {
        return request_io::write_through(py, request, state, bytes, false);
    }
    if held.bytes.borrow().len() + bytes.len() > MOST {
        send(py, request, state)?;
    }
    held.bytes.borrow_mut().extend_from_slice(bytes);
    state.bytes_queued.set(state.bytes_queued.get() + bytes.len() as u64);
    Ok(())
}

/// Gives httpd what is held back.
///
/// # Errors
/// `OSError` when the client is gone.
pub fn send(py: Python<'_>, request: Request<'_>, state: &RequestState) -> PyResult<()> {
    if state.held.bytes.borrow().is_empty() {
        return Ok(());
    }
    let bytes = state.held.take();
    let sent = if bytes.len() < COPIED {
        request.write(&bytes)
    } else {
        state.unflushed.set(0);
        thread::detach(py, || request.write(&bytes))
    };
    sent.map_err(|_| client_gone())
}
