//! Text and bytes between the two worlds: UTF-8 with `surrogateescape`, the same both ways (PEP 383), so that every byte
//! string survives the journey; Latin-1 where a protocol says so.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

use pyo3::exceptions::{PySystemError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyString};
use pyo3::{Borrowed, PyErr, ffi};

use super::Object;

/// Bytes of httpd that Python sees as `str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub &'a [u8]);

impl<'py> IntoPyObject<'py> for Text<'_> {
    type Target = PyAny;
    type Output = Object<'py>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, PyErr> {
        decode(py, self.0)
    }
}

/// A `bytes` of `length`, whose memory is not written to twice: `fill` puts its pieces in one after the other.
///
/// # Errors
/// What `fill` fails with; `MemoryError`; `SystemError` when the pieces are fewer bytes than `length`.
pub fn bytes_of<'py>(
    py: Python<'py>,
    length: usize,
    fill: impl FnOnce(&mut Filling<'_>) -> PyResult<()>,
) -> PyResult<Object<'py>> {
    let too_short = || PySystemError::new_err("there were fewer bytes than were announced");
    whole_bytes_of(py, length, fill)?.ok_or_else(too_short)
}

/// As [`bytes_of`]; None when the pieces are fewer bytes than `length`.
///
/// # Errors
/// What `fill` fails with; `MemoryError`.
pub fn whole_bytes_of<'py>(
    py: Python<'py>,
    length: usize,
    fill: impl FnOnce(&mut Filling<'_>) -> PyResult<()>,
) -> PyResult<Option<Object<'py>>> {
    let size = ffi::Py_ssize_t::try_from(length)?;
    // SAFETY: attached; without a source CPython leaves the memory as it is, and it is ours alone until it is returned.
    let (object, buffer) = unsafe {
        let object = ffi::PyBytes_FromStringAndSize(ptr::null(), size);
        let object = Object::from_owned_ptr_or_err(py, object)?;
        let start = ffi::PyBytes_AsString(object.as_ptr()).cast::<MaybeUninit<u8>>();
        (object, std::slice::from_raw_parts_mut(start, length))
    };
    let mut filling = Filling { room: buffer, filled: 0 };
    fill(&mut filling)?;
    let is_whole = filling.is_full();
    Ok(is_whole.then_some(object))
}

/// Memory of a `bytes` in the making.
pub struct Filling<'a> {
    room: &'a mut [MaybeUninit<u8>],
    filled: usize,
}

impl Filling<'_> {
    /// Copies what of `piece` there is room for.
    pub fn put(&mut self, piece: &[u8]) {
        let rest = &mut self.room[self.filled..];
        let count = piece.len().min(rest.len());
        // SAFETY: both are at least `count` bytes long, and what is written to belongs to nobody else.
        unsafe { ptr::copy_nonoverlapping(piece.as_ptr(), rest.as_mut_ptr().cast(), count) };
        self.filled += count;
    }

    /// Has `write` put the next piece where it belongs, at most `most` bytes; it returns what it has written, from the start of
    /// the room that it is given. Returns the length of that.
    ///
    /// # Errors
    /// What `write` fails with.
    pub fn put_by<E>(
        &mut self,
        most: usize,
        write: impl for<'m> FnOnce(&'m mut [MaybeUninit<u8>]) -> Result<&'m [u8], E>,
    ) -> Result<usize, E> {
        let rest = &mut self.room[self.filled..];
        let most = most.min(rest.len());
        let start = rest.as_ptr().cast::<u8>();
        let written = write(&mut rest[..most])?;
        assert!(written.len() <= most && std::ptr::eq(written.as_ptr(), start), "the room's own");
        let count = written.len();
        self.filled += count;
        Ok(count)
    }

    /// How many bytes are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.room.len() - self.filled
    }

    /// It is not to be whole.
    pub fn give_up(&mut self) {
        self.filled = 0;
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.filled == self.room.len()
    }

    /// What has been put in.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: the first `filled` bytes have been written.
        unsafe { std::slice::from_raw_parts(self.room.as_ptr().cast(), self.filled) }
    }
}

