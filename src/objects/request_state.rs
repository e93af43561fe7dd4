//! What mod_python keeps of a request while it lasts, whichever interpreters look at it. Plain Rust, in httpd's own slot
//! for the module, and gone with the request's pool.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::handler_list::SharedCursor;
use super::held_output::HeldOutput;
use super::lease::{self, Lease, OfRequest, Sharing};
use super::native::State;
use super::request::RequestObject;
use super::request_body::Body;
use super::request_extras::RequestExtras;
use super::{request_count, response_end, set_attributes};
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::server::Server;
use crate::apache::serving::Serving;
use crate::apache::stream::{Spare, Stream};
use crate::config::phase::Phase;
use crate::counters::Row;
use crate::python::interpreter::Interpreter;
use crate::python::{Object, class, fork, thread};

/// Only the thread that serves the request, or one that has it on loan, touches this. While a handler runs, who serves needs a
/// loan too.
pub struct RequestState {
    pub lease: Lease<OfRequest>,
    /// How many calls into Python are under way for the request, one inside the other.
    services: Cell<u32>,
    /// The request's objects, one in each interpreter that has seen it.
    objects: RefCell<Vec<(&'static Interpreter, Py<PyAny>)>>,
    pub phase: Cell<Option<Phase>>,
    /// Set when the handlers of an extension matched.
    pub extension: RefCell<Option<Box<[u8]>>>,
    pub cursor: RefCell<Option<SharedCursor>>,
    pub bytes_queued: Cell<u64>,
    /// What has been written and httpd does not have yet.
    pub held: HeldOutput,
    /// How many pieces were sent without letting other threads run Python.
    pub sent_in_a_row: Cell<u32>,
    spare: Spare,
    pub content_type_set: Cell<bool>,
    pub body: RefCell<Body>,
    /// Whether Python code is reading the body now.
    pub reading: Cell<bool>,
    /// Whether a filter that failed has answered in the handler's place.
    pub answered: Cell<bool>,
    /// Whether a WSGI application has called start_response.
    pub wsgi_started: Cell<bool>,
    /// The list of files that was found current last, by its address.
    pub looked_at: Cell<usize>,
    /// Whether a location section names the content handler.
    pub in_location: Cell<bool>,
    /// Of the interpreter that was called last.
    pub counters: Cell<Option<Row>>,
    /// How many tags of the page, or of one included in it, run now.
    pub tags: Cell<u32>,
    extras: OnceCell<Box<RequestExtras>>,
}

/// A thread serves a request with Python code, and is alone with it but while it [shares](Service::share) it.
pub struct Service<'r> {
    state: &'r RequestState,
    of_lease: lease::Service<'r>,
    _serving: Serving,
}

impl Service<'_> {
    /// A handler is about to run: its threads may use the request, or wait for it, until what is returned is dropped.
    #[must_use]
    pub fn share<'py>(&self, py: Python<'py>) -> Sharing<'_, 'py> {
        self.of_lease.share(py)
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let outer = self.state.services.get() - 1;
        if outer == 0 && fork::is_copy() {
            end_copy();
        }
        self.state.services.set(outer);
    }
}

/// Ends a process that Python code has made by `os.fork()` and that is about to go on as httpd.
pub fn end_copy() -> ! {
    let line = b"MP0050: mod_python: a process that os.fork() made has come back from Python code, and ends here: let it leave by os._exit()";
    log::log(Server::main().map_or(Target::Process, Target::Server), Level::Error, line);
    fork::end()
}

