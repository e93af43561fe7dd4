//! `mp_server`: a server of the configuration. It lives as long as the child, so it needs no lease.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use pyo3::Borrowed;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::cleanup;
use super::functions::log_level;
use super::multimap::{Entries, Entry};
use super::native::State;
use super::table::{self, TableObject};
use crate::apache::log::{self, Target};
use crate::apache::process;
use crate::apache::server::Server;
use crate::config::server::ServerSection;
use crate::config::settings::Settings;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{Text, encode};
use crate::python::row::{Arguments, Arity, method, read};
use crate::python::thread;

pub struct ServerObject {
    server: Server,
    /// The object on the next server, once it has been asked for.
    next: Mutex<Option<Py<PyAny>>>,
}

pub const SERVER: Class<ServerObject> = Class::<ServerObject>::new(c"builtins.mp_server")
    .doc(c"A server of httpd's configuration: the main one or a virtual host.")
    .with_dictionary()
    .attributes(&[
        read(c"defn_name", ServerObject::defn_name, c"str or None: file that defines the server."),
        read(c"defn_line_number", ServerObject::defn_line_number, c"int: line of that file."),
        read(c"server_admin", ServerObject::server_admin, c"str: ServerAdmin."),
        read(c"server_hostname", ServerObject::server_hostname, c"str: ServerName without its port."),
        read(c"port", ServerObject::port, c"int: port of ServerName, 0 if it names none."),
        read(c"error_fname", ServerObject::error_fname, c"str: ErrorLog, as written."),
        read(c"loglevel", ServerObject::loglevel, c"int: LogLevel, as one of APLOG_*."),
        read(c"is_virtual", ServerObject::is_virtual, c"int: 1 for a virtual host."),
        read(c"timeout", ServerObject::timeout, c"float: Timeout, seconds."),
        read(c"keep_alive_timeout", ServerObject::keep_alive_timeout, c"float: KeepAliveTimeout, seconds."),
        read(c"keep_alive_max", ServerObject::keep_alive_max, c"int: MaxKeepAliveRequests."),
        read(c"keep_alive", ServerObject::keep_alive, c"int: KeepAlive, 1 or 0."),
        read(c"path", ServerObject::path, c"str or None: ServerPath."),
        read(c"pathlen", ServerObject::pathlen, c"int: length of ServerPath, bytes."),
        read(c"names", ServerObject::names, c"tuple of str: ServerAlias names without wildcards."),
        read(c"wild_names", ServerObject::wild_names, c"tuple of str: ServerAlias names with wildcards."),
        read(c"limit_req_line", ServerObject::limit_req_line, c"int: LimitRequestLine, bytes."),
        read(c"limit_req_fieldsize", ServerObject::limit_req_fieldsize, c"int: LimitRequestFieldSize, bytes."),
        read(c"limit_req_fields", ServerObject::limit_req_fields, c"int: LimitRequestFields."),
        read(c"next", ServerObject::next, c"mp_server or None: the next server of httpd's list."),
        read(c"my_generation", ServerObject::my_generation, c"int: how often httpd has restarted."),
        read(c"restart_time", ServerObject::restart_time, c"float: time of the last start or restart, seconds since 1970."),
    ])
    .methods(&[
        method(c"get_config", ServerObject::get_config, Arity(0, 0), c"get_config()\n--\n\nTable of the mod_python directives at server level."),
        method(c"get_options", ServerObject::get_options, Arity(0, 0), c"get_options()\n--\n\nTable of the PythonOptions at server level. The main server's is writable and shared by all interpreters of the process."),
        method(c"log_error", ServerObject::log_error, Arity(1, 2), c"log_error(message, level=APLOG_ERR)\n--\n\nWrite a line to the server's error log."),
        method(c"register_cleanup", ServerObject::register_cleanup, Arity(2, 3), c"register_cleanup(req, callable, data=None)\n--\n\nCall callable(data) in this interpreter when the child process ends."),
    ]);

impl Contents for ServerObject {}

/// An object on a server.
///
/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(py: Python<'py>, state: &State, server: Server) -> PyResult<Object<'py>> {
    class::instantiate(state.server.bind(py), ServerObject { server, next: Mutex::new(None) })
}

/// The server behind an object, if it is one.
///
/// # Errors
/// In an interpreter that is not ours.
pub fn server_of(object: Borrowed<'_, '_, PyAny>) -> PyResult<Option<Server>> {
    let state = State::current(object.py())?;
    Ok(class::contents::<ServerObject>(object, state.server.bind(object.py()))
        .map(|object| object.server))
}

/// Times in httpd are microseconds.
pub fn seconds(microseconds: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds since 1970 fit a double's 53 bits until 2255"
    )]
    let time = microseconds as f64;
    time / 1e6
}

/// The options of the main server, which Python code may change: one table for the whole process.
fn main_options(server: Server) -> Arc<Mutex<Entries>> {
    static OPTIONS: OnceLock<Arc<Mutex<Entries>>> = OnceLock::new();
    Arc::clone(OPTIONS.get_or_init(|| Arc::new(Mutex::new(Entries(options(server))))))
}

