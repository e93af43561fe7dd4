//! The error log: a line on a request, a connection, a server or the process, at one of httpd's levels.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use super::boundary;
use super::connection::Connection;
use super::record;
use super::request::Request;
use super::server::Server;
use super::{sys, text};

/// Whose log, and whose LogLevel.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    Request(Request<'a>),
    Connection(Connection<'a>),
    Server(Server),
    /// No server: standard error, which is the main error log once httpd runs. httpd then drops what is below notice.
    Process,
}

/// Where in a program a line comes from: what `%F` of ErrorLogFormat shows.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub file: &'a [u8],
    pub line: i32,
}

/// Calls `action` with what httpd is asking about on this thread; with the main server where that is nothing.
pub fn with_current<T>(action: impl FnOnce(Target<'_>) -> T) -> T {
    boundary::with_current(|current| {
        action(current.or_else(|| Server::main().map(Target::Server)).unwrap_or(Target::Process))
    })
}

/// httpd's levels; the first eight are those of syslog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Level {
    Emerg = 0,
    Alert = 1,
    Crit = 2,
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    Debug = 7,
    Trace1 = 8,
    Trace2 = 9,
    Trace3 = 10,
    Trace4 = 11,
    Trace5 = 12,
    Trace6 = 13,
    Trace7 = 14,
    Trace8 = 15,
}

const LEVELS: [Level; 16] = [
    Level::Emerg,
    Level::Alert,
    Level::Crit,
    Level::Error,
    Level::Warning,
    Level::Notice,
    Level::Info,
    Level::Debug,
    Level::Trace1,
    Level::Trace2,
    Level::Trace3,
    Level::Trace4,
    Level::Trace5,
    Level::Trace6,
    Level::Trace7,
    Level::Trace8,
];

impl Level {
    /// The level of a number; None if httpd has no such level.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| LEVELS.get(index)).copied()
    }
}

/// Writes one line, if the target's LogLevel for this module asks for it. httpd escapes control characters.
pub fn log(target: Target<'_>, level: Level, message: &[u8]) {
    if enabled(target, level) {
        text::with_c_str(&without_nul(message), |message| write(target, level, None, message));
    }
}

/// As [`log`], for a line whose origin is known.
pub fn log_from(target: Target<'_>, level: Level, origin: Origin<'_>, message: &[u8]) {
    if enabled(target, level) {
        text::with_c_str(&without_nul(message), |message| {
            text::with_c_str(origin.file, |file| {
                write(target, level, Some((file, origin.line)), message);
            });
        });
    }
}

fn write(target: Target<'_>, level: Level, origin: Option<(&CStr, c_int)>, message: &CStr) {
    let (module, level) = (record::module_index(), c_int::from(level as u8));
    let (file, line) = origin.map_or((ptr::null(), 0), |(file, line)| (file.as_ptr(), line));
    let (format, message): (*const c_char, _) = (c"%s".as_ptr(), message.as_ptr());
    // SAFETY: the target lives ('a), the format takes one C string, and a NULL file name means that there is none.
    unsafe {
        match target {
            Target::Request(r) => {
                sys::ap_log_rerror_(file, line, module, level, 0, r.raw(), format, message)
            }
            Target::Connection(c) => {
                sys::ap_log_cerror_(file, line, module, level, 0, c.raw(), format, message)
            }
            Target::Server(s) => {
                sys::ap_log_error_(file, line, module, level, 0, s.raw(), format, message)
            }
            Target::Process => {
                sys::ap_log_error_(file, line, module, level, 0, ptr::null(), format, message)
            }
        }
    }
}

/// Whether a line of this level may be written: httpd's own test, which leaves notice and graver to httpd itself.
pub fn enabled(target: Target<'_>, level: Level) -> bool {
    if level <= Level::Notice {
        return true;
    }
    let module = record::module_index();
    // SAFETY: the target lives ('a); these functions only read.
    let limit = unsafe {
        match target {
            Target::Request(r) => sys::ap_get_request_module_loglevel(r.raw(), module),
            Target::Connection(c) => sys::ap_get_conn_module_loglevel(c.raw(), module),
            Target::Server(s) => sys::ap_get_server_module_loglevel(s.raw(), module),
            Target::Process => return false,
        }
    };
    c_int::from(level as u8) <= limit
}

/// A NUL would end the line.
fn without_nul(message: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(message.len());
    for &byte in message {
        if byte == 0 { shown.extend_from_slice(b"^@") } else { shown.push(byte) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{LEVELS, Level, without_nul};

    #[test]
    fn a_nul_is_shown() {
        assert_eq!(without_nul(b"a\0b"), b"a^@b");
    }

    #[test]
    fn numbers_are_levels() {
        for (number, level) in LEVELS.iter().enumerate() {
            assert_eq!(*level as usize, number);
        }
        assert_eq!(Level::from_number(3), Some(Level::Error));
        assert_eq!(Level::from_number(-1), None);
        assert_eq!(Level::from_number(16), None);
    }
}
