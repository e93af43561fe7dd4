//! An error on its way to whom it concerns: lines for the log, a page for PythonDebug.

use pyo3::prelude::*;

use super::request_count;
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::counters::{self, Row};
use crate::html::escape;
use crate::python::error;
use crate::python::interpreter::Failure;

/// What went wrong.
pub enum Told {
    /// The elements of a traceback.
    Traceback(Vec<String>),
    /// A sentence of ours, which begins with its number.
    Sentence(String),
}

impl Told {
    #[must_use]
    pub fn raised(py: Python<'_>, raised: &PyErr) -> Self {
        Self::Traceback(error::traceback(py, raised))
    }

    /// The number of a traceback stands before its first line only.
    fn lines(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<_> = self
            .elements()
            .iter()
            .map(|element| line(name, element.strip_suffix('\n').unwrap_or(element)))
            .collect();
        if let (Self::Traceback(_), Some(first)) = (self, lines.first_mut()) {
            first.insert_str(0, "MP0101: ");
        }
        lines
    }

    fn elements(&self) -> &[String] {
        match self {
            Self::Traceback(elements) => elements,
            Self::Sentence(sentence) => std::slice::from_ref(sentence),
        }
    }
}

/// An error as it is told: under whose name, in what words.
pub struct Report {
    name: String,
    told: Told,
    /// Where it is counted, if not by the request that has met it.
    counters: Option<Row>,
}

impl Report {
    #[must_use]
    pub fn new(name: String, told: Told) -> Self {
        Self { name, told, counters: None }
    }

    /// That there is no interpreter for what is called `name`.
    #[must_use]
    pub fn unavailable(name: String, failure: &Failure) -> Self {
        let counters = counters::of_interpreter(failure.interpreter());
        Self::new(name, Told::Sentence(failure.to_string())).counted_by(counters)
    }

    /// Counts it among the errors of an interpreter.
    #[must_use]
    pub fn counted_by(self, counters: Row) -> Self {
        Self { counters: Some(counters), ..self }
    }

    /// A line for each element of a traceback.
    pub fn log(&self, target: Target<'_>) {
        request_count::error(target, self.counters, &self.name, self.told.elements());
        for line in self.told.lines(&self.name) {
            log::log(target, Level::Error, line.as_bytes());
        }
    }

    /// What PythonDebug shows.
    #[must_use]
    pub fn page(&self) -> String {
        page(&self.name, self.told.elements())
    }

    /// Shows it to the client, where the response can still take it: it has not ended.
    pub fn send(&self, request: Request<'_>, status: Status) -> bool {
        request.set_status(status);
        request.set_content_type(b"text/html; charset=utf-8");
        request.write(self.page().as_bytes()).and_then(|()| request.flush()).is_ok()
    }
}

/// A line of the log on what is called `name`. The number of a sentence comes before all else.
#[must_use]
pub fn line(name: &str, sentence: &str) -> String {
    match sentence.split_once(": ") {
        Some((number, rest)) if is_number(number) => format!("{number}: {name}: {rest}"),
        _ => format!("{name}: {sentence}"),
    }
}

/// Whether it is `MP` and four digits.
fn is_number(word: &str) -> bool {
    word.strip_prefix("MP")
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn page(name: &str, elements: &[String]) -> String {
    let mut page = format!("\n<pre>\nMod_python error: \"{}\"\n\n", escape(name));
    for element in elements {
        page.push_str(&escape(element));
        page.push('\n');
    }
    page.push_str("</pre>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_has_its_number_once() {
        let told = Told::Traceback(vec!["Traceback:\n".to_owned(), "  line\n".to_owned()]);
        assert_eq!(
            told.lines("PythonHandler a"),
            ["MP0101: PythonHandler a: Traceback:", "PythonHandler a:   line"]
        );
    }

    #[test]
    fn a_number_comes_first() {
        let sentence = "MP0999: it: failed";
        assert_eq!(line("PythonHandler a", sentence), "MP0999: PythonHandler a: it: failed");
        assert_eq!(line("PythonHandler a", "MPX: failed"), "PythonHandler a: MPX: failed");
    }

    #[test]
    fn a_page_is_escaped() {
        let page = page("PythonHandler a::b", &["<module> & \"x\"\n".to_owned()]);
        assert_eq!(
            page,
            "\n<pre>\nMod_python error: \"PythonHandler a::b\"\n\n&lt;module&gt; &amp; &quot;x&quot;\n\n</pre>\n"
        );
    }
}
