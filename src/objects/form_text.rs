//! The text of a form's fields: their bytes in the charset that the form declares, else UTF-8 with `surrogateescape`.

use pyo3::exceptions::{PyLookupError, PyUnicodeDecodeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::python::Object;
use crate::python::convert::decode;

/// Charsets that forms are sent in (WHATWG Encoding Standard), by the beginnings of their names. Python knows codecs beside
/// these that must not be reached by what a client says.
const KNOWN: &[&str] = &[
    "iso-8859-",
    "iso8859-",
    "latin1",
    "windows-125",
    "cp125",
    "koi8-",
    "macintosh",
    "shift_jis",
    "shift-jis",
    "sjis",
    "windows-31j",
    "euc-jp",
    "iso-2022-jp",
    "euc-kr",
    "big5",
    "gbk",
    "gb2312",
    "gb18030",
    "tis-620",
    "windows-874",
];

/// How the text of a form was encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Charset {
    Utf8,
    /// By its name in Python.
    Named(String),
}

impl Charset {
    /// None for a charset that is not known.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?.trim().to_ascii_lowercase();
        if matches!(&*name, "utf-8" | "utf8" | "us-ascii" | "ascii") {
            return Some(Self::Utf8);
        }
        let short = name.len() < 32 && name.bytes().all(|byte| byte.is_ascii_graphic());
        (short && KNOWN.iter().any(|known| name.starts_with(known))).then_some(Self::Named(name))
    }

    /// `str` from the bytes of a field, whatever they are.
    pub fn decode<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Object<'py>> {
        let Self::Named(name) = self else { return decode(py, bytes) };
        let object = PyBytes::new(py, bytes);
        for errors in ["surrogateescape", "replace"] {
            match object.call_method1("decode", (name, errors)) {
                Err(error) if error.is_instance_of::<PyLookupError>(py) => break,
                Err(error) if error.is_instance_of::<PyUnicodeDecodeError>(py) => {}
                decided => return decided,
            }
        }
        decode(py, bytes)
    }

    /// Whether UTF-8 with `surrogateescape` gives the bytes of a text back.
    pub fn is_utf8(&self) -> bool {
        *self == Self::Utf8
    }
}
