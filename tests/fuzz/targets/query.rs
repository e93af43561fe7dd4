//! Query strings: no pair is made up, and blank ones only go where they may.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/apache/query.rs"]
mod query;

fuzz_target!(|input: &[u8]| {
    let all: Vec<_> = query::pairs(input, b"&", true).collect();
    let kept: Vec<_> = query::pairs(input, b"&", false).collect();
    assert!(all.len() <= input.split(|byte| *byte == b'&').count());
    assert!(kept.len() <= all.len() + 1);
    for (key, value) in all {
        assert!(key.len() + value.len() <= input.len());
        assert!(!key.contains(&0) && !value.contains(&0));
    }
});
