//! Query strings and urlencoded forms: bytes to pairs of bytes.

/// The pairs of `query`, in order. A pair without value is left out unless `keep_blank`; one with neither key nor value
/// always. A key reaches to the first `=`.
pub fn pairs<'a>(
    query: &'a [u8],
    separators: &'a [u8],
    keep_blank: bool,
) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a {
    query.split(|byte| separators.contains(byte)).filter_map(move |pair| {
        let (key, value) = match pair.iter().position(|&byte| byte == b'=') {
            Some(end) => (&pair[..end], &pair[end + 1..]),
            None => (pair, &b""[..]),
        };
        let kept = !value.is_empty() || (keep_blank && !key.is_empty());
        kept.then(|| (decode(key), decode(value)))
    })
}

/// Undoes urlencoding: `+` is a blank, `%41` is `A`. A malformed escape stays as it is. Text ends at a decoded NUL, as it does
/// in httpd, where C strings hold it.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, next) = match (first, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (first, rest.get(1..).unwrap_or_default()),
            },
            _ => (first, after),
        };
        if byte == 0 {
            break;
        }
        decoded.push(byte);
        rest = next;
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, pairs};

    fn parsed(query: &str, separators: &str, keep_blank: bool) -> Vec<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tests here are ASCII");
        pairs(query.as_bytes(), separators.as_bytes(), keep_blank)
            .map(|(key, value)| (text(key), text(value)))
            .collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn pairs_keep_their_order_and_repeat() {
        assert_eq!(
            parsed("b=2&a=1&b=3", "&", false),
            expected(&[("b", "2"), ("a", "1"), ("b", "3")])
        );
    }

    #[test]
    fn blank_values_are_kept_on_demand() {
        assert_eq!(parsed("a=&b&c=1&&=", "&", false), expected(&[("c", "1")]));
        assert_eq!(parsed("a=&b&c=1&&=", "&", true), expected(&[("a", ""), ("b", ""), ("c", "1")]));
    }

    #[test]
    fn an_empty_key_may_have_a_value() {
        assert_eq!(parsed("=1", "&", false), expected(&[("", "1")]));
    }

    #[test]
    fn further_equals_signs_belong_to_the_value() {
        assert_eq!(parsed("a=b=c%3Dd", "&", false), expected(&[("a", "b=c=d")]));
    }

    #[test]
    fn the_semicolon_separates_on_demand() {
        assert_eq!(parsed("a=1;b=2", "&", false), expected(&[("a", "1;b=2")]));
        assert_eq!(
            parsed("a=1;b=2&c=3", "&;", false),
            expected(&[("a", "1"), ("b", "2"), ("c", "3")])
        );
    }

    #[test]
    fn escapes_are_decoded_and_malformed_ones_left() {
        let cases: [(&[u8], &[u8]); 9] = [
            (b"a+b%20c", b"a b c"),
            (b"%2F%2f%41", b"//A"),
            (b"%2B", b"+"),
            (b"100%", b"100%"),
            (b"%4", b"%4"),
            (b"%zz%41", b"%zzA"),
            (b"%%41", b"%A"),
            (b"a%00b", b"a"),
            (b"%e9\xff", b"\xe9\xff"),
        ];
        for (text, result) in cases {
            assert_eq!(decode(text), result, "{}", text.escape_ascii());
        }
    }
}
