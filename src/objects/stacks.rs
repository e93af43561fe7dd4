//! What all threads of the process do in Python, for the log and whoever wants to show it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::apache::log::{self, Level, Target};
use crate::apache::server::Server;
use crate::apache::{serving, signal};
use crate::python::interpreter::{self, Interpreter};
use crate::python::stack::{self, Place};
use crate::python::states::{self, Calm};
use crate::python::thread;

/// How long an interpreter's lock is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A thread that is in Python.
pub struct ThreadStack {
    /// `threading.get_ident()`; None for a thread that Python code has started.
    pub ident: Option<usize>,
    /// Its name, where `threading` has given it one.
    pub name: Option<String>,
    /// Method and path of what it serves.
    pub request: Option<String>,
    /// As in a traceback: outermost first, each with its line of source.
    pub elements: Vec<String>,
}

/// The threads of an interpreter.
pub struct InterpreterStacks {
    pub interpreter: &'static str,
    /// None where C code keeps the interpreter's lock.
    pub threads: Option<Vec<ThreadStack>>,
}

/// What all interpreters' threads do. To be called detached; waits three seconds at most for interpreters whose lock C code keeps.
#[must_use]
pub fn of_process() -> Vec<InterpreterStacks> {
    let end = Instant::now() + PATIENCE;
    let asked: Vec<_> = interpreter::all().into_iter().map(|one| (one, ask(one))).collect();
    let answer = |(interpreter, answer): (&'static Interpreter, mpsc::Receiver<_>)| {
        let patience = end.saturating_duration_since(Instant::now());
        InterpreterStacks {
            interpreter: interpreter.name(),
            threads: answer.recv_timeout(patience).ok(),
        }
    };
    asked.into_iter().map(answer).collect()
}

/// Has a thread look into an interpreter, which may last.
fn ask(interpreter: &'static Interpreter) -> mpsc::Receiver<Vec<ThreadStack>> {
    let (sender, receiver) = mpsc::channel();
    // Without a thread nothing is sent.
    let _ = signal::spawn_deaf("mod_python look", move || {
        let _ = sender.send(thread::attach(interpreter, of_interpreter));
    });
    receiver
}

/// A thread, without a reference to its frames.
struct Seen<'py> {
    ident: Option<usize>,
    /// Its `threading.Thread`.
    object: Option<Bound<'py, PyAny>>,
    places: Vec<Place>,
}

fn of_interpreter(py: Python<'_>) -> Vec<ThreadStack> {
    let seen = seen(&Calm::enter(py));
    let requests = serving::requests();
    let tell = |seen: Seen<'_>| ThreadStack {
        ident: seen.ident,
        name: seen.object.and_then(|object| object.getattr("name").ok()?.extract().ok()),
        request: requests.iter().find(|row| Some(row.0) == seen.ident).map(|row| row.1.clone()),
        elements: stack::elements(&seen.places),
    };
    seen.into_iter().map(tell).collect()
}

fn seen<'py>(calm: &Calm<'py>) -> Vec<Seen<'py>> {
    let mut seen = Vec::new();
    for present in states::present(calm.py()) {
        seen.push(Seen {
            ident: present.ident,
            object: stack::thread_object(calm, &present.frame),
            places: stack::places(calm, &present.frame),
        });
    }
    seen
}

/// Writes the stacks to the main server's error log.
pub fn log_all() {
    let target = Server::main().map_or(Target::Process, Target::Server);
    let write = |line: &str| log::log(target, Level::Notice, line.as_bytes());
    let all = of_process();
    write(&format!("MP0053: mod_python: stacks of all Python threads: {} interpreters", all.len()));
    for stacks in &all {
        let name = stacks.interpreter;
        let Some(threads) = &stacks.threads else {
            write(&format!(
                "mod_python: interpreter '{name}': C code keeps Python's lock, its threads cannot be shown"
            ));
            for (ident, request) in serving::requests() {
                write(&format!("mod_python: thread {ident} serves {request}"));
            }
            continue;
        };
        write(&format!("mod_python: interpreter '{name}': {} threads in Python", threads.len()));
        for thread in threads {
            write(&format!("mod_python: {}", thread.title()));
            for element in &thread.elements {
                write(&format!("mod_python: {element}"));
            }
        }
    }
}

impl ThreadStack {
    /// Who it is and what it serves.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = match (self.ident, &self.name) {
            (_, Some(name)) => format!("thread '{name}'"),
            (Some(ident), None) => format!("thread {ident}"),
            (None, None) => "a thread".to_owned(),
        };
        if let Some(request) = &self.request {
            title += &format!(", serving {request}");
        }
        title
    }
}
