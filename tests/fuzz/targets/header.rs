//! Any bytes are a header with parameters: each of those has one name, and says the same when it is written as RFC 9110 has it.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/forms/mod.rs"]
#[allow(dead_code, reason = "other targets try the rest")]
mod forms;

use forms::header::Header;

fuzz_target!(|line: &[u8]| {
    let header = Header::parse(line);
    assert!(!header.value.iter().any(|byte| *byte == b';' || byte.is_ascii_uppercase()));
    for (at, (name, value)) in header.parameters.iter().enumerate() {
        assert!(!name.is_empty() && name == name.trim_ascii());
        assert!(!name.iter().any(|byte| b"=;".contains(byte) || byte.is_ascii_uppercase()));
        assert!(header.parameters[..at].iter().all(|(before, _)| before != name));
        assert_eq!(header.parameter(name), Some(&value[..]));
        // What was Latin-1 has become UTF-8.
        assert!(name.len() + value.len() <= 2 * line.len());
    }
    // Written so, a name that still ends with an asterisk would announce an encoded value.
    if header.parameters.iter().all(|(name, _)| !name.ends_with(b"*")) {
        assert_eq!(Header::parse(&written(&header)), header);
    }
});

fn written(header: &Header) -> Vec<u8> {
    let mut line = header.value.clone();
    for (name, value) in &header.parameters {
        line.extend_from_slice(&[b"; ", &name[..], b"=\""].concat());
        for byte in value {
            if b"\"\\".contains(byte) {
                line.push(b'\\');
            }
            line.push(*byte);
        }
        line.push(b'"');
    }
    line
}
