//! `mp_filter`: one invocation of a filter, and the methods by which a request gets filters of its own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::added_handler::{AddedHandler, Callable};
use super::lease::{Lease, Loan, OfFilter};
use super::native::State;
use super::request::{Req, integer, loan};
use super::request_control::{canonical, text_argument};
use super::request_io::os_error;
use super::request_state::RequestState;
use crate::apache::filter::Direction;
use crate::apache::invocation::{AprError, Ready, Want};
use crate::config::handlers::{Directory, HandlerEntry};
use crate::config::phase::Phase;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{Data, Text};
use crate::python::row::{Arguments, Arity, method, read, read_write};
use crate::python::thread;

pub struct FilterObject {
    lease: Lease<OfFilter>,
    handler: Box<[u8]>,
    directory: Option<Box<[u8]>>,
    softspace: AtomicI64,
}

pub const FILTER: Class<FilterObject> = Class::<FilterObject>::new(c"builtins.mp_filter")
    .doc(c"One invocation of a filter. It can be used until the filter's function returns.")
    .final_class()
    .attributes(&[
        read(c"closed", FilterObject::closed, c"int: 1 once the end of the stream was passed on."),
        read(c"name", FilterObject::name, c"str: the filter's name, in lower case; 'mod_python' for one that the request registered."),
        read(c"req", FilterObject::req, c"mp_request: the request whose data this is."),
        read(c"is_input", FilterObject::is_input, c"int: 1 for an input filter, 0 for an output filter."),
        read(c"handler", FilterObject::handler, c"str: the filter's handler, as configured."),
        read(c"dir", FilterObject::dir, c"str or None: directory or location of its directive."),
        read_write(c"softspace", FilterObject::softspace, FilterObject::set_softspace, c"int: means nothing; files of Python 2 had it."),
    ])
    .methods(&[
        method(c"pass_on", FilterObject::pass_on, Arity(0, 0), c"pass_on()\n--\n\nHand on what was not read, as it is."),
        method(c"read", FilterObject::read, Arity(0, 1), c"read(len=-1)\n--\n\nThe next bytes, at most len; b'' when this invocation has no more, None at the end of the stream."),
        method(c"readline", FilterObject::readline, Arity(0, 1), c"readline(len=-1)\n--\n\nOne line with its newline, or at most len bytes of it; b'' and None as for read()."),
        method(c"write", FilterObject::write, Arity(1, 1), c"write(data)\n--\n\nHand on str (as UTF-8) or bytes, not before flush(), close() or the end of the invocation."),
        method(c"flush", FilterObject::flush, Arity(0, 2), c"flush()\n--\n\nSend what was written. Raises OSError when the client is gone."),
        method(c"close", FilterObject::close, Arity(0, 2), c"close()\n--\n\nSend what was written, and the end of the stream."),
        method(c"disable", FilterObject::disable, Arity(0, 0), c"disable()\n--\n\nTake no more part in this request: everything else goes by."),
    ]);

impl Contents for FilterObject {}

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    py: Python<'py>,
    state: &State,
    lease: Lease<OfFilter>,
    entry: &HandlerEntry,
    directory: Option<&[u8]>,
) -> PyResult<Object<'py>> {
    let contents = FilterObject {
        lease,
        handler: entry.text().into(),
        directory: directory.map(Into::into),
        softspace: AtomicI64::new(0),
    };
    class::instantiate(state.filter.bind(py), contents)
}

type Filter<'a, 'py> = This<'a, 'py, FilterObject>;

impl FilterObject {
    fn loan<'a>(this: Filter<'a, '_>) -> PyResult<Loan<'a, OfFilter>> {
        this.contents().lease.borrow(this.py())
    }

    /// The invocation, if there is still something to read and write.
    fn open<'a>(this: Filter<'a, '_>) -> PyResult<Loan<'a, OfFilter>> {
        let filter = Self::loan(this)?;
        if filter.is_closed() {
            return Err(PyValueError::new_err("I/O operation on closed filter"));
        }
        Ok(filter)
    }

    fn closed(this: Filter<'_, '_>) -> PyResult<i32> {
        Ok(i32::from(Self::loan(this)?.is_closed()))
    }

