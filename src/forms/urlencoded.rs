//! Query strings and `application/x-www-form-urlencoded` bodies: bytes to pairs of bytes (WHATWG URL Standard, section 5.1).

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

/// What stands between two pairs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Separator {
    /// `&` only: what is split at `;` too is read differently by caches on the way (CVE-2021-23336).
    #[default]
    Ampersand,
    /// `&` and `;`, the rule of old (HTML 4.01, appendix B.2.2).
    AmpersandOrSemicolon,
}

impl Separator {
    fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Ampersand => memchr(b'&', text),
            Self::AmpersandOrSemicolon => memchr2(b'&', b';', text),
        }
    }
}

/// Names and values in order, decoded, their text in one piece of memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pairs {
    text: Vec<u8>,
    /// Where in the text each name and each value ends.
    ends: Vec<(usize, usize)>,
}

impl Pairs {
    /// The pairs of a whole query string.
    #[must_use]
    pub fn of(query: &[u8], separator: Separator, keep_blank: bool) -> Self {
        let mut pairs = Self::default();
        pairs.reserve(query.len());
        let mut pieces = Pieces::new(separator);
        let mut start = 0;
        while let Some(piece) = pieces.next(&query[start..], true) {
            pairs.add(&query[start..][piece.text], keep_blank);
            start += piece.consumed;
        }
        pairs
    }

    /// Makes room for what a text of this length decodes to.
    pub fn reserve(&mut self, length: usize) {
        self.text.reserve(length);
    }

    /// Adds the name and value of a piece; the name reaches to the first `=`. A piece with neither is left out, and one whose
    /// value is empty before it is decoded unless `keep_blank`. Returns what was added.
    pub fn add(&mut self, piece: &[u8], keep_blank: bool) -> Option<(&[u8], &[u8])> {
        let (name, value) = match memchr(b'=', piece) {
            Some(end) => (&piece[..end], &piece[end + 1..]),
            None => (piece, &b""[..]),
        };
        if value.is_empty() && (name.is_empty() || !keep_blank) {
            return None;
        }
        let start = self.text.len();
        decode(name, &mut self.text);
        let end_of_name = self.text.len();
        decode(value, &mut self.text);
        self.ends.push((end_of_name, self.text.len()));
        Some((&self.text[start..end_of_name], &self.text[end_of_name..]))
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(end_of_name, end)| {
            let name = &self.text[start..end_of_name];
            start = end;
            (name, &self.text[end_of_name..end])
        })
    }
}

/// Splits a body into its still encoded pieces as it arrives.
#[derive(Debug, Default)]
pub struct Pieces {
    separator: Separator,
    /// How much of the window is known to hold no separator.
    searched: usize,
}

/// One piece of the window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    pub text: Range<usize>,
    /// How much of the window it takes, its separator included.
    pub consumed: usize,
}

impl Pieces {
    #[must_use]
    pub fn new(separator: Separator) -> Self {
        Self { separator, searched: 0 }
    }

    /// The next piece at the start of the window. None: more is needed or, when the body has `ended`, there is no more.
    pub fn next(&mut self, window: &[u8], ended: bool) -> Option<Piece> {
        if let Some(found) = self.separator.find(&window[self.searched..]) {
            let end = self.searched + found;
            self.searched = 0;
            return Some(Piece { text: 0..end, consumed: end + 1 });
        }
        self.searched = window.len();
        if !ended || window.is_empty() {
            return None;
        }
        self.searched = 0;
        Some(Piece { text: 0..window.len(), consumed: window.len() })
    }
}

/// Appends a text without its urlencoding: `+` is a blank, `%41` is `A`. A malformed escape stays as it is.
pub fn decode(text: &[u8], onto: &mut Vec<u8>) {
    let start = onto.len();
    onto.extend_from_slice(text);
    let decoded = &mut onto[start..];
    // A loop without branches: the compiler makes it one over many bytes at a time.
    for byte in &mut *decoded {
        *byte = if *byte == b'+' { b' ' } else { *byte };
    }
    let (mut read, mut written) = (0, 0);
    for found in memchr_iter(b'%', text) {
        if written < read {
            decoded.copy_within(read..found, written);
        }
        (read, written) = (found, written + found - read);
        if let Some(byte) = escaped(&text[found..]) {
            decoded[written] = byte;
            (read, written) = (read + 3, written + 1);
        }
    }
    decoded.copy_within(read.., written);
    written += text.len() - read;
    onto.truncate(start + written);
}

