//! `multipart/*` bodies: bytes to parts (RFC 2046, section 5.1; RFC 7578).
//!
//! Lines may end in CRLF or in a bare LF. What stands before the first delimiter and after the closing one is passed over. A part
//! that is itself a multipart is handed out as it is: RFC 7578, section 4.3, has done away with nesting.

use memchr::memchr;
use memchr::memmem::Finder;

use super::Pair;
use super::header::Header;

/// The longest boundary accepted, bytes; RFC 2046 allows 70.
pub const LONGEST_BOUNDARY: usize = 200;
/// The longest header of a part accepted, bytes.
pub const LONGEST_HEADER: usize = 16 * 1024;
/// The most blanks accepted after a boundary: gateways may pad (RFC 2046, "transport padding").
const LONGEST_PADDING: usize = 256;

/// What is wrong with a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    #[error("the boundary of the multipart body is empty or longer than {LONGEST_BOUNDARY} bytes")]
    Boundary,
    #[error("the multipart body ended before its closing boundary")]
    Truncated,
    #[error("the header of a part is longer than {LONGEST_HEADER} bytes")]
    LongHeader,
    #[error("a line in the header of a part has no name and colon")]
    HeaderLine,
    #[error("a part has no Content-Disposition")]
    NoDisposition,
}

/// The header of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    pub disposition: Header,
    /// `text/plain` if none is given, `application/octet-stream` if it is none.
    pub content_type: Header,
    /// All lines, folded ones joined, without the blanks around the values.
    pub headers: Vec<Pair>,
}

impl Part {
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.disposition.parameter(b"name")
    }

    /// The client's name for the file; empty when a form had a file input and none was chosen.
    #[must_use]
    pub fn filename(&self) -> Option<&[u8]> {
        self.disposition.parameter(b"filename")
    }
}

/// What was found at the start of the window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<'w> {
    /// More is needed.
    More,
    Part(Box<Part>),
    /// Content of the part.
    Data(&'w [u8]),
    PartEnd,
    /// The closing boundary.
    End,
}

/// The parser of one body.
#[derive(Debug)]
pub struct Multipart {
    /// Finds a newline and the delimiter after it.
    delimiter: Finder<'static>,
    state: State,
    /// How much of the window is known to hold no end of a header.
    searched: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first delimiter; whether at the start of a line.
    Preamble(bool),
    Header,
    /// In the content of a part; whether at its start, where a delimiter needs no newline before it.
    Content(bool),
    /// After the delimiter that ended the last part.
    Closed,
}

/// A delimiter in the window.
enum Found {
    /// Where the content before it ends, where it ends itself, whether it is the closing one.
    Delimiter { before: usize, end: usize, closing: bool },
    /// None before this position; what follows may become one.
    NotBefore(usize),
}

enum Tail {
    Delimiter { end: usize, closing: bool },
    Data,
    Unknown,
}

impl Multipart {
    /// # Errors
    /// `Malformed::Boundary`.
    pub fn new(boundary: &[u8]) -> Result<Self, Malformed> {
        if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY {
            return Err(Malformed::Boundary);
        }
        let delimiter = Finder::new(&[b"\n--", boundary].concat()).into_owned();
        Ok(Self { delimiter, state: State::Preamble(true), searched: 0 })
    }

