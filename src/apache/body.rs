//! The body that came with a request, as httpd's client-block functions read it.

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

    /// Appends at most `most` bytes to `buffer`; waits until there is something. 0 is the end.
    pub fn get_client_block(self, buffer: &mut Vec<u8>, most: usize) -> Result<usize, ReadError> {
        if most == 0 {
            return Ok(0);
        }
        buffer.reserve(most);
        let room = buffer.spare_capacity_mut();
        // SAFETY: the request lives, and there is room for `most` bytes, of which httpd fills as many as it says.
        unsafe {
            let count = sys::ap_get_client_block(self.raw(), room.as_mut_ptr().cast(), most);
            let count = usize::try_from(count).map_err(|_| ReadError)?.min(most);
            buffer.set_len(buffer.len() + count);
            Ok(count)
        }
    }

    /// Reads the rest of the body and forgets it.
    pub fn discard_request_body(self) -> Status {
        // SAFETY: the request lives.
        Status(unsafe { sys::ap_discard_request_body(self.raw()) })
    }
}
