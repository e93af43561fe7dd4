//! The `Cookie` header of a request: bytes to pairs of bytes. Nothing is decoded, and quotes stay; what a value means is for
//! those who set it.

/// The cookies of a header, in order. Attributes of RFC 2109 (`$Path` and its like) are left out.
pub struct Cookies<'a> {
    rest: &'a [u8],
    merged: bool,
}

impl<'a> Cookies<'a> {
    #[must_use]
    pub fn of(header: &'a [u8]) -> Self {
        Self { rest: header, merged: false }
    }

    /// Of headers that httpd has joined with `, `: a value that is not quoted ends where `, name=` follows.
    #[must_use]
    pub fn of_merged(header: &'a [u8]) -> Self {
        Self { rest: header, merged: true }
    }

    /// The next cookie, attribute or not.
    fn pair(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let start = self.rest.iter().position(|byte| !b", ;=".contains(byte))?;
        let name = self.take(start, |byte| b"; =".contains(&byte));
        self.skip_spaces();
        self.rest = self.rest.strip_prefix(b"=").unwrap_or(self.rest);
        self.skip_spaces();
        let length = quoted_length(self.rest).unwrap_or_else(|| self.plain_length());
        let (value, after) = self.rest.split_at(length);
        let after = after.trim_ascii_start();
        self.rest = after.strip_prefix(b";").unwrap_or(after);
        Some((name, value))
    }

    /// What stands from `start` to the first byte that `ends` it.
    fn take(&mut self, start: usize, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let text = &self.rest[start..];
        let length = text.iter().position(|byte| ends(*byte)).unwrap_or(text.len());
        let (taken, rest) = text.split_at(length);
        self.rest = rest;
        taken
    }

    fn skip_spaces(&mut self) {
        self.take(0, |byte| byte != b' ');
    }

    fn plain_length(&self) -> usize {
        let ends = |at: &usize| match self.rest[*at..] {
            [b';', ..] => true,
            [b',', b' ', ref after @ ..] => self.merged && begins_cookie(after),
            _ => false,
        };
        (0..self.rest.len()).find(ends).unwrap_or(self.rest.len())
    }
}

impl<'a> Iterator for Cookies<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let pair = self.pair()?;
            if !pair.0.starts_with(b"$") {
                return Some(pair);
            }
        }
    }
}

/// Whether a token (RFC 9110, 5.6.2) and `=` stand here.
fn begins_cookie(text: &[u8]) -> bool {
    let length = text.iter().take_while(|byte| is_token(**byte)).count();
    length > 0 && text.get(length) == Some(&b'=')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a server may send this as a cookie's name and value (RFC 6265, 4.1.1).
#[must_use]
pub fn may_be_sent(name: &[u8], value: &[u8]) -> bool {
    let inside = match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    };
    let is_octet = |byte: &u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
    !name.is_empty() && name.iter().all(|byte| is_token(*byte)) && inside.iter().all(is_octet)
}

/// The length of a quoted string with its quotes; None where there is none, or it has no end.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inside.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::{Cookies, may_be_sent};

    fn shown(cookies: Cookies<'_>) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("these are ASCII");
        cookies.map(|(name, value)| (text(name), text(value))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn headers_as_clients_send_them() {
        let rows: &[(&str, &[(&str, &str)])] = &[
            ("a=1; b=2", &[("a", "1"), ("b", "2")]),
            ("a=1;b=2", &[("a", "1"), ("b", "2")]),
            ("a=1;;b=2", &[("a", "1"), ("b", "2")]),
            ("a=1, b=2", &[("a", "1, b=2")]),
            ("a", &[("a", "")]),
            ("a=", &[("a", "")]),
            ("=x", &[("x", "")]),
            ("a=b=c", &[("a", "b=c")]),
            (r#"a="q;uo\"ted"; b=2"#, &[("a", r#""q;uo\"ted""#), ("b", "2")]),
            (r#"a="x" y; b=2"#, &[("a", r#""x""#), ("y", ""), ("b", "2")]),
            (r#"a="no end; b=2"#, &[("a", r#""no end"#), ("b", "2")]),
            ("a = 1 ; b = 2", &[("a", "1 "), ("b", "2")]),
            ("$Version=1; a=1; $Path=/", &[("a", "1")]),
            ("a=1; a=2", &[("a", "1"), ("a", "2")]),
            ("a\t=1", &[("a\t", "1")]),
            ("", &[]),
            (" ,;=", &[]),
        ];
        for (header, expected) in rows {
            assert_eq!(shown(Cookies::of(header.as_bytes())), pairs(expected), "{header}");
        }
    }

    #[test]
    fn headers_that_httpd_has_joined() {
        let rows: &[(&str, &[(&str, &str)])] = &[
            ("a=1; b=2, c=3", &[("a", "1"), ("b", "2"), ("c", "3")]),
            ("a=1, b=2; c=3", &[("a", "1"), ("b", "2"), ("c", "3")]),
            ("a=1,2, three; c=3", &[("a", "1,2, three"), ("c", "3")]),
            (r#"a="1, b=2"; c=3"#, &[("a", r#""1, b=2""#), ("c", "3")]),
            ("a=1, =2", &[("a", "1, =2")]),
        ];
        for (header, expected) in rows {
            assert_eq!(shown(Cookies::of_merged(header.as_bytes())), pairs(expected), "{header}");
        }
    }

    #[test]
    fn what_a_server_may_send() {
        let good: [(&[u8], &[u8]); 5] = [
            (b"a", b"1"),
            (b"~a.!", b""),
            (b"a", b"\"\""),
            (b"a", b"\"b=c\""),
            (b"a", b"!#+-:<[]~"),
        ];
        for (name, value) in good {
            assert!(may_be_sent(name, value), "{}", value.escape_ascii());
        }
        assert!(
            !may_be_sent(b"", b"1") && !may_be_sent(b"a b", b"1") && !may_be_sent(b"\xe9", b"1")
        );
        for value in [&b"a b"[..], b"a\"", b"\"", b"a,b", b"a;b", b"a\\b", b"\x7f", b"\xe9", b"a\0"]
        {
            assert!(!may_be_sent(b"a", value), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_large_header_is_read_once() {
        let header = "a=1, ".repeat(200_000);
        assert_eq!(Cookies::of_merged(header.as_bytes()).count(), 200_000);
        let header = "a=\"\\; ".repeat(200_000);
        assert!(Cookies::of(header.as_bytes()).count() > 1000);
    }
}
