//! `mp_conn`: a client's connection.

use std::cell::{Cell, RefCell};

use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::functions::log_level;
use super::handler_list::{self, SharedCursor};
use super::lease::{Lease, Loan, OfConnection, Opening};
use super::native::State;
use super::table::{self, TableObject};
use super::{connection_io, server};
use crate::apache::connection::Connection;
use crate::apache::log::{self, Level, Target};
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{Text, encode};
use crate::python::row::{Arguments, Arity, method, read, read_write};
use crate::python::thread;

pub struct ConnectionObject {
    lease: Lease<OfConnection>,
    base_server: Mutex<Option<Py<PyAny>>>,
    notes: Mutex<Option<Py<PyAny>>>,
}

pub const CONNECTION: Class<ConnectionObject> = Class::<ConnectionObject>::new(c"builtins.mp_conn")
    .doc(c"A client's connection. It can be used until the connection is closed.")
    .final_class()
    .attributes(&[
        read(c"base_server", ConnectionObject::base_server, c"mp_server: the server that listens."),
        read(c"local_addr", ConnectionObject::local_addr, c"(str, int): our address and port."),
        read(c"client_addr", ConnectionObject::client_addr, c"(str, int): the client's address and port."),
        read(c"remote_addr", ConnectionObject::remote_addr, c"(str, int): old name of client_addr; each use is logged as a warning."),
        read(c"client_ip", ConnectionObject::client_ip, c"str: the client's address."),
        read(c"remote_ip", ConnectionObject::remote_ip, c"str: old name of client_ip; each use is logged as a warning."),
        read(c"local_ip", ConnectionObject::local_ip, c"str: our address."),
        read(c"remote_host", ConnectionObject::remote_host, c"str or None: the client's name; None before a look-up, '' when it has none."),
        read(c"local_host", ConnectionObject::local_host, c"str or None: our name, when looked up."),
        read(c"remote_logname", ConnectionObject::remote_logname, c"str or None: the user that identd (RFC 1413) named."),
        read(c"aborted", ConnectionObject::aborted, c"int: 1 when the connection is broken."),
        read_write(c"keepalive", ConnectionObject::keepalive, ConnectionObject::set_keepalive, c"int: one of AP_CONN_*."),
        read(c"double_reverse", ConnectionObject::double_reverse, c"int: result of the double reverse look-up; -1 failed, 0 not done, 1 done."),
        read(c"keepalives", ConnectionObject::keepalives, c"int: how many requests the connection has served."),
        read(c"id", ConnectionObject::id, c"int: a number that is unique among the connections of now."),
        read(c"notes", ConnectionObject::notes, c"mp_table: notes of httpd's modules on this connection."),
        read(c"hlist", ConnectionObject::hlist, c"mp_hlist or None: the handlers of a connection handler's phase."),
    ])
    .methods(&[
        method(c"log_error", ConnectionObject::log_error, Arity(1, 2), c"log_error(message, level=APLOG_ERR)\n--\n\nWrite a line to the error log, with the client's address."),
        method(c"read", connection_io::read, Arity(0, 1), c"read(length=0)\n--\n\nbytes from the client, at least one and at most length; as they come without a length; with -1 all until the client closes. Raises OSError when there are none: the client has closed the connection, or was silent for longer than Timeout (TimeoutError)."),
        method(c"readline", connection_io::readline, Arity(0, 1), c"readline(length=0)\n--\n\nOne line from the client with its newline, or the first length bytes of it. Raises OSError as read() does."),
        method(c"write", connection_io::write, Arity(1, 1), c"write(data)\n--\n\nSend str (as UTF-8) or bytes to the client at once. Raises OSError when the client is gone."),
    ]);

impl Contents for ConnectionObject {}

/// What mod_python keeps of a connection while it lasts.
pub struct ConnectionState {
    lease: Lease<OfConnection>,
    /// The handlers of a connection handler's phase, while it runs.
    pub cursor: RefCell<Option<SharedCursor>>,
    /// Whether a connection handler has seen it: httpd asks once more for each request that it keeps the connection alive for.
    pub handled: Cell<bool>,
}

impl ConnectionState {
    /// The connection's state, made at first use; its lease is revoked when the connection ends.
    pub fn of(connection: Connection<'_>) -> &ConnectionState {
        if let Some(known) = connection.state::<Self>() {
            return known;
        }
        let lease = Lease::of_connection(connection);
        let at_end = lease.clone();
        let state = connection.set_state(Self {
            lease,
            cursor: RefCell::new(None),
            handled: Cell::new(false),
        });
        connection.before_end(move |_| at_end.revoke());
        state
    }

    /// A handler of the connection itself is about to run.
    #[must_use]
    pub fn open(&self) -> Opening<'_> {
        self.lease.open()
    }
}

/// The lease of a connection object; None for another object.
pub fn lease_of<'a>(
    object: Borrowed<'a, '_, PyAny>,
    state: &State,
) -> Option<&'a Lease<OfConnection>> {
    class::contents::<ConnectionObject>(object, state.connection.bind(object.py()))
        .map(|object| &object.lease)
}

