//! `_apache._global_lock` and its kin: locks by key that all processes of the server share.

use std::hash::Hasher;

use pyo3::Borrowed;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::lease::{Lease, OfRequest};
use super::native::State;
use super::request_state::RequestState;
use super::{request, server};
use crate::apache::lock_file::{self, Hold, LockError};
use crate::apache::request::Request;
use crate::python::convert::encode;
use crate::python::row::Arguments;
use crate::python::thread;

/// Locks by number come before those by key.
const INDEXES: u64 = 1 << 16;

pub fn lock(_module: Borrowed<'_, '_, PyAny>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let key = key(arguments)?;
    thread::detach(arguments.py(), || lock_file::lock(key)).map_err(|error| lock_error(&error))
}

pub fn try_lock(_module: Borrowed<'_, '_, PyAny>, arguments: Arguments<'_, '_>) -> PyResult<bool> {
    let key = key(arguments)?;
    thread::detach(arguments.py(), || lock_file::try_lock(key)).map_err(|error| lock_error(&error))
}

pub fn unlock(_module: Borrowed<'_, '_, PyAny>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let key = key(arguments)?;
    thread::detach(arguments.py(), || lock_file::unlock(key)).map_err(|error| lock_error(&error))
}

/// Locks that a request has, each with how often it was taken.
#[derive(Default)]
pub struct RequestLocks(Vec<(Hold, usize)>);

impl RequestLocks {
    fn position(&self, key: u64) -> Option<usize> {
        self.0.iter().position(|(hold, _)| hold.key() == key)
    }
}

/// `_request_lock(req, key)`
pub fn lock_for_request(
    _module: Borrowed<'_, '_, PyAny>,
    arguments: Arguments<'_, '_>,
) -> PyResult<()> {
    let py = arguments.py();
    let key = key_of(arguments.required(1)?)?;
    let request = lease(arguments)?.borrow(py)?;
    let state = RequestState::of(first_of(*request));
    // Another thread may have the first request on loan.
    let _first = state.lease.borrow(py)?;
    let locks = &state.extras().locks;
    let known = locks.borrow().position(key);
    if let Some(known) = known {
        locks.borrow_mut().0[known].1 += 1;
        return Ok(());
    }
    let hold = take(py, key).map_err(|error| lock_error(&error))?;
    locks.borrow_mut().0.push((hold, 1));
    Ok(())
}

/// Lets other threads run Python only where there is somebody to wait for: to get it back takes longer than the lock.
fn take(py: Python<'_>, key: u64) -> Result<Hold, LockError> {
    match Hold::try_of(key)? {
        Some(hold) => Ok(hold),
        None => thread::detach(py, || Hold::of(key)),
    }
}

/// `_request_unlock(req, key)`
pub fn unlock_for_request(
    _module: Borrowed<'_, '_, PyAny>,
    arguments: Arguments<'_, '_>,
) -> PyResult<()> {
    let key = key_of(arguments.required(1)?)?;
    let request = lease(arguments)?.borrow(arguments.py())?;
    let state = RequestState::of(first_of(*request));
    let _first = state.lease.borrow(arguments.py())?;
    let mut locks = state.extras().locks.borrow_mut();
    if let Some(known) = locks.position(key) {
        locks.0[known].1 -= 1;
        if locks.0[known].1 == 0 {
            locks.0.swap_remove(known);
        }
    }
    Ok(())
}

/// The request that the client sent: subrequests and internal redirects share its locks, or they would wait for it for ever.
fn first_of(request: Request<'_>) -> Request<'_> {
    let mut first = request;
    while let Some(earlier) = first.main().or_else(|| first.prev()) {
        first = earlier;
    }
    first
}

fn lease<'a>(arguments: Arguments<'a, '_>) -> PyResult<&'a Lease<OfRequest>> {
    let state = State::current(arguments.py())?;
    request::lease_of(arguments.required(0)?, state)
        .ok_or_else(|| PyTypeError::new_err("req must be an mp_request object"))
}

fn lock_error(error: &LockError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The arguments `(server, key, index=-1)` as the number of a lock: the same in every process.
fn key(arguments: Arguments<'_, '_>) -> PyResult<u64> {
    if server::server_of(arguments.required(0)?)?.is_none() {
        return Err(PyTypeError::new_err("server must be an mp_server object"));
    }
    let index = arguments.integer(2, -1)?;
    if index != -1 {
        let index = u64::try_from(index).ok().filter(|index| *index < INDEXES);
        let index = index.ok_or_else(|| {
            PyValueError::new_err(format!("index must be -1 or from 0 to {}", INDEXES - 1))
        })?;
        return Ok(index << 1);
    }
    key_of(arguments.required(1)?)
}

fn key_of(key: Borrowed<'_, '_, PyAny>) -> PyResult<u64> {
    let hash = if key.is_instance_of::<PyString>() || key.is_instance_of::<PyBytes>() {
        stable_hash(encode(key, "key")?.as_bytes())
    } else {
        // Numbers hash alike everywhere.
        stable_hash(&key.hash()?.to_ne_bytes())
    };
    Ok(hash | (INDEXES << 1))
}

/// Python's own hash of text differs from process to process; this one has no secret.
fn stable_hash(bytes: &[u8]) -> u64 {
    #[expect(
        deprecated,
        reason = "SipHash without a key: `DefaultHasher::new()` promises no fixed algorithm"
    )]
    let mut hasher = std::hash::SipHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
