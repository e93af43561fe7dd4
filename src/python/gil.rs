//! Python's locks (GILs): the one that interpreters share, and those of interpreters that have one of their own.

use std::fmt;
use std::sync::OnceLock;

use super::compat;
use super::gil_turns::Gil;

/// Whether an interpreter has a lock of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    #[default]
    Shared,
    Own,
}

/// Which interpreters have a lock of their own.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// For interpreters that are not named below.
    pub others: Sharing,
    pub named: Vec<(Box<[u8]>, Sharing)>,
}

/// The running Python knows one lock only.
#[derive(Debug, thiserror::Error)]
pub struct TooOld {
    major: u8,
    minor: u8,
    library: Option<String>,
}

impl fmt::Display for TooOld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let library = self.library.as_deref().unwrap_or("libpython");
        write!(
            f,
            "a GIL of its own for an interpreter needs Python 3.12 or later, but mod_python runs Python {}.{} ({library})",
            self.major, self.minor
        )
    }
}

/// The process' own, from `PythonInterpreterGIL`.
static CHOICE: OnceLock<Choice> = OnceLock::new();

/// Says what interpreters are to have. It counts for those made from now on.
pub fn choose(choice: Choice) {
    let _ = CHOICE.set(choice);
}

/// Whether this Python can give interpreters locks of their own.
///
/// # Errors
/// It is older than 3.12.
pub fn supports_own() -> Result<(), TooOld> {
    let (major, minor, _) = compat::version();
    if compat::new_interpreter_from_config().is_some() {
        return Ok(());
    }
    Err(TooOld { major, minor, library: compat::library_path() })
}

/// What was chosen for an interpreter.
pub(super) fn sharing_of(name: &[u8]) -> Sharing {
    CHOICE.get().map_or(Sharing::Shared, |choice| choice.sharing_of(name))
}

impl Choice {
    fn sharing_of(&self, name: &[u8]) -> Sharing {
        let named = self.named.iter().find(|(known, _)| **known == *name);
        named.map_or(self.others, |(_, sharing)| *sharing)
    }
}

/// The lock of the main interpreter and of all that have none of their own.
pub(super) static SHARED: Gil = Gil::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_before_what_holds_for_others() {
        let named = vec![(Box::from(&b"slow"[..]), Sharing::Shared)];
        let choice = Choice { others: Sharing::Own, named };
        assert_eq!(choice.sharing_of(b"slow"), Sharing::Shared);
        assert_eq!(choice.sharing_of(b"other"), Sharing::Own);
        assert_eq!(Choice::default().sharing_of(b"other"), Sharing::Shared);
    }

    #[test]
    fn this_python_answers_by_its_version() {
        let (_, minor, _) = compat::version();
        assert_eq!(supports_own().is_ok(), minor >= 12);
        if let Err(error) = supports_own() {
            assert!(error.to_string().contains("needs Python 3.12 or later"), "{error}");
        }
    }
}
