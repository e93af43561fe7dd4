//! A multipart body on its way into fields: text is kept in memory, files in memory until they are large and on disk from then
//! on, and both, where Python code asks for it, in files of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use super::form::{Form, Refused, charset, fetch};
use super::form_limits::Usage;
use super::form_text::Charset;
use super::multimap::Entries;
use super::native::State;
use super::request_body::{Body, body_of};
use super::table::{self, TableObject};
use crate::apache::request::Request;
use crate::forms::header::Header;
use crate::forms::multipart::{Event, Multipart, Part};
use crate::python::Object;
use crate::python::convert::Text;

/// How much is given to a file of Python's at a time, bytes.
const BLOCK: usize = 64 * 1024;

/// A part as far as it has arrived.
struct Received {
    part: Box<Part>,
    content: Content,
}

enum Content {
    Text(Vec<u8>),
    /// A file in memory.
    Memory(Vec<u8>),
    /// A file without a name.
    Disk(File),
    /// For a file of Python's, which is given what has gathered from time to time.
    Python {
        gathered: Vec<u8>,
        size: usize,
        is_file: bool,
    },
}

/// Why the reading stopped.
enum Pause {
    /// A part has begun for which Python is to be asked for a file.
    Open,
    /// Python's file is to be given what has gathered.
    Write,
    End,
}

/// Reads the body of `form` and appends its fields.
///
/// # Errors
/// Why not.
pub fn read(
    form: &Form<'_, '_>,
    content_type: &Header,
    usage: &mut Usage<'_>,
) -> Result<(), Refused> {
    let boundary = content_type.parameter(b"boundary").ok_or(Refused::NoBoundary)?;
    let mut receiver = Receiver {
        parser: Multipart::new(boundary)?,
        usage,
        ended: false,
        parts: Vec::new(),
        asks_for_files: form.file_callback.is_some(),
        asks_for_fields: form.field_callback.is_some(),
    };
    let mut files = Vec::new();
    let mut body = body_of(form.state)?;
    receiver.usage.body(body.unread().len() as u64)?;
    loop {
        let paused = form.reading(|| receiver.receive(&mut body, form.request))?;
        match paused {
            Pause::Open => files.push(open(form, receiver.parts.last())?),
            Pause::Write => write(&mut receiver, files.last())?,
            Pause::End => break,
        }
    }
    body.close();
    drop(body);
    append(form, receiver.parts, files, content_type)
}

struct Receiver<'u, 'l> {
    parser: Multipart,
    usage: &'u mut Usage<'l>,
    ended: bool,
    parts: Vec<Received>,
    asks_for_files: bool,
    asks_for_fields: bool,
}

impl Receiver<'_, '_> {
    /// Reads on until Python is needed.
    fn receive(&mut self, body: &mut Body, request: Request<'_>) -> Result<Pause, Refused> {
        loop {
            // Somebody has read the body before.
            if self.ended && !self.usage.has_received() {
                return Ok(Pause::End);
            }
            let (consumed, event) = self.parser.step(body.unread(), self.ended)?;
            let pause = match event {
                Event::More => {
                    body.skip(consumed);
                    self.ended = !fetch(body, request, self.usage)?;
                    continue;
                }
                Event::Part(part) => self.begin(part)?,
                Event::Data(data) => {
                    let received = self.parts.last_mut();
                    received.map_or(Ok(None), |part| part.content.take(data, self.usage))?
                }
                Event::PartEnd => match self.parts.last() {
                    Some(Received { content: Content::Python { gathered, .. }, .. }) => {
                        (!gathered.is_empty()).then_some(Pause::Write)
                    }
                    _ => None,
                },
                Event::End => Some(Pause::End),
            };
            body.skip(consumed);
            if let Some(pause) = pause {
                return Ok(pause);
            }
        }
    }

    fn begin(&mut self, part: Box<Part>) -> Result<Option<Pause>, Refused> {
        self.usage.field()?;
        self.usage
            .overhead(part.headers.iter().map(|(name, line)| name.len() + line.len()).sum())?;
        let filename = part.filename();
        let is_file = filename.is_some_and(|name| !name.is_empty());
        if is_file {
            self.usage.file()?;
        }
        let asks = if filename.is_some() { self.asks_for_files } else { self.asks_for_fields };
        let content = match (asks, is_file) {
            (true, _) => Content::Python { gathered: Vec::new(), size: 0, is_file },
            (false, true) => Content::Memory(Vec::new()),
            (false, false) => Content::Text(Vec::new()),
        };
        self.parts.push(Received { part, content });
        Ok(asks.then_some(Pause::Open))
    }
}

impl Content {
    fn take(&mut self, data: &[u8], usage: &mut Usage<'_>) -> Result<Option<Pause>, Refused> {
        match self {
            Self::Text(held) => {
                usage.text(data.len(), held.len() + data.len())?;
                held.extend_from_slice(data);
            }
            Self::Memory(held) => {
                usage.in_memory += data.len() as u64;
                held.extend_from_slice(data);
                if usage.in_memory > usage.limits.spool_size {
                    usage.in_memory -= held.len() as u64;
                    let mut file = unnamed(&usage.limits.directory).map_err(Refused::File)?;
                    file.write_all(held).map_err(Refused::File)?;
                    *self = Self::Disk(file);
                }
            }
            Self::Disk(file) => file.write_all(data).map_err(Refused::File)?,
            Self::Python { gathered, size, is_file } => {
                *size += data.len();
                if !*is_file {
                    usage.text(data.len(), *size)?;
                }
                gathered.extend_from_slice(data);
                return Ok((gathered.len() >= BLOCK).then_some(Pause::Write));
            }
        }
        Ok(None)
    }
}

