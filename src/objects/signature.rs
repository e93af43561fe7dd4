//! `_apache.hmac_sha256`: HMAC-SHA-256 (RFC 2104), without the OpenSSL that Python's `hmac` brings into every child.

use hmac::{Hmac, KeyInit, Mac};
use pyo3::Borrowed;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sha2::Sha256;

use crate::python::convert::encode;
use crate::python::row::Arguments;

/// `hmac_sha256(key, message)`
pub fn hmac_sha256<'py>(
    _module: Borrowed<'_, 'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let key = encode(arguments.required(0)?, "key")?;
    let message = encode(arguments.required(1)?, "message")?;
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    hmac.update(message.as_bytes());
    Ok(PyBytes::new(arguments.py(), &hmac.finalize().into_bytes()))
}
