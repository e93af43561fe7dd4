//! What a request is answered with: head, text, files, or another request.

use std::ffi::c_int;
use std::ptr;

use super::apr_error::AprError;
use super::file_info::FileInfo;
use super::request::Request;
use super::status::Status;
use super::{sys, text};

/// The client is gone, or a filter refused what was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the client closed the connection")]
pub struct Disconnected;

/// Why no interim response was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InterimError {
    #[error("an interim response has a status from 100 to 199, and not 101, which ends HTTP")]
    NotInterim,
    #[error("the response has begun: an interim response comes before it")]
    Begun,
}

/// Why a file was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendFileError {
    #[error("could not stat the file: {0}")]
    Stat(AprError),
    #[error("not a regular file")]
    NotRegular,
    #[error("could not open the file: {0}")]
    Open(AprError),
    #[error("the file ends before the offset")]
    PastEnd,
    #[error("write failed: {0}")]
    Write(AprError),
}

impl<'r> Request<'r> {
    /// Sends `data`, or keeps it to send with what follows.
    pub fn write(self, data: &[u8]) -> Result<(), Disconnected> {
        for part in data.chunks(c_int::MAX as usize) {
            // SAFETY: the request lives; httpd copies what it does not send at once.
            let written =
                unsafe { sys::ap_rwrite(part.as_ptr().cast(), part.len() as c_int, self.raw()) };
            if written < 0 {
                return Err(Disconnected);
            }
        }
        Ok(())
    }

    /// Sends all that was written.
    pub fn flush(self) -> Result<(), Disconnected> {
        // SAFETY: the request lives.
        if unsafe { sys::ap_rflush(self.raw()) } < 0 { Err(Disconnected) } else { Ok(()) }
    }

    /// Sends `length` bytes of a file from `offset`, or up to its end if that comes first. Returns how many these are.
    pub fn sendfile(
        self,
        path: &[u8],
        offset: u64,
        length: Option<u64>,
    ) -> Result<u64, SendFileError> {
        let seen = FileInfo::of(path, sys::APR_FINFO_TYPE as i32).map_err(SendFileError::Stat)?;
        if seen.filetype != sys::APR_REG as i32 {
            return Err(SendFileError::NotRegular);
        }
        let file = self.open(path).map_err(SendFileError::Open)?;
        let size = size_of_file(file).map_err(SendFileError::Stat)?;
        let rest = size.checked_sub(offset).ok_or(SendFileError::PastEnd)?;
        let length = length.map_or(rest, |length| length.min(rest));
        if length > 0 {
            self.send(file, offset, length).map_err(SendFileError::Write)?;
        }
        Ok(length)
    }

    /// Sends a response before the response: 103 with the headers that have been set, and so for any status but 100 and
    /// 102, which are without. The headers stay for the final response. Clients before HTTP/1.1 get nothing.
    pub fn send_interim_response(self, status: Status) -> Result<(), InterimError> {
        if !(100..200).contains(&status.0) || status.0 == sys::HTTP_SWITCHING_PROTOCOLS as i32 {
            return Err(InterimError::NotInterim);
        }
        let begun = |request: Request<'_>| request.record().sent_bodyct != 0 || request.eos_sent();
        if std::iter::successors(Some(self), |request| request.main()).any(begun) {
            return Err(InterimError::Begun);
        }
        let (raw, pool) = (self.raw(), self.pool());
        let plain = [sys::HTTP_CONTINUE, sys::HTTP_PROCESSING].contains(&(status.0 as u32));
        // SAFETY: the request lives, and all that is stored in it is in its pool. httpd takes status and headers from the
        // record, and clears the headers that it sends, hence the copy. The record gets back what it had.
        unsafe {
            let (status_before, line_before) = ((*raw).status, (*raw).status_line);
            let headers = (*raw).headers_out;
            (*raw).headers_out = sys::apr_table_copy(pool.raw(), headers);
            let known = text::bytes(sys::ap_get_status_line(status.0)).unwrap_or_default();
            let number = status.0.to_string();
            // httpd knows 103 since 2.4.70 or so. Another status that it does not know has no words, but the blank before them
            // (RFC 9112, 4).
            let line = match status.0 {
                _ if known.starts_with(number.as_bytes()) => known.to_vec(),
                103 => b"103 Early Hints".to_vec(),
                _ => format!("{number} ").into_bytes(),
            };
            (*raw).status = status.0;
            (*raw).status_line = pool.dup(&line).as_ptr();
            sys::ap_send_interim_response(raw, c_int::from(!plain));
            ((*raw).status, (*raw).status_line) = (status_before, line_before);
            (*raw).headers_out = headers;
        }
        Ok(())
    }

