//! Output that is held back: what a handler writes without flushing it, so that httpd gets it in few pieces and Python's lock
//! is let go of once for each; and what a page writes, so that a page that fails half-way can still be answered with an error.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

use super::request_io::client_gone;
use super::request_state::RequestState;
use crate::apache::request::Request;
use crate::apache::response::Disconnected;
use crate::apache::status::Status;
use crate::python::thread;

/// More than this is not held back while a page runs, bytes.
const MOST_OF_PAGE: usize = 256 * 1024;
/// More than this is not held back of what a handler writes, bytes: as much as httpd itself keeps for a client that is slow.
const MOST: usize = 64 * 1024;
/// What is small compared with MOST is gathered before it is sent.
const SMALL: usize = MOST / 2;

/// Part of a request's state.
#[derive(Default)]
pub struct HeldOutput {
    /// How many pages run, one inside the other.
    pages: Cell<u32>,
    /// How many subrequests run, whose output httpd puts after what it was given before.
    subrequests: Cell<u32>,
    bytes: RefCell<Vec<u8>>,
    /// How often what was held has been sent.
    sent: Cell<u32>,
}

/// A subrequest runs: as long as this lives, nothing is held back.
pub struct Passing<'a>(&'a HeldOutput);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.subrequests.set(self.0.subrequests.get() - 1);
    }
}

/// Where the output of a page begins.
#[derive(Clone, Copy)]
pub struct Mark {
    sent: u32,
    length: usize,
}

impl HeldOutput {
    fn most(&self, in_phase: bool) -> usize {
        if self.subrequests.get() > 0 {
            0
        } else if self.pages.get() > 0 {
            MOST_OF_PAGE
        } else if in_phase {
            MOST
        } else {
            0
        }
    }

    /// What is held must have been sent.
    #[must_use]
    pub fn pass(&self) -> Passing<'_> {
        self.subrequests.set(self.subrequests.get() + 1);
        Passing(self)
    }

    /// A page begins.
    pub fn enter(&self) -> Mark {
        self.pages.set(self.pages.get() + 1);
        Mark { sent: self.sent.get(), length: self.bytes.borrow().len() }
    }

    /// The page is over. Whether it was the outermost one: what is held is to be sent then.
    pub fn leave(&self) -> bool {
        self.pages.set(self.pages.get() - 1);
        self.pages.get() == 0
    }

    /// Forgets what was written since `mark`, as far as it has not been sent.
    pub fn forget(&self, mark: Mark) {
        let start = if self.sent.get() == mark.sent { mark.length } else { 0 };
        self.bytes.borrow_mut().truncate(start);
    }

    /// The handlers of a phase are done: gives httpd what they have left, or drops it where httpd is to answer with an error, as
    /// httpd drops what it has not sent itself. A client that is gone is httpd's to notice.
    pub fn finish(&self, request: Request<'_>, result: Status) {
        if result.is_valid_http() {
            self.bytes.borrow_mut().clear();
        } else if !self.bytes.borrow().is_empty() {
            let _ = self.give(request, &[]);
        }
    }

    /// Gives httpd what is held, and what comes after it. To be called detached, unless it is little.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn give(&self, request: Request<'_>, rest: &[u8]) -> Result<(), Disconnected> {
        self.take(|bytes| {
            let rest = if !bytes.is_empty() && rest.len() <= SMALL {
                bytes.extend_from_slice(rest);
                &[]
            } else {
                rest
            };
            [&bytes[..], rest]
                .into_iter()
                .filter(|part| !part.is_empty())
                .try_for_each(|part| request.write(part))
        })
    }

    /// Runs `f`, which sends what is held.
    pub fn take<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut bytes = self.bytes.take();
        if !bytes.is_empty() {
            self.sent.set(self.sent.get().wrapping_add(1));
        }
        let result = f(&mut bytes);
        bytes.clear();
        let mut now = self.bytes.borrow_mut();
        // A filter in Python may have written meanwhile.
        if now.capacity() == 0 && bytes.capacity() <= 2 * MOST {
            *now = bytes;
        }
        result
    }
}

/// Writes something that need not be sent now.
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
    let mut gathered = held.bytes.borrow_mut();
    if gathered.len() + bytes.len() < held.most(state.phase.get().is_some()) {
        if gathered.is_empty() && bytes.len() > MOST / 16 {
            gathered.reserve(MOST);
        }
        gathered.extend_from_slice(bytes);
    } else {
        drop(gathered);
        thread::detach(py, || held.give(request, bytes)).map_err(|_| client_gone())?;
    }
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
    thread::detach(py, || state.held.give(request, &[])).map_err(|_| client_gone())
}
