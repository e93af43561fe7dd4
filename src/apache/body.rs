//! The body that came with a request, as httpd's client-block functions read it.

use super::brigade::Brigade;
use super::request::Request;
use super::status::Status;
use super::sys;

/// What is done about bodies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadPolicy {
    /// A request with a body is answered with 413.
    NoBody,
    /// A body of unannounced length is answered with 411.
    ChunkedError,
    /// Any body is read.
    ChunkedDechunk,
}

/// The body could not be read: the client is gone or too slow, or sent what is no body, or too much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("client read error (timeout?)")]
pub struct ReadError;

impl Request<'_> {
    /// To be called once, before the first read. `Err` is the status to answer with.
    pub fn setup_client_block(self, policy: ReadPolicy) -> Result<(), Status> {
        let policy = match policy {
            ReadPolicy::NoBody => sys::REQUEST_NO_BODY,
            ReadPolicy::ChunkedError => sys::REQUEST_CHUNKED_ERROR,
            ReadPolicy::ChunkedDechunk => sys::REQUEST_CHUNKED_DECHUNK,
        };
        // SAFETY: the request lives.
        let status = Status(unsafe { sys::ap_setup_client_block(self.raw(), policy as i32) });
        if status == Status::OK { Ok(()) } else { Err(status) }
    }

    /// Whether there is a body to read; tells a client that waits for it to go on.
    pub fn should_client_block(self) -> bool {
        // SAFETY: the request lives.
        unsafe { sys::ap_should_client_block(self.raw()) != 0 }
    }

    /// Reads up to the length of `buffer`; waits until there is something. 0 is the end.
    pub fn get_client_block(self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // SAFETY: the request lives, and the buffer is as long as said.
        let count = unsafe {
            sys::ap_get_client_block(self.raw(), buffer.as_mut_ptr().cast(), buffer.len())
        };
        usize::try_from(count).map_err(|_| ReadError)
    }

    /// Whether the next `length` bytes of a body without transfer coding are here, so that reading them does not wait.
    pub fn has_arrived(self, length: usize) -> bool {
        let record = self.record();
        // A filter of the content may want more than it gives.
        if record.input_filters != record.proto_input_filters || self.expecting_100() {
            return false;
        }
        let mut present: sys::apr_off_t = 0;
        // SAFETY: request and connection live, and with them the filters; the brigade is only used here.
        unsafe {
            let connection = &*record.connection;
            let brigade = Brigade::create(self.pool(), connection.bucket_alloc);
            let looked = sys::ap_get_brigade(
                connection.input_filters,
                brigade.raw(),
                sys::AP_MODE_SPECULATIVE,
                sys::APR_NONBLOCK_READ,
                sys::apr_off_t::try_from(length).unwrap_or(sys::apr_off_t::MAX),
            );
            let counted = sys::apr_brigade_length(brigade.raw(), 0, &raw mut present);
            brigade.clear();
            looked == 0 && counted == 0 && usize::try_from(present).is_ok_and(|here| here >= length)
        }
    }

    /// Reads the rest of the body and forgets it.
    pub fn discard_request_body(self) -> Status {
        // SAFETY: the request lives.
        Status(unsafe { sys::ap_discard_request_body(self.raw()) })
    }
}
