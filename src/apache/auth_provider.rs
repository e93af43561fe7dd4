//! Providers of authentication (`AuthBasicProvider NAME`) and authorisation (`Require NAME arguments`).
//!
//! httpd gives a provider's functions nothing by which they could tell which provider they are. So there is a number of
//! functions made beforehand, each of which knows its number (its slot), and a provider takes the next free one.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use super::boundary::{self, Place};
use super::pool::Pool;
use super::request::Request;
use super::{sys, text};

/// How many providers of each kind there can be.
pub const SLOTS: usize = 32;

/// What a provider of authentication may say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authn(sys::authn_status);

impl Authn {
    pub const USER_FOUND: Self = Self(sys::AUTH_USER_FOUND);
    pub const USER_NOT_FOUND: Self = Self(sys::AUTH_USER_NOT_FOUND);
    /// Logged already; the client gets 500.
    pub const ERROR: Self = Self(sys::AUTH_GENERAL_ERROR);

    /// That of a number AUTH_*.
    pub fn from_number(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| *number <= sys::AUTH_GENERAL_ERROR).map(Self)
    }
}

/// What a provider of authorisation may say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authz(sys::authz_status);

impl Authz {
    /// Logged already; the client gets 500.
    pub const ERROR: Self = Self(sys::AUTHZ_GENERAL_ERROR);

    /// That of a number AUTHZ_*.
    pub fn from_number(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| *number <= sys::AUTHZ_DENIED_NO_USER).map(Self)
    }
}

/// A user's hash in a realm, or why there is none.
pub type RealmHash = Result<Vec<u8>, Authn>;

