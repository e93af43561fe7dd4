//! Functions of output filters by name. mod_filter calls that of a provider under the name of its own filter, so a function has
//! to know the name it was registered under: there is a number of functions made beforehand (slots), and a name takes one.

use std::sync::{Arc, PoisonError, RwLock};

use super::filter::output;
use super::pool::Pool;
use super::sys;

pub(super) type Function =
    unsafe extern "C" fn(*mut sys::ap_filter_t, *mut sys::apr_bucket_brigade) -> sys::apr_status_t;

/// The names that have slots, in lower case.
static NAMES: RwLock<Vec<Arc<[u8]>>> = RwLock::new(Vec::new());

/// A function for a name, as long as the configuration that `pool` is for. When no slot is left, one that goes by the name
/// httpd calls it under.
pub(super) fn function(pool: Pool<'_>, name: &[u8]) -> Function {
    let name = name.to_ascii_lowercase();
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    if names.is_empty() {
        pool.on_end(|| NAMES.write().unwrap_or_else(PoisonError::into_inner).clear());
    }
    let slot = names.iter().position(|known| **known == *name).unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    });
    FUNCTIONS.get(slot).copied().unwrap_or(output::<{ usize::MAX }>)
}

/// The name that has taken a slot.
pub(super) fn name(slot: usize) -> Option<Arc<[u8]>> {
    NAMES.read().unwrap_or_else(PoisonError::into_inner).get(slot).cloned()
}

macro_rules! slots {
    ($($slot:literal)*) => { [$(output::<$slot>),*] };
}

#[rustfmt::skip]
static FUNCTIONS: [Function; 64] = slots!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36
    37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);
