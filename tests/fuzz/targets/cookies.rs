//! Any bytes are a Cookie header: what is found in it stands in it, in that order, and says the same when it is sent again. What a
//! server may send comes back as it was, among others.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/cookies.rs"]
#[allow(dead_code)]
mod cookies;

use cookies::Cookies;

fuzz_target!(|header: &[u8]| {
    check(header, Cookies::of(header).collect());
    check(header, Cookies::of_merged(header).collect());
    let end = header.iter().position(|byte| *byte == b'=').unwrap_or(header.len());
    let (name, value) = (&header[..end], header.get(end + 1..).unwrap_or_default());
    // Names that begin with a dollar are attributes, of RFC 2965.
    if cookies::may_be_sent(name, value) && !name.starts_with(b"$") {
        check_sent(name, value);
    }
});

fn check_sent(name: &[u8], value: &[u8]) {
    let header = [b"a=1; ", name, b"=", value, b"; b=2"].concat();
    let wanted: [(&[u8], &[u8]); 3] = [(b"a", b"1"), (name, value), (b"b", b"2")];
    assert_eq!(Cookies::of(&header).collect::<Vec<_>>(), wanted);
    assert_eq!(Cookies::of_merged(&header).collect::<Vec<_>>(), wanted);
}

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
