//! Python Server Pages to Python source: a pure function.
//!
//! A page's text becomes string literals given to a function that writes them, its code stays as it is, on the lines on which
//! it stood: line N of the page is line N of the source, until a fragment is included. [`Translation::segments`] says where
//! each line came from.

mod lines;
#[cfg(test)]
mod tests;

use std::fmt;

use lines::{Lines, Literals, newlines};

/// How the source writes.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// What stands around text.
    text: (&'static str, &'static str),
    /// What stands around an expression.
    expression: (&'static str, &'static str),
    /// As `expression`, for what may be several arguments.
    arguments: (&'static str, &'static str),
    /// A statement in place of the writing of no text.
    nothing: Option<&'static str>,
    /// Whether one call writes texts and the expressions between them.
    joins: bool,
}

impl Style {
    /// As the original documents it.
    pub const DOCUMENTED: Self = Self {
        text: ("req.write(\"\"\"", "\"\"\",0)"),
        expression: ("req.write(str(", "),0)"),
        arguments: ("req.write(str(", "),0)"),
        nothing: None,
        joins: false,
    };
    /// For pages in which `req` may be anything that has a `write`.
    pub const ANY_REQUEST: Self = Self {
        expression: ("req.write(__str__(", "),0)"),
        arguments: ("req.write(__str__(", "),0)"),
        nothing: Some("pass"),
        ..Self::DOCUMENTED
    };
    /// For pages that run with a function of their request, which is given a text, and then values and texts in turn.
    pub const DIRECT: Self = Self {
        text: ("__write__(\"\"\"", "\"\"\")"),
        expression: ("(", ")"),
        arguments: ("__value__(", ")"),
        nothing: Some("pass"),
        joins: true,
    };
}

/// How many expressions one call writes.
const JOINED: usize = 50;

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
        text_line: 1,
        values: 0,
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
    /// Where the call that writes the open text begins in the source, by offset and line, and how many values it has.
    text_start: usize,
    text_line: usize,
    values: usize,
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
    /// What is left up to `end`, which is skipped too. The count of lines is the caller's.
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
        let bare = code.trim();
        let is_one = !bare.is_empty() && !bare.starts_with('*') && !bare.contains([',', '=', '#']);
        let (before, after) = if is_one { self.style.expression } else { self.style.arguments };
        if !self.style.joins {
            self.close_text();
            self.push("; ");
            self.push(before);
            self.code(code, place)?;
            self.push(after);
            self.push("; ");
            self.open_text();
            return Ok(());
        }
        if !self.may_join(code) {
            self.close_text();
            self.push("; ");
            self.open_text();
        }
        self.push("\"\"\", ");
        self.push(before);
        self.code(code, place)?;
        self.push(after);
        self.push(", \"\"\"");
        self.values += 1;
        Ok(())
    }

    /// Whether the call that is open may take the expression: to evaluate it must not write anything, since the text before it
    /// is not written yet, and the call must begin on its line, which a traceback names when `str` fails.
    fn may_join(&self, code: &str) -> bool {
        self.is_nothing_open()
            || (self.line == self.text_line && self.values < JOINED && calls_nothing(code))
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
        self.text_line = self.line;
        self.values = 0;
        self.push(self.style.text.0);
    }

    /// Whether the call that is open writes nothing so far.
    fn is_nothing_open(&self) -> bool {
        self.done.source.len() == self.text_start + self.style.text.0.len()
    }

    fn close_text(&mut self) {
        match self.style.nothing.filter(|_| self.is_nothing_open()) {
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

/// Whether an expression is of names, attributes, items, literals and arithmetic only.
fn calls_nothing(code: &str) -> bool {
    code.chars().all(|character| character.is_alphanumeric() || "_.[]'\" +-*/%".contains(character))
}