fn options(server: Server) -> Vec<Entry> {
    server
        .config::<ServerSection>()
        .map_or_else(Vec::new, |section| option_entries(Settings::of(section.section())))
}

/// The options in force, as entries of a table.
pub fn option_entries(settings: Settings<'_>) -> Vec<Entry> {
    settings.options().map(|option| (option.key.to_vec(), Some(option.value.to_vec()))).collect()
}

/// The directives in force, as entries of a table.
pub fn directive_entries(settings: Settings<'_>) -> Vec<Entry> {
    settings
        .config()
        .map(|(name, value)| (name.as_bytes().to_vec(), Some(value.to_vec())))
        .collect()
}

impl ServerObject {
    fn defn_name<'a>(this: This<'a, '_, Self>) -> PyResult<Option<Text<'a>>> {
        Ok(this.contents().server.defn_name().map(Text))
    }

    fn defn_line_number(this: This<'_, '_, Self>) -> PyResult<u32> {
        Ok(this.server.defn_line_number())
    }

    fn server_admin<'a>(this: This<'a, '_, Self>) -> PyResult<Option<Text<'a>>> {
        Ok(this.contents().server.server_admin().map(Text))
    }

    fn server_hostname<'a>(this: This<'a, '_, Self>) -> PyResult<Option<Text<'a>>> {
        Ok(this.contents().server.server_hostname().map(Text))
    }

    fn port(this: This<'_, '_, Self>) -> PyResult<u16> {
        Ok(this.server.port())
    }

    fn error_fname<'a>(this: This<'a, '_, Self>) -> PyResult<Option<Text<'a>>> {
        Ok(this.contents().server.error_fname().map(Text))
    }

    fn loglevel(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.loglevel())
    }

    fn is_virtual(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(i32::from(this.server.is_virtual()))
    }

    fn timeout(this: This<'_, '_, Self>) -> PyResult<f64> {
        Ok(seconds(this.server.timeout()))
    }

    fn keep_alive_timeout(this: This<'_, '_, Self>) -> PyResult<f64> {
        Ok(seconds(this.server.keep_alive_timeout()))
    }

    fn keep_alive_max(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.keep_alive_max())
    }

    fn keep_alive(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.keep_alive())
    }

    fn path<'a>(this: This<'a, '_, Self>) -> PyResult<Option<Text<'a>>> {
        Ok(this.contents().server.path().map(Text))
    }

    fn pathlen(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.pathlen())
    }

    fn names<'py>(this: This<'_, 'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(this.py(), this.server.names().into_iter().map(Text))
    }

    fn wild_names<'py>(this: This<'_, 'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(this.py(), this.server.wild_names().into_iter().map(Text))
    }

    fn limit_req_line(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.limit_req_line())
    }

    fn limit_req_fieldsize(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.limit_req_fieldsize())
    }

    fn limit_req_fields(this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(this.server.limit_req_fields())
    }

    fn next<'py>(this: This<'_, 'py, Self>) -> PyResult<Option<Object<'py>>> {
        let py = this.py();
        if let Some(known) = &*this.next.lock() {
            return Ok(Some(known.bind(py).clone()));
        }
        let Some(next) = this.server.next() else { return Ok(None) };
        let made = instantiate(py, State::of(this.object())?, next)?;
        *this.next.lock() = Some(made.clone().unbind());
        Ok(Some(made))
    }

    fn my_generation(_this: This<'_, '_, Self>) -> PyResult<i32> {
        Ok(process::generation())
    }

    fn restart_time(_this: This<'_, '_, Self>) -> PyResult<Option<f64>> {
        Ok(process::restart_time().map(seconds))
    }

    fn get_config<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        let state = State::of(this.object())?;
        let section = this.server.config::<ServerSection>();
        let entries = section
            .map_or_else(Vec::new, |section| directive_entries(Settings::of(section.section())));
        table::instantiate(this.py(), state, TableObject::own(Entries(entries)))
    }

    fn get_options<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        let state = State::of(this.object())?;
        let table = if this.server.is_virtual() {
            TableObject::own(Entries(options(this.server)))
        } else {
            TableObject::shared(main_options(this.server))
        };
        table::instantiate(this.py(), state, table)
    }

    fn log_error(this: This<'_, '_, Self>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        let message = arguments.required(0)?;
        if message.is_none() {
            return Ok(());
        }
        let text = encode(message, "message")?;
        let level = log_level(arguments.integer(1, 0)?);
        let server = this.server;
        thread::detach(this.py(), || log::log(Target::Server(server), level, text.as_bytes()));
        Ok(())
    }

    fn register_cleanup(this: This<'_, '_, Self>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        let state = State::of(this.object())?;
        let request = arguments.required(0)?;
        if !request.is_instance(state.request.bind(this.py()))? {
            return Err(PyValueError::new_err(
                "register_cleanup: the first argument must be a request object",
            ));
        }
        cleanup::register(state, arguments.required(1)?, arguments.optional(2))
    }
}
