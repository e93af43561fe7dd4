//! The body that came with a request, as httpd's client-block functions read it and as it is read like them.

use std::mem::MaybeUninit;

use super::brigade::{Brigade, Kind};
use super::request::Request;
use super::status::Status;
use super::sys;

/// A block is not less than this because the client has announced less, bytes.
const SMALL_BLOCK: usize = 8 * 1024;

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

/// The body could not be read: the client is gone or too slow, or sent what is no body, or too much. The status to answer
/// with, or `Status::FILTER_ERROR` when a filter has answered already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("client read error (timeout?)")]
pub struct ReadError(pub Status);

impl Request<'_> {
    /// How long the client says that the body is, bytes; None where it does not say so in a number.
    pub fn announced_length(self) -> Option<u64> {
        let digits = std::str::from_utf8(self.headers_in().get(b"Content-Length")?).ok()?;
        digits.trim().parse().ok()
    }

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

    /// Appends at most `most` bytes to `buffer`; as [`get_client_block`](Self::get_client_block), returns how many.
    pub fn append_client_block(
        self,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Result<usize, ReadError> {
        if self.has_no_more() {
            return Ok(0);
        }
        let most = match self.read_chunked() {
            // A filter may have more to give than the client has announced.
            0 => most.min(usize::try_from(self.remaining()).unwrap_or(most).max(SMALL_BLOCK)),
            _ => most,
        };
        // More memory is a copy of what there is.
        if buffer.capacity() - buffer.len() < most.div_ceil(2) {
            buffer.reserve(most);
        }
        let room = buffer.spare_capacity_mut();
        let most = most.min(room.len());
        let count = self.get_client_block(&mut room[..most])?.len();
        // SAFETY: so many bytes have been written where the buffer has ended.
        unsafe { buffer.set_len(buffer.len() + count) };
        Ok(count)
    }

    /// Whether the body's end has come.
    fn has_no_more(self) -> bool {
        let remaining = self.remaining();
        remaining < 0 || (remaining == 0 && self.read_chunked() == 0)
    }

    /// Writes bytes to the start of `room`, and returns them; waits until there are some. None is the end. As
    /// `ap_get_client_block`, which does not tell what went wrong.
    pub fn get_client_block(self, room: &mut [MaybeUninit<u8>]) -> Result<&[u8], ReadError> {
        let (is_chunked, most) = (self.read_chunked() != 0, room.len());
        if most == 0 || self.has_no_more() {
            // SAFETY: it has no bytes.
            return Ok(unsafe { std::slice::from_raw_parts(room.as_ptr().cast(), 0) });
        }
        // SAFETY: the request lives, with its connection and filters; only this thread works on it. Filters look at the record
        // meanwhile, so that no reference to it is kept. There is room for `most` bytes, of which APR fills as many as it says.
        unsafe {
            let record = self.raw();
            let connection = (*record).connection;
            let brigade = Brigade::create(self.pool(), (*connection).bucket_alloc);
            let wanted = sys::apr_off_t::try_from(most).unwrap_or(sys::apr_off_t::MAX);
            let fetched = sys::ap_get_brigade(
                (*record).input_filters,
                brigade.raw(),
                sys::AP_MODE_READBYTES,
                sys::APR_BLOCK_READ,
                wanted,
            );
            // The next call is to find the end.
            if fetched == 0 && brigade.has(Kind::Eos) {
                (*record).remaining = if is_chunked { -1 } else { 0 };
            }
            let mut count = most;
            let taken = match fetched {
                0 => sys::apr_brigade_flatten(
                    brigade.raw(),
                    room.as_mut_ptr().cast(),
                    &raw mut count,
                ),
                failed => failed,
            };
            sys::apr_brigade_destroy(brigade.raw());
            if taken != 0 {
                (*connection).keepalive = sys::AP_CONN_CLOSE;
                let status = sys::ap_map_http_request_error(taken, Status::BAD_REQUEST.0);
                return Err(ReadError(Status(status)));
            }
            (*record).read_length += sys::apr_off_t::try_from(count).unwrap_or(0);
            Ok(std::slice::from_raw_parts(room.as_ptr().cast(), count.min(most)))
        }
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
            let connection = record.connection;
            let brigade = Brigade::create(self.pool(), (*connection).bucket_alloc);
            let looked = sys::ap_get_brigade(
                (*connection).input_filters,
                brigade.raw(),
                sys::AP_MODE_SPECULATIVE,
                sys::APR_NONBLOCK_READ,
                sys::apr_off_t::try_from(length).unwrap_or(sys::apr_off_t::MAX),
            );
            let counted = sys::apr_brigade_length(brigade.raw(), 0, &raw mut present);
            sys::apr_brigade_destroy(brigade.raw());
            looked == 0 && counted == 0 && usize::try_from(present).is_ok_and(|here| here >= length)
        }
    }

    /// Reads the rest of the body and forgets it.
    pub fn discard_request_body(self) -> Status {
        // SAFETY: the request lives.
        Status(unsafe { sys::ap_discard_request_body(self.raw()) })
    }
}