/// What an iterator gives, all of it. An iterator that is `collect`ed itself has PyO3 keep `operator.length_hint`, an object of
/// one interpreter, for the whole process.
///
/// # Errors
/// What the iterator raises.
pub fn items<'py>(iterator: &Bound<'py, PyIterator>) -> PyResult<Vec<Object<'py>>> {
    let mut items = Vec::new();
    for item in iterator {
        items.push(item?);
    }
    Ok(items)
}

/// Bytes that Python sees as `str`, a code point a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latin1<'a>(pub &'a [u8]);

impl<'py> IntoPyObject<'py> for Latin1<'_> {
    type Target = PyAny;
    type Output = Object<'py>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, PyErr> {
        // SAFETY: attached; pointer and length are of one slice, which is only read.
        unsafe {
            let text =
                ffi::PyUnicode_DecodeLatin1(self.0.as_ptr().cast(), size(self.0), ptr::null());
            Bound::from_owned_ptr_or_err(py, text)
        }
    }
}

/// Bytes that Python sees as `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Octets<'a>(pub &'a [u8]);

impl<'py> IntoPyObject<'py> for Octets<'_> {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, PyErr> {
        Ok(PyBytes::new(py, self.0))
    }
}

/// `str` from bytes, never failing on their content.
pub fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Object<'py>> {
    // SAFETY: attached; pointer and length are of one slice, which is only read.
    unsafe {
        let text = ffi::PyUnicode_DecodeUTF8(
            bytes.as_ptr().cast(),
            size(bytes),
            c"surrogateescape".as_ptr(),
        );
        Bound::from_owned_ptr_or_err(py, text)
    }
}

/// The bytes of a Python object, which it keeps alive.
pub struct Encoded<'py> {
    _owner: Object<'py>,
    start: *const u8,
    length: usize,
}

impl Encoded<'_> {
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the owner is an immutable str or bytes object that holds these bytes, and is alive as long as self.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

/// The bytes of a `str` (UTF-8, lone surrogates of `surrogateescape` become their bytes again) or of a `bytes` object.
///
/// # Errors
/// `TypeError` for another type, naming `what`; `UnicodeEncodeError` for a surrogate that stands for no byte.
pub fn encode<'py>(value: Borrowed<'_, 'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
    if let Ok(text) = value.cast::<PyString>() {
        return encode_text(text.to_owned());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        let slice = bytes.as_bytes();
        return Ok(Encoded {
            start: slice.as_ptr(),
            length: slice.len(),
            _owner: value.to_owned(),
        });
    }
    Err(PyTypeError::new_err(format!("{what} must be str or bytes, not {}", type_name(value))))
}

/// As [`encode`], for what httpd keeps as a C string: no NUL in it.
pub fn encode_without_nul<'py>(
    value: Borrowed<'_, 'py, PyAny>,
    what: &str,
) -> PyResult<Encoded<'py>> {
    let encoded = encode(value, what)?;
    if encoded.as_bytes().contains(&0) {
        return Err(PyValueError::new_err(format!("{what} contains a NUL character")));
    }
    Ok(encoded)
}

/// The name of a file, as `os.fspath` gives it (PEP 519), for a C string.
///
/// # Errors
/// As for [`encode_without_nul`], and what `__fspath__` raises.
pub fn encode_path<'py>(value: Borrowed<'_, 'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
    // SAFETY: attached; the result is ours.
    let path =
        unsafe { Bound::from_owned_ptr_or_err(value.py(), ffi::PyOS_FSPath(value.as_ptr()))? };
    encode_without_nul(path.as_borrowed(), what)
}

/// As [`encode`], for what goes onto a line of HTTP: no CR, LF or NUL in it.
pub fn encode_line<'py>(value: Borrowed<'_, 'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
    let encoded = encode(value, what)?;
    let ends_line = |byte: &u8| matches!(byte, 0 | b'\r' | b'\n');
    let bytes = encoded.as_bytes();
    // Most are short: for these a search of many bytes at a time takes longer to begin.
    let is_found = match bytes.len() {
        0..32 => bytes.iter().any(ends_line),
        _ => memchr::memchr3(0, b'\r', b'\n', bytes).is_some(),
    };
    if is_found {
        return Err(PyValueError::new_err(format!("{what} contains a CR, LF or NUL character")));
    }
    Ok(encoded)
}

