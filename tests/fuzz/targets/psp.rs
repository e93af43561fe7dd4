//! Templates: a page and its fragments (divided by byte 0xFF, named "0", "1", …) in every style. Whatever they are, the source
//! can be given to Python, and each of its lines is known to come from a line of a template.

#![no_main]

use libfuzzer_sys::fuzz_target;
use psp::{Segment, Style, Template, Translation, translate};

#[path = "../../../src/psp/mod.rs"]
mod psp;

fuzz_target!(|input: &[u8]| {
    let templates: Vec<_> = input.split(|byte| *byte == 0xff).collect();
    for style in [Style::DOCUMENTED, Style::DIRECT, Style::ANY_REQUEST] {
        // Fragments that include others several times grow without end.
        let mut inclusions = 0;
        let mut open = |name: &str| {
            inclusions += 1;
            let number: usize = name.parse().map_err(|_| ())?;
            let source = templates.get(number + 1).filter(|_| inclusions < 20).ok_or(())?;
            Ok(Template { name: number.to_string(), source: source.to_vec() })
        };
        let page = Template { name: "page".to_owned(), source: templates[0].to_vec() };
        match translate::<()>(&page, style, &mut open) {
            Ok(done) => check(&done, &templates),
            Err(psp::Failure::Template(error)) => {
                assert!(error.line <= lines(templates[index(&error.file)]));
                assert!(!error.problem.to_string().is_empty());
            }
            Err(psp::Failure::Fragment(())) => {}
        }
    }
});

fn check(done: &Translation, templates: &[&[u8]]) {
    assert!(!done.source.contains(['\0', '\r']));
    let counts: Vec<_> = done.files.iter().map(|file| lines(templates[index(file)])).collect();
    if done.source.is_empty() {
        assert!(done.segments.is_empty() && counts == [1]);
        return;
    }
    let expected: usize = counts.iter().map(|count| count - 1).sum();
    assert_eq!(done.source.matches('\n').count(), expected + 1);
    assert_eq!(done.segments[0].from, 1);
    assert!(done.segments.is_sorted_by(|one, next| one.from < next.from));
    let ends = done.segments.iter().skip(1).map(|next| next.from).chain([expected + 2]);
    for (Segment { from, file, line }, end) in done.segments.iter().zip(ends) {
        assert!(line + (end - from) - 1 <= counts[*file]);
    }
}

fn index(file: &str) -> usize {
    file.parse::<usize>().map_or(0, |number| number + 1)
}

/// How many lines a template has: LF, CRLF and CR end one.
fn lines(template: &[u8]) -> usize {
    let ends = template.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => template.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    1 + ends.count()
}
