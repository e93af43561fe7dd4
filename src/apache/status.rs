//! What a hook tells httpd: OK, DECLINED, DONE or an HTTP status, as one type.

use super::sys;

/// A result of a hook, or an HTTP status. Any number fits: Python code may return any, and httpd has the last word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status(pub i32);

impl Status {
    pub const OK: Self = Self(sys::OK as i32);
    pub const DECLINED: Self = Self(sys::DECLINED);
    pub const DONE: Self = Self(sys::DONE);
    pub const SUSPENDED: Self = Self(sys::SUSPENDED);
    /// A filter has failed: httpd answers with 500 unless something has gone out.
    pub const FILTER_ERROR: Self = Self(sys::AP_FILTER_ERROR);

    pub const HTTP_OK: Self = Self(sys::HTTP_OK as i32);
    pub const BAD_REQUEST: Self = Self(sys::HTTP_BAD_REQUEST as i32);
    pub const UNAUTHORIZED: Self = Self(sys::HTTP_UNAUTHORIZED as i32);
    pub const FORBIDDEN: Self = Self(sys::HTTP_FORBIDDEN as i32);
    pub const NOT_FOUND: Self = Self(sys::HTTP_NOT_FOUND as i32);
    pub const METHOD_NOT_ALLOWED: Self = Self(sys::HTTP_METHOD_NOT_ALLOWED as i32);
    pub const LENGTH_REQUIRED: Self = Self(sys::HTTP_LENGTH_REQUIRED as i32);
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self(sys::HTTP_REQUEST_ENTITY_TOO_LARGE as i32);
    pub const INTERNAL_SERVER_ERROR: Self = Self(sys::HTTP_INTERNAL_SERVER_ERROR as i32);
    pub const NOT_IMPLEMENTED: Self = Self(sys::HTTP_NOT_IMPLEMENTED as i32);
    pub const BAD_GATEWAY: Self = Self(sys::HTTP_BAD_GATEWAY as i32);
    pub const GATEWAY_TIME_OUT: Self = Self(sys::HTTP_GATEWAY_TIME_OUT as i32);
    pub const SERVICE_UNAVAILABLE: Self = Self(sys::HTTP_SERVICE_UNAVAILABLE as i32);

    /// Whether it is an HTTP status that httpd will send (its `ap_is_HTTP_VALID_RESPONSE`).
    pub const fn is_valid_http(self) -> bool {
        self.0 >= 100 && self.0 < 600
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn only_three_digit_statuses_below_600_are_http() {
        for (number, valid) in
            [(-2, false), (0, false), (99, false), (100, true), (599, true), (600, false)]
        {
            assert_eq!(Status(number).is_valid_http(), valid, "{number}");
        }
    }
}
