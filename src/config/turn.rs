//! When the handlers of a phase run, compared with other modules: `@early` or `@late` as a directive's first word.

/// A place among all modules that take part in a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Before the other modules.
    Early,
    /// Among them, as mod_python always was.
    #[default]
    Usual,
    /// After them, as far as they leave anything to do.
    Late,
}

/// No module has a name that starts so, and no path to one.
const MARK: u8 = b'@';

impl Turn {
    /// The word for it; the usual turn has none.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Turn::Early => Some("@early"),
            Turn::Usual => None,
            Turn::Late => Some("@late"),
        }
    }

    pub fn named(word: &[u8]) -> Option<Turn> {
        [Turn::Early, Turn::Late]
            .into_iter()
            .find(|turn| turn.word().is_some_and(|known| known.as_bytes() == word))
    }

    /// Whether a word stands for a turn, known or not, and for no handler.
    pub fn is_meant_by(word: &[u8]) -> bool {
        word.first() == Some(&MARK)
    }
}
