//! `PythonConnectionHandler`: one handler has a whole connection, or leaves it to HTTP.

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
use crate::counters::{self, Row, Work};
use crate::objects::connection::{self, ConnectionState};
use crate::objects::handler_list::Cursor;
use crate::objects::native::{self, State};
use crate::objects::report::{Report, Told};
use crate::objects::resolve;
use crate::python::{interpreter, thread};

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
        let status = attached(connection, settings, entry, |py, state| {
            call(py, state, connection, settings, entry)
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
    attached(connection, settings, entry, |py, state| {
        let _running = Running::enter(connection, list);
        call(py, state, connection, settings, entry)
    })
}

/// Calls `action` in the connection's interpreter. What it raises is logged, and is a status.
fn attached(
    connection: Connection<'_>,
    settings: Settings<'_>,
    entry: &HandlerEntry,
    action: impl FnOnce(Python<'_>, &'static State) -> Result<Status, Trouble>,
) -> Status {
    let server = connection.base_server();
    let host = server.server_hostname().unwrap_or_default();
    let name = settings.interpreter(Event::Connection, None, host);
    let interpreter = match interpreter::named(&name, native::prepare) {
        Ok(interpreter) => interpreter,
        Err(error) => {
            let counters = counters::of_interpreter(&String::from_utf8_lossy(&name));
            report(connection, entry, Told::Sentence(error.to_string()), counters);
            return Status::INTERNAL_SERVER_ERROR;
        }
    };
    thread::attach(interpreter, |py| {
        let Some(state) = State::of_interpreter(interpreter) else {
            return Status::INTERNAL_SERVER_ERROR;
        };
        action(py, state).unwrap_or_else(|trouble| {
            let told = trouble.told(py);
            thread::detach(py, || report(connection, entry, told, state.counters));
            Status::INTERNAL_SERVER_ERROR
        })
    })
}

fn call(
    py: Python<'_>,
    state: &'static State,
    connection: Connection<'_>,
    settings: Settings<'_>,
    entry: &HandlerEntry,
) -> Result<Status, Trouble> {
    state.counters.count_call(Work::Connection);
    let object = connection::instantiate(py, state, connection)?;
    let handler = resolve::Handler { entry, directory: None, settings, looked_at: None };
    match resolve::callable(py, state, &handler, &object)? {
        Some(callable) => status_of(&debugger::call(&callable, object, settings)?),
        None => Ok(Status::DECLINED),
    }
}

/// A connection is no request: its errors go to the log of the server that listens, and never to the client.
fn report(connection: Connection<'_>, entry: &HandlerEntry, told: Told, counters: Row) {
    let handler = String::from_utf8_lossy(entry.text());
    let directive = entry.phase().directive().to_string_lossy();
    let phase = directive.trim_start_matches("Python");
    let report = Report::new(format!("{phase} {handler}"), told);
    report.counted_by(counters).log(Target::Server(connection.base_server()));
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
