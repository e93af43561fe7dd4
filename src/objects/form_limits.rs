//! What a form may hold: the PythonOptions `mod_python.form.*`, and what a form being read has used up of that.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::form::Refused;
use super::multimap::Entry;
use super::request_state::RequestState;
use super::server::option_entries;
use crate::apache::request::Request;
use crate::forms::urlencoded::Separator;

const PREFIX: &str = "mod_python.form.";
const MIB: u64 = 1024 * 1024;

/// Sizes in bytes. `u64::MAX` is no limit.
pub struct Limits {
    pub separator: Separator,
    pub max_fields: u64,
    pub max_files: u64,
    /// Of a name or value that is no file.
    pub max_field_size: u64,
    /// Of all names and values that are no files, headers of parts included.
    pub max_text_size: u64,
    /// Of the whole body.
    pub max_size: u64,
    /// Of all files of the form that are kept in memory.
    pub spool_size: u64,
    /// Where the larger ones go.
    pub directory: PathBuf,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            separator: Separator::Ampersand,
            max_fields: 20_000,
            max_files: 500,
            max_field_size: 16 * MIB,
            max_text_size: 64 * MIB,
            max_size: 2048 * MIB,
            spool_size: MIB,
            directory: PathBuf::new(),
        }
    }
}

impl Limits {
    /// # Errors
    /// `ValueError` for an option that makes no sense.
    pub fn of(request: Request<'_>) -> PyResult<Self> {
        let mut limits = Self::default();
        for (key, value) in options(request) {
            let Some(name) = suffix(&key) else { continue };
            limits.set(&name, &value.unwrap_or_default())?;
        }
        Ok(limits)
    }

    fn set(&mut self, name: &str, value: &[u8]) -> PyResult<()> {
        let limit = match name {
            "separator" => {
                self.separator = separator(value)?;
                return Ok(());
            }
            "directory" => {
                self.directory = PathBuf::from(OsStr::from_bytes(value));
                return Ok(());
            }
            "max_fields" => &mut self.max_fields,
            "max_files" => &mut self.max_files,
            "max_field_size" => &mut self.max_field_size,
            "max_text_size" => &mut self.max_text_size,
            "max_size" => &mut self.max_size,
            "spool_size" => {
                self.spool_size = number(name, value)?;
                return Ok(());
            }
            _ => return Err(bad_option(name, value, "there is no such option")),
        };
        *limit = match number(name, value)? {
            0 => u64::MAX,
            number => number,
        };
        Ok(())
    }
}

/// The options in force, with what Python has changed for this request.
fn options(request: Request<'_>) -> Vec<Entry> {
    let in_force = super::settings_of(request).map_or_else(Vec::new, option_entries);
    let extras = RequestState::of(request).known_extras();
    let mut view = extras.map(|extras| extras.options.borrow_mut());
    match view.as_deref_mut() {
        Some(Some(view)) => view.update(in_force).lock().0.clone(),
        _ => in_force,
    }
}

fn suffix(key: &[u8]) -> Option<String> {
    let (prefix, name) = key.split_at_checked(PREFIX.len())?;
    let ours = prefix.eq_ignore_ascii_case(PREFIX.as_bytes());
    ours.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

fn separator(value: &[u8]) -> PyResult<Separator> {
    match value {
        b"&" => Ok(Separator::Ampersand),
        b";" | b"&;" => Ok(Separator::AmpersandOrSemicolon),
        _ => Err(bad_option("separator", value, "it is either & or ;")),
    }
}

/// A number, or one of KiB, MiB or GiB: `16M`.
fn number(name: &str, value: &[u8]) -> PyResult<u64> {
    let text = String::from_utf8_lossy(value);
    let (digits, unit) = match text.char_indices().last() {
        Some((end, 'K' | 'k')) => (&text[..end], 1024),
        Some((end, 'M' | 'm')) => (&text[..end], MIB),
        Some((end, 'G' | 'g')) => (&text[..end], 1024 * MIB),
        _ => (&*text, 1),
    };
    let number = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit));
    number.ok_or_else(|| {
        bad_option(name, value, "it is a number, which K, M or G may follow; 0 is no limit")
    })
}

fn bad_option(name: &str, value: &[u8], why: &str) -> PyErr {
    let value = String::from_utf8_lossy(value);
    PyValueError::new_err(format!("PythonOption {PREFIX}{name} \"{value}\": {why}"))
}

/// What a form has used up.
pub struct Usage<'l> {
    pub limits: &'l Limits,
    fields: u64,
    files: u64,
    text: u64,
    received: u64,
    /// Bytes of files in memory.
    pub in_memory: u64,
}

impl<'l> Usage<'l> {
    pub fn new(limits: &'l Limits) -> Self {
        Self { limits, fields: 0, files: 0, text: 0, received: 0, in_memory: 0 }
    }

    pub fn field(&mut self) -> Result<(), Refused> {
        self.fields += 1;
        within(self.fields, self.limits.max_fields, "fields", "max_fields")
    }

    pub fn file(&mut self) -> Result<(), Refused> {
        self.files += 1;
        within(self.files, self.limits.max_files, "files", "max_files")
    }

    /// More text of a field that has `size` bytes with it.
    pub fn text(&mut self, more: usize, size: usize) -> Result<(), Refused> {
        self.field_size(size as u64)?;
        self.overhead(more)
    }

    pub fn field_size(&self, size: u64) -> Result<(), Refused> {
        within(size, self.limits.max_field_size, "bytes in a field", "max_field_size")
    }

    pub fn overhead(&mut self, more: usize) -> Result<(), Refused> {
        self.text = self.text.saturating_add(more as u64);
        let limit = self.limits.max_text_size;
        within(self.text, limit, "bytes in fields that are no files", "max_text_size")
    }

    /// More of the body has arrived, or is announced.
    pub fn body(&mut self, more: u64) -> Result<(), Refused> {
        self.received = self.received.saturating_add(more);
        within(self.received, self.limits.max_size, "bytes", "max_size")
    }

    pub fn announced(&self, length: u64) -> Result<(), Refused> {
        within(length, self.limits.max_size, "bytes", "max_size")
    }

    pub fn has_received(&self) -> bool {
        self.received > 0
    }
}

fn within(count: u64, limit: u64, what: &'static str, option: &'static str) -> Result<(), Refused> {
    if count <= limit { Ok(()) } else { Err(Refused::TooLarge { limit, what, option }) }
}