    fn name<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        Text(&Self::loan(this)?.name()).into_bound_py_any(this.py())
    }

    fn req<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        let request = Self::loan(this)?.request();
        RequestState::of(request).object(this.py(), State::of(this.object())?)
    }

    fn is_input(this: Filter<'_, '_>) -> PyResult<i32> {
        Ok(i32::from(Self::loan(this)?.direction() == Direction::Input))
    }

    fn handler<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        drop(Self::loan(this)?);
        Text(&this.handler).into_bound_py_any(this.py())
    }

    fn dir<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        drop(Self::loan(this)?);
        this.directory.as_deref().map(Text).into_bound_py_any(this.py())
    }

    fn softspace(this: Filter<'_, '_>) -> PyResult<i64> {
        Ok(this.softspace.load(Ordering::Relaxed))
    }

    fn set_softspace(
        this: Filter<'_, '_>,
        value: Borrowed<'_, '_, PyAny>,
        name: &str,
    ) -> PyResult<()> {
        this.softspace.store(integer(value, name)?, Ordering::Relaxed);
        Ok(())
    }

    fn read<'py>(this: Filter<'_, 'py>, arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        Self::take(this, Want { limit: limit(arguments)?, line: false })
    }

    fn readline<'py>(
        this: Filter<'_, 'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        Self::take(this, Want { limit: limit(arguments)?, line: true })
    }

    fn take<'py>(this: Filter<'_, 'py>, want: Want) -> PyResult<Object<'py>> {
        let py = this.py();
        let filter = Self::open(this)?;
        let failed = |error| failure("Filter read error", error);
        let mut ready = filter.prepare(want, false).map_err(failed)?;
        if ready == Ready::Wait {
            ready = thread::detach(py, || filter.prepare(want, true)).map_err(failed)?;
        }
        match ready {
            Ready::Bytes(count) => {
                let bytes =
                    PyBytes::new_with(py, count, |buffer| filter.take(buffer).map_err(failed))?;
                Ok(bytes.into_any())
            }
            Ready::End | Ready::Wait => Ok(py.None().into_bound(py)),
        }
    }

    fn write(this: Filter<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        let data = Data::from_object(arguments.required(0)?)?;
        let filter = Self::open(this)?;
        let failed = |error| failure("Write failed", error);
        filter.write(data.as_bytes()).map_err(failed)?;
        if filter.is_full() {
            thread::detach(this.py(), || filter.send()).map_err(failed)?;
        }
        Ok(())
    }

    fn flush(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        let filter = Self::loan(this)?;
        thread::detach(this.py(), || filter.flush()).map_err(|error| failure("Flush failed", error))
    }

    fn close(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        let filter = Self::loan(this)?;
        thread::detach(this.py(), || filter.close()).map_err(|error| failure("Close failed", error))
    }

    fn pass_on(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        let filter = Self::open(this)?;
        thread::detach(this.py(), || filter.pass_on())
            .map_err(|error| failure("Passing on failed", error))
    }

    fn disable(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        Self::loan(this)?.disable();
        Ok(())
    }
}

/// Negative or missing is "no limit".
fn limit(arguments: Arguments<'_, '_>) -> PyResult<Option<usize>> {
    let length = arguments.optional(0).map(|length| integer(length, "len")).transpose()?;
    Ok(length.and_then(|length| usize::try_from(length).ok()))
}

fn failure(what: &str, error: AprError) -> PyErr {
    // A number of httpd's own: a filter that failed.
    if error.0 < 0 {
        return os_error(error.0, &format!("{what}: another filter failed"));
    }
    os_error(error.0, &format!("{what}: {error}"))
}

pub fn register_input_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    register(this, arguments, Direction::Input)
}

pub fn register_output_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    register(this, arguments, Direction::Output)
}

/// Remembers a filter under a name that only this request knows. The last of a name counts.
fn register(this: Req<'_, '_>, arguments: Arguments<'_, '_>, direction: Direction) -> PyResult<()> {
    let name = text_argument(arguments.required(0)?, "name")?;
    let directory =
        arguments.some(2).map(|directory| text_argument(directory, "dir")).transpose()?;
    if name.as_bytes().is_empty() {
        return Err(PyValueError::new_err("a filter's name must not be empty"));
    }
    let directory = directory.map_or(Directory::None, |directory| canonical(directory.as_bytes()));
    let interpreter = State::of(this.object())?.interpreter;
    let handler =
        AddedHandler::new(arguments.required(1)?, interpreter, phase(direction), directory)?;
    let request = loan(this)?;
    let own = OwnFilter { direction, name: name.as_bytes().into(), handler };
    RequestState::of(*request).filters.borrow_mut().push(own);
    Ok(())
}

/// The row that says which object a filter's handler means.
fn phase(direction: Direction) -> Phase {
    match direction {
        Direction::Input => Phase::InputFilter,
        Direction::Output => Phase::OutputFilter,
    }
}

/// A filter that a request has registered for itself.
pub struct OwnFilter {
    direction: Direction,
    name: Box<[u8]>,
    handler: AddedHandler,
}

/// What such a filter is to do, once it is added. What it calls belongs to the request that registered it.
pub struct AddedFilter {
    pub entry: HandlerEntry,
    pub callable: Option<Weak<Callable>>,
}

impl OwnFilter {
    fn added(&self) -> AddedFilter {
        let callable = self.handler.callable.as_ref().map(Arc::downgrade);
        AddedFilter { entry: self.handler.entry.clone(), callable }
    }
}

pub fn add_input_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    add(this, arguments, Direction::Input)
}

pub fn add_output_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    add(this, arguments, Direction::Output)
}

/// The request's own filter of this name, or else httpd's.
fn add(this: Req<'_, '_>, arguments: Arguments<'_, '_>, direction: Direction) -> PyResult<()> {
    let name = text_argument(arguments.required(0)?, "name")?;
    if name.as_bytes().is_empty() {
        return Err(PyValueError::new_err("a filter's name must not be empty"));
    }
    let request = loan(this)?;
    let own = {
        let filters = RequestState::of(*request).filters.borrow();
        let is_meant =
            |own: &&OwnFilter| own.direction == direction && *own.name == *name.as_bytes();
        filters.iter().rev().find(is_meant).map(OwnFilter::added)
    };
    match own {
        Some(own) => request.add_own_filter(direction, own),
        None => request.add_filter(direction, name.as_bytes()),
    }
    Ok(())
}
