//! What stands behind `Python*Handler`: words `module::object`, each with the directory it was written in, and the
//! file extensions a list is for. Bytes to values; importing and calling are `crate::handlers`' affair.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::apache::pattern::Pattern;
use crate::config::phase::Phase;
use crate::config::turn::Turn;

pub type HandlerList = Arc<[HandlerEntry]>;

/// The handler that is served without Python calling it: `PythonHandler mod_python.wsgi`.
const WSGI: (&[u8], &[u8]) = (b"mod_python.wsgi", b"handler");

/// Whether a directive of this process has ever named that one. Children inherit it with the configuration.
static WSGI_USED: AtomicBool = AtomicBool::new(false);

/// Whether a handler list can have `mod_python.wsgi` in it.
pub fn is_wsgi_used() -> bool {
    WSGI_USED.load(Ordering::Relaxed)
}

/// One word of a handler list.
#[derive(Clone, Debug)]
pub struct HandlerEntry {
    text: Arc<[u8]>,
    /// Where `::` stands in the text.
    separator: Option<usize>,
    phase: Phase,
    directory: Directory,
    silent: bool,
}

/// The directory remembered with a handler word: where its module is looked for.
#[derive(Clone, Debug, Default)]
pub enum Directory {
    /// Written at server level.
    #[default]
    None,
    /// With a trailing slash.
    Path(Arc<[u8]>),
    /// A wildcard or regular expression, which only a request's file name turns into a directory.
    Pattern(Arc<Pattern>),
    /// The argument of a `<Location>`, which is no directory, but names an interpreter.
    Location(Arc<[u8]>),
}

/// A directive's argument, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    pub turn: Turn,
    /// Without the turn's.
    pub words: Vec<&'a [u8]>,
    /// What follows `|`; `None` without a `|`.
    pub extensions: Option<Vec<&'a [u8]>>,
}

/// `[@early | @late] word [word ...] [ | .ext [.ext ...] ]`; quotes mean nothing here.
pub fn parse(argument: &[u8]) -> Argument<'_> {
    let (handlers, extensions) = match argument.iter().position(|&byte| byte == b'|') {
        None => (argument, None),
        Some(bar) => (&argument[..bar], Some(words(&argument[bar + 1..]))),
    };
    let mut words = words(handlers);
    let turn = words.first().and_then(|first| Turn::named(first));
    if turn.is_some() {
        words.remove(0);
    }
    Argument { turn: turn.unwrap_or_default(), words, extensions }
}

impl Argument<'_> {
    /// What is wrong with the turn that the argument of `directive` names, for a directive that `has_turns` or has not.
    pub fn check_turn(&self, directive: &str, has_turns: bool) -> Result<(), String> {
        if let Some(word) = self.words.iter().find(|word| Turn::is_meant_by(word)) {
            let word = String::from_utf8_lossy(word);
            return Err(format!(
                "MP0024: {directive} does not understand \"{word}\": @early or @late may be the first word, and nothing else may start with @"
            ));
        }
        let Some(word) = self.turn.word() else { return Ok(()) };
        if !has_turns {
            return Err(format!(
                "MP0025: {directive} does not accept {word}: it is not one of the phases that other modules take part in"
            ));
        }
        if self.words.is_empty() {
            return Err(format!("MP0026: {directive} {word} names no handler"));
        }
        Ok(())
    }
}

/// A file name's extension as handler lists know it: the last component from its *first* dot on.
pub fn extension(filename: &[u8]) -> &[u8] {
    let start = filename.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let name = &filename[start..];
    name.iter().position(|&byte| byte == b'.').map_or(&[], |dot| &name[dot..])
}

/// The directory a file is in, with its trailing slash; a directory is in itself. `None` for a name without a slash.
pub fn directory_of(filename: &[u8], is_directory: bool) -> Option<Cow<'_, [u8]>> {
    if is_directory && !filename.ends_with(b"/") {
        return Some(Cow::Owned([filename, b"/"].concat()));
    }
    let slash = filename.iter().rposition(|&byte| byte == b'/')?;
    Some(Cow::Borrowed(&filename[..=slash]))
}

impl HandlerEntry {
    pub fn new(text: &[u8], phase: Phase, directory: Directory) -> HandlerEntry {
        let separator = text.windows(2).position(|pair| pair == b"::");
        HandlerEntry { text: text.into(), separator, phase, directory, silent: false }
    }

    /// One of a directive, from which handler lists are made.
    pub(super) fn of_directive(text: &[u8], phase: Phase, directory: Directory) -> HandlerEntry {
        let entry = Self::new(text, phase, directory);
        if entry.is_wsgi() {
            WSGI_USED.store(true, Ordering::Relaxed);
        }
        entry
    }

    /// Whether it is `mod_python.wsgi`, whose handler runs a WSGI application.
    pub fn is_wsgi(&self) -> bool {
        (self.module(), self.object()) == WSGI
    }

    /// A missing object is no error: what `PythonHandlerModule` makes.
    pub fn silent(self) -> HandlerEntry {
        HandlerEntry { silent: true, ..self }
    }

