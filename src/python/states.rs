//! The thread states of the process, as a thread sees them that wants to know or to stop what others do in Python.
//!
//! CPython has a list for each interpreter, which its stable ABI does not show; our own threads are in one of ours besides,
//! with their identities.

use std::ffi::{CStr, c_long};

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::{Bound, ffi};

use super::compat;

/// A thread in one interpreter, as other threads may speak of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// `threading.get_ident()`.
    ident: usize,
    state: usize,
}

struct Known {
    interpreter: usize,
    mark: Mark,
}

/// The states of our threads. Held while one is deleted, and while CPython's list is walked, which it has no other lock for.
/// Nobody waits for Python who has it.
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// Remembers a state that the calling thread has made.
pub(super) fn enter(interpreter: *mut ffi::PyInterpreterState, state: *mut ffi::PyThreadState) {
    let mark = Mark { ident: ident(), state: state.expose_provenance() };
    KNOWN.lock().push(Known { interpreter: interpreter.addr(), mark });
}

/// Deletes a state that [`enter`] was told of.
///
/// # Safety
/// It has been cleared, and is nobody's current one.
pub(super) unsafe fn delete(state: *mut ffi::PyThreadState) {
    let mut known = KNOWN.lock();
    known.retain(|known| known.mark.state != state.addr());
    // SAFETY: the caller's promise.
    unsafe { ffi::PyThreadState_Delete(state) };
}

fn ident() -> usize {
    // SAFETY: may be called by any thread.
    let ident = unsafe { ffi::PyThread_get_thread_ident() };
    usize::try_from(ident).unwrap_or(0)
}

impl Mark {
    /// The calling thread, in the interpreter that it is attached to.
    #[must_use]
    pub fn here(_attached: Python<'_>) -> Self {
        // SAFETY: the thread is attached.
        Self { ident: ident(), state: unsafe { ffi::PyThreadState_Get() }.expose_provenance() }
    }

    #[must_use]
    pub fn ident(self) -> usize {
        self.ident
    }

    /// Has Python raise an exception of this class in the thread, as soon as it runs Python code. `py` is attached to the
    /// thread's interpreter. False if there is no such thread any more.
    pub fn raise(self, class: &Bound<'_, PyAny>) -> bool {
        // SAFETY: attached; the class is alive, and CPython takes a reference of its own.
        unsafe { ffi::PyThreadState_SetAsyncExc(self.as_number(), class.as_ptr()) > 0 }
    }

    /// Takes back what [`raise`](Self::raise) has announced and the thread has not met yet.
    pub fn forgive(self, _attached: Python<'_>) {
        // SAFETY: attached; NULL clears.
        unsafe { ffi::PyThreadState_SetAsyncExc(self.as_number(), std::ptr::null_mut()) };
    }

    fn as_number(self) -> c_long {
        self.ident.cast_signed() as c_long
    }

    /// The frame that the thread is in. `py` is attached to the thread's interpreter, where the thread has not left
    /// Python since it made the mark.
    #[must_use]
    pub fn frame(self, py: Python<'_>) -> Option<Bound<'_, PyAny>> {
        let known = KNOWN.lock();
        known.iter().find(|known| known.mark == self)?;
        // SAFETY: only the thread itself deletes its state, under the lock.
        unsafe { frame_of(py, std::ptr::with_exposed_provenance_mut(self.state)) }
    }
}

/// A thread that is in Python.
pub struct Present<'py> {
    /// None for a thread that Python code has started.
    pub ident: Option<usize>,
    pub frame: Bound<'py, PyAny>,
}

/// The threads that are in Python in the interpreter that the caller is attached to, but for the caller itself.
#[must_use]
pub fn present(py: Python<'_>) -> Vec<Present<'_>> {
    let own = Mark::here(py).state;
    // SAFETY: attached.
    let interpreter = unsafe { ffi::PyInterpreterState_Get() };
    let known = KNOWN.lock();
    let states = all_states(interpreter).unwrap_or_else(|| {
        let ours = known.iter().filter(|known| known.interpreter == interpreter.addr());
        ours.map(|known| known.mark.state).collect()
    });
    let others = states.into_iter().filter(|state| *state != own);
    others
        .filter_map(|state| {
            let ident = known.iter().find(|known| known.mark.state == state);
            // SAFETY: Python's own threads delete their states only attached, which the caller is, and ours under the lock.
            let frame = unsafe { frame_of(py, std::ptr::with_exposed_provenance_mut(state)) }?;
            Some(Present { ident: ident.map(|known| known.mark.ident), frame })
        })
        .collect()
}

/// CPython's list for one interpreter, where this CPython shows it. The caller is attached to it and holds [`KNOWN`].
fn all_states(interpreter: *mut ffi::PyInterpreterState) -> Option<Vec<usize>> {
    type Head = unsafe extern "C" fn(*mut ffi::PyInterpreterState) -> *mut ffi::PyThreadState;
    type Next = unsafe extern "C" fn(*mut ffi::PyThreadState) -> *mut ffi::PyThreadState;
    const HEAD: &CStr = c"PyInterpreterState_ThreadHead";
    const NEXT: &CStr = c"PyThreadState_Next";
    let (head, next) = (compat::symbol(HEAD)?, compat::symbol(NEXT)?);
    let mut states = Vec::new();
    // SAFETY: the two functions of CPython's `cpython/pystate.h` of these names have had these types since 3.0; states are only added
    // to the head of the list, and none is taken out while the lock is held and the caller attached.
    unsafe {
        let head: Head = std::mem::transmute(head);
        let next: Next = std::mem::transmute(next);
        let mut state = head(interpreter);
        while !state.is_null() {
            states.push(state.expose_provenance());
            state = next(state);
        }
    }
    Some(states)
}

/// # Safety
/// The state is alive and belongs to the interpreter that the caller is attached to.
unsafe fn frame_of(py: Python<'_>, state: *mut ffi::PyThreadState) -> Option<Bound<'_, PyAny>> {
    // SAFETY: the caller's promise; the result is a new reference, or NULL for a thread that is not in Python.
    unsafe {
        let frame = ffi::PyThreadState_GetFrame(state);
        Bound::from_owned_ptr_or_opt(py, frame.cast())
    }
}

/// While it lives no garbage is collected in the interpreter that the thread is attached to: making objects runs no Python
/// code then, and the thread stays attached.
pub struct Calm<'py> {
    py: Python<'py>,
    was_enabled: bool,
}

impl<'py> Calm<'py> {
    #[must_use]
    pub fn enter(py: Python<'py>) -> Self {
        // SAFETY: attached.
        let was_enabled = unsafe { ffi::PyGC_Disable() } != 0;
        Self { py, was_enabled }
    }

    #[must_use]
    pub fn py(&self) -> Python<'py> {
        self.py
    }
}

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: attached.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}
