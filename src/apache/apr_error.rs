//! An error number of APR, which is `errno` for small numbers and APR's own for large ones.

use std::ffi::c_char;
use std::fmt;

use super::sys;

/// A failure that APR reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AprError(pub i32);

impl AprError {
    pub const NO_MEMORY: Self = Self(sys::APR_ENOMEM as i32);
    pub const GENERAL: Self = Self(sys::APR_EGENERAL as i32);

    /// `Err` unless `status` is APR_SUCCESS.
    pub(super) fn check(status: sys::apr_status_t) -> Result<(), Self> {
        if status == sys::APR_SUCCESS as sys::apr_status_t { Ok(()) } else { Err(Self(status)) }
    }

    /// The system's `errno`, if that is what the number is.
    pub fn errno(self) -> Option<i32> {
        (self.0 > 0 && self.0 < sys::APR_OS_START_ERROR as i32).then_some(self.0)
    }

    /// The file is not there (or a part of its path is no directory: not the same error, so not included).
    pub fn is_not_found(self) -> bool {
        self.0 == sys::APR_ENOENT as i32
    }
}

impl fmt::Display for AprError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0_u8; 200];
        // SAFETY: the buffer is as long as said; apr_strerror ends what it writes with a NUL.
        unsafe { sys::apr_strerror(self.0, buffer.as_mut_ptr().cast::<c_char>(), buffer.len()) };
        let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(buffer.len());
        formatter.write_str(&String::from_utf8_lossy(&buffer[..end]))
    }
}

impl std::error::Error for AprError {}

#[cfg(test)]
mod tests {
    use super::AprError;

    #[test]
    fn small_numbers_are_errno_and_large_ones_are_not() {
        assert_eq!(AprError(2).errno(), Some(2));
        assert!(AprError(2).is_not_found());
        assert_eq!(AprError::GENERAL.errno(), None);
        assert!(!AprError::GENERAL.is_not_found());
    }
}
