//! Functions that Python code registers to be called at the end of a request or of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::{Borrowed, Py};

use super::deadline::{self, Armed};
use super::native::State;
use super::request_count;
use super::request_state::Service;
use super::response_end::ResponseEnd;
use super::settings_of;
use crate::apache::log::{self, Level, Target};
use crate::python::interpreter::{self, Interpreter};
use crate::python::{error, thread};

/// One function, its argument, and the interpreter it belongs to.
pub struct Cleanup {
    interpreter: &'static Interpreter,
    callable: Py<PyAny>,
    data: Py<PyAny>,
    /// Its place among all cleanups of the process.
    order: u64,
}

impl Cleanup {
    /// # Errors
    /// `ValueError` for what cannot be called.
    pub fn new(
        state: &State,
        callable: Borrowed<'_, '_, PyAny>,
        data: Option<Borrowed<'_, '_, PyAny>>,
    ) -> PyResult<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if !callable.is_callable() {
            return Err(PyValueError::new_err(
                "register_cleanup: the function to call must be callable",
            ));
        }
        let py = callable.py();
        Ok(Self {
            interpreter: state.interpreter,
            callable: callable.to_owned().unbind(),
            data: data.map_or_else(|| py.None(), |data| data.to_owned().unbind()),
            order: NEXT.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Calls the function, for a request with who serves it. What it raises is logged and goes no further.
    pub fn run(self, target: Target<'_>, service: Option<&Service<'_>>) {
        let _ending = ResponseEnd::enter();
        thread::attach(self.interpreter, |py| {
            let armed = self.arm(py, target);
            let sharing = service.map(|service| service.share(py));
            let result = self.callable.call1(py, (&self.data,));
            drop((sharing, armed));
            if let Err(raised) = result {
                let name = format!("MP0106: mod_python: error in the cleanup {}", self.name(py));
                let what = [error::describe(py, &raised)];
                let counters = State::of_interpreter(self.interpreter).map(|state| state.counters);
                request_count::error(target, counters, &name, &what);
                let lines = [name, format!("    {}", what[0])];
                thread::detach(py, || {
                    for line in &lines {
                        log::log(target, Level::Error, line.as_bytes());
                    }
                });
            }
            drop((self.callable, self.data));
        });
    }

    /// Those of a request have its limit.
    fn arm<'py, 'r>(&self, py: Python<'py>, target: Target<'r>) -> Option<Armed<'py, 'r>> {
        let Target::Request(request) = target else { return None };
        let limit = settings_of(request)?.timeout();
        let state = State::of_interpreter(self.interpreter)?;
        deadline::arm(py, state, request, limit, || format!("the cleanup {}", self.name(py)))
    }

    fn name(&self, py: Python<'_>) -> String {
        self.callable.bind(py).repr().map_or_else(|_| "?".to_owned(), |name| name.to_string())
    }
}

/// Registers a function for the end of the process.
///
/// # Errors
/// `ValueError` for what cannot be called.
pub fn register(
    state: &State,
    callable: Borrowed<'_, '_, PyAny>,
    data: Option<Borrowed<'_, '_, PyAny>>,
) -> PyResult<()> {
    let cleanup = Cleanup::new(state, callable, data)?;
    state.cleanups.lock().push(cleanup);
    Ok(())
}

/// Calls what is registered for the end of the process, in all interpreters, newest first.
pub fn run_all(target: Target<'_>) {
    let states = interpreter::all().into_iter().filter_map(State::of_interpreter);
    let mut cleanups: Vec<Cleanup> =
        states.flat_map(|state| std::mem::take(&mut *state.cleanups.lock())).collect();
    cleanups.sort_by_key(|cleanup| std::cmp::Reverse(cleanup.order));
    for cleanup in cleanups {
        cleanup.run(target, None);
    }
}
