//! Python Server Pages to Python source: a pure function.
//!
//! A page's text becomes string literals given to a function that writes them, its code stays as it is, on the lines on which
//! it stood: line N of the page is line N of the source, until a fragment is included. [`Translation::segments`] says where
//! each line came from.

use std::fmt;

/// What stands around text and around expressions in the source.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub text: (&'static str, &'static str),
    pub expression: (&'static str, &'static str),
    /// A statement in place of the writing of no text.
    pub nothing: Option<&'static str>,
}

impl Style {
    /// As the original documents it.
    pub const DOCUMENTED: Self = Self {
        text: ("req.write(\"\"\"", "\"\"\",0)"),
        expression: ("req.write(str(", "),0)"),
        nothing: None,
    };
    /// For pages that run with functions of their request.
    pub const DIRECT: Self = Self {
        text: ("__text__(\"\"\"", "\"\"\")"),
        expression: ("__echo__(", ")"),
        nothing: Some("pass"),
    };
    /// For pages in which `req` may be anything that has a `write`.
    pub const ANY_REQUEST: Self = Self {
        text: ("req.write(\"\"\"", "\"\"\",0)"),
        expression: ("req.write(__str__(", "),0)"),
        nothing: Some("pass"),
    };
}

/// A page, or a fragment that one includes.
#[derive(Clone, Debug)]
pub struct Template {
    pub name: String,
    pub source: Vec<u8>,
}

/// Python source, and where its lines came from.
#[derive(Debug, Default)]
pub struct Translation {
    pub source: String,
    /// The page's name, then those of the fragments in the order of their inclusion.
    pub files: Vec<String>,
    pub segments: Vec<Segment>,
}

/// From line `from` of the source on, lines are those of a file, beginning with `line`. All count from 1, files from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub from: usize,
    pub file: usize,
    pub line: usize,
}

/// What is wrong with a template.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    /// Its name.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    pub problem: Problem,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// The mark that nothing closes, and what would close it.
    Unterminated(&'static str, &'static str),
    NotUtf8(u8),
    NulInCode,
    /// A fragment that includes itself, with all that lie between.
    Recursion(Vec<String>),
    /// Fragments in fragments, more than [`DEPTH`].
    TooDeep,
}

/// How many fragments may lie in one another.
pub const DEPTH: usize = 50;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unterminated(opening, closing) => {
                write!(f, "'{opening}' is never closed: '{closing}' is missing")
            }
            Self::NotUtf8(byte) => {
                write!(f, "byte 0x{byte:02x} is not UTF-8: templates must be saved as UTF-8")
            }
            Self::NulInCode => f.write_str("NUL character in Python code"),
            Self::TooDeep => write!(f, "more than {DEPTH} fragments include one another"),
            Self::Recursion(files) => {
                write!(f, "the fragment includes itself: {}", files.join(" includes "))
            }
        }
    }
}

/// Why there is no translation.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure<E> {
    Template(Error),
    /// A fragment could not be read.
    Fragment(E),
}

/// Translates a page. `open` reads a fragment by the name in an include directive.
///
/// # Errors
/// [`Failure::Template`] for a broken template; what `open` returned for a fragment that it could not read.
pub fn translate<E>(
    page: &Template,
    style: Style,
    open: &mut dyn FnMut(&str) -> Result<Template, E>,
) -> Result<Translation, Failure<E>> {
    let mut translator = Translator {
        style,
        open,
        done: Translation::default(),
        line: 1,
        text_start: 0,
        indentation: String::new(),
        including: Vec::new(),
    };
    if without_mark(&page.source).is_empty() {
        translator.done.files.push(page.name.clone());
        return Ok(translator.done);
    }
    translator.open_text();
    translator.template(page)?;
    translator.close_text();
    translator.newline();
    Ok(translator.done)
}

/// UTF-8's byte order mark is no part of the page.
fn without_mark(source: &[u8]) -> &[u8] {
    source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source)
}

struct Translator<'a, E> {
    style: Style,
    open: &'a mut dyn FnMut(&str) -> Result<Template, E>,
    done: Translation,
    /// The line of the source that is being written.
    line: usize,
    /// Where the text that is open begins in the source.
    text_start: usize,
    /// Of the text after a block: that of the block's last line.
    indentation: String,
    /// The files under way, by their index in `done.files`.
    including: Vec<usize>,
}

