//! Filters: httpd calling for one, and what an invocation can do with the data. What a filter does with it is the runner's
//! affair, a function that the layer above names once.
//!
//! Of a failed filter nothing comes out that could be taken for the whole: a response gets another status, or ends in a way
//! that the client can tell from its end; a reader gets an error, now and whenever it tries again.

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::ffi::{c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};

use super::apr_error::AprError;
use super::boundary::{self, Place};
use super::brigade::{Brigade, Kind};
use super::hook::Hooks;
use super::invocation::{Demand, Invocation};
use super::log::{self, Level, Target};
use super::pool::Pool;
use super::request::Request;
use super::status::Status;
use super::{filter_slot, stock_filters, sys, text};

/// The name of a filter that one request makes up for itself.
pub const DYNAMIC: &[u8] = b"MOD_PYTHON";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// What the client sends, on its way to whoever reads it.
    Input,
    Output,
}

/// What the runner made of an invocation.
#[derive(Debug)]
pub enum Outcome {
    Done,
    /// The response ends here, in good order.
    End,
    Failed(Failure),
}

/// How to tell the client that a filter has failed, if it can still be told.
#[derive(Debug)]
pub struct Failure {
    /// An HTTP status of 300 or more.
    pub status: Status,
    /// In place of httpd's own page.
    pub page: Option<Vec<u8>>,
    /// Whether whoever reads through the filter will answer with the status.
    pub reader_answers: bool,
}

type Runner = fn(&Invocation<'_>) -> Outcome;

static RUNNER: OnceLock<Runner> = OnceLock::new();

/// What a filter has of its own from one call to the next, in httpd's slot for it.
pub(super) struct FilterState {
    /// What it was added with.
    pub(super) own: Option<Box<dyn Any>>,
    /// Takes no more part.
    pub(super) disabled: Cell<bool>,
    /// Has passed on the end of the stream.
    pub(super) closed: Cell<bool>,
    pub(super) failed: Cell<bool>,
    busy: Cell<bool>,
    brigades: OnceCell<[NonNull<sys::apr_bucket_brigade>; 2]>,
    name: OnceCell<Arc<[u8]>>,
    /// See [`Invocation::looked_at`].
    pub(super) looked_at: Cell<usize>,
}

impl FilterState {
    fn new(own: Option<Box<dyn Any>>) -> Self {
        Self {
            own,
            disabled: Cell::new(false),
            closed: Cell::new(false),
            failed: Cell::new(false),
            busy: Cell::new(false),
            brigades: OnceCell::new(),
            name: OnceCell::new(),
            looked_at: Cell::new(0),
        }
    }

    /// The filter's name in lower case, which `find` finds once.
    pub(super) fn name(&self, find: impl FnOnce() -> Arc<[u8]>) -> &[u8] {
        self.name.get_or_init(find)
    }
}

impl Hooks<'_> {
    /// Says who runs all filters of this module, and registers the ones that requests make up.
    pub fn filters(self, runner: Runner) {
        let _ = RUNNER.set(runner);
        register(self.pool(), Direction::Input, DYNAMIC);
        register(self.pool(), Direction::Output, DYNAMIC);
    }
}

/// Registers a filter, until the configuration is read anew. To be called while httpd reads it.
pub(super) fn register(pool: Pool<'_>, direction: Direction, name: &[u8]) {
    if name != DYNAMIC {
        stock_filters::note_own();
    }
    // SAFETY: httpd copies the name into the pool of the configuration, and has one thread then.
    text::with_c_str(name, |c_name| unsafe {
        match direction {
            Direction::Input => sys::ap_register_input_filter(
                c_name.as_ptr(),
                Some(input),
                None,
                sys::AP_FTYPE_RESOURCE,
            ),
            Direction::Output => sys::ap_register_output_filter(
                c_name.as_ptr(),
                Some(filter_slot::function(pool, name)),
                None,
                sys::AP_FTYPE_RESOURCE,
            ),
        }
    });
}

impl Request<'_> {
    /// Adds a filter by the name it is registered under. httpd logs when there is none.
    pub fn add_filter(self, direction: Direction, name: &[u8]) {
        self.add(direction, name, ptr::null_mut());
    }

    /// Adds a filter of this request only, for which `own` tells the runner what to do.
    pub fn add_own_filter<T: 'static>(self, direction: Direction, own: T) {
        let state = self.pool().keep(FilterState::new(Some(Box::new(own))));
        self.add(direction, DYNAMIC, state.as_ptr().cast());
    }

    fn add(self, direction: Direction, name: &[u8], context: *mut c_void) {
        let name: *const c_char = self.pool().dup(name).as_ptr();
        // SAFETY: request and connection live; the context is NULL or lives as long as the request's pool, as the filter does.
        unsafe {
            let connection = self.record().connection;
            match direction {
                Direction::Input => sys::ap_add_input_filter(name, context, self.raw(), connection),
                Direction::Output => {
                    sys::ap_add_output_filter(name, context, self.raw(), connection)
                }
            };
        }
    }

    /// Whether the head of the response that this request is part of has gone out.
    pub(super) fn is_answered(self) -> bool {
        self.main().map_or_else(|| self.sent_bodyct() != 0, Request::is_answered)
    }
}