/// Runs the configured cleanup handlers; set once, by the layer that calls handlers.
static CLEANUP_PHASE: OnceLock<fn(Request<'_>)> = OnceLock::new();

/// Says what runs the cleanup phase at the end of a request.
pub fn set_cleanup_phase(run: fn(Request<'_>)) {
    let _ = CLEANUP_PHASE.set(run);
}

impl RequestState {
    /// The request's state, made at its first use.
    pub fn of(request: Request<'_>) -> &RequestState {
        if let Some(known) = request.state::<Self>() {
            return known;
        }
        let state = request.set_state(Self::new(request));
        request.before_end(end);
        state
    }

    /// The way of the request's response to its client.
    pub fn stream(request: Request<'_>) -> Stream<'_> {
        Self::of(request).way_of(request)
    }

    /// As [`stream`](Self::stream); the state is the request's.
    pub fn way_of<'r>(&'r self, request: Request<'r>) -> Stream<'r> {
        Stream::new(request, &self.spare)
    }

    fn new(request: Request<'_>) -> Self {
        let lease = Lease::of_request(request);
        if let Some(other) = request.main().or_else(|| request.prev()) {
            lease.join(Self::of(other).lease.family());
        }
        Self {
            lease,
            services: Cell::new(0),
            objects: RefCell::new(Vec::new()),
            phase: Cell::new(None),
            extension: RefCell::new(None),
            cursor: RefCell::new(None),
            bytes_queued: Cell::new(0),
            held: HeldOutput::default(),
            sent_in_a_row: Cell::new(0),
            spare: Spare::default(),
            content_type_set: Cell::new(false),
            body: RefCell::new(Body::default()),
            reading: Cell::new(false),
            answered: Cell::new(false),
            wsgi_started: Cell::new(false),
            looked_at: Cell::new(0),
            in_location: Cell::new(false),
            counters: Cell::new(None),
            tags: Cell::new(0),
            extras: OnceCell::new(),
        }
    }

    /// Python code is about to run for the request on this thread.
    #[must_use]
    pub fn serve(&self, request: Request<'_>) -> Service<'_> {
        let outer = self.services.get();
        self.services.set(outer + 1);
        let of_lease = self.lease.serve(outer == 0);
        Service { state: self, of_lease, _serving: Serving::enter(request) }
    }

    /// To be asked before something is sent on the request.
    ///
    /// # Errors
    /// `RuntimeError` in a tag of its page, where mod_include would be called inside itself, and at the end of a response.
    pub fn refuse_sending(&self) -> PyResult<()> {
        response_end::refuse()?;
        if self.tags.get() == 0 {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a tag of a page cannot send on the page's request: use filter.write()",
        ))
    }

    /// What most requests never have; made now, if it is not there.
    pub fn extras(&self) -> &RequestExtras {
        self.extras.get_or_init(Box::default)
    }

    /// The same, as far as there is any.
    #[must_use]
    pub fn known_extras(&self) -> Option<&RequestExtras> {
        self.extras.get().map(|extras| &**extras)
    }

    /// The request's object in `state`'s interpreter.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn object<'py>(&self, py: Python<'py>, state: &State) -> PyResult<Object<'py>> {
        let known = self.objects.borrow().iter().find_map(|(interpreter, object)| {
            std::ptr::eq(*interpreter, state.interpreter).then(|| object.clone_ref(py))
        });
        if let Some(known) = known {
            return Ok(known.into_bound(py));
        }
        let object = super::request::instantiate(py, state, self.lease.clone())?;
        // Once the request has ended nobody would let go of it: the request that it was redirected from ends later.
        if !self.lease.is_revoked() {
            self.objects.borrow_mut().push((state.interpreter, object.clone().unbind()));
        }
        Ok(object)
    }

    /// Remembers, for all whose handlers may be writing, that a filter has answered.
    pub fn note_answered(request: Request<'_>) {
        let mut next = Some(request);
        while let Some(request) = next {
            Self::of(request).answered.set(true);
            next = request.main().or_else(|| request.prev());
        }
    }

    /// Lets go of the request's object when nobody else has it and nothing was set on it: a later phase can have a new one, and
    /// the end of the request needs no Python then. So it does when what was set is plain, and `is_done`: nobody will ask for it.
    pub fn release(&self, py: Python<'_>, state: &State, is_done: impl FnOnce() -> bool) {
        let Some(index) = self.unused(py, state) else { return };
        let attributes =
            class::attributes::<RequestObject>(self.objects.borrow()[index].1.bind(py));
        let unused = match attributes {
            None => Some(index),
            // A class that is asked for its name may run any code.
            Some(attributes) => (is_done() && set_attributes::are_plain(&attributes, state))
                .then(|| self.unused(py, state))
                .flatten(),
        };
        let unused = unused.map(|index| self.objects.borrow_mut().swap_remove(index));
        drop(unused);
    }

    /// Where the object of this interpreter is that only we have.
    fn unused(&self, py: Python<'_>, state: &State) -> Option<usize> {
        self.objects.borrow().iter().position(|(interpreter, object)| {
            std::ptr::eq(*interpreter, state.interpreter)
                && class::reference_count(object.bind(py)) == 1
        })
    }
}

/// The end of a request: cleanups newest first, the cleanup phase, subrequests that were left open, then everything that
/// Python kept of it is revoked.
fn end(request: Request<'_>) {
    let Some(state) = request.state::<RequestState>() else { return };
    if thread::is_attached() {
        // A signal ends the process in the middle of Python code, which cannot be entered again here.
        state.lease.revoke();
        if let Some(extras) = state.known_extras() {
            std::mem::forget((extras.cleanups.take(), extras.added.take(), extras.filters.take()));
        }
        std::mem::forget((state.objects.take(), state.cursor.take()));
        return;
    }
    run_cleanups(request, state);
    if let Some(run) = CLEANUP_PHASE.get() {
        run(request);
    }
    run_cleanups(request, state);
    end_subrequests(request, state);
    request_count::response(request, state);
    state.lease.revoke();
    if let Some(extras) = state.known_extras() {
        drop(extras.locks.take());
        drop((extras.added.take(), extras.filters.take()));
    }
    end_objects(state);
}

fn end_objects(state: &RequestState) {
    loop {
        let next = state.objects.borrow_mut().pop();
        let Some((interpreter, object)) = next else { return };
        thread::attach(interpreter, |_| drop(object));
    }
}

fn run_cleanups(request: Request<'_>, state: &RequestState) {
    let Some(extras) = state.known_extras() else { return };
    loop {
        let next = extras.cleanups.borrow_mut().pop();
        let Some(next) = next else { return };
        let service = state.serve(request);
        next.run(Target::Request(request), Some(&service));
    }
}

fn end_subrequests(request: Request<'_>, state: &RequestState) {
    let Some(extras) = state.known_extras() else { return };
    loop {
        let open = extras.subrequests.borrow_mut().pop();
        let Some(open) = open else { return };
        drop(open);
        run_cleanups(request, state);
    }
}