/// A place in a template.
struct Cursor<'t> {
    file: usize,
    line: usize,
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    /// What is left up to `end`, which is skipped too. The line count stays; see [`Translator::advance`].
    fn take_to(&mut self, end: &str) -> Option<&'t str> {
        let (taken, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(taken)
    }
}

impl<E> Translator<'_, E> {
    fn template(&mut self, template: &Template) -> Result<(), Failure<E>> {
        let file = self.done.files.len();
        self.done.files.push(template.name.clone());
        let source = without_mark(&template.source);
        let text = str::from_utf8(source).map_err(|error| {
            let (before, after) = source.split_at(error.valid_up_to());
            let line = 1 + newlines(&String::from_utf8_lossy(before));
            self.error(file, line, Problem::NotUtf8(after.first().copied().unwrap_or_default()))
        })?;
        self.including.push(file);
        self.segment(file, 1);
        let mut cursor = Cursor { file, line: 1, rest: text };
        while !cursor.rest.is_empty() {
            self.text(&mut cursor);
            self.tag(&mut cursor)?;
        }
        self.including.pop();
        Ok(())
    }

    /// Text up to the next tag, as the inside of a string literal.
    fn text(&mut self, cursor: &mut Cursor<'_>) {
        let end = cursor.rest.find("<%").unwrap_or(cursor.rest.len());
        let (text, rest) = cursor.rest.split_at(end);
        cursor.rest = rest;
        for line in Lines::of(text) {
            for character in line.text.chars() {
                match character {
                    '"' => self.push("\\\""),
                    '\\' => self.push("\\\\"),
                    '\0' => self.push("\\x00"),
                    other => self.done.source.push(other),
                }
            }
            if line.is_ended {
                self.newline();
                cursor.line += 1;
            }
        }
    }

    fn tag(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Failure<E>> {
        const TAGS: [(&str, &str); 4] =
            [("<%--", "--%>"), ("<%=", "%>"), ("<%@", "%>"), ("<%", "%>")];
        let tag = TAGS.into_iter().find(|(opening, _)| cursor.rest.starts_with(opening));
        let Some((opening, closing)) = tag else { return Ok(()) };
        cursor.rest = &cursor.rest[opening.len()..];
        let (file, line) = (cursor.file, cursor.line);
        let Some(inside) = cursor.take_to(closing) else {
            return Err(self.error(file, line, Problem::Unterminated(opening, closing)));
        };
        cursor.line += newlines(inside);
        match opening {
            "<%--" => self.skipped(inside),
            "<%=" => self.expression(inside, (file, line))?,
            "<%@" => {
                self.skipped(inside);
                if let Some(name) = included(inside) {
                    self.include(name, cursor)?;
                }
            }
            _ => self.block(inside, (file, line))?,
        }
        Ok(())
    }

    /// Keeps the count of lines over what is left out: between two string literals newlines mean nothing.
    fn skipped(&mut self, inside: &str) {
        let count = newlines(inside);
        if count > 0 {
            self.push("\"\"\"");
            (0..count).for_each(|_| self.newline());
            self.push("\"\"\"");
        }
    }

    fn include(&mut self, name: &str, cursor: &Cursor<'_>) -> Result<(), Failure<E>> {
        let fragment = (self.open)(name).map_err(Failure::Fragment)?;
        let names: Vec<_> = self.including.iter().map(|file| &self.done.files[*file]).collect();
        if let Some(first) = names.iter().position(|known| **known == fragment.name) {
            let mut chain: Vec<_> = names[first..].iter().map(|known| (*known).clone()).collect();
            chain.push(fragment.name);
            return Err(self.error(cursor.file, cursor.line, Problem::Recursion(chain)));
        }
        if self.including.len() > DEPTH {
            return Err(self.error(cursor.file, cursor.line, Problem::TooDeep));
        }
        self.template(&fragment)?;
        self.segment(cursor.file, cursor.line);
        Ok(())
    }

    fn expression(&mut self, code: &str, place: (usize, usize)) -> Result<(), Failure<E>> {
        self.close_text();
        self.push("; ");
        self.push(self.style.expression.0);
        self.code(code, place)?;
        self.push(self.style.expression.1);
        self.push("; ");
        self.open_text();
        Ok(())
    }

    fn block(&mut self, code: &str, place: (usize, usize)) -> Result<(), Failure<E>> {
        self.close_text();
        self.push(";");
        self.indentation.clear();
        let start = self.done.source.len();
        let opens_block = self.code(code, place)?;
        let line_start = self.done.source[start..].rfind('\n').map_or(start, |at| start + at + 1);
        let last_line = self.done.source[line_start..].trim_end();
        if opens_block {
            self.indentation.push('\t');
        } else if !last_line.trim_start().is_empty() && !last_line.ends_with(';') {
            self.push(";");
        }
        self.done.source.push_str(&self.indentation);
        self.open_text();
        Ok(())
    }

    /// Copies code, without a comment that the closing mark would become part of. Notes the indentation of its lines; returns
    /// whether a colon ends it.
    fn code(&mut self, code: &str, (file, line): (usize, usize)) -> Result<bool, Failure<E>> {
        let mut literals = Literals::default();
        let mut after_colon = false;
        for (number, row) in Lines::of(code).enumerate() {
            let rest = row.text.trim_start_matches([' ', '\t']);
            if row.text.contains('\0') {
                return Err(self.error(file, line + number, Problem::NulInCode));
            }
            if number > 0 {
                if !row.is_ended && rest.is_empty() {
                    break; // blanks before the closing mark
                }
                self.indentation.clear();
                self.indentation.push_str(&row.text[..row.text.len() - rest.len()]);
            }
            let bare = literals.line(row.text);
            self.push(if row.is_ended { row.text } else { bare });
            if !rest.is_empty() {
                after_colon = bare.trim_end().ends_with(':') && !literals.is_open();
            }
            if row.is_ended {
                self.newline();
            }
        }
        Ok(after_colon)
    }

    fn open_text(&mut self) {
        self.text_start = self.done.source.len();
        self.push(self.style.text.0);
    }

    fn close_text(&mut self) {
        let is_empty = self.done.source.len() == self.text_start + self.style.text.0.len();
        match self.style.nothing.filter(|_| is_empty) {
            Some(nothing) => {
                self.done.source.truncate(self.text_start);
                self.push(nothing);
            }
            None => self.push(self.style.text.1),
        }
    }

    fn push(&mut self, text: &str) {
        self.done.source.push_str(text);
    }

    fn newline(&mut self) {
        self.done.source.push('\n');
        self.line += 1;
    }

    /// What follows comes from this line on.
    fn segment(&mut self, file: usize, line: usize) {
        let segments = &mut self.done.segments;
        if segments.last().is_some_and(|last| last.from == self.line) {
            segments.pop();
        }
        segments.push(Segment { from: self.line, file, line });
    }

    fn error(&self, file: usize, line: usize, problem: Problem) -> Failure<E> {
        Failure::Template(Error { file: self.done.files[file].clone(), line, problem })
    }
}

