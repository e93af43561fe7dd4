//! The main interpreter and the named ones.
//!
//! An interpreter is made at its first use, once, and lives as long as the process. Nothing of Python is kept here:
//! what must outlive a call sits in the interpreter's own modules.

use std::any::Any;
use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::{Mutex, RwLock};
use pyo3::{PyResult, Python, ffi};

use super::runtime::{self, StartError};
use super::thread;

/// The name of the process' first interpreter.
pub const MAIN: &str = "main_interpreter";

/// One interpreter of this process.
pub struct Interpreter {
    name: Box<str>,
    address: AtomicPtr<ffi::PyInterpreterState>,
    /// What the layers above keep of it: plain Rust, set once by `prepare`.
    contents: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// Why an interpreter is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("Python could not be started: {0}")]
    Start(#[from] StartError),
    #[error("interpreter '{name}' could not be prepared: {reason}")]
    Prepare { name: String, reason: String },
}

/// Fills a new interpreter: called once for each, attached to it.
pub type Prepare = fn(Python<'_>, &'static Interpreter) -> PyResult<Box<dyn Any + Send + Sync>>;

static NAMED: RwLock<Vec<&'static Interpreter>> = RwLock::new(Vec::new());
/// Held while an interpreter is made. Nobody waits for it attached.
static MAKING: Mutex<()> = Mutex::new(());

/// The interpreter of this name, made now if need be.
///
/// # Errors
/// Python cannot start, or `prepare` failed; the next call tries again.
pub fn named(name: &str, prepare: Prepare) -> Result<&'static Interpreter, Failure> {
    if let Some(found) = find(name) {
        return Ok(found);
    }
    let _making = MAKING.lock();
    if let Some(found) = find(name) {
        return Ok(found);
    }
    let main = match find(MAIN) {
        Some(main) => main,
        None => make(MAIN, start_main()?, prepare)?,
    };
    if name == MAIN {
        return Ok(main);
    }
    make(name, start_named(main, name)?, prepare)
}

/// Every interpreter made so far, the main one first.
#[must_use]
pub fn all() -> Vec<&'static Interpreter> {
    NAMED.read().clone()
}

/// The interpreter that the calling thread is attached to. None in one that is not ours.
#[must_use]
pub fn current(_attached: Python<'_>) -> Option<&'static Interpreter> {
    // SAFETY: the thread is attached.
    let address = unsafe { ffi::PyInterpreterState_Get() };
    NAMED.read().iter().find(|known| known.address() == address).copied()
}

impl Interpreter {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `prepare` made of it.
    #[must_use]
    pub fn contents<T: 'static>(&self) -> Option<&T> {
        self.contents.get()?.downcast_ref()
    }

    pub(super) fn address(&self) -> *mut ffi::PyInterpreterState {
        self.address.load(Ordering::Relaxed)
    }

    /// An identity that can be compared; never used as a pointer.
    #[must_use]
    pub fn identity(&self) -> *const c_void {
        self.address().cast()
    }
}

fn find(name: &str) -> Option<&'static Interpreter> {
    NAMED.read().iter().find(|known| *known.name == *name).copied()
}

/// A raw interpreter whose `prepare` failed is kept under its name, so that the next try does not make another.
static UNPREPARED: Mutex<Vec<&'static Interpreter>> = Mutex::new(Vec::new());

fn make(
    name: &str,
    address: *mut ffi::PyInterpreterState,
    prepare: Prepare,
) -> Result<&'static Interpreter, Failure> {
    let interpreter = Box::leak(Box::new(Interpreter {
        name: name.into(),
        address: AtomicPtr::new(address),
        contents: OnceLock::new(),
    }));
    let prepared = thread::attach(interpreter, |py| {
        prepare(py, interpreter).map_err(|error| super::error::describe(py, &error))
    });
    match prepared {
        Ok(contents) => {
            let _ = interpreter.contents.set(contents);
            NAMED.write().push(interpreter);
            Ok(interpreter)
        }
        Err(reason) => {
            UNPREPARED.lock().push(interpreter);
            Err(Failure::Prepare { name: name.to_owned(), reason })
        }
    }
}

fn unprepared(name: &str) -> Option<*mut ffi::PyInterpreterState> {
    let mut waiting = UNPREPARED.lock();
    let index = waiting.iter().position(|known| *known.name == *name)?;
    Some(waiting.swap_remove(index).address())
}

fn start_main() -> Result<*mut ffi::PyInterpreterState, StartError> {
    if let Some(address) = unprepared(MAIN) {
        return Ok(address);
    }
    runtime::start()?;
    // SAFETY: `start` leaves the thread attached to the main interpreter.
    unsafe {
        let address = ffi::PyInterpreterState_Get();
        thread::adopt(address, ffi::PyThreadState_Get());
        ffi::PyEval_SaveThread();
        Ok(address)
    }
}

/// A sub-interpreter. The thread is detached again when this returns.
fn start_named(
    main: &'static Interpreter,
    name: &str,
) -> Result<*mut ffi::PyInterpreterState, StartError> {
    if let Some(address) = unprepared(name) {
        return Ok(address);
    }
    thread::attach(main, |_| {
        // SAFETY: attached to main. Py_NewInterpreter switches to the new interpreter, or leaves NULL and no state; both
        // ways the swap goes back to the state of the attachment.
        unsafe {
            let outer = ffi::PyThreadState_Get();
            let state = ffi::Py_NewInterpreter();
            let address = if state.is_null() { None } else { Some(ffi::PyInterpreterState_Get()) };
            ffi::PyThreadState_Swap(outer);
            let address = address.ok_or(StartError::Interpreter)?;
            thread::adopt(address, state);
            Ok(address)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use pyo3::types::PyAnyMethods;

    use super::*;

    static PREPARED: AtomicUsize = AtomicUsize::new(0);

    #[expect(clippy::unnecessary_wraps, reason = "the signature of `Prepare`")]
    fn prepare(
        _py: Python<'_>,
        _interpreter: &'static Interpreter,
    ) -> PyResult<Box<dyn Any + Send + Sync>> {
        PREPARED.fetch_add(1, Ordering::SeqCst);
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
                    let interpreter = named("one", prepare).expect("made");
                    assert_eq!(evaluate(interpreter, "1 + 1"), "2");
                });
            }
        });
        assert_eq!(PREPARED.load(Ordering::SeqCst), 2, "main_interpreter and the named one");
        assert_eq!(all().len(), 2);
    }

    #[test]
    fn interpreters_share_nothing_and_attachments_nest() {
        let (one, two) =
            (named("one", prepare).expect("made"), named("two", prepare).expect("made"));
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
        let one = named("one", prepare).expect("made");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            thread::attach(one, |_| panic!("in Python"))
        }));
        assert!(panicked.is_err());
        assert!(!thread::is_attached());
        assert_eq!(evaluate(one, "2"), "2");
    }
}