/// An object on a connection.
///
/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    py: Python<'py>,
    state: &State,
    connection: Connection<'_>,
) -> PyResult<Object<'py>> {
    let contents = ConnectionObject {
        lease: ConnectionState::of(connection).lease.clone(),
        base_server: Mutex::new(None),
        notes: Mutex::new(None),
    };
    class::instantiate(state.connection.bind(py), contents)
}

/// A connection, as the functions of its table get it.
pub type Conn<'a, 'py> = This<'a, 'py, ConnectionObject>;

/// Calls `action` with httpd's record, for its bytes.
///
/// # Errors
/// `RuntimeError` when the connection is over, or is not this thread's.
pub fn work<R>(this: Conn<'_, '_>, action: impl FnOnce(Connection<'_>) -> R) -> PyResult<R> {
    this.contents().lease.work(this.py(), action)
}

/// httpd's record, for a look at its fields.
///
/// # Errors
/// `RuntimeError` when the connection is over.
fn loan<'a>(this: Conn<'a, '_>) -> PyResult<Loan<'a, OfConnection>> {
    this.contents().lease.borrow(this.py())
}

impl ConnectionObject {
    fn base_server<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        if let Some(known) = &*this.base_server.lock() {
            return Ok(known.bind(py).clone());
        }
        let made = server::instantiate(py, State::of(this.object())?, loan(this)?.base_server())?;
        *this.base_server.lock() = Some(made.clone().unbind());
        Ok(made)
    }

    fn notes<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        if let Some(known) = &*this.notes.lock() {
            return Ok(known.bind(py).clone());
        }
        let made = table::instantiate(
            py,
            State::of(this.object())?,
            TableObject::of_connection(this.lease.clone()),
        )?;
        *this.notes.lock() = Some(made.clone().unbind());
        Ok(made)
    }

    fn local_addr<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        address(this.py(), loan(this)?.local_address())
    }

    fn client_addr<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        address(this.py(), loan(this)?.client_address())
    }

    fn remote_addr<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        warn_of_old_name(*loan(this)?, "remote_addr", "client_addr");
        Self::client_addr(this)
    }

    fn client_ip<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        loan(this)?.client_ip().map(Text).into_bound_py_any(this.py())
    }

    fn remote_ip<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        warn_of_old_name(*loan(this)?, "remote_ip", "client_ip");
        Self::client_ip(this)
    }

    fn local_ip<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        loan(this)?.local_ip().map(Text).into_bound_py_any(this.py())
    }

    fn remote_host<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        loan(this)?.remote_host().map(Text).into_bound_py_any(this.py())
    }

    fn local_host<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        loan(this)?.local_host().map(Text).into_bound_py_any(this.py())
    }

    fn remote_logname<'py>(this: Conn<'_, 'py>) -> PyResult<Object<'py>> {
        loan(this)?.remote_logname().map(Text).into_bound_py_any(this.py())
    }

    fn aborted(this: Conn<'_, '_>) -> PyResult<i32> {
        Ok(i32::from(loan(this)?.aborted()))
    }

    fn keepalive(this: Conn<'_, '_>) -> PyResult<i32> {
        Ok(loan(this)?.keepalive())
    }

    fn set_keepalive(
        this: Conn<'_, '_>,
        value: Borrowed<'_, '_, PyAny>,
        _name: &str,
    ) -> PyResult<()> {
        let value =
            value.extract().map_err(|_| PyTypeError::new_err("keepalive must be an integer"))?;
        loan(this)?.set_keepalive(value);
        Ok(())
    }

    fn double_reverse(this: Conn<'_, '_>) -> PyResult<i32> {
        Ok(loan(this)?.double_reverse())
    }

    fn keepalives(this: Conn<'_, '_>) -> PyResult<i32> {
        Ok(loan(this)?.keepalives())
    }

    fn id(this: Conn<'_, '_>) -> PyResult<i64> {
        Ok(loan(this)?.id())
    }

    /// Connection handlers have one; elsewhere there is none.
    fn hlist<'py>(this: Conn<'_, 'py>) -> PyResult<Option<Object<'py>>> {
        let connection = loan(this)?;
        let cursor = ConnectionState::of(*connection).cursor.borrow().clone();
        let state = State::of(this.object())?;
        cursor.map(|cursor| handler_list::instantiate(this.py(), state, cursor)).transpose()
    }

    fn log_error(this: Conn<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        let message = arguments.required(0)?;
        if message.is_none() {
            return Ok(());
        }
        let (text, level) = (encode(message, "message")?, log_level(arguments.integer(1, 0)?));
        let connection = loan(this)?;
        thread::detach(this.py(), || {
            log::log(Target::Connection(*connection), level, text.as_bytes())
        });
        Ok(())
    }
}

/// An address as Python's sockets give it.
pub fn address<'py>(py: Python<'py>, (host, port): (Option<&[u8]>, u16)) -> PyResult<Object<'py>> {
    (host.map(Text), port).into_bound_py_any(py)
}

fn warn_of_old_name(connection: Connection<'_>, old: &str, new: &str) {
    let message =
        format!("MP0107: mod_python: connection.{old} is deprecated, use connection.{new}");
    log::log(Target::Connection(connection), Level::Warning, message.as_bytes());
}
