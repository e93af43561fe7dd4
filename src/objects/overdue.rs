//! What becomes of a call that has lasted too long: the stack of its thread in the log, and an exception in its code.
//!
//! That needs the lock of the call's interpreter, for which a thread may have to wait as long as C code keeps it. So for each
//! interpreter that has overdue calls a thread is made, and the clock waits for nobody.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::Python;

use super::native::State;
use super::{clock, deadline};
use crate::apache::log::Level;
use crate::apache::log_copy::LogCopy;
use crate::apache::signal;
use crate::python::stack::{self, Place};
use crate::python::states::Calm;
use crate::python::thread;

/// How long Python's lock may be waited for before the log says so.
const PATIENCE: Duration = Duration::from_secs(3);

/// The interpreters that somebody is in, or waits for, to interrupt what is overdue there.
static BUSY: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Sees to all calls that are overdue. Returns when to look again.
pub fn look() -> Option<Instant> {
    let now = Instant::now();
    let mut found: Vec<&'static State> = Vec::new();
    let mut stuck = Vec::new();
    let mut next = None;
    let mut table = deadline::table();
    for call in table.overdue(now) {
        call.in_hand = Some(now);
        found.push(call.state);
    }
    for call in table.in_hand().filter(|call| !call.is_told) {
        let patience = call.in_hand.unwrap_or(now) + PATIENCE;
        if patience > now {
            next = Some(next.map_or(patience, |next: Instant| next.min(patience)));
            continue;
        }
        call.is_told = true;
        stuck.extend(call.copy().map(|copy| (copy, call.name.clone(), call.time())));
    }
    let due = table.next_due();
    drop(table);
    for state in found {
        interrupt(state);
    }
    for (copy, name, time) in stuck {
        let line = format!(
            "MP0141: {name}: not done after {time} (PythonTimeout), and cannot be interrupted yet: C code keeps Python's lock"
        );
        copy.log(Level::Error, line.as_bytes());
    }
    due.into_iter().chain(next).min()
}

/// Has a thread interrupt what is overdue in an interpreter, if none does already.
fn interrupt(state: &'static State) {
    let name = state.interpreter.name();
    let mut busy = BUSY.lock();
    if busy.contains(&name) {
        return;
    }
    busy.push(name);
    drop(busy);
    let started = signal::spawn_deaf("mod_python late", move || interrupt_all(state));
    if started.is_err() {
        done(name);
    }
}

fn done(name: &str) {
    BUSY.lock().retain(|busy| *busy != name);
}

/// A call that is overdue, as its thread was seen.
struct Overdue {
    key: u64,
    copy: LogCopy,
    name: String,
    time: String,
    ident: usize,
    places: Vec<Place>,
}

/// Runs no Python code: what holds up the lock of the interpreter may hold up its imports too.
fn interrupt_all(state: &'static State) {
    let see = || thread::attach(state.interpreter, |py| see_one(&Calm::enter(py), state));
    while let Some(call) = see() {
        call.log();
        thread::attach(state.interpreter, |py| interrupt_one(py, state, call.key));
    }
}

/// What one of the calls does. The thread stays attached from the look at the table to the end, so that nobody can disarm the
/// call meanwhile.
fn see_one(calm: &Calm<'_>, state: &'static State) -> Option<Overdue> {
    let mut table = deadline::table();
    let mut calls = table.in_hand().filter(|call| std::ptr::eq(call.state, state));
    let seen = calls.find_map(|call| {
        let frame = call.thread.frame(calm.py());
        let places = frame.map(|frame| stack::places(calm, &frame)).unwrap_or_default();
        Some(Overdue {
            key: call.key(),
            copy: call.copy()?,
            name: call.name.clone(),
            time: call.time(),
            ident: call.thread.ident(),
            places,
        })
    });
    if seen.is_none() {
        done(state.interpreter.name());
    }
    seen
}

/// Raises the exception, unless the call has ended meanwhile.
fn interrupt_one(py: Python<'_>, state: &'static State, key: u64) {
    let mut table = deadline::table();
    let Some(call) = table.in_hand().find(|call| call.key() == key) else { return };
    call.thread.raise(state.request_timeout.bind(py));
    let due = call.interrupted(Instant::now());
    drop(table);
    clock::look_at(due);
}

impl Overdue {
    fn log(&self) {
        let Self { copy, name, time, ident, .. } = self;
        let head = format!(
            "MP0140: {name}: not done after {time} (PythonTimeout): {}, thread {ident} is at",
            copy.line()
        );
        copy.log(Level::Error, head.as_bytes());
        let elements = stack::elements(&self.places);
        for element in &elements {
            copy.log(Level::Error, format!("{name}: {element}").as_bytes());
        }
        if elements.is_empty() {
            copy.log(Level::Error, format!("{name}:   (not in Python code)").as_bytes());
        }
    }
}
