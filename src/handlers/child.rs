//! The beginning and the end of a child process: imports that are configured for its start, functions registered for its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, mpsc};
use std::time::Duration;

use pyo3::prelude::*;

use super::server_phase;
use crate::apache::log::{self, Level, Target};
use crate::apache::pool::Pool;
use crate::apache::server::Server;
use crate::apache::{ending, process, serving, signal};
use crate::config::phase::Phase;
use crate::config::server::{Import, ServerSection, imports};
use crate::config::settings::Settings;
use crate::counters;
use crate::objects::cleanup;
use crate::objects::clock;
use crate::objects::native;
use crate::objects::report::{Report, Told};
use crate::python::convert::Text;
use crate::python::gil::{self, Choice, Sharing};
use crate::python::{error, home, interpreter, runtime, thread};

/// How long the end of a process waits for what Python code registered.
const PATIENCE: Duration = Duration::from_secs(5);

/// Python's end, which comes once.
static END: Once = Once::new();
/// Whether httpd has come to the end of the process by itself.
static ARRIVED: AtomicBool = AtomicBool::new(false);

pub fn init(pool: Pool<'_>, main: Server) {
    signal::begin_child();
    pool.before_end(end);
    clock::at_end(end_busy);
    if !process::is_threaded() {
        ending::put_off(thread::is_attached, false);
    }
    settle(main);
    for (server, import) in imports(main) {
        run_import(server, &import);
    }
    server_phase::run(Phase::ChildInit);
}

/// Says how Python is to start: what the configuration holds for the whole process.
pub(super) fn settle(main: Server) {
    let mut servers = std::iter::successors(Some(main), Server::next);
    if servers.any(|server| server.config().is_some_and(ServerSection::optimizes)) {
        runtime::optimize();
    }
    let Some(section) = main.config::<ServerSection>() else { return };
    if let Some(home) = section.home() {
        home::set(home.to_owned());
    }
    let wishes = section.gil_wishes();
    if wishes.asks_for_own() {
        let sharing = |own: bool| if own { Sharing::Own } else { Sharing::Shared };
        let named = wishes.named.iter().map(|(name, own)| (name.clone(), sharing(*own)));
        gil::choose(Choice { others: sharing(wishes.others), named: named.collect() });
    }
}

/// `PythonImport`: what fails is logged, and the next one runs.
fn run_import(server: Server, import: &Import) {
    let name = String::from_utf8_lossy(&import.interpreter).into_owned();
    let told = match interpreter::named(&import.interpreter, native::prepare) {
        Err(failure) => Some(Told::Sentence(failure.to_string())),
        Ok(interpreter) => thread::attach(interpreter, |py| {
            import_in(py, server, import).err().map(|raised| Told::raised(py, &raised))
        }),
    };
    let Some(told) = told else { return };
    let text = String::from_utf8_lossy(&import.text).into_owned();
    let report = Report::new(format!("PythonImport {text}"), told);
    report.counted_by(counters::of_interpreter(&name)).log(Target::Server(server));
    let summary =
        format!("MP0010: mod_python: PythonImport '{text}' failed in interpreter '{name}'");
    log::log(Target::Server(server), Level::Error, summary.as_bytes());
}

fn import_in(py: Python<'_>, server: Server, import: &Import) -> PyResult<()> {
    let settings = server.config::<ServerSection>().map(|section| Settings::of(section.section()));
    let importer = py.import("mod_python.importer")?;
    if let Some(expression) = settings.and_then(Settings::python_path) {
        importer.call_method1("prepare_path", (Text(expression), py.None()))?;
    }
    let log = settings.is_some_and(Settings::debug);
    let module = importer
        .call_method1("load", (Text(import.module()), py.None(), true, log))?
        .get_item(0)?;
    if let Some(function) = import.function() {
        let name = Text(function).into_pyobject(py)?.cast_into::<pyo3::types::PyString>()?;
        module.getattr(name)?.call0()?;
    }
    Ok(())
}

/// The child waits for its threads from now on. When httpd is to end and they do not come back, its parent sends SIGTERM, which
/// means nothing to worker and event then, after three, five and seven seconds, and SIGKILL after nine.
pub fn stopping() {
    ending::put_off(|| !ARRIVED.load(Ordering::Acquire), true);
}

/// SIGTERM came while Python code ran. That goes on, while another thread runs what is registered for the end.
fn end_busy() {
    END.call_once(end_python);
    if process::is_threaded() {
        leave_late();
    } else {
        ending::go_on();
    }
}

/// Threads that are in Python are not waited for any longer.
fn leave_late() {
    let late = serving::requests();
    if late.is_empty() || ARRIVED.load(Ordering::Acquire) {
        return;
    }
    let target = Server::main().map_or(Target::Process, Target::Server);
    for (_, request) in late {
        let line =
            format!("MP0054: mod_python: the process ends while Python code serves {request}");
        log::log(target, Level::Warning, line.as_bytes());
    }
    ending::leave();
}

/// httpd ends the process.
fn end() {
    ARRIVED.store(true, Ordering::Release);
    // In Python a signal ends this process after what was registered has been run, or before there was a thread to run it.
    if !thread::is_attached() {
        END.call_once(end_python);
    }
    thread::leave();
}

/// Runs cleanups and `atexit`; Python is not finalised. A thread of its own does it, so that code that hangs, or a thread that
/// never lets go of Python, holds up the end for a while only.
fn end_python() {
    if interpreter::all().is_empty() && !server_phase::is_configured(Phase::ChildExit) {
        return;
    }
    let (done, finished) = mpsc::channel();
    let runner = std::thread::Builder::new().name("mod_python end".to_owned()).spawn(move || {
        server_phase::run(Phase::ChildExit);
        cleanup::run_all(Server::main().map_or(Target::Process, Target::Server));
        for interpreter in interpreter::all() {
            thread::attach(interpreter, run_exit_functions);
        }
        let _ = done.send(());
    });
    match runner {
        // Its thread states go before the process does.
        Ok(runner) if finished.recv_timeout(PATIENCE).is_ok() => drop(runner.join()),
        Ok(_) => {
            let line = b"MP0011: mod_python: functions registered for the end of the process did not return in time";
            log::log(Server::main().map_or(Target::Process, Target::Server), Level::Warning, line);
        }
        Err(error) => {
            let line = format!("MP0012: mod_python: no thread for the end of the process: {error}");
            log::log(
                Server::main().map_or(Target::Process, Target::Server),
                Level::Warning,
                line.as_bytes(),
            );
        }
    }
}

fn run_exit_functions(py: Python<'_>) {
    let run = || -> PyResult<()> {
        py.import("atexit")?.call_method0("_run_exitfuncs")?;
        let sys = py.import("sys")?;
        for stream in ["stdout", "stderr"] {
            let stream = sys.getattr(stream)?;
            if !stream.is_none() {
                stream.call_method0("flush")?;
            }
        }
        Ok(())
    };
    if let Err(raised) = run() {
        let line = format!("MP0013: mod_python: error in atexit: {}", error::describe(py, &raised));
        log::log(
            Server::main().map_or(Target::Process, Target::Server),
            Level::Error,
            line.as_bytes(),
        );
    }
}