    /// Reads on at the start of the window, which holds what has arrived and was not consumed yet. Gives the number of bytes
    /// that are done with and what they were. `ended`: nothing will arrive any more.
    ///
    /// # Errors
    /// What is wrong with the body.
    pub fn step<'w>(
        &mut self,
        window: &'w [u8],
        ended: bool,
    ) -> Result<(usize, Event<'w>), Malformed> {
        match self.state {
            State::Preamble(at_line_start) => match self.find(window, at_line_start, ended) {
                Found::Delimiter { end, closing, .. } => {
                    self.state = if closing { State::Closed } else { State::Header };
                    if closing { Ok((end, Event::End)) } else { self.header(window, end, ended) }
                }
                Found::NotBefore(safe) => {
                    self.state = State::Preamble(at_line_start && safe == 0);
                    more(safe, ended)
                }
            },
            State::Header => self.header(window, 0, ended),
            State::Content(at_start) => self.content(window, at_start, ended),
            State::Closed => Ok((0, Event::End)),
        }
    }

    fn header<'w>(
        &mut self,
        window: &'w [u8],
        start: usize,
        ended: bool,
    ) -> Result<(usize, Event<'w>), Malformed> {
        let block = &window[start..];
        let Some((length, end)) = header_end(block, &mut self.searched) else {
            // The end of the empty line after it may be on its way.
            if block.len() > LONGEST_HEADER + 1 {
                return Err(Malformed::LongHeader);
            }
            return more(start, ended);
        };
        if length > LONGEST_HEADER {
            return Err(Malformed::LongHeader);
        }
        self.searched = 0;
        self.state = State::Content(true);
        Ok((start + end, Event::Part(Box::new(part(&block[..length])?))))
    }

    fn content<'w>(
        &mut self,
        window: &'w [u8],
        at_start: bool,
        ended: bool,
    ) -> Result<(usize, Event<'w>), Malformed> {
        match self.find(window, at_start, ended) {
            Found::Delimiter { before: 0, end, closing } => {
                self.state = if closing { State::Closed } else { State::Header };
                Ok((end, Event::PartEnd))
            }
            Found::Delimiter { before: safe, .. } | Found::NotBefore(safe) if safe > 0 => {
                self.state = State::Content(false);
                Ok((safe, Event::Data(&window[..safe])))
            }
            _ => more(0, ended),
        }
    }

    fn find(&self, window: &[u8], at_line_start: bool, ended: bool) -> Found {
        let needle = self.delimiter.needle();
        if at_line_start {
            let bare = &needle[1..];
            let shared = bare.len().min(window.len());
            if window[..shared] == bare[..shared] {
                let tail = match window.get(bare.len()..) {
                    Some(tail) => delimiter_tail(tail, ended),
                    None => Tail::Unknown,
                };
                match tail {
                    Tail::Delimiter { end, closing } => {
                        return Found::Delimiter { before: 0, end: bare.len() + end, closing };
                    }
                    Tail::Unknown => return Found::NotBefore(0),
                    Tail::Data => {}
                }
            }
        }
        let mut from = 0;
        while let Some(found) = self.delimiter.find(&window[from..]) {
            let at = from + found;
            let before = if at > 0 && window[at - 1] == b'\r' { at - 1 } else { at };
            let tail = at + needle.len();
            match delimiter_tail(&window[tail..], ended) {
                Tail::Delimiter { end, closing } => {
                    return Found::Delimiter { before, end: tail + end, closing };
                }
                Tail::Unknown => return Found::NotBefore(before),
                Tail::Data => from = at + 1,
            }
        }
        // Its beginning, and a CR before that, may be the last that has arrived.
        Found::NotBefore(window.len().saturating_sub(needle.len()).max(from))
    }
}

fn more<'w>(consumed: usize, ended: bool) -> Result<(usize, Event<'w>), Malformed> {
    if ended { Err(Malformed::Truncated) } else { Ok((consumed, Event::More)) }
}

/// What follows a boundary: nothing but `--`, blanks and the end of the line make it a delimiter.
fn delimiter_tail(text: &[u8], ended: bool) -> Tail {
    let closing = text.starts_with(b"--");
    let after = if closing { &text[2..] } else { text };
    let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line_end = match &after[blanks..] {
        _ if blanks > LONGEST_PADDING => return Tail::Data,
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        [] if closing && ended => 0,
        [] | [b'\r'] if !ended => return Tail::Unknown,
        [b'-'] if !closing && blanks == 0 && !ended => return Tail::Unknown,
        _ => return Tail::Data,
    };
    let end = if closing { 2 } else { 0 } + blanks + line_end;
    Tail::Delimiter { end, closing }
}

/// Length of a header, and where its content begins: after the first empty line.
fn header_end(text: &[u8], searched: &mut usize) -> Option<(usize, usize)> {
    let mut line = *searched;
    while let Some(length) = memchr(b'\n', &text[line..]) {
        if matches!(&text[line..line + length], b"" | b"\r") {
            return Some((line, line + length + 1));
        }
        line += length + 1;
    }
    *searched = line;
    None
}

