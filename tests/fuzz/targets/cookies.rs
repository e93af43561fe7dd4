//! Any bytes are a Cookie header: what is found in it stands in it, in that order, and says the same when it is sent again.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/cookies.rs"]
#[allow(dead_code)]
mod cookies;

use cookies::Cookies;

fuzz_target!(|header: &[u8]| {
    check(header, Cookies::of(header).collect());
    check(header, Cookies::of_merged(header).collect());
});

fn check(header: &[u8], found: Vec<(&[u8], &[u8])>) {
    let mut at = header.as_ptr().addr();
    for (name, value) in &found {
        assert!(!name.is_empty() && !name.starts_with(b"$"));
        assert!(!name.iter().any(|byte| b"; =".contains(byte)));
        assert!(value.starts_with(b"\"") || !value.contains(&b';'));
        assert!(at <= name.as_ptr().addr());
        assert!(name.as_ptr().addr() + name.len() <= value.as_ptr().addr());
        at = value.as_ptr().addr() + value.len();
    }
    assert!(at <= header.as_ptr().addr() + header.len());
    let again: Vec<Vec<u8>> =
        found.iter().map(|(name, value)| [*name, b"=", *value].concat()).collect();
    let again = again.join(&b"; "[..]);
    assert_eq!(Cookies::of(&again).collect::<Vec<_>>(), found);
}
