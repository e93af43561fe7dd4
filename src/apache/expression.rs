//! httpd's expressions (`<If>`, `Require expr`), parsed and evaluated while a request is served.

use std::ffi::{CStr, c_char, c_uint};
use std::mem;
use std::ptr;

use super::request::Request;
use super::{record, sys, text};

/// What httpd says of an expression that it cannot parse or evaluate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(String);

impl Request<'_> {
    /// Whether a condition holds, as in `<If "…">`. Headers it looks at are added to the response's Vary.
    pub fn condition(self, expression: &[u8]) -> Result<bool, ExpressionError> {
        self.evaluate(expression, 0, |info, error| {
            // SAFETY: the request lives, and so does the parsed expression during the call.
            match unsafe { sys::ap_expr_exec(self.raw(), info, error) } {
                result if result < 0 => None,
                result => Some(result > 0),
            }
        })
    }

    /// The text that a string with `%{…}` in it becomes. Headers it looks at are added to the response's Vary.
    pub fn interpolated(self, expression: &[u8]) -> Result<Vec<u8>, ExpressionError> {
        self.evaluate(expression, sys::AP_EXPR_FLAG_STRING_RESULT, |info, error| {
            // SAFETY: as in `condition`; the result may be a part of the expression, hence the copy.
            unsafe { text::bytes(sys::ap_expr_str_exec(self.raw(), info, error)) }
                .map(<[u8]>::to_vec)
        })
    }

    /// Parses an expression, and has it executed: `execute` gives nothing if it fails, or leaves an error message.
    fn evaluate<T>(
        self,
        expression: &[u8],
        flags: c_uint,
        execute: impl FnOnce(*const sys::ap_expr_info_t, *mut *const c_char) -> Option<T>,
    ) -> Result<T, ExpressionError> {
        // What is parsed goes with the call, not with the request.
        let pool = self.pool().child().map_err(|error| ExpressionError(error.to_string()))?;
        let (pool, mut error) = (pool.pool(), ptr::null());
        let expression = pool.dup(expression);
        // SAFETY: zero is a value of all its fields.
        let mut info: sys::ap_expr_info_t = unsafe { mem::zeroed() };
        info.filename = c"expression".as_ptr();
        info.flags = flags;
        info.module_index = record::module_index();
        // SAFETY: all that is given lives as long as the pool; without a look-up function httpd takes its own.
        let failure = unsafe {
            let (raw, info) = (pool.raw(), &raw mut info);
            text::bytes(sys::ap_expr_parse(raw, raw, info, expression.as_ptr(), None))
        };
        if let Some(message) = failure {
            return Err(ExpressionError(String::from_utf8_lossy(message).into_owned()));
        }
        let result = execute(&raw const info, &raw mut error);
        // SAFETY: NULL or a message that lives as long as the request's pool.
        match (unsafe { text::bytes(error) }, result) {
            (None, Some(result)) => Ok(result),
            (message, _) => Err(ExpressionError(
                String::from_utf8_lossy(message.unwrap_or(UNKNOWN.to_bytes())).into_owned(),
            )),
        }
    }
}

const UNKNOWN: &CStr = c"the expression could not be evaluated";
