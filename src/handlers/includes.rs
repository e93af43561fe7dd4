//! `<!--#python eval="…" -->` and `<!--#python exec="…" -->` in pages that mod_include works on.
//!
//! Whatever goes wrong in a tag is in the error log, the text of mod_include for errors, or what PythonDebug shows, is in the
//! tag's place, and the page goes on.

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::runner;
use crate::apache::include::{self, Attribute, Element, NotSent};
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::config::settings::Settings;
use crate::counters::Work;
use crate::objects::deadline;
use crate::objects::filter;
use crate::objects::lease::{Ending, Lease, OfElement};
use crate::objects::native::State;
use crate::objects::report::{self, Report, Told};
use crate::objects::request_count;
use crate::objects::request_state::{RequestState, Service};
use crate::objects::resolve;
use crate::objects::settings_of;
use crate::python::convert::{Text, encode};
use crate::python::interpreter::Interpreter;
use crate::python::{Object, thread};

/// What the code of a tag is: an expression whose value is shown, or statements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Eval,
    Exec,
}

#[derive(PartialEq, Eq, Debug)]
struct Code {
    kind: Kind,
    text: Vec<u8>,
}

/// Tells mod_include of the tag, each time that httpd has read its configuration.
pub fn register() {
    include::register(c"python", serve);
}

fn serve(element: Element<'_>) -> Result<(), NotSent> {
    if !element.is_shown() {
        return Ok(());
    }
    if let Err(wrong) = run(&element) {
        wrong.log(element.request());
        match wrong.page() {
            Some(page) => element.write(page.as_bytes())?,
            None => element.write_error(),
        }
    }
    element.flush()
}

/// Why there is nothing in a tag's place.
enum Wrong {
    /// What the tag says.
    Tag(String),
    /// What its code does.
    Code { report: Report, debug: bool },
}

impl Wrong {
    fn log(&self, request: Request<'_>) {
        match self {
            Self::Tag(sentence) => {
                let line = report::line(&page_name(request), sentence);
                log::log(Target::Request(request), Level::Error, line.as_bytes());
            }
            Self::Code { report, .. } => report.log(Target::Request(request)),
        }
    }

    fn page(&self) -> Option<String> {
        match self {
            Self::Code { report, debug: true } => Some(report.page()),
            _ => None,
        }
    }
}

/// As the log calls it.
fn page_name(request: Request<'_>) -> String {
    format!("includes {}", String::from_utf8_lossy(request.filename().unwrap_or_default()))
}

/// Runs a tag.
fn run(element: &Element<'_>) -> Result<(), Wrong> {
    let tag = |sentence: &str| Wrong::Tag(sentence.to_owned());
    if !element.may_execute() {
        return Err(tag("MP0120: the python element is not allowed here: Options IncludesNOEXEC"));
    }
    let code = code(&element.attributes()).map_err(Wrong::Tag)?;
    let request = element.request();
    let settings =
        settings_of(request).ok_or_else(|| tag("MP0121: no configuration of mod_python"))?;
    let interpreter = runner::interpreter_of(settings, None, request)
        .map_err(|failure| Wrong::Tag(failure.to_string()))?;
    let known = RequestState::of(request);
    let ending = Ending(Lease::<OfElement>::new(element));
    ending.0.join(known.lease.family());
    let service = known.serve(request);
    let _running = Running::enter(request);
    thread::attach(interpreter, |py| {
        let tag = Tag { element, lease: &ending.0, service: &service, settings, code: &code };
        tag.run(py, interpreter).map_err(|raised| {
            let report = Report::new(page_name(request), Told::raised(py, &raised));
            Wrong::Code { report, debug: settings.debug() }
        })
    })
}

/// A tag that runs: nothing can be sent on its request, nor on those whose pages include it.
struct Running<'r>(Request<'r>);

impl<'r> Running<'r> {
    fn enter(request: Request<'r>) -> Self {
        for request in std::iter::successors(Some(request), |request| request.main()) {
            let tags = &RequestState::of(request).tags;
            tags.set(tags.get() + 1);
        }
        Self(request)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        for request in std::iter::successors(Some(self.0), |request| request.main()) {
            let tags = &RequestState::of(request).tags;
            tags.set(tags.get() - 1);
        }
    }
}

