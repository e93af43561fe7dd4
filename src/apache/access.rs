//! Who asks, and over what: credentials, names of clients, TLS.

use std::ffi::{CStr, c_char, c_int};
use std::mem;
use std::ptr;

use super::request::Request;
use super::status::Status;
use super::{sys, text};

/// How far to go for the client's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoteLookup {
    /// The name, if HostnameLookups has it; else nothing.
    Host,
    /// The name, if HostnameLookups has it; else the address.
    Name,
    /// As `Name`, but from what is known without asking.
    NoLookup,
    /// The name, if it leads back to the address; else nothing.
    DoubleReverse,
}

impl RemoteLookup {
    /// That of a number REMOTE_*.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Host, Self::Name, Self::NoLookup, Self::DoubleReverse]
            .into_iter()
            .find(|lookup| i64::from(lookup.number()) == number)
    }

    const fn number(self) -> c_int {
        (match self {
            Self::Host => sys::REMOTE_HOST,
            Self::Name => sys::REMOTE_NAME,
            Self::NoLookup => sys::REMOTE_NOLOOKUP,
            Self::DoubleReverse => sys::REMOTE_DOUBLE_REV,
        }) as c_int
    }
}

impl<'r> Request<'r> {
    /// AuthName.
    pub fn auth_name(self) -> Option<&'r [u8]> {
        // SAFETY: the request lives, and the text as long as its pool.
        unsafe { text::bytes(sys::ap_auth_name(self.raw())) }
    }

    /// AuthType.
    pub fn auth_type(self) -> Option<&'r [u8]> {
        // SAFETY: the request lives, and the text as long as its pool.
        unsafe { text::bytes(sys::ap_auth_type(self.raw())) }
    }

    /// The password of Basic credentials; sets `user` and `ap_auth_type` too. Without them `Err` is the status to answer
    /// with (DECLINED if AuthType is not Basic), and httpd has noted the failure.
    pub fn basic_auth_pw(self) -> Result<&'r [u8], Status> {
        let mut password: *const c_char = ptr::null();
        // SAFETY: the request lives; the password is in its pool.
        unsafe {
            let status = Status(sys::ap_get_basic_auth_pw(self.raw(), &raw mut password));
            if status == Status::OK {
                Ok(text::bytes(password).unwrap_or_default())
            } else {
                Err(status)
            }
        }
    }

    /// Adds the header that asks the client to authenticate, by AuthType.
    pub fn note_auth_failure(self) {
        // SAFETY: the request lives.
        unsafe { sys::ap_note_auth_failure(self.raw()) }
    }

    /// Whether the configuration in force wants a user.
    pub fn some_auth_required(self) -> bool {
        // SAFETY: the request lives.
        unsafe { sys::ap_some_auth_required(self.raw()) != 0 }
    }

    /// The client's name or address, and whether it is an address. May ask a name server, and wait for it.
    pub fn remote_host(self, lookup: RemoteLookup) -> Option<(&'r [u8], bool)> {
        let mut is_ip: c_int = 0;
        // SAFETY: the request lives, and the text as long as it.
        let host = unsafe {
            text::bytes(sys::ap_get_useragent_host(self.raw(), lookup.number(), &raw mut is_ip))
        };
        host.map(|host| (host, is_ip != 0))
    }

    /// Whether the client speaks TLS, by what a TLS module says; false without one.
    pub fn is_https(self) -> bool {
        type IsHttps = unsafe extern "C" fn(*mut sys::conn_rec) -> c_int;
        // SAFETY: mod_ssl.h declares the function so; the connection lives.
        unsafe {
            optional_function::<IsHttps>(c"ssl_is_https")
                .is_some_and(|is_https| is_https(self.record().connection) != 0)
        }
    }

    /// A variable of mod_ssl's, empty if it knows none of that name; None without mod_ssl.
    pub fn ssl_var_lookup(self, name: &[u8]) -> Option<&'r [u8]> {
        type Lookup = unsafe extern "C" fn(
            *mut sys::apr_pool_t,
            *mut sys::server_rec,
            *mut sys::conn_rec,
            *mut sys::request_rec,
            *mut c_char,
        ) -> *mut c_char;
        let (pool, record) = (self.pool(), self.record());
        let name = pool.dup(name).as_ptr().cast_mut();
        // SAFETY: mod_ssl.h declares the function so; all arguments live, and the result as long as the request's pool.
        unsafe {
            let lookup = optional_function::<Lookup>(c"ssl_var_lookup")?;
            text::bytes(lookup(pool.raw(), record.server, record.connection, self.raw(), name))
        }
    }
}

/// A function that another module has registered under `name`.
///
/// # Safety
/// `F` is the type of a C function, and that of the function that goes by this name.
pub(super) unsafe fn optional_function<F: Copy>(name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<unsafe extern "C" fn()>()) };
    // SAFETY: APR keeps all of these as functions without type; the caller knows the type.
    unsafe {
        sys::apr_dynamic_fn_retrieve(name.as_ptr()).map(|function| mem::transmute_copy(&function))
    }
}

#[cfg(test)]
mod tests {
    use super::RemoteLookup;

    #[test]
    fn look_ups_have_httpds_numbers() {
        assert_eq!(RemoteLookup::from_number(0), Some(RemoteLookup::Host));
        assert_eq!(RemoteLookup::from_number(1), Some(RemoteLookup::Name));
        assert_eq!(RemoteLookup::from_number(3), Some(RemoteLookup::DoubleReverse));
        assert_eq!(RemoteLookup::from_number(4), None);
    }
}