/// Lines that end with LF, CRLF or CR; the last one has no end, and may be empty.
struct Lines<'t>(Option<&'t str>);

struct Row<'t> {
    text: &'t str,
    is_ended: bool,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self(Some(text))
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = Row<'t>;

    fn next(&mut self) -> Option<Row<'t>> {
        let left = self.0.take()?;
        let Some(end) = left.find(['\n', '\r']) else {
            return Some(Row { text: left, is_ended: false });
        };
        let (text, rest) = left.split_at(end);
        self.0 = Some(rest.strip_prefix("\r\n").unwrap_or(&rest[1..]));
        Some(Row { text, is_ended: true })
    }
}

fn newlines(text: &str) -> usize {
    Lines::of(text).filter(|row| row.is_ended).count()
}

/// Which string literal of Python is open, from line to line of a piece of code.
#[derive(Default)]
struct Literals {
    open: Option<Quote>,
}

struct Quote {
    mark: char,
    is_triple: bool,
}

impl Literals {
    fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The line without its comment.
    fn line<'t>(&mut self, line: &'t str) -> &'t str {
        let mut rest = line;
        let mut is_escaped = false;
        while let Some(next) = rest.chars().next() {
            let at = line.len() - rest.len();
            let is_triple = rest.starts_with(if next == '"' { "\"\"\"" } else { "'''" });
            let mut width = next.len_utf8();
            match &self.open {
                Some(_) if is_escaped => is_escaped = false,
                Some(_) if next == '\\' => is_escaped = true,
                Some(open) if next == open.mark && (is_triple || !open.is_triple) => {
                    if open.is_triple {
                        width *= 3;
                    }
                    self.open = None;
                }
                None if next == '#' => return &line[..at],
                None if matches!(next, '"' | '\'') => {
                    self.open = Some(Quote { mark: next, is_triple });
                    if is_triple {
                        width *= 3;
                    }
                }
                _ => {}
            }
            rest = &rest[width..];
        }
        // A plain literal goes on only after a backslash.
        self.open = self.open.take().filter(|open| open.is_triple || is_escaped);
        line
    }
}

