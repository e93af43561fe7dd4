//! `PythonConnectionHandler`: one handler has a whole connection, or leaves it to HTTP.

use std::cell::Cell;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::Python;

use super::debugger;
use super::outcome::{Trouble, status_of};
use crate::apache::connection::Connection;
use crate::apache::connection_io;
use crate::apache::hook::{Hooks, Order};
use crate::apache::log::Target;
use crate::apache::status::Status;
use crate::config::handlers::{HandlerEntry, HandlerList};
use crate::config::phase::Phase;
use crate::config::server::ServerSection;
use crate::config::settings::{Event, Settings};
use crate::config::turn::Turn;
use crate::counters::Work;
use crate::objects::connection::{self, ConnectionState};
use crate::objects::handler_list::Cursor;
use crate::objects::native::{self, State};
use crate::objects::report::Report;
use crate::objects::request_state::end_copy;
use crate::objects::resolve::{self, Handler};
use crate::python::{fork, interpreter, thread};

/// The handshake of TLS is over by then; HTTP, of either version, comes later.
const ORDER: Order = Order::MIDDLE.after(&[c"mod_ssl.c"]);

pub fn register(hooks: Hooks<'_>) {
    connection_io::register(hooks);
    hooks.pre_connection(pre_connection, Order::MIDDLE);
    hooks.process_connection(process, ORDER);
}

/// Before anything is read: OK and DECLINED let the client go on, any other result turns it away without a word.
fn pre_connection(connection: Connection<'_>) -> Status {
    let server = connection.base_server();
    let Some(section) = server.config::<ServerSection>() else { return Status::DECLINED };
    let settings = Settings::of(section.section());
    let Some(configured) = settings.handlers(Phase::PreConnection, Turn::Usual, &[]) else {
        return Status::DECLINED;
    };
    if connection.is_secondary() {
        return Status::DECLINED;
    }
    for entry in configured.list.iter() {
        let status = attached(connection, settings, entry, |py, state, handler| {
            call(py, state, connection, handler)
        });
        if !Phase::PreConnection.row().continuation.goes_on_after(status) {
            connection.abort();
            return Status::FORBIDDEN;
        }
    }
    Status::DECLINED
}

fn process(connection: Connection<'_>) -> Status {
    let server = connection.base_server();
    let Some(section) = server.config::<ServerSection>() else { return Status::DECLINED };
    let settings = Settings::of(section.section());
    let Some(configured) = settings.handlers(Phase::Connection, Turn::Usual, &[]) else {
        return Status::DECLINED;
    };
    if connection.is_secondary() || ConnectionState::of(connection).handled.replace(true) {
        return Status::DECLINED;
    }
    let status = run(connection, settings, configured.list);
    if status != Status::DECLINED {
        connection.finish();
    }
    status
}

/// Calls the list's first handler: the others are there to be seen in `conn.hlist` only.
fn run(connection: Connection<'_>, settings: Settings<'_>, list: &HandlerList) -> Status {
    let Some(entry) = list.first() else { return Status::DECLINED };
    attached(connection, settings, entry, |py, state, handler| {
        let _running = Running::enter(connection, list);
        call(py, state, connection, handler)
    })
}

/// Calls `action` with the handler, in the connection's interpreter. What it raises is logged, and is a status.
fn attached(
    connection: Connection<'_>,
    settings: Settings<'_>,
    entry: &HandlerEntry,
    action: impl FnOnce(Python<'_>, &'static State, &Handler<'_>) -> Result<Status, Trouble>,
) -> Status {
    let server = connection.base_server();
    let host = server.server_hostname().unwrap_or_default();
    let name = settings.interpreter(Event::Connection, None, host);
    let interpreter = match interpreter::named(&name, native::prepare) {
        Ok(interpreter) => interpreter,
        Err(error) => {
            log(connection, &Report::unavailable(shown(entry), &error));
            return Status::INTERNAL_SERVER_ERROR;
        }
    };
    let looked_at = Cell::new(0);
    let handler = Handler { entry, directory: None, settings, looked_at: Some(&looked_at) };
    resolve::look_ahead(interpreter, &handler);
    let open = ConnectionState::of(connection).open();
    let status = thread::attach(interpreter, |py| {
        let Some(state) = State::of_interpreter(interpreter) else {
            return Status::INTERNAL_SERVER_ERROR;
        };
        action(py, state, &handler).unwrap_or_else(|trouble| {
            let report = Report::new(shown(entry), trouble.told(py)).counted_by(state.counters);
            thread::detach(py, || log(connection, &report));
            Status::INTERNAL_SERVER_ERROR
        })
    });
    if fork::is_copy() {
        end_copy();
    }
    drop(open);
    status
}

fn call(
    py: Python<'_>,
    state: &'static State,
    connection: Connection<'_>,
    handler: &Handler<'_>,
) -> Result<Status, Trouble> {
    state.counters.count_call(Work::Connection);
    let object = connection::instantiate(py, state, connection)?;
    match resolve::callable(py, state, handler, &object)? {
        Some(callable) => status_of(&debugger::call(&callable, object, handler.settings)?),
        None => Ok(Status::DECLINED),
    }
}

/// A connection is no request: its errors go to the log of the server that listens, and never to the client.
fn log(connection: Connection<'_>, report: &Report) {
    report.log(Target::Server(connection.base_server()));
}

/// As the log calls the handler.
fn shown(entry: &HandlerEntry) -> String {
    let directive = entry.phase().directive().to_string_lossy();
    let phase = directive.trim_start_matches("Python");
    format!("{phase} {}", String::from_utf8_lossy(entry.text()))
}

/// A handler under way: `conn.hlist` shows it. To be made and dropped attached, as `conn.hlist` is read.
struct Running<'c> {
    state: &'c ConnectionState,
}

impl<'c> Running<'c> {
    fn enter(connection: Connection<'c>, list: &HandlerList) -> Self {
        let state = ConnectionState::of(connection);
        let cursor = Cursor::of_connection(Arc::clone(list));
        state.cursor.replace(Some(Arc::new(Mutex::new(cursor))));
        Self { state }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.state.cursor.replace(None);
    }
}
