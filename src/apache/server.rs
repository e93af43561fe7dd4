//! A server: the main one or a virtual host, as configured.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use super::{array, sys, text};

/// A server of the configuration in force.
///
/// It lives as long as that configuration: in a child for ever, in the parent until the next restart. Hence nothing in
/// this library keeps a `Server` in the parent beyond the hook that brought it.
#[derive(Clone, Copy)]
pub struct Server {
    raw: NonNull<sys::server_rec>,
}

impl Server {
    /// # Safety
    /// `raw` is NULL or a server, used no longer than its configuration is in force.
    pub(super) unsafe fn from_raw(raw: *mut sys::server_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw })
    }

    pub(super) fn raw(self) -> *mut sys::server_rec {
        self.raw.as_ptr()
    }

    pub(super) fn record(&self) -> &sys::server_rec {
        // SAFETY: the server lives, and is not changed after its configuration has been read.
        unsafe { self.raw.as_ref() }
    }

    /// Who this is, for a lease.
    pub fn address(self) -> NonNull<c_void> {
        self.raw.cast()
    }

    /// # Safety
    /// `address` is that of a server whose configuration is in force.
    pub unsafe fn from_address(address: NonNull<c_void>) -> Self {
        Self { raw: address.cast() }
    }

    /// The main server; None before the configuration has been read.
    pub fn main() -> Option<Self> {
        // SAFETY: httpd writes this variable before any other thread runs.
        unsafe { Self::from_raw(sys::ap_server_conf) }
    }

    /// The next one of httpd's list, which starts with the main server.
    pub fn next(&self) -> Option<Self> {
        // SAFETY: all servers of a configuration live as long as each other.
        unsafe { Self::from_raw(self.record().next) }
    }

    /// The file that its configuration stands in.
    pub fn defn_name(&self) -> Option<&[u8]> {
        self.text(self.record().defn_name)
    }

    pub fn defn_line_number(&self) -> u32 {
        self.record().defn_line_number
    }

    pub fn server_admin(&self) -> Option<&[u8]> {
        self.text(self.record().server_admin)
    }

    pub fn server_hostname(&self) -> Option<&[u8]> {
        self.text(self.record().server_hostname)
    }

    /// The port of ServerName; 0 if it names none.
    pub fn port(&self) -> u16 {
        self.record().port
    }

    pub fn error_fname(&self) -> Option<&[u8]> {
        self.text(self.record().error_fname)
    }

    pub fn loglevel(&self) -> i32 {
        self.record().log.level
    }

    pub fn is_virtual(&self) -> bool {
        self.record().is_virtual != 0
    }

    /// Microseconds.
    pub fn timeout(&self) -> i64 {
        self.record().timeout
    }

    /// Microseconds.
    pub fn keep_alive_timeout(&self) -> i64 {
        self.record().keep_alive_timeout
    }

    pub fn keep_alive_max(&self) -> i32 {
        self.record().keep_alive_max
    }

    pub fn keep_alive(&self) -> i32 {
        self.record().keep_alive
    }

    /// ServerAlias without wildcards.
    pub fn names(&self) -> Vec<&[u8]> {
        // SAFETY: NULL or an array of strings that lives as long as the server.
        unsafe { array::strings(self.record().names) }
    }

    /// ServerAlias with wildcards.
    pub fn wild_names(&self) -> Vec<&[u8]> {
        // SAFETY: NULL or an array of strings that lives as long as the server.
        unsafe { array::strings(self.record().wild_names) }
    }

    /// ServerPath.
    pub fn path(&self) -> Option<&[u8]> {
        self.text(self.record().path)
    }

    pub fn pathlen(&self) -> i32 {
        self.record().pathlen
    }

    pub fn limit_req_line(&self) -> i32 {
        self.record().limit_req_line
    }

    pub fn limit_req_fieldsize(&self) -> i32 {
        self.record().limit_req_fieldsize
    }

    pub fn limit_req_fields(&self) -> i32 {
        self.record().limit_req_fields
    }

    fn text(&self, raw: *const c_char) -> Option<&[u8]> {
        // SAFETY: called with fields of the record only: NULL or strings that live as long as the server.
        unsafe { text::bytes(raw) }
    }
}
