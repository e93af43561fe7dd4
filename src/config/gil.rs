//! `PythonInterpreterGIL`: which interpreters have one of Python's locks for themselves. Words to values.

use crate::config::settings::MAIN_INTERPRETER;

/// What the directives of the server say, all together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GilWishes {
    /// Whether interpreters that are not named have a lock of their own.
    pub others: bool,
    /// Each name once.
    pub named: Vec<(Box<[u8]>, bool)>,
}

impl GilWishes {
    /// Takes in one directive; what it says counts more than what earlier ones have said of the same interpreters.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub fn add(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let [kind, names @ ..] = words else { return Err(usage("")) };
        let own = match kind.to_ascii_lowercase().as_slice() {
            b"own" => true,
            b"shared" => false,
            _ => {
                return Err(usage(&format!(
                    "{} is not understood: ",
                    String::from_utf8_lossy(kind)
                )));
            }
        };
        if names.is_empty() {
            self.others = own;
        }
        for name in names {
            if own && *name == MAIN_INTERPRETER {
                return Err(
                    "MP0042: main_interpreter cannot have a GIL of its own: it is the one that Python starts with, whose GIL the others \
                     share; choose another name with PythonInterpreter"
                        .to_owned(),
                );
            }
            self.named.retain(|(known, _)| **known != **name);
            self.named.push(((*name).into(), own));
        }
        Ok(())
    }

    /// Whether any interpreter could have a lock of its own.
    #[must_use]
    pub fn asks_for_own(&self) -> bool {
        self.others || self.named.iter().any(|(_, own)| *own)
    }
}

fn usage(found: &str) -> String {
    format!(
        "MP0041: {found}PythonInterpreterGIL takes own or shared and, unless all interpreters are meant, their names"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(lines: &[&str]) -> Result<GilWishes, String> {
        let mut wishes = GilWishes::default();
        for line in lines {
            let words: Vec<&[u8]> =
                line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect();
            wishes.add(&words)?;
        }
        Ok(wishes)
    }

    #[test]
    fn later_lines_count_more() {
        let said = wishes(&["own", "shared a b", "OWN b"]).unwrap();
        assert!(said.others);
        let named: Vec<_> = said.named.iter().map(|(name, own)| (&**name, *own)).collect();
        assert_eq!(named, [(&b"a"[..], false), (&b"b"[..], true)]);
    }

    #[test]
    fn only_own_is_asked_for() {
        for (lines, asked) in [
            (&["shared", "shared a"][..], false),
            (&["own"], true),
            (&["own a"], true),
            (&["own", "shared"], false),
        ] {
            assert_eq!(wishes(lines).unwrap().asks_for_own(), asked, "{lines:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("", "takes own or shared"),
            ("mine", "mine is not understood"),
            ("own a main_interpreter", "MP0042: main_interpreter cannot have a GIL of its own"),
        ] {
            let error = wishes(&[line]).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
        assert!(wishes(&["shared main_interpreter"]).is_ok(), "as it is anyway");
    }
}
