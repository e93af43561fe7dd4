//! An error on its way to whom it concerns: lines for the log, a page for PythonDebug.

use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;

/// An error as it is told: under whose name, in what words.
pub struct Report {
    name: String,
    elements: Vec<String>,
}

impl Report {
    /// `elements` are those of a traceback, or one sentence.
    #[must_use]
    pub fn new(name: String, elements: Vec<String>) -> Self {
        Self { name, elements }
    }

    /// A line for each element of the traceback.
    pub fn log(&self, request: Request<'_>) {
        for element in &self.elements {
            let element = element.strip_suffix('\n').unwrap_or(element);
            let line = format!("{}: {element}", self.name);
            log::log(Target::Request(request), Level::Error, line.as_bytes());
        }
    }

    /// What PythonDebug shows.
    #[must_use]
    pub fn page(&self) -> String {
        page(&self.name, &self.elements)
    }

    /// Shows it to the client, where the response can still take it: it has not ended.
    pub fn send(&self, request: Request<'_>, status: Status) -> bool {
        request.set_status(status);
        request.set_content_type(b"text/html; charset=utf-8");
        request.write(self.page().as_bytes()).and_then(|()| request.flush()).is_ok()
    }
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

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_escaped() {
        let page = page("PythonHandler a::b", &["<module> & \"x\"\n".to_owned()]);
        assert_eq!(
            page,
            "\n<pre>\nMod_python error: \"PythonHandler a::b\"\n\n&lt;module&gt; &amp; &quot;x&quot;\n\n</pre>\n"
        );
    }
}
