//! The main interpreter and the named ones.
//!
//! An interpreter is made at its first use, once, and lives as long as the process. Nothing of Python is kept here:
//! what must outlive a call sits in the interpreter's own modules.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;
use pyo3::{PyResult, Python, ffi};

use super::gil::{self, Sharing};
use super::gil_turns::Gil;
use super::meter::Meter;
use super::runtime::{self, StartError};
use super::{compat, thread};

/// The name of the process' first interpreter.
pub const MAIN: &str = "main_interpreter";

/// One interpreter of this process.
pub struct Interpreter {
    name: Box<str>,
    address: AtomicPtr<ffi::PyInterpreterState>,
    /// The lock it runs under.
    gil: &'static Gil,
    /// What the layers above keep of it: plain Rust, set once by `prepare`.
    contents: OnceLock<Box<dyn Any + Send + Sync>>,
    meter: OnceLock<&'static Meter>,
    /// The one that was made after it.
    next: OnceLock<&'static Interpreter>,
}

/// Why an interpreter is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("Python could not be started: {0}")]
    Start(#[from] StartError),
    #[error("MP0009: interpreter '{name}' could not be prepared: {reason}")]
    Prepare { name: String, reason: String },
}

impl Failure {
    /// The name of the interpreter: the main one, if there cannot be any.
    #[must_use]
    pub fn interpreter(&self) -> &str {
        match self {
            Self::Start(_) => MAIN,
            Self::Prepare { name, .. } => name,
        }
    }
}

/// Fills a new interpreter: called once for each, attached to it.
pub type Prepare = fn(Python<'_>, &'static Interpreter) -> PyResult<Box<dyn Any + Send + Sync>>;

/// The main one, where the chain of all begins. They live as long as the process: who looks for one needs no lock, whose
/// word all processors would write at each request.
static FIRST: OnceLock<&'static Interpreter> = OnceLock::new();
/// Held while an interpreter is made. Nobody waits for it attached.
static MAKING: Mutex<()> = Mutex::new(());

/// The interpreter of this name, made now if need be. The main one always exists then, but is prepared only when asked for.
/// What is not UTF-8 in a name becomes U+FFFD.
///
/// # Errors
/// Python cannot start, or `prepare` failed; the next call tries again.
pub fn named(name: &[u8], prepare: Prepare) -> Result<&'static Interpreter, Failure> {
    if let Some(found) = find(name).filter(|found| found.is_prepared()) {
        return Ok(found);
    }
    let name = &*String::from_utf8_lossy(name);
    let _making = MAKING.lock();
    let main = find(MAIN.as_bytes()).map_or_else(start_main, Ok)?;
    let interpreter = if name == MAIN {
        main
    } else {
        find(name.as_bytes()).map_or_else(|| start_named(main, name), Ok)?
    };
    if !interpreter.is_prepared() {
        interpreter.prepare(prepare)?;
    }
    Ok(interpreter)
}

/// Every interpreter of the process, prepared or not, the main one first.
fn known() -> impl Iterator<Item = &'static Interpreter> {
    std::iter::successors(FIRST.get().copied(), |known| known.next.get().copied())
}

/// Every interpreter that is ready for use.
#[must_use]
pub fn all() -> Vec<&'static Interpreter> {
    known().filter(|known| known.is_prepared()).collect()
}

/// Whether there are others beside the main one, prepared or not.
#[must_use]
pub fn is_one_of_several() -> bool {
    known().nth(1).is_some()
}

/// The interpreter that the calling thread is attached to. None in one that is not ours.
#[must_use]
pub fn current(_attached: Python<'_>) -> Option<&'static Interpreter> {
    // SAFETY: the thread is attached.
    let address = unsafe { ffi::PyInterpreterState_Get() };
    known().find(|known| known.address() == address)
}

/// The lock of the interpreter at an address. Interpreters that are not ours count as sharing one: who waits for them sleeps
/// in Python's own queue all the same.
pub(super) fn gil_at(address: *mut ffi::PyInterpreterState) -> &'static Gil {
    let known = known().find(|known| known.address() == address);
    known.map_or(&gil::SHARED, Interpreter::gil)
}

impl Interpreter {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn is_prepared(&self) -> bool {
        self.contents.get().is_some()
    }

    fn prepare(&'static self, prepare: Prepare) -> Result<(), Failure> {
        let prepared = thread::attach(self, |py| {
            prepare(py, self).map_err(|error| super::error::describe(py, &error))
        });
        let contents =
            prepared.map_err(|reason| Failure::Prepare { name: self.name.to_string(), reason })?;
        let _ = self.contents.set(contents);
        runtime::give_back_memory();
        Ok(())
    }

    /// What `prepare` made of it.
    #[must_use]
    pub fn contents<T: 'static>(&self) -> Option<&T> {
        self.contents.get()?.downcast_ref()
    }

    /// Whether it runs beside the others, under a lock of its own.
    #[must_use]
    pub fn has_own_gil(&self) -> bool {
        !std::ptr::eq(self.gil, &raw const gil::SHARED)
    }

    pub(super) fn gil(&self) -> &'static Gil {
        self.gil
    }

    /// Says where the time of its threads is counted; until then it is not.
    pub fn measure(&self, meter: &'static Meter) {
        let _ = self.meter.set(meter);
    }

    pub(super) fn meter(&self) -> Option<&'static Meter> {
        self.meter.get().copied()
    }

    pub(super) fn address(&self) -> *mut ffi::PyInterpreterState {
        self.address.load(Ordering::Relaxed)
    }
}