fn part(header: &[u8]) -> Result<Part, Malformed> {
    let headers = header_lines(header)?;
    let line = |wanted: &[u8]| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, line)| line)
    };
    let disposition = line(b"Content-Disposition").ok_or(Malformed::NoDisposition)?;
    let disposition = Header::parse(disposition);
    let mut content_type = line(b"Content-Type")
        .map_or_else(|| Header::parse(b"text/plain"), |line| Header::parse(line));
    if !content_type.value.contains(&b'/') {
        content_type.value = b"application/octet-stream".to_vec();
    }
    Ok(Part { disposition, content_type, headers })
}

fn header_lines(header: &[u8]) -> Result<Vec<Pair>, Malformed> {
    let mut lines: Vec<Pair> = Vec::new();
    let text = header.strip_suffix(b"\n").unwrap_or(header);
    if text.is_empty() {
        return Ok(lines);
    }
    for line in text.split(|byte| *byte == b'\n') {
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if let (true, Some((_, value))) = (is_folded, lines.last_mut()) {
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        let colon = memchr(b':', line).ok_or(Malformed::HeaderLine)?;
        let name = line[..colon].trim_ascii();
        if name.is_empty() {
            return Err(Malformed::HeaderLine);
        }
        lines.push((name.to_vec(), line[colon + 1..].trim_ascii().to_vec()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, file name and content of each part, with the body arriving in chunks of `size` bytes.
    fn parse_in_chunks(body: &[u8], size: usize) -> Result<Vec<[String; 3]>, Malformed> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut parser = Multipart::new(b"B")?;
        let (mut start, mut arrived) = (0, 0);
        let (mut parts, mut content) = (Vec::new(), Vec::new());
        loop {
            let ended = arrived == body.len();
            let (consumed, event) = parser.step(&body[start..arrived], ended)?;
            start += consumed;
            match event {
                Event::More => arrived = (arrived + size).min(body.len()),
                Event::Part(part) => parts.push([
                    part.name().map_or_else(|| "none".to_owned(), text),
                    part.filename().map_or_else(|| "none".to_owned(), text),
                    String::new(),
                ]),
                Event::Data(data) => content.extend_from_slice(data),
                Event::PartEnd => {
                    parts.last_mut().expect("a part has begun")[2] = text(&content);
                    content.clear();
                }
                Event::End => return Ok(parts),
            }
        }
    }

    #[track_caller]
    fn check(body: &[u8], expected: Result<&[[&str; 3]], Malformed>) {
        let expected = expected
            .map(|parts| parts.iter().map(|part| part.map(str::to_owned)).collect::<Vec<_>>());
        for size in (1..20).chain([usize::MAX - body.len()]) {
            assert_eq!(parse_in_chunks(body, size), expected, "in chunks of {size}");
        }
    }

    const A: &str = "Content-Disposition: form-data; name=a\r\n\r\n";

    #[test]
    fn parts_in_order() {
        let body = format!(
            "--B\r\n{A}1\r\n--B\r\nContent-Disposition: form-data; name=\"b\"; filename=\"f\"\r\n\r\n\
             2\r\n\r\n3\r\n--B--\r\n"
        );
        check(body.as_bytes(), Ok(&[["a", "none", "1"], ["b", "f", "2\r\n\r\n3"]]));
        check(b"--B--", Ok(&[]));
    }

    #[test]
    fn lines_may_end_in_lf() {
        let body = b"--B\nContent-Disposition: form-data; name=a\n\n1\n2\n--B--\n";
        check(body, Ok(&[["a", "none", "1\n2"]]));
    }

    #[test]
    fn what_only_looks_like_a_delimiter_is_content() {
        for content in [
            "--BB",
            "--B-",
            "x--B",
            "\r\n--B x",
            "\r--B--",
            "\r\n-B",
            "\r\n--B--x",
            "\n\r",
            "\r",
            "\n--",
            "\r\n--B-\r\n",
        ] {
            let body = format!("--B\r\n{A}{content}\r\n--B--\r\n");
            check(body.as_bytes(), Ok(&[["a", "none", content]]));
        }
    }

    #[test]
    fn a_part_may_be_empty() {
        for end in ["\r\n--B--", "--B--", "\n--B--\n"] {
            check(format!("--B\r\n{A}{end}").as_bytes(), Ok(&[["a", "none", ""]]));
        }
    }

    #[test]
    fn boundaries_may_be_padded() {
        let body = format!("--B \t\r\n{A}1\r\n--B-- \r\n");
        check(body.as_bytes(), Ok(&[["a", "none", "1"]]));
        let padding = " ".repeat(LONGEST_PADDING + 1);
        let body = format!("--B\r\n{A}1\r\n--B{padding}\r\n--B--");
        check(body.as_bytes(), Ok(&[["a", "none", &format!("1\r\n--B{padding}")]]));
    }

    #[test]
    fn what_stands_around_the_parts_is_passed_over() {
        let body =
            format!("preamble\r\n --B\r\n--BB\r\n--B\r\n{A}1\r\n--B--\r\nepilogue\r\n--B\r\n");
        check(body.as_bytes(), Ok(&[["a", "none", "1"]]));
    }

    #[test]
    fn a_multipart_within_is_content() {
        let inner = "--C\r\nContent-Disposition: file; filename=x\r\n\r\n1\r\n--C--\r\n";
        let body = format!("--B\r\n{A}{inner}\r\n--B--\r\n");
        check(body.as_bytes(), Ok(&[["a", "none", inner]]));
    }

    #[test]
    fn a_body_that_breaks_off() {
        let body = format!("--B\r\n{A}1\r\n--B--");
        for end in 0..body.len() {
            check(&body.as_bytes()[..end], Err(Malformed::Truncated));
        }
        check(b"no delimiter at all", Err(Malformed::Truncated));
    }

    #[test]
    fn headers() {
        let header = |lines: &str| parse_in_chunks(format!("--B\n{lines}\n--B--").as_bytes(), 3);
        assert_eq!(header("no colon\n\n"), Err(Malformed::HeaderLine));
        assert_eq!(header(" folded: first\n\n"), Err(Malformed::NoDisposition));
        assert_eq!(header(": x\n\n"), Err(Malformed::HeaderLine));
        assert_eq!(header("\n"), Err(Malformed::NoDisposition));
        assert_eq!(header("Content-Type: text/plain\n\n"), Err(Malformed::NoDisposition));
        assert_eq!(header("X: y"), Err(Malformed::Truncated));
        assert_eq!(header("X: y\n--B\n\n"), Err(Malformed::HeaderLine));
        let folded = "CONTENT-disposition:form-data;\r\n\tname=\"a b\"\r\n\r\n";
        assert_eq!(header(folded).unwrap()[0][0], "a b");
    }

    #[test]
    fn a_long_header() {
        let header = |length: usize| {
            let line = "Content-Disposition: form-data; name=a\r\nX:";
            let body = format!("--B\r\n{line}{}\r\n\r\n--B--", "y".repeat(length - line.len() - 2));
            for size in [1, 5000, 100_000] {
                let found = parse_in_chunks(body.as_bytes(), size);
                assert_eq!(found.is_ok(), length <= LONGEST_HEADER, "{length} in chunks of {size}");
            }
        };
        header(LONGEST_HEADER - 1);
        header(LONGEST_HEADER);
        header(LONGEST_HEADER + 1);
    }

    #[test]
    fn types() {
        let type_of = |line: &str| {
            let header = format!("Content-Disposition: x\n{line}");
            let part = part(header.as_bytes()).expect("a header");
            String::from_utf8(part.content_type.value).expect("ASCII")
        };
        assert_eq!(type_of(""), "text/plain");
        assert_eq!(type_of("Content-Type: Image/PNG; a=b\n"), "image/png");
        assert_eq!(type_of("Content-Type: image\n"), "application/octet-stream");
    }

    #[test]
    fn boundaries_have_a_length() {
        assert_eq!(Multipart::new(b"").map(drop), Err(Malformed::Boundary));
        assert_eq!(Multipart::new(&[b'x'; LONGEST_BOUNDARY]).map(drop), Ok(()));
        assert_eq!(
            Multipart::new(&[b'x'; LONGEST_BOUNDARY + 1]).map(drop),
            Err(Malformed::Boundary)
        );
    }
}