/// The byte of the escape that a text begins with.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else { return None };
    Some(hex(high)? << 4 | hex(low)?)
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str, separator: Separator, keep_blank: bool) -> Vec<(String, String)> {
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the tests here are ASCII");
        Pairs::of(query.as_bytes(), separator, keep_blank)
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn plain(query: &str) -> Vec<(String, String)> {
        parsed(query, Separator::Ampersand, false)
    }

    #[test]
    fn pairs_keep_their_order_and_repeat() {
        assert_eq!(plain("b=2&a=1&b=3"), expected(&[("b", "2"), ("a", "1"), ("b", "3")]));
    }

    #[test]
    fn blank_values_are_kept_on_demand() {
        assert_eq!(plain("a=&b&c=1&&="), expected(&[("c", "1")]));
        let kept = expected(&[("a", ""), ("b", ""), ("c", "1")]);
        assert_eq!(parsed("a=&b&c=1&&=", Separator::Ampersand, true), kept);
        assert_eq!(parsed("&&", Separator::Ampersand, true), expected(&[]));
    }

    #[test]
    fn a_value_that_decodes_to_a_blank_is_none() {
        assert_eq!(plain("a=+&b=%20"), expected(&[("a", " "), ("b", " ")]));
    }

    #[test]
    fn an_empty_name_may_have_a_value() {
        assert_eq!(plain("=1"), expected(&[("", "1")]));
    }

    #[test]
    fn further_equals_signs_belong_to_the_value() {
        assert_eq!(plain("a=b=c%3Dd"), expected(&[("a", "b=c=d")]));
    }

    #[test]
    fn the_semicolon_separates_on_demand() {
        assert_eq!(plain("a=1;b=2"), expected(&[("a", "1;b=2")]));
        assert_eq!(
            parsed("a=1;b=2&c=3", Separator::AmpersandOrSemicolon, false),
            expected(&[("a", "1"), ("b", "2"), ("c", "3")])
        );
    }

    #[test]
    fn escapes_are_decoded_and_malformed_ones_left() {
        let cases: [(&[u8], &[u8]); 12] = [
            (b"a+b%20c", b"a b c"),
            (b"%2F%2f%41", b"//A"),
            (b"%2B", b"+"),
            (b"100%", b"100%"),
            (b"%4", b"%4"),
            (b"%zz%41", b"%zzA"),
            (b"%%41", b"%A"),
            (b"+%C3%A9+%C3%A9%", b" \xc3\xa9 \xc3\xa9%"),
            (b"%%%2b%2", b"%%+%2"),
            (b"%+1", b"% 1"),
            (b"a%00b", b"a\0b"),
            (b"%e9\xff", b"\xe9\xff"),
        ];
        for (text, result) in cases {
            let mut decoded = b"%41".to_vec();
            decode(text, &mut decoded);
            assert_eq!(decoded, [&b"%41"[..], result].concat(), "{}", text.escape_ascii());
        }
    }

    /// However a body is cut into windows, its pairs are the same.
    #[test]
    fn pieces_may_arrive_byte_by_byte() {
        let body = b"a=1&&long=0123456789&b";
        let mut pieces = Pieces::new(Separator::Ampersand);
        let (mut start, mut found) = (0, Vec::new());
        for end in 0..=body.len() {
            while let Some(piece) = pieces.next(&body[start..end], end == body.len()) {
                found.push(&body[start..][piece.text]);
                start += piece.consumed;
            }
        }
        assert_eq!(found, [&b"a=1"[..], b"", b"long=0123456789", b"b"]);
    }
}