/// One call of a filter by httpd.
#[derive(Clone, Copy)]
pub(super) struct Call<'f> {
    pub(super) filter: NonNull<sys::ap_filter_t>,
    pub(super) request: Request<'f>,
    pub(super) state: &'f FilterState,
    /// What comes from upstream for an input filter, what goes downstream for an output filter.
    pub(super) work: Brigade<'f>,
    /// What is left for an input filter's next call.
    pub(super) rest: Brigade<'f>,
}

impl<'f> Call<'f> {
    /// # Safety
    /// `filter` is NULL or a filter of this module that httpd calls, for `'f`.
    unsafe fn enter(filter: *mut sys::ap_filter_t, slot: Option<usize>) -> Option<Self> {
        let filter = NonNull::new(filter)?;
        // SAFETY: a resource filter has a request, which lives for the call; its slot is only written here and when it is
        // added, with a state in that request's pool, in which the brigades are too.
        unsafe {
            let request = Request::from_raw(filter.as_ref().r)?;
            let context = &raw mut (*filter.as_ptr()).ctx;
            if (*context).is_null() {
                *context = request.pool().keep(FilterState::new(None)).as_ptr().cast();
            }
            let state = (*context).cast::<FilterState>().as_ref()?;
            let [work, rest] = *state.brigades.get_or_init(|| {
                let allocator = (*request.record().connection).bucket_alloc;
                [(); 2].map(|()| {
                    NonNull::new_unchecked(Brigade::create(request.pool(), allocator).raw())
                })
            });
            if state.name.get().is_none()
                && let Some(name) = slot.and_then(filter_slot::name)
            {
                let _ = state.name.set(name);
            }
            let brigade = |raw: NonNull<_>| Brigade::from_raw(raw.as_ptr());
            Some(Self { filter, request, state, work: brigade(work)?, rest: brigade(rest)? })
        }
    }

    /// Runs the filter; None when it is running already: it writes to, or reads from, itself.
    pub(super) fn run(
        self,
        incoming: Brigade<'_>,
        outgoing: Brigade<'_>,
        demand: Option<Demand>,
    ) -> Option<(Outcome, Invoked)> {
        if self.state.busy.replace(true) {
            let line = b"MP0115: mod_python: a filter must not use what is filtered by itself: use filter.read() and filter.write()";
            log::log(Target::Request(self.request), Level::Error, line);
            return None;
        }
        // SAFETY: filter, brigades and request live for the call.
        let invocation = unsafe {
            Invocation::new(self.filter, self.request, self.state, incoming, outgoing, demand)
        };
        let broken = Outcome::Failed(Failure {
            status: Status::INTERNAL_SERVER_ERROR,
            page: None,
            reader_answers: false,
        });
        let outcome = boundary::contain(Place::Request(self.request.raw()), broken, || {
            RUNNER.get().map_or(Outcome::Done, |runner| runner(&invocation))
        });
        self.state.busy.set(false);
        Some((outcome, Invoked::of(&invocation)))
    }

    fn pass(self, brigade: Brigade<'_>) -> sys::apr_status_t {
        // SAFETY: the next filter of a chain that lives for the call; the brigade is ours to clear afterwards.
        let status = unsafe { sys::ap_pass_brigade(self.filter.as_ref().next, brigade.raw()) };
        brigade.clear();
        status
    }

    fn output(self, given: Brigade<'_>) -> sys::apr_status_t {
        if self.state.failed.get() || self.state.closed.get() {
            given.clear();
            let failed = self.state.failed.get();
            return if failed { sys::AP_FILTER_ERROR } else { sys::APR_SUCCESS as i32 };
        }
        if self.state.disabled.get() || given.has(Kind::Error) {
            return self.pass(given);
        }
        while !given.is_empty() {
            let Some((outcome, invoked)) = self.run(given, self.work, None) else {
                given.clear();
                return sys::AP_FILTER_ERROR;
            };
            let status = match outcome {
                // Whatever came after that, the response is whole.
                _ if self.state.closed.get() && self.work.has(Kind::Eos) => self.pass(self.work),
                Outcome::Done => self.finish_output(given, &invoked),
                Outcome::End => self.end_output(),
                Outcome::Failed(failure) => self.fail_output(&failure, &invoked),
            };
            if status != sys::APR_SUCCESS as i32 {
                self.state.failed.set(true);
                given.clear();
                return status;
            }
            if self.state.closed.get() {
                given.clear();
            }
        }
        sys::APR_SUCCESS as i32
    }