    /// Opens a file, until the request's end: what is queued of it may be read as late as that.
    fn open(self, path: &[u8]) -> Result<*mut sys::apr_file_t, AprError> {
        let sendfile = self
            .core_config()
            .is_some_and(|core| core.enable_sendfile() == sys::ENABLE_SENDFILE_ON);
        let flags = sys::APR_FOPEN_READ
            | sys::APR_FOPEN_BINARY
            | if sendfile { sys::APR_FOPEN_SENDFILE_ENABLED } else { 0 };
        let (flags, no_mode) = (flags as i32, sys::APR_OS_DEFAULT as sys::apr_fileperms_t);
        let mut file = ptr::null_mut();
        // SAFETY: path and pool live for the call, and the pool closes the file.
        let status = text::with_c_str(path, |path| unsafe {
            sys::apr_file_open(&raw mut file, path.as_ptr(), flags, no_mode, self.pool().raw())
        });
        AprError::check(status).map(|()| file)
    }

    fn send(self, file: *mut sys::apr_file_t, offset: u64, length: u64) -> Result<(), AprError> {
        self.hold_for_ranges();
        let mmap = self.core_config().is_none_or(|core| core.enable_mmap() != sys::ENABLE_MMAP_OFF);
        let pool = self.pool().raw();
        // SAFETY: request, connection and the open file live. Nobody else sees the brigade, and it is destroyed here.
        unsafe {
            let connection = self.record().connection;
            let brigade = sys::apr_brigade_create(pool, (*connection).bucket_alloc);
            let bucket =
                sys::apr_brigade_insert_file(brigade, file, offset as i64, length as i64, pool);
            if !mmap {
                sys::apr_bucket_file_enable_mmap(bucket, 0);
            }
            let status = sys::ap_pass_brigade(self.record().output_filters, brigade);
            sys::apr_brigade_destroy(brigade);
            if status == sys::APR_SUCCESS as i32 && (*connection).aborted != 0 {
                return Err(AprError(sys::APR_ECONNABORTED as i32));
            }
            AprError::check(status)
        }
    }

