//! Multipart bodies: nothing is made up, every step makes progress, and it does not matter in what pieces they arrive.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/forms/mod.rs"]
#[allow(dead_code, reason = "other targets try the rest")]
mod forms;

use forms::multipart::{Event, Malformed, Multipart, Part};

fuzz_target!(|input: &[u8]| {
    // The first byte is the size of the pieces; the boundary reaches to the end of the first line.
    let Some((size, rest)) = input.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (boundary, body) = (&rest[..end], &rest[end..]);
    let whole = parse(boundary, body, body.len().max(1));
    assert_eq!(whole, parse(boundary, body, usize::from(*size) + 1));
    if let Ok(parts) = whole {
        let content: usize = parts.iter().map(|(_, content)| content.len()).sum();
        assert!(content + parts.len() * (boundary.len() + 4) <= body.len());
    }
});

type Parts = Vec<(Part, Vec<u8>)>;

fn parse(boundary: &[u8], body: &[u8], size: usize) -> Result<Parts, Malformed> {
    let mut parser = Multipart::new(boundary)?;
    let (mut start, mut arrived) = (0, 0);
    let mut parts: Parts = Vec::new();
    for _ in 0..8 * body.len() + 16 {
        let ended = arrived == body.len();
        let (consumed, event) = parser.step(&body[start..arrived], ended)?;
        start += consumed;
        match event {
            Event::More => {
                assert!(!ended, "asks for more after the end");
                arrived = (arrived + size).min(body.len());
            }
            Event::Part(part) => parts.push((*part, Vec::new())),
            Event::Data(data) => {
                assert!(!data.is_empty());
                parts.last_mut().expect("a part has begun").1.extend_from_slice(data);
            }
            Event::PartEnd => assert!(!parts.is_empty()),
            Event::End => return Ok(parts),
        }
    }
    panic!("it makes no progress");
}
