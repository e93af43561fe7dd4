//! `wsgi.errors`: lines for the error log, on the request while it lasts, on the server after that.

use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use crate::apache::log::{self, Level, Target};
use crate::apache::server::Server;
use crate::objects::lease::{Lease, OfRequest};
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{encode, type_name};
use crate::python::row::{Arguments, Arity, method};
use crate::python::thread;

pub struct Errors {
    lease: Lease<OfRequest>,
    /// What has been written of a line that has not ended.
    line: Mutex<Vec<u8>>,
}

impl Contents for Errors {}

pub const ERRORS: Class<Errors> = Class::<Errors>::new(c"mod_python.wsgi.Errors")
    .doc(c"The error log (PEP 3333, wsgi.errors): each line that is written is one in the log.")
    .methods(&[
        method(c"write", write, Arity(1, 1), c"write(text)\n--\n\nWrite str to the error log; a line appears when it ends, or with flush(). Returns the number of characters."),
        method(c"writelines", writelines, Arity(1, 1), c"writelines(lines)\n--\n\nwrite() each of lines."),
        method(c"flush", flush, Arity(0, 0), c"flush()\n--\n\nEnd a line that has not ended."),
    ]);

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    class: &Bound<'py, PyType>,
    lease: Lease<OfRequest>,
) -> PyResult<Object<'py>> {
    class::instantiate(class, Errors { lease, line: Mutex::default() })
}

/// Ends a line that has been left open.
pub fn finish(object: &Object<'_>, class: &Bound<'_, PyType>) {
    if let Some(errors) = class::contents::<Errors>(object.as_borrowed(), class) {
        errors.flush(object.py());
    }
}

fn write(this: This<'_, '_, Errors>, arguments: Arguments<'_, '_>) -> PyResult<usize> {
    let text = arguments.required(0)?;
    let text = text.cast::<PyString>().map_err(|_| {
        let class = type_name(text);
        PyTypeError::new_err(format!("wsgi.errors takes str, not {class}"))
    })?;
    let encoded = encode(text.as_any().as_borrowed(), "text")?;
    this.contents().append(this.py(), encoded.as_bytes());
    text.len()
}

fn writelines(this: This<'_, '_, Errors>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    for line in arguments.required(0)?.try_iter()? {
        this.object().call_method1("write", (line?,))?;
    }
    Ok(())
}

fn flush(this: This<'_, '_, Errors>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    this.contents().flush(this.py());
    Ok(())
}

impl Errors {
    fn append(&self, py: Python<'_>, text: &[u8]) {
        let mut line = self.line.lock();
        line.extend_from_slice(text);
        let Some(end) = line.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = line.split_off(end + 1);
        let ended = std::mem::replace(&mut *line, rest);
        drop(line);
        self.log(py, &ended[..end]);
    }

    fn flush(&self, py: Python<'_>) {
        let line = std::mem::take(&mut *self.line.lock());
        if !line.is_empty() {
            self.log(py, &line);
        }
    }

    fn log(&self, py: Python<'_>, lines: &[u8]) {
        let to = |target: Target<'_>| {
            for line in lines.split(|byte| *byte == b'\n') {
                log::log(target, Level::Error, line);
            }
        };
        match self.lease.borrow(py) {
            Ok(request) => thread::detach(py, || to(Target::Request(*request))),
            Err(_) => thread::detach(py, || {
                to(Server::main().map_or(Target::Process, Target::Server));
            }),
        }
    }
}
