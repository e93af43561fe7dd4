//! `mp_filter`: one invocation of a filter; or what a tag of server side includes writes to, which reads nothing, and whose
//! end is not the page's.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::lease::{Lease, Loan, OfElement, OfFilter};
use super::native::State;
use super::request::integer;
use super::request_io::os_error;
use super::request_state::RequestState;
use crate::apache::filter::Direction;
use crate::apache::include::NotSent;
use crate::apache::invocation::{AprError, Ready, Want};
use crate::config::handlers::HandlerEntry;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{Data, Text, bytes_of};
use crate::python::row::{Arguments, Arity, method, read, read_write};
use crate::python::thread;

/// What mod_include's filter is called.
const INCLUDES: &[u8] = b"includes";

pub struct FilterObject {
    source: Source,
    /// None for a tag.
    handler: Option<Box<[u8]>>,
    directory: Option<Box<[u8]>>,
    softspace: AtomicI64,
}

enum Source {
    Invocation(Lease<OfFilter>),
    Element(Lease<OfElement>),
}

/// What the object stands for, during a call.
enum Loaned<'l> {
    Invocation(Loan<'l, OfFilter>),
    Element(Loan<'l, OfElement>),
}

pub const FILTER: Class<FilterObject> = Class::<FilterObject>::new(c"builtins.mp_filter")
    .doc(c"One invocation of a filter, or a tag of server side includes. It can be used until the filter's function returns, or the tag is over.")
    .final_class()
    .attributes(&[
        read(c"closed", FilterObject::closed, c"int: 1 once the filter has been closed, or has passed on the end of the stream."),
        read(c"name", FilterObject::name, c"str: the filter's name, in lower case; 'mod_python' for one that the request registered, 'includes' for a tag."),
        read(c"req", FilterObject::req, c"mp_request: the request whose data this is."),
        read(c"is_input", FilterObject::is_input, c"int: 1 for an input filter, 0 for an output filter."),
        read(c"handler", FilterObject::handler, c"str or None: the filter's handler, as configured; a tag has none."),
        read(c"dir", FilterObject::dir, c"str or None: directory or location of its directive."),
        read_write(c"softspace", FilterObject::softspace, FilterObject::set_softspace, c"int: means nothing; files of Python 2 had it."),
    ])
    .methods(&[
        method(c"pass_on", FilterObject::pass_on, Arity(0, 0), c"pass_on()\n--\n\nHand on what was not read, as it is. A tag has nothing to read: read() gives b''."),
        method(c"read", FilterObject::read, Arity(0, 1), c"read(len=-1)\n--\n\nThe next bytes, at most len; b'' when this invocation has no more, None at the end of the stream."),
        method(c"readline", FilterObject::readline, Arity(0, 1), c"readline(len=-1)\n--\n\nOne line with its newline, or at most len bytes of it; b'' and None as for read()."),
        method(c"write", FilterObject::write, Arity(1, 1), c"write(data)\n--\n\nHand on str (as UTF-8) or bytes, not before flush(), close() or the end of the invocation."),
        method(c"flush", FilterObject::flush, Arity(0, 2), c"flush()\n--\n\nSend what was written. Raises OSError when the client is gone."),
        method(c"close", FilterObject::close, Arity(0, 2), c"close()\n--\n\nWhat was written is all: it goes on, with the end of the stream, when the function returns. In a tag this does nothing: the page goes on."),
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
        source: Source::Invocation(lease),
        handler: Some(entry.text().into()),
        directory: directory.map(Into::into),
        softspace: AtomicI64::new(0),
    };
    class::instantiate(state.filter.bind(py), contents)
}

/// The filter of a tag.
///
/// # Errors
/// `MemoryError`.
pub fn instantiate_of_element<'py>(
    py: Python<'py>,
    state: &State,
    lease: Lease<OfElement>,
) -> PyResult<Object<'py>> {
    let contents = FilterObject {
        source: Source::Element(lease),
        handler: None,
        directory: None,
        softspace: AtomicI64::new(0),
    };
    class::instantiate(state.filter.bind(py), contents)
}

type Filter<'a, 'py> = This<'a, 'py, FilterObject>;

