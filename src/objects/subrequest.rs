//! `mp_subrequest`: a request for another URI or file inside of one.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::held_output;
use super::lease::{Lease, OfRequest};
use super::native::State;
use super::request::{Req, loan};
use super::request_state::RequestState;
use crate::apache::request::Request;
use crate::apache::subrequest::Subrequest;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{Encoded, encode_line, encode_path, type_name};
use crate::python::row::{Arguments, Arity, method, read};
use crate::python::thread;

pub struct SubrequestObject {
    /// Of the request it belongs to, whose state keeps the subrequest itself.
    main: Lease<OfRequest>,
    key: u64,
    has_run: AtomicBool,
}

pub const SUBREQUEST: Class<SubrequestObject> = Class::<SubrequestObject>::new(c"builtins.mp_subrequest")
    .doc(c"A request for another URI or file inside of a request, looked up but not run. It ends with close(), with its `with` block, or with the request.")
    .final_class()
    .attributes(&[
        read(c"status", SubrequestObject::status, c"int: HTTP_OK when the look-up has found something that may be run, else why not; after run() the status of the response."),
        read(c"request", SubrequestObject::request, c"mp_request: what was looked up. It can be used until the subrequest is closed."),
    ])
    .methods(&[
        method(c"run", SubrequestObject::run, Arity(0, 0), c"run()\n--\n\nSend its response, without a head, as a part of the response of the request. Returns OK or an HTTP status. Raises OSError when the client is gone."),
        method(c"close", SubrequestObject::close, Arity(0, 0), c"close()\n--\n\nEnd the subrequest, cleanups and all. Closing again does nothing."),
        method(c"__enter__", SubrequestObject::enter, Arity(0, 0), c"__enter__()\n--\n\nThe subrequest itself."),
        method(c"__exit__", SubrequestObject::exit, Arity(3, 3), c"__exit__(type, value, traceback)\n--\n\nclose()."),
    ]);

impl Contents for SubrequestObject {}

/// `req.subrequest_uri(uri, method='GET')`
pub fn subrequest_uri<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let value = arguments.required(0)?;
    refuse_other_than_str(value, "uri")?;
    let uri = encode_line(value, "uri")?;
    let method = arguments.optional(1).map(|method| {
        refuse_other_than_str(method, "method")?;
        encode_line(method, "method")
    });
    let method = method.transpose()?;
    make(this, |main| {
        let method = method.as_ref().map_or(&b"GET"[..], Encoded::as_bytes);
        Subrequest::of_uri(main, method, uri.as_bytes())
    })
}

/// `req.subrequest_file(path)`
pub fn subrequest_file<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let path = encode_path(arguments.required(0)?, "path")?;
    make(this, |main| Subrequest::of_file(main, path.as_bytes()))
}

fn make<'py>(
    this: Req<'_, 'py>,
    look_up: impl FnOnce(Request<'_>) -> Option<Subrequest>,
) -> PyResult<Object<'py>> {
    let py = this.py();
    let main = loan(this)?;
    // Every phase before the handler runs, and some of them in Python.
    let made = thread::detach(py, || look_up(*main));
    let made = made.ok_or_else(|| PyRuntimeError::new_err("httpd made no subrequest"))?;
    let state = RequestState::of(*main);
    let key = state.extras().keep_subrequest(made);
    let contents =
        SubrequestObject { main: state.lease.clone(), key, has_run: AtomicBool::new(false) };
    class::instantiate(State::of(this.object())?.subrequest.bind(py), contents)
}

fn refuse_other_than_str(value: Borrowed<'_, '_, PyAny>, what: &str) -> PyResult<()> {
    if value.is_instance_of::<PyString>() {
        return Ok(());
    }
    let class = type_name(value);
    Err(pyo3::exceptions::PyTypeError::new_err(format!("{what} must be str, not {class}")))
}

type This1<'a, 'py> = This<'a, 'py, SubrequestObject>;

impl SubrequestObject {
    /// Calls `action` with the main request and the subrequest, which lives at least as long as the call: who closes it
    /// meanwhile only lets go of it.
    fn with<T>(
        this: This1<'_, '_>,
        action: impl FnOnce(Request<'_>, &Subrequest) -> PyResult<T>,
    ) -> PyResult<T> {
        let py = this.py();
        let main = this.main.borrow(py)?;
        let subrequest =
            RequestState::of(*main).extras().subrequest(this.key).ok_or_else(closed)?;
        let result = action(*main, &subrequest);
        // Perhaps its end, and the end of a request runs Python.
        thread::detach(py, || drop(subrequest));
        result
    }

    fn status(this: This1<'_, '_>) -> PyResult<i32> {
        Self::with(this, |_, subrequest| Ok(subrequest.request().ok_or_else(closed)?.status().0))
    }

    fn request<'py>(this: This1<'_, 'py>) -> PyResult<Object<'py>> {
        let state = State::of(this.object())?;
        Self::with(this, |_, subrequest| {
            let request = subrequest.request().ok_or_else(closed)?;
            RequestState::of(request).object(this.py(), state)
        })
    }

    fn run(this: This1<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<i32> {
        Self::with(this, |main, subrequest| {
            let state = RequestState::of(main);
            state.refuse_sending()?;
            if this.has_run.swap(true, Ordering::Relaxed) {
                return Err(PyRuntimeError::new_err("the subrequest has been run already"));
            }
            held_output::send(this.py(), main, state)?;
            // httpd may keep what was written where the subrequest's response does not come by.
            let has_written = state.bytes_queued.get() > 0;
            let _passing = state.held.pass();
            let status = thread::detach(this.py(), || {
                if has_written {
                    main.flush()?;
                }
                Ok(subrequest.run())
            });
            let status = status.map_err(|error: crate::apache::response::Disconnected| {
                PyOSError::new_err(error.to_string())
            })?;
            Ok(status.ok_or_else(closed)?.0)
        })
    }

    fn close(this: This1<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        let py = this.py();
        // With the request everything has been closed.
        let Ok(main) = this.main.borrow(py) else { return Ok(()) };
        let subrequest = RequestState::of(*main).extras().give_up_subrequest(this.key);
        thread::detach(py, || drop(subrequest));
        Ok(())
    }

    fn enter<'py>(this: This1<'_, 'py>, _arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        this.object().into_bound_py_any(this.py())
    }

    fn exit(this: This1<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        Self::close(this, arguments)
    }
}

fn closed() -> PyErr {
    PyRuntimeError::new_err("this subrequest has been closed")
}

/// Subrequests of one request that have not been closed.
#[derive(Default)]
pub struct Open {
    subrequests: Vec<(u64, Rc<Subrequest>)>,
    next: u64,
}

impl Open {
    pub fn keep(&mut self, subrequest: Subrequest) -> u64 {
        let key = self.next;
        self.next += 1;
        self.subrequests.push((key, Rc::new(subrequest)));
        key
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subrequests.is_empty()
    }

    #[must_use]
    pub fn find(&self, key: u64) -> Option<Rc<Subrequest>> {
        self.subrequests.iter().find(|(of, _)| *of == key).map(|(_, found)| Rc::clone(found))
    }

    pub fn remove(&mut self, key: u64) -> Option<Rc<Subrequest>> {
        let index = self.subrequests.iter().position(|(of, _)| *of == key)?;
        Some(self.subrequests.remove(index).1)
    }

    /// The one that was made last.
    pub fn pop(&mut self) -> Option<Rc<Subrequest>> {
        self.subrequests.pop().map(|(_, subrequest)| subrequest)
    }
}
