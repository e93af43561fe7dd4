//! Handlers of the beginning and the end of a child process, which get a server and no request.

use std::sync::Arc;

use pyo3::prelude::*;

use super::debugger;
use crate::apache::log::Target;
use crate::apache::server::Server;
use crate::config::handlers::{HandlerEntry, HandlerList};
use crate::config::phase::Phase;
use crate::config::server::ServerSection;
use crate::config::settings::{Event, Settings};
use crate::config::turn::Turn;
use crate::counters::Work;
use crate::objects::native::{self, State};
use crate::objects::report::{Report, Told};
use crate::objects::resolve;
use crate::objects::server;
use crate::python::{interpreter, thread};

/// Whether any server has handlers of the phase.
pub fn is_configured(phase: Phase) -> bool {
    !lists(phase).is_empty()
}

/// Calls each handler of each server, the main one first. A virtual host that has no list of its own shares the main
/// server's, which is run once. What a handler returns means nothing; what it raises is logged, and the next one runs.
pub fn run(phase: Phase) {
    for (server, list) in lists(phase) {
        for entry in list.iter() {
            if let Some(report) = run_one(server, entry) {
                report.log(Target::Server(server));
            }
        }
    }
}

/// The lists of all servers, each once.
fn lists(phase: Phase) -> Vec<(Server, HandlerList)> {
    let mut found: Vec<(Server, HandlerList)> = Vec::new();
    for server in std::iter::successors(Server::main(), Server::next) {
        let Some(section) = server.config::<ServerSection>() else { continue };
        let Some(handlers) = Settings::of(section.section()).handlers(phase, Turn::Usual, &[])
        else {
            continue;
        };
        if !found.iter().any(|(_, known)| Arc::ptr_eq(known, handlers.list)) {
            found.push((server, Arc::clone(handlers.list)));
        }
    }
    found
}

/// What went wrong.
fn run_one(server: Server, entry: &HandlerEntry) -> Option<Report> {
    let section = server.config::<ServerSection>()?;
    let settings = Settings::of(section.section());
    let host = server.server_hostname().unwrap_or_default();
    let name = settings.interpreter(Event::Connection, None, host);
    let interpreter = match interpreter::named(&name, native::prepare) {
        Ok(interpreter) => interpreter,
        Err(failure) => return Some(Report::unavailable(shown(entry), &failure)),
    };
    thread::attach(interpreter, |py| {
        let state = State::of_interpreter(interpreter)?;
        state.counters.count_call(Work::Phase);
        let raised = call(py, state, server, settings, entry).err()?;
        Some(Report::new(shown(entry), Told::raised(py, &raised)).counted_by(state.counters))
    })
}

fn call(
    py: Python<'_>,
    state: &'static State,
    server: Server,
    settings: Settings<'_>,
    entry: &HandlerEntry,
) -> PyResult<()> {
    let object = server::instantiate(py, state, server)?;
    let handler = resolve::Handler { entry, directory: None, settings, looked_at: None };
    if let Some(callable) = resolve::callable(py, state, &handler, &object)? {
        debugger::call(&callable, object, settings)?;
    }
    Ok(())
}

/// As the log calls the handler.
fn shown(entry: &HandlerEntry) -> String {
    let directive = entry.phase().directive().to_string_lossy();
    format!("{directive} {}", String::from_utf8_lossy(entry.text()))
}