/// Latin-1 bytes of a `str`, or a `bytes` object as it is.
pub fn encode_latin1<'py>(value: Borrowed<'_, 'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
    if value.cast::<PyString>().is_err() {
        return encode(value, what);
    }
    // SAFETY: attached, and `value` is a str.
    let bytes = unsafe {
        let bytes = ffi::PyUnicode_AsLatin1String(value.as_ptr());
        Bound::from_owned_ptr_or_err(value.py(), bytes)?
    };
    encode(bytes.as_borrowed(), what)
}

/// The UTF-8 of a `str`.
///
/// # Errors
/// `UnicodeEncodeError` for a lone surrogate.
fn encode_strictly(text: Bound<'_, PyString>) -> PyResult<Encoded<'_>> {
    match utf8_of(&text) {
        Some((start, length)) => Ok(Encoded { start, length, _owner: text.into_any() }),
        None => Err(PyErr::fetch(text.py())),
    }
}

fn encode_text(text: Bound<'_, PyString>) -> PyResult<Encoded<'_>> {
    match utf8_of(&text) {
        Some((start, length)) => Ok(Encoded { start, length, _owner: text.into_any() }),
        None => encode_surrogates(&text),
    }
}

/// The UTF-8 that a `str` keeps of itself; None, and an exception set, for a lone surrogate.
fn utf8_of(text: &Bound<'_, PyString>) -> Option<(*const u8, usize)> {
    let mut length: ffi::Py_ssize_t = 0;
    // SAFETY: `text` is a str; the buffer belongs to it.
    let start = unsafe { ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length) };
    (!start.is_null()).then(|| (start.cast(), length.unsigned_abs()))
}

#[cold]
fn encode_surrogates<'py>(text: &Bound<'py, PyString>) -> PyResult<Encoded<'py>> {
    let py = text.py();
    drop(PyErr::take(py));
    // SAFETY: attached, `text` is a str, both names are C strings.
    let bytes = unsafe {
        let bytes = ffi::PyUnicode_AsEncodedString(
            text.as_ptr(),
            c"utf-8".as_ptr(),
            c"surrogateescape".as_ptr(),
        );
        Bound::from_owned_ptr_or_err(py, bytes)?.cast_into::<PyBytes>()?
    };
    let slice = bytes.as_bytes();
    Ok(Encoded { start: slice.as_ptr(), length: slice.len(), _owner: bytes.into_any() })
}

/// Data to send: a `str` as strict UTF-8, or any contiguous buffer. The buffer stays locked until this is dropped.
pub enum Data<'py> {
    Text(Encoded<'py>),
    Buffer(Buffer),
}

impl<'py> Data<'py> {
    /// # Errors
    /// `TypeError` for what is neither; `UnicodeEncodeError` for lone surrogates.
    pub fn from_object(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(Self::Text(encode_strictly(text.to_owned())?));
        }
        if value.cast::<PyBytes>().is_ok() {
            return Ok(Self::Text(encode(value, "data")?));
        }
        Buffer::of(value).map(Self::Buffer)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Buffer(buffer) => buffer.as_bytes(),
        }
    }
}

/// A locked view of an object's memory (PEP 3118).
pub struct Buffer(Box<ffi::Py_buffer>);

impl Buffer {
    fn of(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: attached; `view` is ours and released on drop. PyBUF_SIMPLE: contiguous bytes.
        let failed = unsafe {
            ffi::PyObject_GetBuffer(value.as_ptr(), &raw mut *view, ffi::PyBUF_SIMPLE as c_int)
        };
        if failed != 0 {
            drop(PyErr::take(value.py()));
            let message =
                format!("data must be str or a bytes-like object, not {}", type_name(value));
            return Err(PyTypeError::new_err(message));
        }
        Ok(Self(view))
    }

    fn as_bytes(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: a simple buffer is `len` contiguous bytes that stay where they are until it is released.
        unsafe { std::slice::from_raw_parts(self.0.buf.cast(), self.0.len.unsigned_abs()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: filled by PyObject_GetBuffer, released once; buffers live within one call from Python, so attached.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.0) };
    }
}

/// Name of an object's class, for messages.
#[must_use]
pub fn type_name(value: Borrowed<'_, '_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

fn size(bytes: &[u8]) -> ffi::Py_ssize_t {
    ffi::Py_ssize_t::try_from(bytes.len()).expect("a slice is never longer than isize::MAX")
}
