//! One invocation of a filter, as the runner sees it: data to read, somewhere to write, and no way around httpd's rules.
//!
//! What may wait (for a client, a disk) is apart from what does not, so that Python's lock need not be held meanwhile.

use std::cell::Cell;
use std::ptr::NonNull;

pub use super::apr_error::AprError;
use super::brigade::{Brigade, Kind};
use super::filter::{Direction, FilterState};
use super::request::Request;
use super::{sys, text};

/// How much one invocation is given to read without asking for a number of bytes, and how much of what it writes is kept:
/// a file of any size goes through in pieces of this.
const PIECE: usize = 1024 * 1024;

/// Filters that AddOutputFilterByType adds have this before their names.
const BY_TYPE: &[u8] = b"bytype:";

/// What an input filter is asked for.
#[derive(Clone, Copy)]
pub(super) struct Demand {
    pub(super) mode: sys::ap_input_mode_t,
    pub(super) block: sys::apr_read_type_e,
    pub(super) count: sys::apr_off_t,
}

/// What is there to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ready {
    /// So many bytes; 0 if this invocation has no more.
    Bytes(usize),
    /// The end of the stream.
    End,
    /// Only waiting can tell.
    Wait,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    pub limit: Option<usize>,
    /// Not beyond the next newline.
    pub line: bool,
}

pub struct Invocation<'f> {
    filter: NonNull<sys::ap_filter_t>,
    request: Request<'f>,
    state: &'f FilterState,
    incoming: Brigade<'f>,
    outgoing: Brigade<'f>,
    /// For an input filter.
    demand: Option<Demand>,
    may_fetch: Cell<bool>,
    /// Bytes read since the last pause.
    taken: Cell<usize>,
    /// Bytes written and not passed on.
    pending: Cell<usize>,
    paused: Cell<bool>,
    seen_eos: Cell<bool>,
    progress: Cell<bool>,
    passing_failed: Cell<Option<AprError>>,
}

impl<'f> Invocation<'f> {
    /// # Safety
    /// The filter is being called, and lives with its request for `'f`.
    pub(super) unsafe fn new(
        filter: NonNull<sys::ap_filter_t>,
        request: Request<'f>,
        state: &'f FilterState,
        incoming: Brigade<'f>,
        outgoing: Brigade<'f>,
        demand: Option<Demand>,
    ) -> Self {
        Self {
            filter,
            request,
            state,
            incoming,
            outgoing,
            demand,
            may_fetch: Cell::new(demand.is_some() && incoming.is_empty()),
            taken: Cell::new(0),
            pending: Cell::new(0),
            paused: Cell::new(false),
            seen_eos: Cell::new(false),
            progress: Cell::new(false),
            passing_failed: Cell::new(None),
        }
    }

