//! `_read_form`: the fields of a request's query and body, read and taken apart with Python's lock released.

use std::borrow::Cow;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::form_fields::{Made, StringFields};
use super::form_limits::{Limits, Usage};
use super::form_parts;
use super::form_text::Charset;
use super::request::{Req, loan};
use super::request_body::{Body, Failure, body_of, raised, reading, server_return};
use super::request_io::os_error;
use super::request_state::RequestState;
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::forms::header::Header;
use crate::forms::multipart::Malformed;
use crate::forms::urlencoded::{Pairs, Pieces};
use crate::python::Object;
use crate::python::convert::{Octets, encode};
use crate::python::row::Arguments;
use crate::python::thread;

/// How much of the body is fetched at a time, bytes: httpd hands out what one read from the socket gave.
const BLOCK: usize = 16 * 1024;
/// What httpd reads from a socket at a time, bytes. A body that came with its headers and is not larger is taken apart at
/// once: to let other threads run Python meanwhile, and to wait for them, would take longer.
const SMALL: u64 = 8000;
/// The field in which a browser names the encoding (RFC 7578, section 4.6; HTML, "form control infrastructure").
const CHARSET_FIELD: &[u8] = b"_charset_";

/// Why a form was not read.
pub enum Refused {
    Body(Failure),
    Malformed(Malformed),
    NoBoundary,
    /// A limit and the option that sets it.
    TooLarge {
        limit: u64,
        what: &'static str,
        option: &'static str,
    },
    /// A file could not be kept.
    File(std::io::Error),
    /// Neither urlencoded nor multipart.
    OtherType(String),
    Python(PyErr),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Body(failure)
    }
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<PyErr> for Refused {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// A form being read.
pub struct Form<'a, 'py> {
    pub this: Req<'a, 'py>,
    pub request: Request<'a>,
    pub state: &'a RequestState,
    /// What Python code wants to keep files and other fields in.
    pub file_callback: Option<Borrowed<'a, 'py, PyAny>>,
    pub field_callback: Option<Borrowed<'a, 'py, PyAny>>,
    keep_blank: bool,
    /// Whether reading the body will not wait.
    has_arrived: bool,
    /// Those of the query and of an urlencoded body.
    fields: StringFields<'py>,
    /// What `form_parts` makes of the parts of a multipart body.
    pub parts: Bound<'py, PyList>,
}

pub fn read_form<'py>(
    this: Req<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<(Made<'py>, Bound<'py, PyList>)> {
    let (py, request) = (this.py(), loan(this)?);
    let limits = Limits::of(*request)?;
    let mut form = Form {
        this,
        request: *request,
        state: RequestState::of(*request),
        keep_blank: arguments.required(0)?.is_truthy()?,
        file_callback: arguments.some(1),
        field_callback: arguments.some(2),
        has_arrived: false,
        fields: StringFields::new(arguments.required(3)?)?,
        parts: PyList::empty(py),
    };
    match form.read(&mut Usage::new(&limits)) {
        Ok(()) => Ok((form.fields.finish()?, form.parts)),
        Err(refused) => Err(form.exception(refused)),
    }
}

impl<'py> Form<'_, 'py> {
    fn read(&mut self, usage: &mut Usage<'_>) -> Result<(), Refused> {
        self.read_query(usage)?;
        if self.request.method() != Some(b"POST") {
            return Ok(());
        }
        let headers = self.request.headers_in();
        let content_type = headers.get(b"Content-Type").map_or_else(Header::default, Header::parse);
        if let Some(length) = self.request.announced_length() {
            usage.announced(length)?;
            self.has_arrived = length <= SMALL
                && headers.get(b"Transfer-Encoding").is_none()
                && usize::try_from(length).is_ok_and(|length| self.request.has_arrived(length));
        }
        match &*content_type.value {
            b"" | b"application/x-www-form-urlencoded" => {
                self.read_urlencoded(&content_type, usage)
            }
            multipart if multipart.starts_with(b"multipart/") => {
                form_parts::read(self, &content_type, usage)
            }
            other => Err(Refused::OtherType(String::from_utf8_lossy(other).into_owned())),
        }
    }

    pub fn py(&self) -> Python<'py> {
        self.this.py()
    }

    /// Runs `f`, which reads the body, with this thread detached if it may have to wait.
    pub fn reading<R>(&self, f: impl FnOnce() -> R) -> R {
        reading(self.py(), self.state, !self.has_arrived, f)
    }

    fn read_query(&mut self, usage: &mut Usage<'_>) -> Result<(), Refused> {
        let Some(query) = self.request.args() else { return Ok(()) };
        let pairs = Pairs::of(query, usage.limits.separator, self.keep_blank);
        for (name, value) in pairs.iter() {
            count(usage, name, value)?;
        }
        Ok(self.append_pairs(&pairs, &Charset::Utf8)?)
    }

    fn read_urlencoded(
        &mut self,
        content_type: &Header,
        usage: &mut Usage<'_>,
    ) -> Result<(), Refused> {
        let mut body = body_of(self.state)?;
        usage.body(body.unread().len() as u64)?;
        let pairs = self.reading(|| self.receive_pairs(&mut body, usage))?;
        drop(body);
        Ok(self.append_pairs(&pairs, &charset(content_type, pairs.iter()))?)
    }

    /// Reads an urlencoded body.
    fn receive_pairs(&self, body: &mut Body, usage: &mut Usage<'_>) -> Result<Pairs, Refused> {
        let mut pieces = Pieces::new(usage.limits.separator);
        let mut pairs = Pairs::default();
        let mut ended = false;
        loop {
            while let Some(piece) = pieces.next(body.unread(), ended) {
                let text = &body.unread()[piece.text];
                if let Some((name, value)) = pairs.add(text, self.keep_blank) {
                    count(usage, name, value)?;
                }
                body.skip(piece.consumed);
            }
            if ended {
                return Ok(pairs);
            }
            // Three bytes of a urlencoded body make at least one of a name or a value.
            usage.field_size((body.unread().len() / 6) as u64)?;
            ended = !fetch(body, self.request, usage)?;
            pairs.reserve(body.unread().len());
        }
    }

    fn append_pairs(&mut self, pairs: &Pairs, charset: &Charset) -> PyResult<()> {
        self.fields.reserve(pairs.count());
        for (name, value) in pairs.iter() {
            let (text, octets) = self.text(value, charset)?;
            self.fields.push(&charset.decode(self.py(), name)?, text, octets)?;
        }
        Ok(())
    }

    /// A text and, unless they can be had from it, its bytes.
    pub fn text(
        &self,
        bytes: &[u8],
        charset: &Charset,
    ) -> PyResult<(Object<'py>, Option<Object<'py>>)> {
        let octets = (!charset.is_utf8()).then(|| Octets(bytes).into_bound_py_any(self.py()));
        Ok((charset.decode(self.py(), bytes)?, octets.transpose()?))
    }

    /// The text that Python has kept in a file of its own, which is rewound.
    pub fn stored_text(
        &self,
        file: &Object<'py>,
        charset: &Charset,
    ) -> PyResult<(Object<'py>, Option<Object<'py>>)> {
        let stored = file.call_method0("read")?;
        file.call_method1("seek", (0,))?;
        let stored = encode(stored.as_borrowed(), "what a field's file holds")?;
        self.text(stored.as_bytes(), charset)
    }

    fn exception(&self, refused: Refused) -> PyErr {
        let (status, why) = match refused {
            Refused::Python(error) => return error,
            Refused::Body(Failure::Read(status))
                if status.is_valid_http()
                    && self
                        .state
                        .known_extras()
                        .is_none_or(|extras| extras.refusal.borrow().is_none()) =>
            {
                (status, format!("its body could not be read, which means {}", status.0))
            }
            Refused::Body(failure) => return raised(self.py(), self.state, &failure),
            Refused::File(error) => {
                let message = format!("a file of the form could not be kept: {error}");
                return error.raw_os_error().map_or_else(
                    || PyOSError::new_err(message.clone()),
                    |number| os_error(number, &message),
                );
            }
            Refused::Malformed(malformed) => (Status::BAD_REQUEST, malformed.to_string()),
            Refused::NoBoundary => {
                (Status::BAD_REQUEST, "its Content-Type names no boundary".to_owned())
            }
            Refused::TooLarge { limit, what, option } => (
                Status::REQUEST_ENTITY_TOO_LARGE,
                format!("more than {limit} {what} (PythonOption mod_python.form.{option})"),
            ),
            Refused::OtherType(name) => (
                Status::NOT_IMPLEMENTED,
                format!("its Content-Type {name} is neither urlencoded nor multipart"),
            ),
        };
        let line = format!("MP0301: mod_python: the form was refused: {why}");
        let target = Target::Request(self.request);
        thread::detach(self.py(), || log::log(target, Level::Info, line.as_bytes()));
        server_return(self.py(), status)
    }
}

/// Fetches more of the body. False at its end.
pub fn fetch(
    body: &mut Body,
    request: Request<'_>,
    usage: &mut Usage<'_>,
) -> Result<bool, Refused> {
    let before = body.unread().len();
    let more = body.fetch(request, BLOCK)?;
    usage.body((body.unread().len() - before) as u64)?;
    Ok(more)
}

/// The charset that the fields themselves or the Content-Type declare.
pub fn charset<'f>(
    content_type: &Header,
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> Charset {
    let mut named = fields.filter(|(name, _)| *name == CHARSET_FIELD);
    let declared = named.next().map(|(_, value)| Cow::Borrowed(value));
    let of_type = content_type.parameter(b"charset").map(Cow::Borrowed);
    declared
        .into_iter()
        .chain(of_type)
        .find_map(|name| Charset::from_name(&name))
        .unwrap_or(Charset::Utf8)
}

fn count(usage: &mut Usage<'_>, name: &[u8], value: &[u8]) -> Result<(), Refused> {
    usage.field()?;
    usage.text(name.len(), name.len())?;
    usage.text(value.len(), value.len())
}