/// Whom httpd's questions are passed on to, with the slot of the provider that was asked.
#[derive(Clone, Copy)]
pub struct Answers {
    /// User and password.
    pub check_password: fn(usize, Request<'_>, &[u8], &[u8]) -> Authn,
    /// User and realm.
    pub realm_hash: fn(usize, Request<'_>, &[u8], &[u8]) -> RealmHash,
    /// What follows the provider's name after `Require`.
    pub check_authorization: fn(usize, Request<'_>, &[u8]) -> Authz,
}

static ANSWERS: OnceLock<Answers> = OnceLock::new();

/// Says who answers; the first one who does.
pub fn answer_with(answers: Answers) {
    let _ = ANSWERS.set(answers);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Authn,
    Authz,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("MP0028: there is a provider of this name already")]
    Taken,
    #[error("MP0029: there can be no more than {SLOTS} such providers")]
    Full,
    #[error("MP0030: httpd does not take the provider")]
    Refused,
}

/// Makes `name` a provider for as long as the configuration that `pool` is for.
pub fn register(pool: Pool<'_>, kind: Kind, name: &[u8], slot: usize) -> Result<(), RegisterError> {
    let (group, provider): (&CStr, Option<*const c_void>) = match kind {
        Kind::Authn => (c"authn", AUTHN.get(slot).map(|row| ptr::from_ref(row).cast())),
        Kind::Authz => (c"authz", AUTHZ.get(slot).map(|row| ptr::from_ref(row).cast())),
    };
    let provider = provider.ok_or(RegisterError::Full)?;
    let (name, version) = (pool.dup(name).as_ptr(), c"0".as_ptr());
    let per_conf = sys::AP_AUTH_INTERNAL_PER_CONF as c_int;
    // SAFETY: the texts live as long as the pool, the provider for ever, and it is of the kind that the group is for.
    let status = unsafe {
        if !sys::ap_lookup_provider(group.as_ptr(), name, version).is_null() {
            return Err(RegisterError::Taken);
        }
        sys::ap_register_auth_provider(
            pool.raw(),
            group.as_ptr(),
            name,
            version,
            provider,
            per_conf,
        )
    };
    if status == sys::APR_SUCCESS as i32 { Ok(()) } else { Err(RegisterError::Refused) }
}

macro_rules! every_slot {
    ($make:ident) => {
        [
            $make::<0>(),
            $make::<1>(),
            $make::<2>(),
            $make::<3>(),
            $make::<4>(),
            $make::<5>(),
            $make::<6>(),
            $make::<7>(),
            $make::<8>(),
            $make::<9>(),
            $make::<10>(),
            $make::<11>(),
            $make::<12>(),
            $make::<13>(),
            $make::<14>(),
            $make::<15>(),
            $make::<16>(),
            $make::<17>(),
            $make::<18>(),
            $make::<19>(),
            $make::<20>(),
            $make::<21>(),
            $make::<22>(),
            $make::<23>(),
            $make::<24>(),
            $make::<25>(),
            $make::<26>(),
            $make::<27>(),
            $make::<28>(),
            $make::<29>(),
            $make::<30>(),
            $make::<31>(),
        ]
    };
}

static AUTHN: [sys::authn_provider; SLOTS] = every_slot!(authn);
static AUTHZ: [sys::authz_provider; SLOTS] = every_slot!(authz);

const fn authn<const SLOT: usize>() -> sys::authn_provider {
    sys::authn_provider {
        check_password: Some(check_password::<SLOT>),
        get_realm_hash: Some(get_realm_hash::<SLOT>),
    }
}

const fn authz<const SLOT: usize>() -> sys::authz_provider {
    sys::authz_provider {
        check_authorization: Some(check_authorization::<SLOT>),
        parse_require_line: None,
    }
}

unsafe extern "C" fn check_password<const SLOT: usize>(
    r: *mut sys::request_rec,
    user: *const c_char,
    password: *const c_char,
) -> sys::authn_status {
    // SAFETY: httpd passes a request and texts that live for the call.
    let (request, user, password) =
        unsafe { (Request::from_raw(r), text::bytes(user), text::bytes(password)) };
    let answer = boundary::contain(Place::Request(r), None, || {
        let answers = ANSWERS.get()?;
        Some((answers.check_password)(SLOT, request?, user?, password.unwrap_or_default()))
    });
    answer.unwrap_or(Authn::ERROR).0
}

unsafe extern "C" fn get_realm_hash<const SLOT: usize>(
    r: *mut sys::request_rec,
    user: *const c_char,
    realm: *const c_char,
    hash: *mut *mut c_char,
) -> sys::authn_status {
    // SAFETY: httpd passes a request and texts that live for the call.
    let (request, user, realm) =
        unsafe { (Request::from_raw(r), text::bytes(user), text::bytes(realm)) };
    let answer = boundary::contain(Place::Request(r), None, || {
        let (answers, request) = (ANSWERS.get()?, request?);
        let found = (answers.realm_hash)(SLOT, request, user?, realm.unwrap_or_default());
        Some(found.map(|found| request.pool().dup(&found)))
    });
    match answer.unwrap_or(Err(Authn::ERROR)) {
        Ok(found) => {
            // SAFETY: httpd passes where it wants the hash, which lives as long as the request's pool.
            unsafe { *hash = found.as_ptr().cast_mut() };
            sys::AUTH_USER_FOUND
        }
        Err(answer) => answer.0,
    }
}

unsafe extern "C" fn check_authorization<const SLOT: usize>(
    r: *mut sys::request_rec,
    arguments: *const c_char,
    _parsed: *const c_void,
) -> sys::authz_status {
    // SAFETY: httpd passes a request and a text that live for the call.
    let (request, arguments) = unsafe { (Request::from_raw(r), text::bytes(arguments)) };
    let answer = boundary::contain(Place::Request(r), None, || {
        let answers = ANSWERS.get()?;
        Some((answers.check_authorization)(SLOT, request?, arguments.unwrap_or_default()))
    });
    answer.unwrap_or(Authz::ERROR).0
}

#[cfg(test)]
mod tests {
    use super::{Authn, Authz};

    #[test]
    fn answers_have_httpds_numbers() {
        assert_eq!(Authn::from_number(4), Some(Authn::ERROR));
        assert_eq!(Authz::from_number(3), Some(Authz::ERROR));
        for number in [-1, 5, 401] {
            assert_eq!((Authn::from_number(number), Authz::from_number(number)), (None, None));
        }
    }
}
