//! A response sent piece by piece: each passed down httpd's filters as one brigade, files by descriptor, and a response that
//! is broken off, so that the client cannot take it for whole.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};

use super::apr_error::AprError;
use super::brigade::Brigade;
use super::request::Request;
use super::response::Disconnected;
use super::status::Status;
use super::sys;

/// Why a piece was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the client closed the connection")]
    Disconnected,
    #[error("a filter of the response failed: {0}")]
    Filter(AprError),
}

impl From<Disconnected> for StreamError {
    fn from(_: Disconnected) -> Self {
        Self::Disconnected
    }
}

/// A descriptor of its own for the same open file.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl checks the number; what it returns belongs to nobody else.
    unsafe {
        match libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) {
            -1 => Err(io::Error::last_os_error()),
            copy => Ok(OwnedFd::from_raw_fd(copy)),
        }
    }
}

/// A brigade that is used for one piece after the other, for each would last as long as the request.
#[derive(Default)]
pub struct Spare(Cell<Option<NonNull<sys::apr_bucket_brigade>>>);

impl Spare {
    /// An empty brigade that belongs to the request. A filter that sends on the request it filters has one of its own.
    fn take<'r>(&'r self, request: Request<'r>) -> Brigade<'r> {
        let pool = request.pool();
        // SAFETY: whoever borrows this keeps the request alive that the brigade was made for.
        let fits =
            |spare: &NonNull<sys::apr_bucket_brigade>| unsafe { spare.as_ref() }.p == pool.raw();
        // SAFETY: it is in nobody else's hands; the allocator is that of the request's connection.
        unsafe {
            let spare = self.0.take().filter(fits).map(NonNull::as_ptr);
            spare.and_then(|spare| Brigade::from_raw(spare)).unwrap_or_else(|| {
                Brigade::create(pool, (*request.record().connection).bucket_alloc)
            })
        }
    }

    fn put(&self, brigade: Brigade<'_>) {
        self.0.set(NonNull::new(brigade.raw()));
    }
}

/// The way of a response to the client.
pub struct Stream<'r> {
    request: Request<'r>,
    spare: &'r Spare,
}

impl<'r> Stream<'r> {
    /// `spare` lasts as long as the request's pool, and is used for no other request.
    #[must_use]
    pub fn new(request: Request<'r>, spare: &'r Spare) -> Self {
        Self { request, spare }
    }

    #[must_use]
    pub fn request(&self) -> Request<'r> {
        self.request
    }

    /// Sends the pieces without copying what can go out at once; with `flush`, all goes out before this returns.
    pub fn send(&self, pieces: &[&[u8]], flush: bool) -> Result<(), StreamError> {
        let brigade = self.spare.take(self.request);
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            // SAFETY: the piece lives for the call, by the end of which the filters have copied what they keep.
            unsafe { brigade.append_borrowed(piece) };
        }
        if flush {
            brigade.append_flush();
        }
        self.pass(brigade)
    }

    /// Sends `length` bytes of an open regular file from `offset`, with the kernel's help where httpd's configuration allows.
    pub fn send_file(&self, file: OwnedFd, offset: u64, length: u64) -> Result<(), StreamError> {
        let file = self.adopt(file).map_err(StreamError::Filter)?;
        let (request, brigade) = (self.request, self.spare.take(self.request));
        request.hold_for_ranges();
        // SAFETY: request, file and brigade live; the request's pool outlives what is queued of the file.
        unsafe {
            let bucket = sys::apr_brigade_insert_file(
                brigade.raw(),
                file,
                offset.cast_signed(),
                length.cast_signed(),
                request.pool().raw(),
            );
            if request.core_config().is_some_and(|core| core.enable_mmap() == sys::ENABLE_MMAP_OFF)
            {
                sys::apr_bucket_file_enable_mmap(bucket, 0);
            }
        }
        self.pass(brigade)
    }

    /// Breaks the response off after its head has gone out: a chunked body lacks its end, one of known length its rest, and
    /// the connection closes. That is how httpd's proxies do it when the server behind them fails.
    pub fn break_off(&self) {
        self.request.connection().set_keepalive(sys::AP_CONN_CLOSE as i32);
        let brigade = self.spare.take(self.request);
        brigade.append_error(Status::BAD_GATEWAY, self.request.pool());
        brigade.append_eos();
        // What the filters say to it changes nothing.
        let _ = self.pass(brigade);
    }

    fn pass(&self, brigade: Brigade<'_>) -> Result<(), StreamError> {
        // SAFETY: the request lives, and nobody else sees the brigade.
        let status =
            unsafe { sys::ap_pass_brigade(self.request.record().output_filters, brigade.raw()) };
        // What was borrowed for this pass must not stay in it.
        brigade.clear();
        self.spare.put(brigade);
        if self.request.connection().aborted() {
            return Err(StreamError::Disconnected);
        }
        AprError::check(status).map_err(StreamError::Filter)
    }

    /// The descriptor as a file of APR's, closed at the end of the request.
    fn adopt(&self, file: OwnedFd) -> Result<*mut sys::apr_file_t, AprError> {
        let (request, pool) = (self.request, self.request.pool());
        let sendfile = request
            .core_config()
            .is_some_and(|core| core.enable_sendfile() == sys::ENABLE_SENDFILE_ON);
        let flags = sys::APR_FOPEN_READ
            | sys::APR_FOPEN_BINARY
            | if sendfile { sys::APR_FOPEN_SENDFILE_ENABLED } else { 0 };
        let mut descriptor = file.as_raw_fd();
        pool.keep(file);
        let mut adopted = ptr::null_mut();
        // SAFETY: APR copies the number; the descriptor is open until the pool's end, and APR does not close it.
        AprError::check(unsafe {
            sys::apr_os_file_put(&raw mut adopted, &raw mut descriptor, flags as i32, pool.raw())
        })
        .map(|()| adopted)
    }
}

impl Request<'_> {
    /// Whether the announced body is larger than LimitRequestBody allows.
    pub fn announces_too_much(self) -> bool {
        let Some(announced) = self.announced_length() else { return false };
        // SAFETY: the request lives.
        let limit = unsafe { sys::ap_get_limit_req_body(self.raw()) };
        u64::try_from(limit).is_ok_and(|limit| (1..announced).contains(&limit))
    }

    /// Whether the response to this status, or to HEAD, has no body.
    pub fn is_without_body(self, status: Status) -> bool {
        self.header_only() || matches!(status.0, 100..200 | 204 | 304)
    }
}