    /// Passes on what was written. What was not read is lost, but for the end of the stream and what comes after a pause.
    fn finish_output(self, given: Brigade<'_>, invoked: &Invoked) -> sys::apr_status_t {
        if self.state.closed.get() {
            return sys::APR_SUCCESS as i32;
        }
        if self.state.disabled.get() {
            self.work.take_all(given);
            return self.pass(self.work);
        }
        let mut flushes = self.work.has_data() && !self.work.has(Kind::Flush);
        if !invoked.paused {
            while let Some(bucket) = given.first() {
                match bucket.kind() {
                    Kind::Memory | Kind::Distant => bucket.delete(),
                    Kind::Eos => return self.end_output(),
                    Kind::Flush => {
                        flushes = true;
                        bucket.delete();
                    }
                    Kind::Error | Kind::Mark => self.work.take(bucket),
                }
            }
        }
        if flushes {
            self.work.append_flush();
        }
        if self.work.is_empty() { sys::APR_SUCCESS as i32 } else { self.pass(self.work) }
    }

    fn end_output(self) -> sys::apr_status_t {
        if self.state.closed.replace(true) {
            return sys::APR_SUCCESS as i32;
        }
        self.work.append_eos();
        self.pass(self.work)
    }

    /// Another answer if nothing has gone out; else the end of the connection, without the end of the response.
    fn fail_output(self, failure: &Failure, invoked: &Invoked) -> sys::apr_status_t {
        self.work.clear();
        if let Some(error) = invoked.passing_failed {
            return error.0;
        }
        self.answer(failure, |call| call.pass(call.work));
        sys::AP_FILTER_ERROR
    }

    /// Sends the failure, by way of `pass`.
    pub(super) fn answer(self, failure: &Failure, pass: impl FnOnce(Self) -> sys::apr_status_t) {
        let answered = self.request.is_answered();
        let page = failure.page.as_deref().filter(|page| self.work.append(page).is_ok());
        if answered {
            // httpd's sign for a response that breaks off: no last chunk, and no further request.
            self.request.connection().set_keepalive(sys::AP_CONN_CLOSE as i32);
            self.work.append_error(Status::BAD_GATEWAY, self.request.pool());
        } else if page.is_some() {
            self.request.set_status(failure.status);
            self.request.set_content_type(b"text/html; charset=utf-8");
            for name in [&b"Content-Length"[..], b"ETag", b"Last-Modified", b"Content-MD5"] {
                self.request.headers_out().unset(name);
            }
        } else {
            self.work.append_error(failure.status, self.request.pool());
        }
        self.work.append_eos();
        pass(self);
    }
}

/// What remains of an invocation.
pub(super) struct Invoked {
    /// More of what was given is to be read by another invocation.
    paused: bool,
    pub(super) seen_eos: bool,
    pub(super) progress: bool,
    pub(super) passing_failed: Option<AprError>,
}

impl Invoked {
    fn of(invocation: &Invocation<'_>) -> Self {
        Self {
            paused: invocation.is_paused(),
            seen_eos: invocation.has_seen_eos(),
            progress: invocation.has_progressed(),
            passing_failed: invocation.passing_failed(),
        }
    }
}

/// The function behind an output filter, whose name has taken a slot if that is one.
pub(super) unsafe extern "C" fn output<const SLOT: usize>(
    filter: *mut sys::ap_filter_t,
    given: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    // SAFETY: httpd passes a filter registered with this function, and a brigade that is the filter's for the call.
    let (call, given) = unsafe { (Call::enter(filter, Some(SLOT)), Brigade::from_raw(given)) };
    let (Some(call), Some(given)) = (call, given) else { return sys::APR_EGENERAL as i32 };
    let place = Place::Request(call.request.raw());
    boundary::contain(place, sys::AP_FILTER_ERROR, || call.output(given))
}

unsafe extern "C" fn input(
    filter: *mut sys::ap_filter_t,
    wanted: *mut sys::apr_bucket_brigade,
    mode: sys::ap_input_mode_t,
    block: sys::apr_read_type_e,
    count: sys::apr_off_t,
) -> sys::apr_status_t {
    // SAFETY: httpd passes a filter registered with this function, and a brigade to be filled.
    let (call, wanted) = unsafe { (Call::enter(filter, None), Brigade::from_raw(wanted)) };
    let (Some(call), Some(wanted)) = (call, wanted) else { return sys::APR_EGENERAL as i32 };
    let place = Place::Request(call.request.raw());
    let demand = Demand { mode, block, count };
    boundary::contain(place, sys::AP_FILTER_ERROR, || call.input(wanted, demand))
}