impl FilterObject {
    fn loan<'a>(this: Filter<'a, '_>) -> PyResult<Loaned<'a>> {
        Ok(match &this.contents().source {
            Source::Invocation(lease) => Loaned::Invocation(lease.borrow(this.py())?),
            Source::Element(lease) => Loaned::Element(lease.borrow(this.py())?),
        })
    }

    /// What it stands for, if there is still something to read and write.
    fn open<'a>(this: Filter<'a, '_>) -> PyResult<Loaned<'a>> {
        let loaned = Self::loan(this)?;
        if loaned.is_closed() {
            return Err(PyValueError::new_err("I/O operation on closed filter"));
        }
        Ok(loaned)
    }

    fn closed(this: Filter<'_, '_>) -> PyResult<i32> {
        Ok(i32::from(Self::loan(this)?.is_closed()))
    }

    fn name<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        match Self::loan(this)? {
            Loaned::Invocation(filter) => Text(filter.name()).into_bound_py_any(this.py()),
            Loaned::Element(_) => Text(INCLUDES).into_bound_py_any(this.py()),
        }
    }

    fn req<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        let loaned = Self::loan(this)?;
        let request = match &loaned {
            Loaned::Invocation(filter) => filter.request(),
            Loaned::Element(element) => element.request(),
        };
        RequestState::of(request).object(this.py(), State::of(this.object())?)
    }

    fn is_input(this: Filter<'_, '_>) -> PyResult<i32> {
        Ok(match Self::loan(this)? {
            Loaned::Invocation(filter) => i32::from(filter.direction() == Direction::Input),
            Loaned::Element(_) => 0,
        })
    }

    fn handler<'py>(this: Filter<'_, 'py>) -> PyResult<Object<'py>> {
        drop(Self::loan(this)?);
        this.handler.as_deref().map(Text).into_bound_py_any(this.py())
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
        let Loaned::Invocation(filter) = Self::open(this)? else {
            return Ok(PyBytes::new(py, b"").into_any());
        };
        let failed = |error| failure("Filter read error", error);
        let mut ready = filter.prepare(want, false).map_err(failed)?;
        if ready == Ready::Wait {
            ready = thread::detach(py, || filter.prepare(want, true)).map_err(failed)?;
        }
        match ready {
            Ready::Bytes(count) => bytes_of(py, count, |bytes| {
                filter.take(count, |piece| bytes.put(piece)).map_err(failed)
            }),
            Ready::End | Ready::Wait => Ok(py.None().into_bound(py)),
        }
    }

    fn write(this: Filter<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        let data = Data::from_object(arguments.required(0)?)?;
        let filter = match Self::open(this)? {
            Loaned::Invocation(filter) => filter,
            Loaned::Element(element) => return element.write(data.as_bytes()).map_err(not_sent),
        };
        let failed = |error| failure("Write failed", error);
        filter.write(data.as_bytes()).map_err(failed)?;
        if filter.is_full() {
            thread::detach(this.py(), || filter.send()).map_err(failed)?;
        }
        Ok(())
    }

    fn flush(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        match Self::loan(this)? {
            Loaned::Invocation(filter) => thread::detach(this.py(), || filter.flush())
                .map_err(|error| failure("Flush failed", error)),
            Loaned::Element(element) => {
                thread::detach(this.py(), || element.flush()).map_err(not_sent)
            }
        }
    }

    fn close(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        if let Loaned::Invocation(filter) = Self::loan(this)? {
            filter.close();
        }
        Ok(())
    }

    fn pass_on(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        match Self::open(this)? {
            Loaned::Invocation(filter) => thread::detach(this.py(), || filter.pass_on())
                .map_err(|error| failure("Passing on failed", error)),
            Loaned::Element(_) => Ok(()),
        }
    }

    fn disable(this: Filter<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        if let Loaned::Invocation(filter) = Self::loan(this)? {
            filter.disable();
        }
        Ok(())
    }
}

impl Loaned<'_> {
    fn is_closed(&self) -> bool {
        match self {
            Self::Invocation(filter) => filter.is_closed(),
            Self::Element(_) => false,
        }
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

fn not_sent(error: NotSent) -> PyErr {
    PyOSError::new_err(error.to_string())
}