    /// The word as it was written.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    pub fn module(&self) -> &[u8] {
        &self.text[..self.separator.unwrap_or(self.text.len())]
    }

    pub fn object(&self) -> &[u8] {
        match self.separator {
            Some(separator) => &self.text[separator + 2..],
            None => self.phase.default_object().as_bytes(),
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the word says `::object`.
    pub fn names_object(&self) -> bool {
        self.separator.is_some()
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub fn is_silent(&self) -> bool {
        self.silent
    }
}

impl Directory {
    /// The directory for a request: a pattern becomes the shortest leading directory of the file name that it matches.
    pub fn resolve<'a>(
        &'a self,
        filename: Option<&'a [u8]>,
        is_directory: bool,
    ) -> Option<Cow<'a, [u8]>> {
        match self {
            Directory::None => None,
            Directory::Path(text) | Directory::Location(text) => Some(Cow::Borrowed(text)),
            Directory::Pattern(pattern) => {
                shortest_match(filename?, is_directory, |prefix| pattern.matches(prefix))
            }
        }
    }

    /// What is the same for every request.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Directory::Path(text) | Directory::Location(text) => Some(text),
            Directory::None | Directory::Pattern(_) => None,
        }
    }

    pub fn is_pattern(&self) -> bool {
        matches!(self, Directory::Pattern(_))
    }

    pub fn is_location(&self) -> bool {
        matches!(self, Directory::Location(_))
    }
}

/// Each leading directory is tried without and with its trailing slash; the result has it.
fn shortest_match(
    filename: &[u8],
    is_directory: bool,
    matches: impl Fn(&[u8]) -> bool,
) -> Option<Cow<'_, [u8]>> {
    let slashes =
        filename.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(index, _)| index);
    for slash in slashes {
        if (slash > 0 && matches(&filename[..slash])) || matches(&filename[..=slash]) {
            return Some(Cow::Borrowed(&filename[..=slash]));
        }
    }
    if !is_directory || filename.ends_with(b"/") {
        return None;
    }
    let whole = [filename, b"/"].concat();
    (matches(filename) || matches(&whole)).then_some(Cow::Owned(whole))
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> HandlerEntry {
        HandlerEntry::new(text.as_bytes(), Phase::Access, Directory::None)
    }

    #[test]
    fn words_and_extensions_are_told_apart() {
        let plain = parse(b"  a b::c\t\"d\" ");
        assert_eq!(
            plain,
            Argument { turn: Turn::Usual, words: vec![b"a", b"b::c", b"\"d\""], extensions: None }
        );
        let extended = parse(b"a|.py .txt | x");
        assert_eq!(extended.words, [b"a"]);
        assert_eq!(extended.extensions, Some(vec![&b".py"[..], b".txt", b"|", b"x"]));
        assert_eq!(
            parse(b" | "),
            Argument { turn: Turn::Usual, words: vec![], extensions: Some(vec![]) }
        );
    }

    #[test]
    fn the_first_word_may_be_a_turn() {
        let early = parse(b" @early a b | .x");
        assert_eq!((early.turn, &*early.words), (Turn::Early, &[&b"a"[..], b"b"][..]));
        assert_eq!(parse(b"@late a").turn, Turn::Late);
        assert_eq!(parse(b"a @late").turn, Turn::Usual);
        for right in ["a", "", "@early a", "@late a | .x"] {
            assert_eq!(parse(right.as_bytes()).check_turn("D", true), Ok(()));
        }
        for wrong in ["@first a", "@Early a", "a @late", "@early @late a", "@early", "@late | .x"] {
            assert!(parse(wrong.as_bytes()).check_turn("D", true).is_err(), "{wrong}");
        }
        assert!(parse(b"@early a").check_turn("D", false).is_err());
    }

    #[test]
    fn a_word_splits_at_its_first_double_colon() {
        assert_eq!((entry("m").module(), entry("m").object()), (&b"m"[..], &b"accesshandler"[..]));
        assert_eq!(
            (entry("p.m::a.b").module(), entry("p.m::a.b").object()),
            (&b"p.m"[..], &b"a.b"[..])
        );
        assert_eq!(entry("m::a::b").object(), b"a::b");
        assert_eq!(entry("m::").object(), b"");
        assert_eq!(entry("::a").module(), b"");
        assert_eq!(entry("").module(), b"");
    }

    #[test]
    fn an_extension_starts_at_the_first_dot_of_the_last_component() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"/w/x.py", b".py"),
            (b"/w/a.b.py", b".b.py"),
            (b"/w/.hid", b".hid"),
            (b"/w.d/noext", b""),
            (b"/w.d/", b""),
            (b"x.py", b".py"),
            (b"", b""),
        ];
        for (filename, expected) in cases {
            assert_eq!(extension(filename), expected);
        }
    }

    #[test]
    fn a_file_is_in_its_parent_and_a_directory_in_itself() {
        assert_eq!(directory_of(b"/w/x.py", false).unwrap(), &b"/w/"[..]);
        assert_eq!(directory_of(b"/w/d", true).unwrap(), &b"/w/d/"[..]);
        assert_eq!(directory_of(b"/w/d/", true).unwrap(), &b"/w/d/"[..]);
        assert_eq!(directory_of(b"x", false), None);
    }

    #[test]
    fn a_pattern_resolves_to_the_shortest_directory_that_matches() {
        let under_w = |prefix: &[u8]| prefix.starts_with(b"/w/") && prefix.len() > 3;
        assert_eq!(shortest_match(b"/w/one/two/x.py", false, under_w).unwrap(), &b"/w/one/"[..]);
        assert_eq!(shortest_match(b"/w/x.py", false, under_w), None);
        assert_eq!(shortest_match(b"/w/one", true, under_w).unwrap(), &b"/w/one/"[..]);
        let with_slash = |prefix: &[u8]| prefix == b"/w/one/";
        assert_eq!(shortest_match(b"/w/one/x", false, with_slash).unwrap(), &b"/w/one/"[..]);
        let without_slash = |prefix: &[u8]| prefix == b"/w/one";
        assert_eq!(shortest_match(b"/w/one/x", false, without_slash).unwrap(), &b"/w/one/"[..]);
        assert_eq!(shortest_match(b"/x", false, |_| true).unwrap(), &b"/"[..]);
        assert_eq!(shortest_match(b"x", false, |_| true), None);
    }
}