/// Asks Python for a file for the part that has begun.
fn open<'py>(form: &Form<'_, 'py>, received: Option<&Received>) -> Result<Object<'py>, Refused> {
    let filename = received.and_then(|received| received.part.filename());
    let file = match (filename, form.file_callback, form.field_callback) {
        (Some(name), Some(callback), _) => callback.call1((Text(name),))?,
        (_, _, Some(callback)) => callback.call0()?,
        _ => form.py().None().into_bound(form.py()),
    };
    Ok(file)
}

/// Gives what has gathered to the last file that Python opened.
fn write(receiver: &mut Receiver<'_, '_>, file: Option<&Object<'_>>) -> Result<(), Refused> {
    let (Some(Received { content: Content::Python { gathered, .. }, .. }), Some(file)) =
        (receiver.parts.last_mut(), file)
    else {
        return Ok(());
    };
    let mut rest = &gathered[..];
    while !rest.is_empty() {
        let written = file.call_method1("write", (PyBytes::new(file.py(), rest),))?;
        // Raw files may take less than they are given, and say so.
        match written.extract::<usize>() {
            Ok(0) => return Err(PyOSError::new_err("the field's file takes no more").into()),
            Ok(written) if written < rest.len() => rest = &rest[written..],
            _ => rest = &[],
        }
    }
    gathered.clear();
    Ok(())
}

/// Makes the fields, now that the form's charset is known.
fn append<'py>(
    form: &Form<'_, 'py>,
    parts: Vec<Received>,
    files: Vec<Object<'py>>,
    content_type: &Header,
) -> Result<(), Refused> {
    let texts = parts.iter().filter_map(|received| match &received.content {
        Content::Text(text) => Some((received.part.name()?, &**text)),
        _ => None,
    });
    let charset = charset(content_type, texts);
    let mut files = files.into_iter();
    for Received { part, content } in parts {
        let own = part.content_type.parameter(b"charset").and_then(Charset::from_name);
        let own = own.as_ref().unwrap_or(&charset);
        let (value, file) = match content {
            Content::Text(text) => (Some(form.text(&text, own)?), None),
            Content::Memory(data) => (None, Some(memory_file(form.py(), &data)?)),
            Content::Disk(file) => (None, Some(disk_file(form.py(), file)?)),
            Content::Python { is_file, .. } => {
                let file = files.next().unwrap_or_else(|| form.py().None().into_bound(form.py()));
                file.call_method1("seek", (0,))?;
                let value = if is_file { None } else { Some(form.stored_text(&file, own)?) };
                (value, Some(file))
            }
        };
        form.parts.append(field(form, &part, &charset, value, file)?)?;
    }
    Ok(())
}

type TextOf<'py> = (Object<'py>, Option<Object<'py>>);

/// The tuple of a part: name, text, its bytes, file, filename, type, type's options, disposition, its options, headers.
fn field<'py>(
    form: &Form<'_, 'py>,
    part: &Part,
    charset: &Charset,
    value: Option<TextOf<'py>>,
    file: Option<Object<'py>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = form.py();
    let text = |bytes: &[u8]| charset.decode(py, bytes);
    let entries = part.headers.iter().map(|(name, line)| (name.clone(), Some(line.clone())));
    let headers = TableObject::own(Entries(entries.collect()));
    let (value, octets) = value.unzip();
    let items = [
        part.name().map(text).transpose()?.into_bound_py_any(py)?,
        value.into_bound_py_any(py)?,
        octets.flatten().into_bound_py_any(py)?,
        file.into_bound_py_any(py)?,
        part.filename().map(text).transpose()?.into_bound_py_any(py)?,
        text(&part.content_type.value)?,
        options(py, &part.content_type, charset)?.into_any(),
        text(&part.disposition.value)?,
        options(py, &part.disposition, charset)?.into_any(),
        table::instantiate(py, State::of(form.this.object())?, headers)?,
    ];
    PyTuple::new(py, items)
}

fn options<'py>(
    py: Python<'py>,
    header: &Header,
    charset: &Charset,
) -> PyResult<Bound<'py, PyDict>> {
    let options = PyDict::new(py);
    for (name, value) in &header.parameters {
        options.set_item(Text(name), charset.decode(py, value)?)?;
    }
    Ok(options)
}

fn memory_file<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Object<'py>> {
    py.import("io")?.getattr("BytesIO")?.call1((PyBytes::new(py, data),))
}

fn disk_file<'py>(py: Python<'py>, mut file: File) -> Result<Object<'py>, Refused> {
    file.rewind().map_err(Refused::File)?;
    // From here on Python closes it, also when `open` fails: FileIO owns the number it is given.
    Ok(py.import("io")?.getattr("open")?.call1((file.into_raw_fd(), "w+b"))?)
}

/// An empty file in `directory`, which nobody else can open and which is gone when it is closed.
fn unnamed(directory: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let directory: PathBuf =
        if directory.as_os_str().is_empty() { std::env::temp_dir() } else { directory.to_owned() };
    let options = || OpenOptions::new().read(true).write(true).mode(0o600).to_owned();
    match options().custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC).open(&directory) {
        // Not every kind of file system can do that.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {}
        decided => return decided,
    }
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = directory.join(format!("mod_python-form-{}-{number}", std::process::id()));
        match options().create_new(true).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => {
                let file = opened?;
                fs::remove_file(&name)?;
                return Ok(file);
            }
        }
    }
}
