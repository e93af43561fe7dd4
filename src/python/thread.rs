//! Attaching the current thread to an interpreter, and detaching it around what blocks.
//!
//! One `PyThreadState` per (thread, interpreter), made on first use and deleted when the thread ends. PyO3 counts
//! attachments privately and must see a positive count whenever Python objects are touched, so every way in from
//! outside of an attachment goes through one of PyO3's own trampolines (`counted`).

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pyo3::impl_::trampoline::{MethodDef, noargs};
use pyo3::{PyResult, Python, ffi};

use super::gil_turns::Gil;
use super::interpreter::{self, Interpreter};
use super::meter::{Arrival, Meter, Pause, Stay, UNMEASURED};
use super::states;

thread_local! {
    static STATES: RefCell<States> = const { RefCell::new(States(Vec::new())) };
    static ATTACHED: Cell<Option<Attached>> = const { Cell::new(None) };
}

/// What this thread is attached with: its state in an interpreter, and the lock that the interpreter runs under.
#[derive(Clone, Copy)]
struct Attached {
    state: *mut ffi::PyThreadState,
    gil: &'static Gil,
}

/// Set when the process leaves: from then on nothing waits for Python any more.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// This thread's states, the interpreter's address beside each.
struct States(Vec<State>);

struct State {
    interpreter: *mut ffi::PyInterpreterState,
    state: *mut ffi::PyThreadState,
    /// False for the state Python itself made for this thread: Python deletes it.
    owned: bool,
}

/// Runs `f` attached to `interpreter`. Attachments nest, to the same or to another interpreter.
pub fn attach<R>(interpreter: &Interpreter, f: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    let state = state_for(interpreter.address());
    let outer = ATTACHED.get();
    if outer.is_some_and(|outer| outer.state == state) {
        return counted(f);
    }
    let inner = Attached { state, gil: interpreter.gil() };
    let _attached = Attachment::enter(inner, outer, interpreter.meter());
    counted(f)
}

/// Runs `f` with this thread detached, so that other threads can run Python meanwhile.
pub fn detach<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    let mut errand = Errand { f: Some(f), result: None };
    while_detached(py, &mut errand);
    errand.result.expect("it has been run")
}

/// Something to be done once, and what came of it.
struct Errand<F, R> {
    f: Option<F>,
    result: Option<R>,
}

trait Detached {
    fn run(&mut self);
}

impl<F: FnOnce() -> R, R> Detached for Errand<F, R> {
    fn run(&mut self) {
        self.result = self.f.take().map(|f| f());
    }
}

/// One piece of code for all that is done so.
#[inline(never)]
fn while_detached(py: Python<'_>, errand: &mut dyn Detached) {
    struct Carried<F>(F);
    // SAFETY: the closure runs on this very thread; PyO3's bound keeps Python objects out of it, and the callers of
    // this layer pass handles of httpd and plain bytes only.
    unsafe impl<F> Send for Carried<F> {}
    impl<F: FnOnce()> Carried<F> {
        fn run(self) {
            (self.0)();
        }
    }
    let visit = Visit::note();
    let pause = Pause::begin();
    let gil = visit.attached.gil;
    // A thread that Python has made lets go of the lock without telling us.
    let takes_turns = !visit.lent;
    if takes_turns {
        gil.note_free(pause.since());
    }
    let carried = Carried(|| {
        if takes_turns {
            gil.give_turn();
        }
        errand.run();
        pause.want(gil.is_held());
        if takes_turns {
            gil.wait_for_turn();
        }
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that keeps our own count beside PyO3's"
    )]
    py.detach(move || carried.run());
    let back = pause.end();
    if takes_turns {
        gil.note_held(back);
    }
    drop(visit);
}

/// Whether the calling thread is attached through [`attach`] now; true in a signal handler that interrupted Python.
#[must_use]
pub fn is_attached() -> bool {
    ATTACHED.get().is_some()
}

/// Whether other threads had to wait lately for the lock that the calling thread has through [`attach`].
#[must_use]
pub fn is_wanted() -> bool {
    ATTACHED.get().is_some_and(|attached| attached.gil.is_wanted())
}

/// The process is leaving: threads that end from now on leave their states alone.
pub fn leave() {
    LEAVING.store(true, Ordering::SeqCst);
}

/// Raises PyO3's count of attachments around `f`. The thread is attached already.
pub(super) fn counted<F, R>(f: F) -> R
where
    F: for<'py> FnOnce(Python<'py>) -> R,
{
    let mut errand = Errand { f: Some(f), result: None };
    if let Err(panic) = count(&mut errand) {
        resume_unwind(panic);
    }
    errand.result.expect("it has been run")
}

/// What is to be done attached.
pub(super) trait Counted {
    fn run(&mut self, py: Python<'_>);
}

impl<F: for<'py> FnOnce(Python<'py>) -> R, R> Counted for Errand<F, R> {
    fn run(&mut self, py: Python<'_>) {
        self.result = self.f.take().map(|f| f(py));
    }
}

/// Does what Python has called for. A thread that came to Python through [`attach`] is counted already. `Err` is what it panicked
/// with.
pub(super) fn enter(errand: &mut dyn Counted) -> thread::Result<()> {
    if !is_attached() {
        return count(errand);
    }
    // SAFETY: the thread is attached, and PyO3 counts it for as long as the attachment lasts.
    let py = unsafe { Python::assume_attached() };
    catch_unwind(AssertUnwindSafe(|| errand.run(py)))
}

