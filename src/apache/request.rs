//! A request: the fields of httpd's record, read and written. What is sent is in `response`, what is read in `body`.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::boundary::{self, Place};
use super::connection::Connection;
use super::file_info::FileInfo;
use super::pool::Pool;
use super::server::Server;
use super::status::Status;
use super::table::Table;
use super::{array, sys, text};

/// A request that httpd is working on, not before `'r` ends done with.
///
/// Text that was read lives as long as the request's pool. httpd replaces strings rather than change them, but for the
/// path, which it cleans in place before its first hook.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    raw: NonNull<sys::request_rec>,
    lifetime: PhantomData<&'r ()>,
}

impl<'r> Request<'r> {
    /// # Safety
    /// `raw` is NULL or a request that lives for `'r`.
    pub(super) unsafe fn from_raw(raw: *mut sys::request_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, lifetime: PhantomData })
    }

    pub(super) fn raw(self) -> *mut sys::request_rec {
        self.raw.as_ptr()
    }

    /// The record, to read one field of; not to be kept while something is called that may write to it.
    pub(super) fn record(self) -> &'r sys::request_rec {
        // SAFETY: the request lives for 'r, and only this thread works on it.
        unsafe { self.raw.as_ref() }
    }

    /// Lets `action` write to the record; it must call nothing that looks at the request.
    fn change(self, action: impl FnOnce(&mut sys::request_rec)) {
        // SAFETY: the request lives for 'r, only this thread works on it, and `record`'s results are not kept.
        action(unsafe { &mut *self.raw() });
    }

    /// Who this is, for a lease.
    pub fn address(self) -> NonNull<c_void> {
        self.raw.cast()
    }

    /// # Safety
    /// `address` is that of a request that lives for `'r`, on the thread that works on it.
    pub unsafe fn from_address(address: NonNull<c_void>) -> Self {
        Self { raw: address.cast(), lifetime: PhantomData }
    }

    pub fn pool(self) -> Pool<'r> {
        // SAFETY: every request has a pool, which lives for 'r.
        unsafe { Pool::from_raw(self.record().pool) }.expect("a request has a pool")
    }

    /// Calls `action` with the request when it ends, before anything that belongs to it is taken apart.
    pub fn before_end(self, action: impl FnOnce(Request<'_>) + 'static) {
        let address = self.address();
        self.pool().before_end(move || {
            // SAFETY: the request is in its pool, and is intact until the pool's cleanups have begun.
            let request = unsafe { Request::from_address(address) };
            boundary::contain(Place::Request(request.raw()), (), || action(request));
        });
    }

    // What it belongs to.

    pub fn connection(self) -> Connection<'r> {
        // SAFETY: every request has a connection, which outlives it.
        unsafe { Connection::from_raw(self.record().connection) }
            .expect("a request has a connection")
    }

    pub fn server(self) -> Server {
        // SAFETY: every request has a server, which outlives it.
        unsafe { Server::from_raw(self.record().server) }.expect("a request has a server")
    }

    /// The request that this one was redirected to.
    pub fn next(self) -> Option<Request<'r>> {
        // SAFETY: a redirected request is in the same pool.
        unsafe { Request::from_raw(self.record().next) }
    }

    /// The request that was redirected to this one.
    pub fn prev(self) -> Option<Request<'r>> {
        // SAFETY: a redirected request is in the same pool.
        unsafe { Request::from_raw(self.record().prev) }
    }

    /// The request of which this is a sub-request.
    pub fn main(self) -> Option<Request<'r>> {
        // SAFETY: a sub-request's pool is inside that of its main request.
        unsafe { Request::from_raw(self.record().main) }
    }

    // The request line.

    pub fn the_request(self) -> Option<&'r [u8]> {
        self.text(self.record().the_request)
    }

    /// Whether it is HTTP/0.9: no headers either way.
    pub fn assbackwards(self) -> i32 {
        self.record().assbackwards
    }

    pub fn set_assbackwards(self, value: i32) {
        self.change(|r| r.assbackwards = value);
    }

    /// One of PROXYREQ_*.
    pub fn proxyreq(self) -> i32 {
        self.record().proxyreq
    }

    pub fn set_proxyreq(self, value: i32) {
        self.change(|r| r.proxyreq = value);
    }

    pub fn header_only(self) -> bool {
        self.record().header_only != 0
    }

    pub fn protocol(self) -> Option<&'r [u8]> {
        self.text(self.record().protocol)
    }

    /// 1001 for HTTP/1.1.
    pub fn proto_num(self) -> i32 {
        self.record().proto_num
    }

    pub fn hostname(self) -> Option<&'r [u8]> {
        self.text(self.record().hostname)
    }

    /// Microseconds since 1970.
    pub fn request_time(self) -> i64 {
        self.record().request_time
    }

    pub fn method(self) -> Option<&'r [u8]> {
        self.text(self.record().method)
    }

    /// One of M_*.
    pub fn method_number(self) -> i32 {
        self.record().method_number
    }

    // The response's head.

    pub fn status_line(self) -> Option<&'r [u8]> {
        self.text(self.record().status_line)
    }

    pub fn set_status_line(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.status_line = value);
    }

    pub fn status(self) -> Status {
        Status(self.record().status)
    }

    pub fn set_status(self, value: Status) {
        self.change(|r| r.status = value.0);
    }

    /// Bit 1 << M_GET and so on: what a handler that declined would have taken.
    pub fn allowed(self) -> i64 {
        // SAFETY: httpd gives every request such a list, which lives as long as its pool.
        let methods = unsafe { self.record().allowed_methods.as_ref() };
        self.record().allowed | methods.map_or(0, |methods| methods.method_mask)
    }

    pub fn allowed_xmethods(self) -> Vec<&'r [u8]> {
        // SAFETY: an array of strings in the request's pool.
        unsafe { array::strings(self.record().allowed_xmethods) }
    }

    /// The extension methods of the Allow header; the known ones are bits of httpd's own.
    pub fn allowed_methods(self) -> Vec<&'r [u8]> {
        // SAFETY: NULL or a list in the request's pool, with an array of strings.
        unsafe {
            self.record()
                .allowed_methods
                .as_ref()
                .map_or_else(Vec::new, |list| array::strings(list.method_list))
        }
    }

    pub(super) fn method_list(self) -> *mut sys::ap_method_list_t {
        self.record().allowed_methods
    }

    pub fn sent_bodyct(self) -> i64 {
        self.record().sent_bodyct
    }

    pub fn bytes_sent(self) -> i64 {
        self.record().bytes_sent
    }

    /// Microseconds since 1970; 0 if unset.
    pub fn mtime(self) -> i64 {
        self.record().mtime
    }

    pub fn chunked(self) -> i32 {
        self.record().chunked
    }

    pub fn set_chunked(self, value: i32) {
        self.change(|r| r.chunked = value);
    }

    pub fn range(self) -> Option<&'r [u8]> {
        self.text(self.record().range)
    }

    pub fn clength(self) -> i64 {
        self.record().clength
    }

    pub fn content_type(self) -> Option<&'r [u8]> {
        self.text(self.record().content_type)
    }

    pub fn content_languages(self) -> Vec<&'r [u8]> {
        // SAFETY: NULL or an array of strings in the request's pool.
        unsafe { array::strings(self.record().content_languages) }
    }

    pub fn content_encoding(self) -> Option<&'r [u8]> {
        self.text(self.record().content_encoding)
    }

    pub fn vlist_validator(self) -> Option<&'r [u8]> {
        self.text(self.record().vlist_validator)
    }

    pub fn no_cache(self) -> i32 {
        self.record().no_cache
    }

    pub fn set_no_cache(self, value: i32) {
        self.change(|r| r.no_cache = value);
    }

    pub fn no_local_copy(self) -> i32 {
        self.record().no_local_copy
    }

    pub fn set_no_local_copy(self, value: i32) {
        self.change(|r| r.no_local_copy = value);
    }

    pub fn eos_sent(self) -> bool {
        self.record().eos_sent != 0
    }

    // The request's body.

    pub fn remaining(self) -> i64 {
        self.record().remaining
    }

    pub fn read_length(self) -> i64 {
        self.record().read_length
    }

    /// One of REQUEST_*.
    pub fn read_body(self) -> i32 {
        self.record().read_body
    }

    pub fn read_chunked(self) -> i32 {
        self.record().read_chunked
    }

    pub fn expecting_100(self) -> bool {
        self.record().expecting_100 != 0
    }

    // Who asks.

    pub fn user(self) -> Option<&'r [u8]> {
        self.text(self.record().user)
    }

    pub fn set_user(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.user = value);
    }

    pub fn ap_auth_type(self) -> Option<&'r [u8]> {
        self.text(self.record().ap_auth_type)
    }

    pub fn set_ap_auth_type(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.ap_auth_type = value);
    }

    /// The address of the client as modules such as mod_remoteip see it, and its port.
    pub fn useragent_address(self) -> (Option<&'r [u8]>, u16) {
        // SAFETY: NULL or an address in the request's or the connection's pool.
        let port =
            unsafe { self.record().useragent_addr.as_ref() }.map_or(0, |address| address.port);
        (self.useragent_ip(), port)
    }

    pub fn useragent_ip(self) -> Option<&'r [u8]> {
        self.text(self.record().useragent_ip)
    }

    // What is asked for.

    /// The name of the content handler.
    pub fn handler(self) -> Option<&'r [u8]> {
        self.text(self.record().handler)
    }

    pub fn set_handler(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.handler = value);
    }

    pub fn unparsed_uri(self) -> Option<&'r [u8]> {
        self.text(self.record().unparsed_uri)
    }

    pub fn uri(self) -> Option<&'r [u8]> {
        self.text(self.record().uri)
    }

    /// Many parts of httpd rely on there being one, so it cannot be taken away.
    pub fn set_uri(self, value: &[u8]) {
        let value = self.copy(Some(value));
        self.change(|r| r.uri = value);
    }

    pub fn filename(self) -> Option<&'r [u8]> {
        self.text(self.record().filename)
    }

    pub fn set_filename(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.filename = value);
    }

    pub fn canonical_filename(self) -> Option<&'r [u8]> {
        self.text(self.record().canonical_filename)
    }

    pub fn set_canonical_filename(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.canonical_filename = value);
    }

    pub fn path_info(self) -> Option<&'r [u8]> {
        self.text(self.record().path_info)
    }

    pub fn set_path_info(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.path_info = value);
    }

    /// The query string, as it came.
    pub fn args(self) -> Option<&'r [u8]> {
        self.text(self.record().args)
    }

    pub fn set_args(self, value: Option<&[u8]>) {
        let value = self.copy(value);
        self.change(|r| r.args = value);
    }

    /// One of AP_REQ_*_PATH_INFO.
    pub fn used_path_info(self) -> i32 {
        self.record().used_path_info
    }

    pub fn set_used_path_info(self, value: i32) {
        self.change(|r| r.used_path_info = value);
    }

    /// Whether the file that the URI was mapped to is a directory.
    pub fn is_directory(self) -> bool {
        self.record().finfo.filetype == sys::APR_DIR
    }

    /// Whether it was mapped to a file, and no directory or the like.
    pub fn is_regular_file(self) -> bool {
        self.record().finfo.filetype == sys::APR_REG
    }

    /// What is known of the file `filename`.
    pub fn finfo(self) -> FileInfo {
        // SAFETY: the record's own, zeroed at first, with strings in the request's pool.
        let mut info = unsafe { FileInfo::from_raw(&self.record().finfo) };
        info.fname = info.fname.or_else(|| self.filename().map(<[u8]>::to_vec));
        info
    }

    pub fn set_finfo(self, value: &FileInfo) {
        let value = value.to_raw(self.pool());
        self.change(|r| r.finfo = value);
    }

    pub fn parsed_uri(self) -> ParsedUri<'r> {
        let uri = &self.record().parsed_uri;
        ParsedUri {
            scheme: self.text(uri.scheme),
            hostinfo: self.text(uri.hostinfo),
            user: self.text(uri.user),
            password: self.text(uri.password),
            hostname: self.text(uri.hostname),
            port: (!uri.port_str.is_null()).then_some(uri.port),
            path: self.text(uri.path),
            query: self.text(uri.query),
            fragment: self.text(uri.fragment),
        }
    }

    // Tables.

    pub fn headers_in(self) -> Table<'r> {
        self.table(self.record().headers_in)
    }

    pub fn headers_out(self) -> Table<'r> {
        self.table(self.record().headers_out)
    }

    /// Sent with error responses too, and kept through internal redirects.
    pub fn err_headers_out(self) -> Table<'r> {
        self.table(self.record().err_headers_out)
    }

    pub fn subprocess_env(self) -> Table<'r> {
        self.table(self.record().subprocess_env)
    }

    pub fn notes(self) -> Table<'r> {
        self.table(self.record().notes)
    }

    fn table(self, raw: *mut sys::apr_table_t) -> Table<'r> {
        // SAFETY: a table of the request's, in its pool.
        unsafe { Table::from_raw(raw) }.expect("httpd makes all tables with the request")
    }

    fn text(self, raw: *const c_char) -> Option<&'r [u8]> {
        // SAFETY: called with fields of the record only: NULL or strings that live as long as the request's pool.
        unsafe { text::bytes(raw) }
    }

    /// A copy in the request's pool.
    fn copy(self, text: Option<&[u8]>) -> *mut c_char {
        text.map_or(ptr::null_mut(), |text| self.pool().dup(text).as_ptr().cast_mut())
    }
}

/// A URI in its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParsedUri<'r> {
    pub scheme: Option<&'r [u8]>,
    pub hostinfo: Option<&'r [u8]>,
    pub user: Option<&'r [u8]>,
    pub password: Option<&'r [u8]>,
    pub hostname: Option<&'r [u8]>,
    pub port: Option<u16>,
    pub path: Option<&'r [u8]>,
    pub query: Option<&'r [u8]>,
    pub fragment: Option<&'r [u8]>,
}
