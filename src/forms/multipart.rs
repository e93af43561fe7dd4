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
            if block.len() > LONGEST_HEADER {
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
