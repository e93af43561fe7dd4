//! The head of a response as an application gives it to `start_response`, checked against PEP 3333.

use std::ops::Range;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use pyo3::{Borrowed, PyErr};

use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::python::convert::{encode_latin1, type_name};

/// Headers that belong to one connection: they are the server's (PEP 3333, "Other HTTP features"; RFC 2616, 13.5.1).
const OF_THE_SERVER: [&[u8]; 8] = [
    b"Connection",
    b"Keep-Alive",
    b"Proxy-Authenticate",
    b"Proxy-Authorization",
    b"TE",
    b"Trailers",
    b"Transfer-Encoding",
    b"Upgrade",
];

/// More than most heads have, bytes.
const USUAL: usize = 256;

/// Status and headers, as bytes.
#[derive(Debug, Default)]
pub struct Head {
    pub status: Status,
    /// What Content-Length says.
    pub length: Option<u64>,
    /// Status line, names and values, one after the other.
    text: Vec<u8>,
    line_end: usize,
    /// Where names and values end.
    ends: Vec<(usize, usize)>,
}

impl Head {
    /// # Errors
    /// `TypeError` and `ValueError` that name what breaks which rule.
    pub fn parse(
        status: Borrowed<'_, '_, PyAny>,
        headers: Borrowed<'_, '_, PyAny>,
    ) -> PyResult<Self> {
        let mut head = Self { text: Vec::with_capacity(USUAL), ..Self::default() };
        head.append(status, "the status")?;
        head.line_end = head.text.len();
        head.status = status_of(&head.text)?;
        let headers = headers.cast::<PyList>().map_err(|_| {
            let class = type_name(headers);
            PyTypeError::new_err(format!(
                "start_response: the headers must be a list, not {class} (PEP 3333)"
            ))
        })?;
        head.ends.reserve_exact(headers.len());
        for header in headers.iter() {
            head.append_header(&header)?;
        }
        Ok(head)
    }

    fn append_header(&mut self, header: &Bound<'_, PyAny>) -> PyResult<()> {
        let pair =
            header.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2).ok_or_else(|| {
                PyTypeError::new_err(
                    "start_response: each header must be a tuple (name, value) (PEP 3333)",
                )
            })?;
        let (name, value) = (pair.get_borrowed_item(0)?, pair.get_borrowed_item(1)?);
        let start = self.text.len();
        self.append(name, "the name of a header")?;
        let middle = self.text.len();
        self.append(value, "the value of a header")?;
        self.check_name(start..middle)?;
        if self.text[start..middle].eq_ignore_ascii_case(b"Content-Length") {
            self.set_length(middle)?;
        }
        self.ends.push((middle, self.text.len()));
        Ok(())
    }

    /// A native string of PEP 3333 (Latin-1), without what would break out of its line.
    fn append(&mut self, value: Borrowed<'_, '_, PyAny>, what: &str) -> PyResult<()> {
        if !value.is_instance_of::<PyString>() {
            let class = type_name(value);
            return Err(PyTypeError::new_err(format!(
                "start_response: {what} must be str, not {class} (PEP 3333)"
            )));
        }
        let encoded = encode_latin1(value, what).map_err(|_| {
            PyValueError::new_err(format!(
                "start_response: {what} has characters that are not ISO-8859-1: {}",
                shown(value)
            ))
        })?;
        let bytes = encoded.as_bytes();
        if bytes.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err(PyValueError::new_err(format!(
                "start_response: {what} has control characters: {}",
                shown(value)
            )));
        }
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    fn check_name(&self, name: Range<usize>) -> PyResult<()> {
        let name = &self.text[name];
        let reason = if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            "is no name of a header (RFC 9110)"
        } else if OF_THE_SERVER.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            "is a header of the connection, which is the server's to set (PEP 3333)"
        } else {
            return Ok(());
        };
        let name = String::from_utf8_lossy(name);
        Err(PyValueError::new_err(format!("start_response: '{name}' {reason}")))
    }

    fn set_length(&mut self, start: usize) -> PyResult<()> {
        let value = &self.text[start..];
        let length = std::str::from_utf8(value)
            .ok()
            .map(str::trim)
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<i64>().ok());
        let Some(length) = length else {
            let value = String::from_utf8_lossy(value).into_owned();
            return Err(PyValueError::new_err(format!(
                "start_response: Content-Length is no number of bytes: '{value}'"
            )));
        };
        let length = length.unsigned_abs();
        if self.length.replace(length).is_some_and(|before| before != length) {
            return Err(PyValueError::new_err(
                "start_response: two headers Content-Length contradict each other",
            ));
        }
        Ok(())
    }

    fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = self.line_end;
        self.ends.iter().map(move |&(middle, end)| {
            let header = (&self.text[start..middle], &self.text[middle..end]);
            start = end;
            header
        })
    }

    /// Writes it into httpd's record of the response.
    pub fn apply(&self, request: Request<'_>) {
        request.set_status(self.status);
        request.set_status_line(Some(&self.text[..self.line_end]));
        for (name, value) in self.headers() {
            if name.eq_ignore_ascii_case(b"Content-Type") {
                request.set_content_type(value);
            } else if !name.eq_ignore_ascii_case(b"Content-Length") {
                request.headers_out().add(name, value);
            }
        }
        if let Some(length) = self.length {
            request.set_content_length(length.cast_signed());
        }
    }
}

fn status_of(line: &[u8]) -> PyResult<Status> {
    let number = match line {
        [a, b, c, rest @ ..] if rest.first().is_none_or(|byte| *byte == b' ') => {
            std::str::from_utf8(&[*a, *b, *c]).ok().and_then(|digits| digits.parse::<u16>().ok())
        }
        _ => None,
    };
    match number {
        Some(number @ 200..=599) => Ok(Status(i32::from(number))),
        _ => {
            let line = String::from_utf8_lossy(line).into_owned();
            Err(PyValueError::new_err(format!(
                "start_response: the status must begin with a number from 200 to 599, as in '200 OK': '{line}'"
            )))
        }
    }
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn shown(value: Borrowed<'_, '_, PyAny>) -> String {
    value.repr().map_or_else(|_: PyErr| String::new(), |text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::{is_token, status_of};
    use crate::apache::status::Status;

    #[test]
    fn a_status_is_three_digits_and_a_blank() {
        for (line, number) in [("200 OK", 200), ("404 ", 404), ("599", 599), ("302 a b", 302)] {
            assert_eq!(status_of(line.as_bytes()).ok(), Some(Status(number)), "{line}");
        }
    }

    #[test]
    fn names_are_tokens() {
        assert!(b"X-A_b.c1".iter().all(|byte| is_token(*byte)));
        assert!(!b" :()\x80".iter().any(|byte| is_token(*byte)));
    }
}
