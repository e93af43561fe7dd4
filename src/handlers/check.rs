//! `httpd -t -D PYTHON_CHECK`: imports every handler of the configuration, as the user and in the interpreter that would
//! run it. `mod_python.inspection` says what is wrong, in the report that the command `mod_python check` reads.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::child;

use crate::apache::log::{self, Level, Target};
use crate::apache::pool::Pool;
use crate::apache::process::{self, Directive};
use crate::apache::server::Server;
use crate::config::htaccess;
use crate::config::settings::MAIN_INTERPRETER;
use crate::config::stated::{Place, Stated, stated};
use crate::objects::native;
use crate::objects::report::{Report, Told};
use crate::python::convert::Text;
use crate::python::{interpreter, thread};

const DEFINE: &[u8] = b"PYTHON_CHECK";

pub fn run(pool: Pool<'_>, main: Server) {
    if !process::exists_config_define(DEFINE) {
        return;
    }
    let mut found = stated(main);
    if !process::drop_privileges(pool, main) {
        let line =
            b"MP0003: mod_python: the server's user could not be taken on; nothing is checked";
        log::log(Target::Server(main), Level::Error, line);
        return;
    }
    let (of_files, refused) = htaccess::stated(main, pool);
    found.extend(of_files);
    child::settle(main);
    let begin = |py: Python<'_>| {
        let all =
            found.iter().map(|stated| description(py, stated)).collect::<PyResult<Vec<_>>>()?;
        let refused = refused.iter().map(|file| (Text(&file.file), &file.why));
        let refused = refused.map(|row| row.into_pyobject(py)).collect::<PyResult<Vec<_>>>()?;
        py.import("mod_python.inspection")?.call_method1("begin", (all, refused)).map(drop)
    };
    if !in_interpreter(main, MAIN_INTERPRETER, begin) {
        return;
    }
    for (index, stated) in found.iter().enumerate() {
        let inspect = |py: Python<'_>| {
            let arguments = (index, description(py, stated)?);
            py.import("mod_python.inspection")?.call_method1("inspect", arguments).map(drop)
        };
        in_interpreter(main, &stated.interpreter, inspect);
    }
}

/// Whether the interpreter could be had and `run` raised nothing.
fn in_interpreter(main: Server, name: &[u8], run: impl FnOnce(Python<'_>) -> PyResult<()>) -> bool {
    let told = match interpreter::named(name, native::prepare) {
        Err(failure) => Some(Told::Sentence(failure.to_string())),
        Ok(interpreter) => {
            thread::attach(interpreter, |py| run(py).err().map(|raised| Told::raised(py, &raised)))
        }
    };
    let Some(told) = told else { return true };
    Report::new("mod_python".to_owned(), told).log(Target::Server(main));
    false
}

fn description<'py>(py: Python<'py>, stated: &Stated) -> PyResult<Bound<'py, PyDict>> {
    let (kind, place) = match &stated.place {
        Place::Server => ("server", &b""[..]),
        Place::Directory(text) => ("directory", &text[..]),
        Place::Pattern(text) => ("pattern", &text[..]),
        Place::Location(text) => ("location", &text[..]),
    };
    let options = PyDict::new(py);
    for option in &stated.options {
        options.set_item(Text(&option.key), Text(&option.value))?;
    }
    let dict = PyDict::new(py);
    dict.set_item("lines", lines(stated))?;
    dict.set_item("directive", &stated.directive)?;
    dict.set_item("text", Text(&stated.text))?;
    dict.set_item("module", Text(&stated.module))?;
    dict.set_item("object", stated.object.as_deref().map(Text))?;
    dict.set_item("kind", kind)?;
    dict.set_item("place", Text(place))?;
    dict.set_item("interpreter", Text(&stated.interpreter))?;
    dict.set_item("python_path", stated.python_path.as_deref().map(Text))?;
    dict.set_item("home", stated.home.as_ref().map(|home| Text(home.as_os_str().as_bytes())))?;
    dict.set_item("options", options)?;
    Ok(dict)
}

/// `file:line` of each place that names the handler: in its own section, or anywhere if none is written like that.
fn lines(stated: &Stated) -> Vec<String> {
    if let Some(file) = &stated.file {
        return lines_of_file(file, stated);
    }
    let mut found = Vec::new();
    collect_lines(process::config_tree(), None, stated, &mut found);
    let own = match &stated.place {
        Place::Server => None,
        Place::Directory(text) | Place::Pattern(text) | Place::Location(text) => Some(&text[..]),
    };
    let is_own = |section: &Option<Vec<u8>>| section.as_deref() == own.map(without_slash);
    let some = found.iter().any(|(section, _)| is_own(section));
    found.retain(|(section, _)| !some || is_own(section));
    found.into_iter().map(|(_, line)| line).collect()
}

/// The same of an .htaccess file, or its name where a line cannot be told.
fn lines_of_file(file: &[u8], stated: &Stated) -> Vec<String> {
    let text = std::fs::read(OsStr::from_bytes(file)).unwrap_or_default();
    let shown = String::from_utf8_lossy(file);
    let is_named = |line: &[u8]| {
        let mut words = line.split(|byte| byte.is_ascii_whitespace() || *byte == b'|');
        words.any(|word| word.eq_ignore_ascii_case(stated.directive.as_bytes()))
            && words.any(|word| word == stated.text)
    };
    let lines = text.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| is_named(line));
    let found: Vec<String> = lines.map(|(_, number)| format!("{shown}:{number}")).collect();
    if found.is_empty() { vec![shown.into_owned()] } else { found }
}

/// The lines, each with the argument of the directory or location section around it.
fn collect_lines(
    first: Option<Directive>,
    section: Option<&[u8]>,
    stated: &Stated,
    found: &mut Vec<(Option<Vec<u8>>, String)>,
) {
    for directive in std::iter::successors(first, Directive::next) {
        let (name, arguments) = (directive.name(), directive.args());
        let mut words = arguments.split(|byte| byte.is_ascii_whitespace() || *byte == b'|');
        if name.eq_ignore_ascii_case(stated.directive.as_bytes())
            && words.any(|word| word == stated.text)
        {
            let file = String::from_utf8_lossy(directive.filename().unwrap_or_default());
            let line = format!("{file}:{}", directive.line_number());
            found.push((section.map(<[u8]>::to_vec), line));
        }
        let name = name.to_ascii_lowercase();
        let place = (name.starts_with(b"<directory") || name.starts_with(b"<location"))
            .then(|| without_slash(argument(arguments)));
        collect_lines(directive.first_child(), place.or(section), stated, found);
    }
}

/// The place in a section's line, without quotes and `>`.
fn argument(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b">").unwrap_or(line).trim_ascii();
    let line = line.strip_prefix(b"~").unwrap_or(line).trim_ascii();
    line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line)
}

fn without_slash(text: &[u8]) -> &[u8] {
    if text.len() > 1 { text.strip_suffix(b"/").unwrap_or(text) } else { text }
}
