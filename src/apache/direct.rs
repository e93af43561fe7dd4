//! Sending a piece of a response without waiting for the client: as far as its socket takes it at once.

use std::ptr;

use super::connection::Connection;
use super::request::Request;
use super::stream::{Stream, StreamError};
use super::sys;

/// httpd's core sends this much before it is told to flush, bytes (server/core_filters.c, THRESHOLD_MIN_WRITE).
const SENT_UNFLUSHED: usize = 4096;
/// To copy more than this, bytes, takes the kernel longer than it takes threads to change places.
const MOST: usize = 32 * 1024;
/// FlushMaxThreshold where nobody has set it, bytes.
const DEFAULT_THRESHOLD: usize = 64 * 1024;

/// What became of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// All has gone out.
    Sent,
    /// httpd has it all, and what the socket did not take is to be flushed.
    Queued,
    /// Nothing was done: it might have had to wait.
    Declined,
}

impl Stream<'_> {
    /// Sends the pieces unless that could take long: the client has room for them, and they meet no filter that is not
    /// httpd's own for plain HTTP.
    ///
    /// # Errors
    /// The client is gone, or a filter has failed.
    pub fn try_send(&self, pieces: &[&[u8]]) -> Result<Tried, StreamError> {
        let request = self.request();
        let connection = request.connection();
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let flush = length < SENT_UNFLUSHED;
        if length > MOST.min(connection.flush_threshold() / 2)
            || connection.has_queued_output()
            || !request.has_plain_output()
            || (flush && !connection.has_room())
        {
            return Ok(Tried::Declined);
        }
        self.send(pieces, flush)?;
        Ok(if connection.has_queued_output() { Tried::Queued } else { Tried::Sent })
    }
}

impl Request<'_> {
    /// Whether only filters that never wait of themselves are between the request and its client's socket. The core's
    /// waits when it is told to flush, or has more than FlushMaxThreshold to send. The one that makes the head is not among
    /// them: a head may be of any size.
    fn has_plain_output(self) -> bool {
        self.output_filters().all(|filter| is_plain(filter.frec))
    }
}

/// Those that most pieces meet come first.
fn is_plain(filter: *mut sys::ap_filter_rec_t) -> bool {
    // SAFETY: httpd sets them when it starts.
    unsafe {
        filter == sys::ap_content_length_filter_handle
            || filter == sys::ap_http_outerror_filter_handle
            || filter == sys::ap_chunk_filter_handle
            || filter == sys::ap_core_output_filter_handle
            || filter == sys::ap_old_write_func
    }
}

impl Connection<'_> {
    /// Whether httpd has something to send that the socket has not taken.
    fn has_queued_output(self) -> bool {
        self.record().data_in_output_filters != 0
    }

    /// How much httpd queues, bytes, before it waits for the client (FlushMaxThreshold).
    fn flush_threshold(self) -> usize {
        // SAFETY: the core's own slot of a live server's configuration.
        let core = unsafe {
            let server = self.record().base_server;
            sys::ap_get_core_module_config((*server).module_config)
                .cast::<sys::core_server_config>()
                .as_ref()
        };
        match core.map(|core| core.flush_max_threshold) {
            None | Some(0) => DEFAULT_THRESHOLD,
            Some(threshold) => threshold,
        }
    }

    /// Whether the socket takes a few thousand bytes without waiting.
    fn has_room(self) -> bool {
        let mut descriptor = -1;
        // SAFETY: the connection lives, and so does its socket.
        unsafe {
            let socket = sys::ap_get_conn_socket(ptr::from_ref(self.record()).cast_mut());
            if socket.is_null()
                || sys::apr_os_sock_get(&raw mut descriptor, socket) != sys::APR_SUCCESS as i32
            {
                return false;
            }
        }
        let mut asked = libc::pollfd { fd: descriptor, events: libc::POLLOUT, revents: 0 };
        // SAFETY: one record, which the kernel fills in; it does not wait.
        unsafe { libc::poll(&raw mut asked, 1, 0) == 1 && asked.revents == libc::POLLOUT }
    }
}
