//! Query strings: no pair is made up, blank ones only go where they may, and it does not matter in what pieces they arrive.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/forms/mod.rs"]
#[allow(dead_code, reason = "other targets try the rest")]
mod forms;

use forms::urlencoded::{Pairs, Pieces, Separator};

fuzz_target!(|input: &[u8]| {
    let all = Pairs::of(input, Separator::Ampersand, true);
    let kept = Pairs::of(input, Separator::Ampersand, false);
    assert!(all.iter().count() <= input.split(|byte| *byte == b'&').count());
    assert!(kept.iter().count() <= all.iter().count() + 1);
    for (name, value) in all.iter() {
        assert!(name.len() + value.len() <= input.len());
    }
    let size = input.first().map_or(1, |byte| usize::from(*byte % 32) + 1);
    assert_eq!(all, arriving(input, size));
});

fn arriving(input: &[u8], size: usize) -> Pairs {
    let mut pieces = Pieces::new(Separator::Ampersand);
    let (mut start, mut found) = (0, Pairs::default());
    for end in (0..input.len()).step_by(size).chain([input.len()]) {
        while let Some(piece) = pieces.next(&input[start..end], end == input.len()) {
            found.add(&input[start..][piece.text], true);
            start += piece.consumed;
        }
    }
    found
}