/// As [`counted`], one piece of code for all that is done so. `Err` is what it panicked with.
#[inline(never)]
fn count(errand: &mut dyn Counted) -> thread::Result<()> {
    let mut call = Call { errand, result: Ok(()) };
    // SAFETY: the trampoline hands its first argument to `run` untouched, and only there it is used, as the `Call` it is.
    unsafe { noargs::<Enter>((&raw mut call).cast(), ptr::null_mut()) };
    call.result
}

struct Call<'e> {
    errand: &'e mut dyn Counted,
    result: thread::Result<()>,
}

struct Enter;

impl MethodDef<noargs::Func> for Enter {
    const METH: noargs::Func = run;
}

/// Never lets a panic reach PyO3, whose exception for it lives in a process-wide static.
#[expect(clippy::unnecessary_wraps, reason = "the trampoline's signature")]
fn run(py: Python<'_>, call: *mut ffi::PyObject) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: `count` passed its own `Call`, alive and used by nobody else meanwhile.
    let call = unsafe { &mut *call.cast::<c_void>().cast::<Call<'_>>() };
    call.result = catch_unwind(AssertUnwindSafe(|| call.errand.run(py)));
    Ok(ptr::null_mut())
}

/// An attachment; dropping it detaches and goes back to the outer one. No thread ever has two of Python's locks.
struct Attachment {
    inner: Attached,
    outer: Option<Attached>,
    stay: Stay,
}

impl Attachment {
    fn enter(inner: Attached, outer: Option<Attached>, meter: Option<&'static Meter>) -> Self {
        if let Some(outer) = outer {
            outer.gil.note_free(UNMEASURED);
            // SAFETY: this thread is attached with `outer`, which is restored when the attachment is dropped.
            unsafe { ffi::PyEval_SaveThread() };
            outer.gil.give_turn();
        }
        let arrival = Arrival::new(meter, inner.gil.is_held());
        inner.gil.wait_for_turn();
        // SAFETY: the state belongs to this thread and the thread is not attached now.
        unsafe { ffi::PyEval_RestoreThread(inner.state) };
        let stay = arrival.enter();
        inner.gil.note_held(stay.since());
        ATTACHED.set(Some(inner));
        Self { inner, outer, stay }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let left = self.stay.end();
        ATTACHED.set(self.outer);
        self.inner.gil.note_free(left);
        // SAFETY: this thread is attached since `enter`; everything within has detached what it attached.
        unsafe { ffi::PyEval_SaveThread() };
        self.inner.gil.give_turn();
        if let Some(outer) = self.outer {
            // SAFETY: the state was saved by `enter` on this thread.
            unsafe { ffi::PyEval_RestoreThread(outer.state) };
            outer.gil.note_held(UNMEASURED);
        }
    }
}

/// While a thread is detached inside a callback, its own state is the one to use again: also for a thread that Python made.
struct Visit {
    attached: Attached,
    lent: bool,
}

impl Visit {
    fn note() -> Self {
        if let Some(attached) = ATTACHED.replace(None) {
            return Self { attached, lent: false };
        }
        // SAFETY: the thread is attached (the caller has a `Python`), so both calls answer.
        let (state, interpreter) =
            unsafe { (ffi::PyThreadState_Get(), ffi::PyInterpreterState_Get()) };
        STATES.with_borrow_mut(|states| states.0.push(State { interpreter, state, owned: false }));
        Self { attached: Attached { state, gil: interpreter::gil_at(interpreter) }, lent: true }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.lent {
            STATES.with_borrow_mut(|states| states.0.pop());
        } else {
            ATTACHED.set(Some(self.attached));
        }
    }
}

fn state_for(interpreter: *mut ffi::PyInterpreterState) -> *mut ffi::PyThreadState {
    STATES.with_borrow_mut(|states| {
        if let Some(known) = states.0.iter().find(|state| state.interpreter == interpreter) {
            return known.state;
        }
        // SAFETY: interpreters are never destroyed, and PyThreadState_New needs no attachment.
        let state = unsafe { ffi::PyThreadState_New(interpreter) };
        assert!(!state.is_null(), "no memory for a thread state");
        states::enter(interpreter, state);
        states.0.push(State { interpreter, state, owned: true });
        state
    })
}

/// Records the state that Python made for this thread when it started or made an interpreter.
pub(super) fn adopt(interpreter: *mut ffi::PyInterpreterState, state: *mut ffi::PyThreadState) {
    states::enter(interpreter, state);
    STATES.with_borrow_mut(|states| states.0.push(State { interpreter, state, owned: false }));
}

impl Drop for States {
    fn drop(&mut self) {
        for state in self.0.drain(..).filter(|state| state.owned) {
            if LEAVING.load(Ordering::SeqCst) {
                return;
            }
            // SAFETY: the state is this thread's own and the ending thread is not attached; a cleared state may be
            // deleted without the GIL.
            unsafe {
                ffi::PyEval_RestoreThread(state.state);
                ffi::PyThreadState_Clear(state.state);
                ffi::PyEval_SaveThread();
                states::delete(state.state);
            }
        }
    }
}
