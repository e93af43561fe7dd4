//! A connection to a client: the fields of httpd's record.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::pool::Pool;
use super::server::Server;
use super::table::Table;
use super::{sys, text};

/// A connection that is open, or whose end is being worked on, for `'c`.
#[derive(Clone, Copy)]
pub struct Connection<'c> {
    raw: NonNull<sys::conn_rec>,
    lifetime: PhantomData<&'c ()>,
}

impl<'c> Connection<'c> {
    /// # Safety
    /// `raw` is NULL or a connection that lives for `'c`.
    pub(super) unsafe fn from_raw(raw: *mut sys::conn_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, lifetime: PhantomData })
    }

    pub(super) fn raw(self) -> *mut sys::conn_rec {
        self.raw.as_ptr()
    }

    /// The record, to read one field of; not to be kept while something is called that may write to it.
    pub(super) fn record(self) -> &'c sys::conn_rec {
        // SAFETY: the connection lives for 'c, and only this thread works on it.
        unsafe { self.raw.as_ref() }
    }

    /// Who this is, for a lease.
    pub fn address(self) -> NonNull<c_void> {
        self.raw.cast()
    }

    /// # Safety
    /// `address` is that of a connection that lives for `'c`, on the thread that works on it.
    pub unsafe fn from_address(address: NonNull<c_void>) -> Self {
        Self { raw: address.cast(), lifetime: PhantomData }
    }

    pub fn pool(self) -> Pool<'c> {
        // SAFETY: every connection has a pool, which lives for 'c.
        unsafe { Pool::from_raw(self.record().pool) }.expect("a connection has a pool")
    }

    /// Calls `action` with the connection when it ends, before anything that belongs to it is taken apart.
    pub fn before_end(self, action: impl FnOnce(Connection<'_>) + 'static) {
        let address = self.address();
        // SAFETY: the connection is in its pool, and is intact until the pool's cleanups have begun.
        self.pool().before_end(move || action(unsafe { Connection::from_address(address) }));
    }

    /// The server that listens at the address: the first of those that share it.
    pub fn base_server(self) -> Server {
        // SAFETY: every connection has a server, which outlives it.
        unsafe { Server::from_raw(self.record().base_server) }.expect("a connection has a server")
    }

    pub fn local_address(self) -> (Option<&'c [u8]>, u16) {
        (self.local_ip(), port(self.record().local_addr))
    }

    pub fn client_address(self) -> (Option<&'c [u8]>, u16) {
        (self.client_ip(), port(self.record().client_addr))
    }

    pub fn local_ip(self) -> Option<&'c [u8]> {
        self.text(self.record().local_ip)
    }

    pub fn client_ip(self) -> Option<&'c [u8]> {
        self.text(self.record().client_ip)
    }

    /// The client's name; None if it was not looked up, empty if none was found.
    pub fn remote_host(self) -> Option<&'c [u8]> {
        self.text(self.record().remote_host)
    }

    pub fn local_host(self) -> Option<&'c [u8]> {
        self.text(self.record().local_host)
    }

    pub fn remote_logname(self) -> Option<&'c [u8]> {
        self.text(self.record().remote_logname)
    }

    pub fn aborted(self) -> bool {
        self.record().aborted != 0
    }

    /// Gives the connection up: httpd sends no more and closes it.
    pub fn abort(self) {
        // SAFETY: the connection lives for 'c, only this thread works on it, and `record`'s results are not kept.
        unsafe { (*self.raw()).aborted = 1 }
    }

    /// One of AP_CONN_*.
    pub fn keepalive(self) -> i32 {
        self.record().keepalive as i32
    }

    pub fn set_keepalive(self, value: i32) {
        // SAFETY: as in abort; httpd's enumeration is an int that C lets have any value.
        unsafe { (*self.raw()).keepalive = value as sys::ap_conn_keepalive_e }
    }

    /// The result of the double reverse look-up: 1 matched, -1 did not, 0 not done.
    pub fn double_reverse(self) -> i32 {
        self.record().double_reverse()
    }

    /// How many requests it has served.
    pub fn keepalives(self) -> i32 {
        self.record().keepalives
    }

    pub fn id(self) -> i64 {
        self.record().id
    }

    pub fn notes(self) -> Table<'c> {
        // SAFETY: a table of the connection's, in its pool.
        unsafe { Table::from_raw(self.record().notes) }
            .expect("httpd makes the notes with the connection")
    }

    fn text(self, raw: *const c_char) -> Option<&'c [u8]> {
        // SAFETY: called with fields of the record only: NULL or strings that live as long as the connection's pool.
        unsafe { text::bytes(raw) }
    }
}

fn port(address: *const sys::apr_sockaddr_t) -> u16 {
    // SAFETY: called with fields of a live connection only: NULL or an address in its pool.
    unsafe { address.as_ref() }.map_or(0, |address| address.port)
}