    /// What the response meets on its way to the client, in this order.
    pub(super) fn output_filters(self) -> impl Iterator<Item = &'r sys::ap_filter_t> {
        // SAFETY: filters of a live request, each of which leads to the next or to NULL.
        let first = unsafe { self.record().output_filters.as_ref() };
        // SAFETY: as above.
        std::iter::successors(first, |filter| unsafe { filter.next.as_ref() })
    }

    /// What the request's body meets on its way from the client, the last first.
    pub(super) fn input_filters(self) -> impl Iterator<Item = &'r sys::ap_filter_t> {
        // SAFETY: as for `output_filters`.
        let first = unsafe { self.record().input_filters.as_ref() };
        // SAFETY: as above.
        std::iter::successors(first, |filter| unsafe { filter.next.as_ref() })
    }

    /// The core's directives in force, of which EnableSendfile and EnableMMAP matter here.
    pub(super) fn core_config(self) -> Option<&'r sys::core_dir_config> {
        // SAFETY: the core's own slot of the request's configuration; both live as long as the request's pool.
        unsafe {
            let vector = self.record().per_dir_config;
            if vector.is_null() {
                return None;
            }
            sys::ap_get_core_module_config(vector).cast::<sys::core_dir_config>().as_ref()
        }
    }

    /// Sets the type, with the filters that AddOutputFilterByType has for it.
    pub fn set_content_type(self, value: &[u8]) {
        let value = self.pool().dup(value);
        // SAFETY: the request lives, and the text as long as its pool.
        unsafe { sys::ap_set_content_type(self.raw(), value.as_ptr()) }
    }

    /// Sets `clength` and the Content-Length header.
    pub fn set_content_length(self, length: i64) {
        // SAFETY: the request lives.
        unsafe { sys::ap_set_content_length(self.raw(), length) }
    }

    /// Sets the ETag header, from `finfo` and `mtime`.
    pub fn set_etag(self) {
        // SAFETY: the request lives.
        unsafe { sys::ap_set_etag(self.raw()) }
    }

    /// Sets the Last-Modified header, from `mtime`.
    pub fn set_last_modified(self) {
        // SAFETY: the request lives.
        unsafe { sys::ap_set_last_modified(self.raw()) }
    }

    /// Sets `mtime`, in microseconds since 1970, if that makes it later.
    pub fn update_mtime(self, mtime: i64) {
        // SAFETY: the request lives.
        unsafe { sys::ap_update_mtime(self.raw(), mtime) }
    }

    /// OK, or the status (304, 412) that the client's conditions call for.
    pub fn meets_conditions(self) -> Status {
        // SAFETY: the request lives.
        Status(unsafe { sys::ap_meets_conditions(self.raw()) })
    }

    /// Adds to the methods of the Allow header; with `reset` they are the only ones.
    pub fn allow_methods(self, methods: &[&[u8]], reset: bool) {
        let list = self.method_list();
        if list.is_null() {
            return;
        }
        if reset {
            // SAFETY: the request's own list.
            unsafe { sys::ap_clear_method_list(list) }
        }
        for method in methods {
            let method = self.pool().dup(method);
            // SAFETY: the request's own list; the name lives as long as the request's pool, and so the list.
            unsafe {
                sys::ap_method_list_add(list, method.as_ptr());
                // httpd's Allow header names the methods it does not know only if this bit says that there are some.
                if sys::ap_method_number_of(method.as_ptr()) == sys::M_INVALID as c_int {
                    (*list).method_mask |= 1 << sys::M_INVALID;
                }
            }
        }
    }

    /// The URL of `uri` on this server: scheme, name, and port if it is not the scheme's own, before it.
    pub fn construct_url(self, uri: &[u8]) -> &'r [u8] {
        let pool = self.pool();
        // SAFETY: the request lives; the result is in its pool.
        unsafe {
            text::bytes(sys::ap_construct_url(pool.raw(), pool.dup(uri).as_ptr(), self.raw()))
        }
        .unwrap_or_default()
    }

    /// Answers with what `uri` answers: runs a whole new request, which is then `next`.
    pub fn internal_redirect(self, uri: &[u8]) {
        let uri = self.pool().dup(uri);
        // SAFETY: the request lives, and the text as long as its pool. No reference into the record is held.
        unsafe { sys::ap_internal_redirect(uri.as_ptr(), self.raw()) }
    }
}

fn size_of_file(file: *mut sys::apr_file_t) -> Result<u64, AprError> {
    // SAFETY: called with an open file; zero is a value of all fields, and APR fills in what it is asked for.
    let (status, info) = unsafe {
        let mut info: sys::apr_finfo_t = std::mem::zeroed();
        (sys::apr_file_info_get(&raw mut info, sys::APR_FINFO_SIZE as i32, file), info)
    };
    AprError::check(status)?;
    Ok(info.size.max(0).unsigned_abs())
}
