//! A header value with parameters, as `Content-Type` and `Content-Disposition` have: `form-data; name="a"; filename*=UTF-8''b`
//! (RFC 9110, section 5.6.6; RFC 2183; RFC 8187).

use super::Pair;
use super::urlencoded::hex;

/// The value up to the first `;`, in lower case, and its parameters, whose names are in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    pub value: Vec<u8>,
    pub parameters: Vec<Pair>,
}

impl Header {
    /// Never fails: what is no parameter is passed over. Of repeated parameters the last counts. `name*` is decoded, becomes
    /// UTF-8, and counts as `name` before any `name` that is not.
    #[must_use]
    pub fn parse(line: &[u8]) -> Self {
        let end = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
        let value = line[..end].trim_ascii().to_ascii_lowercase();
        let mut header = Self { value, parameters: Vec::new() };
        let mut extended = Vec::new();
        let mut rest = &line[end..];
        while let Some(after) = rest.strip_prefix(b";") {
            let (parameter, next) = parameter(after);
            rest = next;
            let Some((name, value)) = parameter else { continue };
            let Some(plain) = name.strip_suffix(b"*") else {
                header.set(name, value);
                continue;
            };
            let plain = plain.trim_ascii_end();
            if let (false, Some(value)) = (plain.is_empty(), extended_value(&value)) {
                extended.push((plain.to_vec(), value));
            }
        }
        for (name, value) in extended {
            header.set(name, value);
        }
        header
    }

    #[must_use]
    pub fn parameter(&self, name: &[u8]) -> Option<&[u8]> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn set(&mut self, name: Vec<u8>, value: Vec<u8>) {
        match self.parameters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, held)) => *held = value,
            None => self.parameters.push((name, value)),
        }
    }
}

/// The parameter at the start of `text`, and what follows: nothing, or the next `;`.
fn parameter(text: &[u8]) -> (Option<Pair>, &[u8]) {
    let name_end = text.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(text.len());
    let name = text[..name_end].trim_ascii().to_ascii_lowercase();
    let Some(value) = text[name_end..].strip_prefix(b"=") else {
        return (None, &text[name_end..]);
    };
    let value = value.trim_ascii_start();
    let quoted = value.strip_prefix(b"\"").and_then(quoted);
    let (value, rest) = quoted.unwrap_or_else(|| {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        (value[..end].trim_ascii().to_vec(), &value[end..])
    });
    ((!name.is_empty()).then_some((name, value)), rest)
}

/// What stands before the closing quote, and what follows from the next `;` on. A backslash is undone only before a quote and
/// a backslash: browsers of old sent Windows paths as they are. None if the quote is never closed.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [] => return None,
            [b'"', after @ ..] => {
                let next = after.iter().position(|byte| *byte == b';').unwrap_or(after.len());
                return Some((value, &after[next..]));
            }
            [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                value.push(*escaped);
                rest = after;
            }
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
        }
    }
}

/// `charset'language'percent-encoded` as UTF-8 (RFC 8187, section 3.2). None if it is malformed or in another charset than
/// UTF-8 or ISO-8859-1.
fn extended_value(text: &[u8]) -> Option<Vec<u8>> {
    let mut parts = text.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, after @ ..] = rest {
        (bytes, rest) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                (bytes, after)
            }
            (b'%', _) => return None,
            _ => {
                bytes.push(*first);
                (bytes, after)
            }
        };
    }
    if charset.eq_ignore_ascii_case(b"utf-8") {
        return String::from_utf8(bytes).ok().map(String::into_bytes);
    }
    charset
        .eq_ignore_ascii_case(b"iso-8859-1")
        .then(|| bytes.into_iter().map(char::from).collect::<String>().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::Header;

    #[track_caller]
    fn check(line: &str, value: &str, parameters: &[(&str, &str)]) {
        let header = Header::parse(line.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&header.value), value);
        let found: Vec<_> =
            header.parameters.iter().map(|(name, value)| (text(name), text(value))).collect();
        let expected: Vec<_> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn values_and_parameters() {
        check("", "", &[]);
        check(" Text/HTML ", "text/html", &[]);
        check("text/html;Charset=UTF-8", "text/html", &[("charset", "UTF-8")]);
        check("a ; b = c ; d=\"e\"", "a", &[("b", "c"), ("d", "e")]);
        check("a; b; =c; ;; d=1", "a", &[("d", "1")]);
        check("a; b=1; b=2", "a", &[("b", "2")]);
        check("a; b=", "a", &[("b", "")]);
    }

    #[test]
    fn extended_parameters_have_names() {
        check("a; *=UTF-8''b; c=d", "a", &[("c", "d")]);
        check("a; b *=UTF-8''c", "a", &[("b", "c")]);
    }

    #[test]
    fn quotes() {
        check("a; b=\"c;d\"; e=f", "a", &[("b", "c;d"), ("e", "f")]);
        check(r#"a; b="c\"d\\e""#, "a", &[("b", r#"c"d\e"#)]);
        check(r#"a; b="C:\dir\x.txt""#, "a", &[("b", r"C:\dir\x.txt")]);
        check("a; b=\"never closed; c=d", "a", &[("b", "\"never closed"), ("c", "d")]);
        check("a; b=\"\"", "a", &[("b", "")]);
        check("a; b=\"c\" d; e=f", "a", &[("b", "c"), ("e", "f")]);
    }

    #[test]
    fn extended_parameters_come_before_plain_ones() {
        check("a; f*=UTF-8''%e2%82%ac%20rates; f=x", "a", &[("f", "€ rates")]);
        check("a; f=x; f*=iso-8859-1'en'%A3", "a", &[("f", "£")]);
        check("a; f=x; f*=UTF-8''%e2%82", "a", &[("f", "x")]);
        check("a; f*=koi8-r''%c1; g=1", "a", &[("g", "1")]);
        check("a; f*=UTF-8''%zz", "a", &[]);
        check("a; f*=x", "a", &[]);
    }
}