/// The one attribute of a tag. `Err` is a sentence on what is wrong.
fn code(attributes: &[Attribute]) -> Result<Code, String> {
    let (name, value) = match attributes {
        [] => {
            return Err(
                "MP0122: the python element has no attribute: it needs eval or exec".to_owned()
            );
        }
        [(name, value)] => (name, value.as_deref().unwrap_or_default()),
        _ => return Err("MP0123: the python element takes one attribute, eval or exec".to_owned()),
    };
    let kind = match &**name {
        b"eval" => Kind::Eval,
        b"exec" => Kind::Exec,
        _ => {
            let name = String::from_utf8_lossy(name);
            return Err(format!("MP0124: the python element takes eval or exec, not '{name}'"));
        }
    };
    let text = source(kind, value);
    if text.is_empty() {
        let name = String::from_utf8_lossy(name);
        return Err(format!("MP0125: the attribute {name} of the python element is empty"));
    }
    Ok(Code { kind, text })
}

/// Line ends as Python has them, and no white space at the end; before an expression, none either.
fn source(kind: Kind, value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for (index, byte) in value.iter().enumerate() {
        if *byte != b'\r' || value.get(index + 1) != Some(&b'\n') {
            text.push(*byte);
        }
    }
    match kind {
        Kind::Eval => text.trim_ascii().to_vec(),
        Kind::Exec => text.trim_ascii_end().to_vec(),
    }
}

/// A tag in its interpreter.
struct Tag<'a> {
    element: &'a Element<'a>,
    lease: &'a Lease<OfElement>,
    service: &'a Service<'a>,
    settings: Settings<'a>,
    code: &'a Code,
}

impl Tag<'_> {
    fn run(&self, py: Python<'_>, interpreter: &'static Interpreter) -> PyResult<()> {
        let state = State::of_interpreter(interpreter)
            .ok_or_else(|| PyTypeError::new_err("this interpreter was not made by mod_python"))?;
        let request = self.element.request();
        let limit = self.settings.timeout();
        let _armed = deadline::arm(py, state, request, limit, || page_name(request));
        request_count::call(request, RequestState::of(request), state, Work::Include);
        resolve::apply_python_path(py, state, self.settings)?;
        let globals = globals(&RequestState::of(request).object(py, state)?)?;
        globals
            .set_item("filter", filter::instantiate_of_element(py, state, self.lease.clone())?)?;
        globals.set_item("__file__", request.filename().map(Text))?;
        let page = String::from_utf8_lossy(request.filename().unwrap_or_default());
        let file = format!("<python in {page}>");
        let _sharing = self.service.share(py);
        let result = self.evaluate(&globals, &file);
        globals.set_item("filter", py.None())?;
        let result = result?;
        if self.code.kind == Kind::Exec || result.is_none() {
            return Ok(());
        }
        let text = result.str()?;
        let text = encode(text.as_any().as_borrowed(), "a result")?;
        // Threads that the code has started may be writing too.
        let written = self.lease.borrow(py)?.write(text.as_bytes());
        written.map_err(|error| PyOSError::new_err(error.to_string()))
    }

    fn evaluate<'py>(&self, globals: &Bound<'py, PyDict>, file: &str) -> PyResult<Object<'py>> {
        let builtins = globals.py().import("builtins")?;
        let mode = match self.code.kind {
            Kind::Eval => "eval",
            Kind::Exec => "exec",
        };
        let compiled = builtins.call_method1("compile", (Text(&self.code.text), file, mode))?;
        builtins.call_method1("eval", (compiled, globals))
    }
}

/// `req.ssi_globals`: what all tags of a page share, and what handlers may have put there before.
fn globals<'py>(request: &Object<'py>) -> PyResult<Bound<'py, PyDict>> {
    if let Some(known) = request.getattr_opt("ssi_globals")? {
        return known
            .cast_into()
            .map_err(|_| PyTypeError::new_err("req.ssi_globals must be a dict"));
    }
    let globals = PyDict::new(request.py());
    request.setattr("ssi_globals", &globals)?;
    Ok(globals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, value: &str) -> Attribute {
        (name.as_bytes().to_vec(), Some(value.as_bytes().to_vec()))
    }

    #[test]
    fn code_of_a_tag() {
        let eval = code(&[attribute("eval", " 5\r\n+ 1 ")]).unwrap();
        assert_eq!(eval, Code { kind: Kind::Eval, text: b"5\n+ 1".to_vec() });
        let exec = code(&[attribute("exec", "\r\n  x\ry\r\n \t")]).unwrap();
        assert_eq!(exec, Code { kind: Kind::Exec, text: b"\n  x\ry".to_vec() });
    }

    #[test]
    fn tags_without_code() {
        for wrong in [
            vec![],
            vec![attribute("file", "x")],
            vec![attribute("eval", " \n")],
            vec![(b"exec".to_vec(), None)],
            vec![attribute("eval", "1"), attribute("exec", "2")],
        ] {
            assert!(code(&wrong).is_err(), "{wrong:?}");
        }
    }
}