fn find(name: &[u8]) -> Option<&'static Interpreter> {
    known().find(|known| known.name.as_bytes() == name)
}

/// Adds an interpreter to the chain. Called by one thread at a time, under [`MAKING`].
fn remember(
    name: &str,
    address: *mut ffi::PyInterpreterState,
    gil: &'static Gil,
) -> &'static Interpreter {
    let interpreter = Box::leak(Box::new(Interpreter {
        name: name.into(),
        address: AtomicPtr::new(address),
        gil,
        contents: OnceLock::new(),
        meter: OnceLock::new(),
        next: OnceLock::new(),
    }));
    let interpreter = &*interpreter;
    let _ = known().last().map_or(&FIRST, |last| &last.next).set(interpreter);
    interpreter
}

fn start_main() -> Result<&'static Interpreter, StartError> {
    runtime::start()?;
    // SAFETY: `start` leaves the thread attached to the main interpreter.
    let address = unsafe {
        let address = ffi::PyInterpreterState_Get();
        thread::adopt(address, ffi::PyThreadState_Get());
        ffi::PyEval_SaveThread();
        address
    };
    Ok(remember(MAIN, address, &gil::SHARED))
}

/// A sub-interpreter. The thread is detached again when this returns.
fn start_named(main: &'static Interpreter, name: &str) -> Result<&'static Interpreter, StartError> {
    let sharing = gil::sharing_of(name.as_bytes());
    let address = thread::attach(main, |_| {
        // SAFETY: attached to main. Either way of making an interpreter switches to it, or leaves main's state; both ways
        // the swap goes back to the state of the attachment, and takes the lock that this one needs.
        unsafe {
            let outer = ffi::PyThreadState_Get();
            let made = match sharing {
                Sharing::Shared => ffi::Py_NewInterpreter(),
                Sharing::Own => compat::new_own_gil_interpreter()?,
            };
            let address = if made.is_null() { None } else { Some(ffi::PyInterpreterState_Get()) };
            ffi::PyThreadState_Swap(outer);
            let address = address.ok_or(StartError::Interpreter)?;
            thread::adopt(address, made);
            Ok(address)
        }
    })?;
    let gil = match sharing {
        Sharing::Shared => &gil::SHARED,
        Sharing::Own => Box::leak(Box::new(Gil::new())),
    };
    Ok(remember(name, address, gil))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use pyo3::types::PyAnyMethods;

    use super::*;

    /// How often this has been asked for. The tests may share a process.
    static PREPARED: AtomicUsize = AtomicUsize::new(0);

    #[expect(clippy::unnecessary_wraps, reason = "the signature of `Prepare`")]
    fn prepare(
        _py: Python<'_>,
        interpreter: &'static Interpreter,
    ) -> PyResult<Box<dyn Any + Send + Sync>> {
        if interpreter.name() == "once" {
            PREPARED.fetch_add(1, Ordering::SeqCst);
        }
        assert_ne!(interpreter.name(), MAIN, "nobody asks for it");
        Ok(Box::new(()))
    }

    fn evaluate(interpreter: &Interpreter, code: &str) -> String {
        thread::attach(interpreter, |py| {
            let builtins = py.import("builtins").expect("builtins");
            let globals = py.import("sys").expect("sys").getattr("__dict__").expect("__dict__");
            builtins.call_method1("eval", (code, globals)).expect("evaluates").to_string()
        })
    }

    #[test]
    fn sixteen_threads_make_an_interpreter_once() {
        let barrier = Barrier::new(16);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    barrier.wait();
                    let interpreter = named(b"once", prepare).expect("made");
                    assert_eq!(evaluate(interpreter, "1 + 1"), "2");
                });
            }
        });
        assert_eq!(PREPARED.load(Ordering::SeqCst), 1);
        assert_eq!(all().iter().filter(|known| known.name() == "once").count(), 1);
    }

    #[test]
    fn interpreters_share_nothing_and_attachments_nest() {
        let (one, two) =
            (named(b"one", prepare).expect("made"), named(b"two", prepare).expect("made"));
        evaluate(one, "__import__('sys').__dict__.update(mine=1)");
        assert_eq!(evaluate(two, "hasattr(__import__('sys'), 'mine')"), "False");
        thread::attach(one, |py| {
            assert_eq!(evaluate(two, "1"), "1");
            assert!(std::ptr::eq(current(py).expect("ours"), one));
            thread::detach(py, || {
                assert!(!thread::is_attached());
                assert_eq!(evaluate(one, "mine"), "1");
            });
            assert!(std::ptr::eq(current(py).expect("ours"), one));
        });
    }

    #[test]
    fn a_panic_leaves_the_thread_detached() {
        let one = named(b"one", prepare).expect("made");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            thread::attach(one, |_| panic!("in Python"))
        }));
        assert!(panicked.is_err());
        assert!(!thread::is_attached());
        assert_eq!(evaluate(one, "2"), "2");
    }
}
