//! The kinds of httpd's records that can be leased.

#![expect(unsafe_code, reason = "a lease keeps the address of a record, whatever its kind")]

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::apache::connection::Connection;
use crate::apache::include::Element;
use crate::apache::invocation::Invocation;
use crate::apache::request::Request;

/// A kind of record that can be leased.
pub trait Leased: 'static {
    type Handle<'a>: Copy;
    /// What a message calls it.
    const NAME: &'static str;
    /// Whose end ends it.
    const OWNER: &'static str;

    /// # Safety
    /// `address` is what `address_of` gave for a record that is alive for `'a`.
    unsafe fn handle<'a>(address: NonNull<c_void>) -> Self::Handle<'a>;
    fn address_of(handle: Self::Handle<'_>) -> NonNull<c_void>;
}

/// The lease of a request.
pub enum OfRequest {}

impl Leased for OfRequest {
    type Handle<'a> = Request<'a>;
    const NAME: &'static str = "request";
    const OWNER: &'static str = "request";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> Request<'a> {
        // SAFETY: the caller's promise.
        unsafe { Request::from_address(address) }
    }

    fn address_of(handle: Request<'_>) -> NonNull<c_void> {
        handle.address()
    }
}

/// The lease of an element of a page.
pub enum OfElement {}

impl Leased for OfElement {
    type Handle<'a> = &'a Element<'a>;
    const NAME: &'static str = "filter";
    const OWNER: &'static str = "tag";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> &'a Element<'a> {
        // SAFETY: the caller's promise.
        unsafe { Element::from_address(address) }
    }

    fn address_of(handle: &Element<'_>) -> NonNull<c_void> {
        handle.address()
    }
}

/// The lease of a connection.
pub enum OfConnection {}

impl Leased for OfConnection {
    type Handle<'a> = Connection<'a>;
    const NAME: &'static str = "connection";
    const OWNER: &'static str = "connection";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> Connection<'a> {
        // SAFETY: the caller's promise.
        unsafe { Connection::from_address(address) }
    }

    fn address_of(handle: Connection<'_>) -> NonNull<c_void> {
        handle.address()
    }
}

/// The lease of one invocation of a filter.
pub enum OfFilter {}

impl Leased for OfFilter {
    type Handle<'a> = &'a Invocation<'a>;
    const NAME: &'static str = "filter";
    const OWNER: &'static str = "invocation";

    unsafe fn handle<'a>(address: NonNull<c_void>) -> &'a Invocation<'a> {
        // SAFETY: the caller's promise: an invocation at this address is alive for 'a.
        unsafe { address.cast::<Invocation<'a>>().as_ref() }
    }

    fn address_of(handle: &Invocation<'_>) -> NonNull<c_void> {
        NonNull::from(handle).cast()
    }
}
