//! `PythonTimeout`: how long Python code may run before it is interrupted.

use std::time::Duration;

use crate::config::section::Text;

/// As written, and what it means: no limit for 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeout {
    pub text: Text,
    pub limit: Option<Duration>,
}

/// A day: whoever wants more wants none.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Timeout {
    /// Seconds, with up to three digits after a point.
    pub fn parse(argument: &[u8]) -> Result<Self, String> {
        let shown = String::from_utf8_lossy(argument);
        let limit = seconds(&shown).filter(|limit| *limit <= LONGEST).ok_or_else(|| {
            format!(
                "MP0051: PythonTimeout '{shown}': give seconds, such as 30 or 0.5, up to 86400, or 0 for no limit"
            )
        })?;
        Ok(Self { text: argument.into(), limit: (!limit.is_zero()).then_some(limit) })
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 3 {
        return None;
    }
    let milliseconds = format!("{fraction:0<3}").parse().ok()?;
    Some(Duration::from_secs(whole.parse().ok()?) + Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Option<Option<u128>> {
        let parsed = Timeout::parse(text.as_bytes()).ok()?;
        Some(parsed.limit.map(|limit| limit.as_millis()))
    }

    #[test]
    fn seconds_and_parts_of_them() {
        for (text, milliseconds) in
            [("30", 30_000), ("0.5", 500), ("1.25", 1250), ("0.001", 1), ("86400", 86_400_000)]
        {
            assert_eq!(limit(text), Some(Some(milliseconds)), "{text}");
        }
        assert_eq!((limit("0"), limit("0.0"), limit("00")), (Some(None), Some(None), Some(None)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "-1", "+1", "1s", "1.", ".5", "1.2345", "1e3", "86400.001", "99999999999999999999"]
        {
            assert_eq!(limit(text), None, "{text}");
        }
    }
}
