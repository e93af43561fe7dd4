//! Lines of a template, and what is code in those of Python.

/// Lines that end with LF, CRLF or CR; the last one has no end, and may be empty.
pub struct Lines<'t>(Option<&'t str>);

pub struct Row<'t> {
    pub text: &'t str,
    pub is_ended: bool,
}

impl<'t> Lines<'t> {
    pub fn of(text: &'t str) -> Self {
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

pub fn newlines(text: &str) -> usize {
    Lines::of(text).filter(|row| row.is_ended).count()
}

/// Which string literal of Python is open, from line to line of a piece of code.
#[derive(Default)]
pub struct Literals {
    open: Option<Quote>,
}

struct Quote {
    mark: char,
    is_triple: bool,
}

impl Literals {
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The line without its comment.
    pub fn line<'t>(&mut self, line: &'t str) -> &'t str {
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