    pub fn request(&self) -> Request<'f> {
        self.request
    }

    pub fn direction(&self) -> Direction {
        if self.demand.is_some() { Direction::Input } else { Direction::Output }
    }

    fn is_output(&self) -> bool {
        self.demand.is_none()
    }

    /// In lower case.
    pub fn name(&self) -> &'f [u8] {
        self.state.name(|| {
            // SAFETY: the filter lives for the call, with the record it was registered with.
            let name = unsafe { text::bytes((*self.filter.as_ref().frec).name) };
            let name = name.unwrap_or_default().to_ascii_lowercase();
            name.strip_prefix(BY_TYPE).unwrap_or(&name).into()
        })
    }

    /// What it was added with, if that is a `T`.
    pub fn own<T: 'static>(&self) -> Option<&'f T> {
        self.state.own.as_ref()?.downcast_ref()
    }

    /// The files of the handler that were found current last, by their address: once in a response is enough.
    pub fn looked_at(&self) -> &'f Cell<usize> {
        &self.state.looked_at
    }

    pub fn is_closed(&self) -> bool {
        self.state.closed.get()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.get()
    }

    pub(super) fn has_seen_eos(&self) -> bool {
        self.seen_eos.get()
    }

    pub(super) fn has_progressed(&self) -> bool {
        self.progress.get()
    }

    /// Why the neighbour could not take, or give, data.
    pub(super) fn passing_failed(&self) -> Option<AprError> {
        self.passing_failed.get()
    }

    /// Makes data ready for [`take`](Self::take); waits for it only if it may.
    pub fn prepare(&self, want: Want, may_wait: bool) -> Result<Ready, AprError> {
        if want.limit == Some(0) {
            return Ok(Ready::Bytes(0));
        }
        if self.may_fetch.get() {
            if !may_wait {
                return Ok(Ready::Wait);
            }
            self.fetch()?;
        }
        if self.is_output() && self.taken.get() >= PIECE {
            self.taken.set(0);
            self.paused.set(!self.incoming.is_empty());
            return Ok(Ready::Bytes(0));
        }
        let room = if self.is_output() { PIECE - self.taken.get() } else { usize::MAX };
        let ready = self.look(want.limit.unwrap_or(room), want.line, may_wait)?;
        if ready != Ready::Bytes(0) {
            self.paused.set(false);
        }
        Ok(ready)
    }

    /// Counts what may be read, up to a mark. Marks that come first are passed by.
    fn look(&self, limit: usize, line: bool, may_wait: bool) -> Result<Ready, AprError> {
        let mut total = 0;
        let mut next = self.incoming.first();
        while let Some(bucket) = next.filter(|_| total < limit) {
            match bucket.kind() {
                Kind::Distant if !may_wait => return Ok(Ready::Wait),
                Kind::Memory | Kind::Distant => {
                    let data = self.neighbour(bucket.read())?;
                    let newline =
                        line.then(|| data.iter().position(|byte| *byte == b'\n')).flatten();
                    if let Some(newline) = newline {
                        total += newline + 1;
                        break;
                    }
                    total += data.len();
                }
                _ if total > 0 => break,
                Kind::Eos => {
                    self.seen_eos.set(true);
                    return Ok(Ready::End);
                }
                Kind::Flush => {
                    self.outgoing.take(bucket);
                    self.paused.set(!self.incoming.is_empty());
                    return Ok(Ready::Bytes(0));
                }
                Kind::Error | Kind::Mark => {
                    next = self.incoming.after(bucket);
                    self.outgoing.take(bucket);
                    continue;
                }
            }
            next = self.incoming.after(bucket);
        }
        Ok(Ready::Bytes(total.min(limit)))
    }

    /// Takes so many bytes, which must be ready, piece by piece.
    pub fn take(&self, count: usize, mut put: impl FnMut(&[u8])) -> Result<(), AprError> {
        let mut missing = count;
        while let Some(bucket) = self.incoming.first().filter(|_| missing > 0) {
            let data = bucket.read()?;
            let length = data.len().min(missing);
            put(&data[..length]);
            if length < data.len() {
                bucket.split(length)?;
            }
            bucket.delete();
            missing -= length;
        }
        self.taken.set(self.taken.get().saturating_add(count - missing));
        self.progress.set(true);
        if missing == 0 { Ok(()) } else { Err(AprError::GENERAL) }
    }

    /// Asks upstream for what this filter is asked for.
    fn fetch(&self) -> Result<(), AprError> {
        let Some(demand) = self.demand else { return Ok(()) };
        self.may_fetch.set(false);
        self.progress.set(true);
        // SAFETY: the next filter of a chain that lives for the call; the brigade is empty.
        let status = unsafe {
            sys::ap_get_brigade(
                self.filter.as_ref().next,
                self.incoming.raw(),
                demand.mode,
                demand.block,
                demand.count,
            )
        };
        let nothing_yet =
            demand.block == sys::APR_NONBLOCK_READ && status == sys::APR_EAGAIN as i32;
        if nothing_yet { Ok(()) } else { self.neighbour(AprError::check(status)) }
    }

    /// Copies data behind what was written before.
    pub fn write(&self, data: &[u8]) -> Result<(), AprError> {
        self.pending.set(self.pending.get().saturating_add(data.len()));
        self.progress.set(true);
        if data.is_empty() {
            // An empty bucket would be something to go on with, and to a reader of bytes the end of the body.
            return Ok(());
        }
        self.outgoing.append(data)
    }

    /// Whether so much has been written that it should be [sent](Self::send).
    pub fn is_full(&self) -> bool {
        self.is_output() && self.pending.get() >= PIECE
    }

    /// Passes on what was written; waits for the client. What an input filter writes is there when it returns.
    pub fn send(&self) -> Result<(), AprError> {
        self.pending.set(0);
        if !self.is_output() || self.outgoing.is_empty() {
            return Ok(());
        }
        // SAFETY: the next filter of a chain that lives for the call; the brigade is ours to clear afterwards.
        let status =
            unsafe { sys::ap_pass_brigade(self.filter.as_ref().next, self.outgoing.raw()) };
        self.outgoing.clear();
        self.neighbour(AprError::check(status))?;
        // After the end the client may well be gone: it has everything.
        if !self.is_closed() && self.request.connection().aborted() {
            return self.neighbour(Err(AprError(sys::APR_ECONNABORTED as i32)));
        }
        Ok(())
    }

    /// As `send`, and asks everybody to keep nothing back.
    pub fn flush(&self) -> Result<(), AprError> {
        if self.is_closed() {
            return Ok(());
        }
        self.outgoing.append_flush();
        self.send()
    }

    /// What was written is all. It is passed on after the invocation.
    pub fn close(&self) {
        if !self.state.closed.replace(true) {
            self.progress.set(true);
            self.outgoing.append_eos();
        }
    }

    /// Hands on what was not read, as it is.
    pub fn pass_on(&self) -> Result<(), AprError> {
        if self.is_closed() {
            return Ok(());
        }
        if self.may_fetch.get() {
            self.fetch()?;
        }
        if self.incoming.has(Kind::Eos) {
            self.seen_eos.set(true);
            self.state.closed.set(true);
        }
        self.progress.set(true);
        self.outgoing.take_all(self.incoming);
        self.send()
    }

    /// From now on everything goes by this filter.
    pub fn disable(&self) {
        self.state.disabled.set(true);
    }

    fn neighbour<T>(&self, result: Result<T, AprError>) -> Result<T, AprError> {
        if let Err(error) = &result {
            self.passing_failed.set(Some(*error));
        }
        result
    }
}