/// The name in an include directive; None for any other one.
fn included(directive: &str) -> Option<&str> {
    let rest = directive.trim_start().strip_prefix("include")?;
    let name =
        rest.trim_start().strip_prefix("file").filter(|_| rest.starts_with(char::is_whitespace))?;
    let value = name.trim_start().strip_prefix('=')?.trim();
    let name = value.strip_prefix('"')?.strip_suffix('"')?;
    let is_name = !name.is_empty() && !name.contains(['"', ' ', '\t', '\r', '\n', '\0']);
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{Error, Failure, Problem, Segment, Style, Template, Translation, translate};

    const FRAGMENTS: &[(&str, &str)] = &[
        ("head", "<b>\n<% x = 1 %></b>\n"),
        ("loop", "<%\nfor i in y:\n%>"),
        ("self", "<%@ include file=\"again\"%>"),
        ("again", "<%@ include file=\"self\"%>"),
    ];

    fn template(name: &str, source: &[u8]) -> Template {
        Template { name: name.into(), source: source.into() }
    }

    fn open(name: &str) -> Result<Template, String> {
        let found = FRAGMENTS.iter().find(|(known, _)| *known == name);
        found.map(|(name, text)| template(name, text.as_bytes())).ok_or_else(|| name.to_owned())
    }

    fn tried(page: impl AsRef<[u8]>, style: Style) -> Result<Translation, Failure<String>> {
        translate(&template("page", page.as_ref()), style, &mut open)
    }

    fn source(page: &str) -> String {
        tried(page, Style::DOCUMENTED).expect("a good template").source
    }

    fn problem(page: impl AsRef<[u8]>) -> (usize, Problem) {
        match tried(page, Style::DOCUMENTED).expect_err("a broken template") {
            Failure::Template(Error { line, problem, .. }) => (line, problem),
            Failure::Fragment(name) => panic!("{name} cannot be read"),
        }
    }

    #[test]
    fn the_documented_shape() {
        assert_eq!(source(""), "");
        assert_eq!(source("a"), "req.write(\"\"\"a\"\"\",0)\n");
        let expected =
            "req.write(\"\"\"a\"\"\",0); req.write(str(x),0); req.write(\"\"\"b\"\"\",0)\n";
        assert_eq!(source("a<%=x%>b"), expected);
        let expected = "req.write(\"\"\"\"\"\",0);\nfor i in y:\n\treq.write(\"\"\"\nrow\n\"\"\",0);\n# end\nreq.write(\"\"\"\n\"\"\",0)\n";
        assert_eq!(source("<%\nfor i in y:\n%>\nrow\n<%\n# end\n%>\n"), expected);
    }

    #[test]
    fn text_is_literal() {
        assert_eq!(
            source("\"\\n\\x\r\n\r\0"),
            "req.write(\"\"\"\\\"\\\\n\\\\x\n\n\\x00\"\"\",0)\n"
        );
        assert_eq!(source("\u{feff}a %> < %"), "req.write(\"\"\"a %> < %\"\"\",0)\n");
        assert_eq!(source("\u{feff}"), "");
    }

    #[test]
    fn comments_keep_the_count_of_lines() {
        assert_eq!(source("a<%-- %> --%>b"), "req.write(\"\"\"ab\"\"\",0)\n");
        assert_eq!(source("a<%--\n\n--%>b"), "req.write(\"\"\"a\"\"\"\n\n\"\"\"b\"\"\",0)\n");
    }

    /// What stands between the first text and the second one.
    fn block(code: &str) -> String {
        let whole = source(&format!("<%{code}%>z"));
        let inside = whole.strip_prefix("req.write(\"\"\"\"\"\",0);").expect("no text before");
        inside.strip_suffix("req.write(\"\"\"z\"\"\",0)\n").expect("z behind").to_owned()
    }

    #[test]
    fn blocks() {
        for (code, expected) in [
            ("x=1", "x=1;"),
            (" x=1; ", " x=1; "),
            (" ", " "),
            ("# all", ""),
            ("x='#'", "x='#';"),
            ("x=1 # c", "x=1 ;"),
            ("x='''\n#'''", "x='''\n#''';"),
            ("\nx=1", "\nx=1;"),
            ("\n# c", "\n"),
            ("\n  x=1\n", "\n  x=1\n  "),
            ("\n  x=1\n\n", "\n  x=1\n\n"),
            ("\nx=1\n   ", "\nx=1\n"),
            ("\nif x:\n  y()\n", "\nif x:\n  y()\n  "),
            ("\nif x:\n  y()\n   ", "\nif x:\n  y()\n  "),
            ("\nif x:\n  y()\n# end\n", "\nif x:\n  y()\n# end\n"),
            ("\nif x:\n\n", "\nif x:\n\n\t"),
            ("\n  if x:\n", "\n  if x:\n  \t"),
            ("\nif x: # c\n", "\nif x: # c\n\t"),
            ("\nif x:\n    # begin\n", "\nif x:\n    # begin\n    "),
            ("\nif x:", "\nif x:\t"),
            ("\r\nx=1\r", "\nx=1\n"),
            ("\nx = ''':\n", "\nx = ''':\n"),
        ] {
            assert_eq!(block(code), expected, "{code:?}");
        }
    }

    #[test]
    fn no_text_is_not_written() {
        let done = tried("<%\nif x:\n%><%=y%>", Style::DIRECT).expect("a good template");
        assert_eq!(done.source, "pass;\nif x:\n\tpass; __echo__(y); pass\n");
    }

    #[test]
    fn fragments() {
        let page = "1<%@ include file=\"head\" %>\n3<%@ include file='head' %><%@include\n file = \"loop\"%>x";
        let done = tried(page, Style::DOCUMENTED).expect("a good template");
        let expected = "req.write(\"\"\"1<b>\n\"\"\",0); x = 1 ;req.write(\"\"\"</b>\n\n3\"\"\"\n\"\"\"\"\"\",0);\nfor i in y:\n\treq.write(\"\"\"x\"\"\",0)\n";
        assert_eq!(done.source, expected);
        assert_eq!(done.files, ["page", "head", "loop"]);
        let segments = [(1, 1, 1), (3, 0, 1), (5, 2, 1), (7, 0, 3)];
        assert_eq!(done.segments, segments.map(|(from, file, line)| Segment { from, file, line }));
    }

    #[test]
    fn directives_that_are_none() {
        for directive in
            ["", "page", "includes file=\"head\"", "include file=\"a b\"", "include file="]
        {
            assert_eq!(source(&format!("a<%@{directive}%>b")), "req.write(\"\"\"ab\"\"\",0)\n");
        }
    }

    #[test]
    fn what_is_wrong_and_where() {
        assert_eq!(problem("a\n<%= x"), (2, Problem::Unterminated("<%=", "%>")));
        assert_eq!(problem("a\n\n<%--%>"), (3, Problem::Unterminated("<%--", "--%>")));
        assert_eq!(problem("<%\n\n"), (1, Problem::Unterminated("<%", "%>")));
        assert_eq!(problem(b"a\r\rb\n\xe9"), (4, Problem::NotUtf8(0xe9)));
        assert_eq!(problem("\n<%\n\0%>"), (3, Problem::NulInCode));
        let chain = ["self", "again", "self"].map(str::to_owned).to_vec();
        assert_eq!(problem("<%@ include file=\"self\"%>"), (1, Problem::Recursion(chain)));
        let missing = tried("<%@ include file=\"none\"%>", Style::DIRECT);
        assert_eq!(missing.expect_err("none"), Failure::Fragment("none".to_owned()));
    }

    #[test]
    fn a_line_of_the_page_is_a_line_of_the_source() {
        for page in
            ["a\nb", "<%--\n--%>\n", "<%\nx\n  %>\n\n", "<%=\n1\n%><%@\n%>", "\r\r\n<%\r\n%>"]
        {
            for style in [Style::DOCUMENTED, Style::DIRECT, Style::ANY_REQUEST] {
                let done = tried(page, style).expect("a good template");
                let lines = done.source.matches('\n').count();
                assert_eq!(lines, super::newlines(page) + 1, "{page:?}");
                assert_eq!(done.segments, [Segment { from: 1, file: 0, line: 1 }]);
            }
        }
    }
}
