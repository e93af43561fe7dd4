//! What a thread does in Python, as text.

use std::fs::File;
use std::io::{BufRead, BufReader};

use pyo3::prelude::*;

use super::package;
use super::states::Calm;

/// A frame's place in the program, and no reference to the frame itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub function: String,
}

/// Deeper than this, the middle is left out: a handler may recurse without end.
const SHOWN: usize = 60;

/// Where a thread is: the frame it is in last, what has called it before. Runs no Python code.
#[must_use]
pub fn places(calm: &Calm<'_>, innermost: &Bound<'_, PyAny>) -> Vec<Place> {
    let _ = calm;
    let mut found = Vec::new();
    let mut next = Some(innermost.clone());
    while let Some(frame) = next {
        if let Ok(place) = place(&frame) {
            found.push(place);
        }
        next = frame.getattr("f_back").ok().filter(|outer| !outer.is_none());
    }
    found.reverse();
    found
}

fn place(frame: &Bound<'_, PyAny>) -> PyResult<Place> {
    let code = frame.getattr("f_code")?;
    let line = frame.getattr("f_lineno")?;
    Ok(Place {
        file: code.getattr("co_filename")?.str()?.to_string_lossy().into_owned(),
        line: line.extract().unwrap_or(0),
        function: code.getattr("co_name")?.str()?.to_string_lossy().into_owned(),
    })
}

/// One element for each place, with the line of source that is there: as in a traceback. Needs no Python, whose lock, or whose
/// lock of imports, may not be to be had.
#[must_use]
pub fn elements(places: &[Place]) -> Vec<String> {
    if places.len() <= SHOWN {
        return places.iter().map(element).collect();
    }
    let (first, last) = (&places[..SHOWN / 3], &places[places.len() - SHOWN * 2 / 3..]);
    let left_out = places.len() - first.len() - last.len();
    let middle = std::iter::once(format!("  [{left_out} frames left out]"));
    first.iter().map(element).chain(middle).chain(last.iter().map(element)).collect()
}

fn element(place: &Place) -> String {
    let Place { file, line, function } = place;
    let head = format!("  File \"{file}\", line {line}, in {function}");
    match source_line(file, *line) {
        Some(text) if !text.trim().is_empty() => format!("{head}\n    {}", text.trim()),
        _ => head,
    }
}

/// A line of a file, or of the package inside this library; None for what has no file.
fn source_line(file: &str, line: u32) -> Option<String> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    if let Some(text) = package::source(file) {
        return text.lines().nth(index).map(str::to_owned);
    }
    if !file.starts_with('/') {
        return None;
    }
    let lines = BufReader::new(File::open(file).ok()?).split(b'\n');
    let found = lines.map_while(Result::ok).nth(index)?;
    Some(String::from_utf8_lossy(&found).into_owned())
}

/// The name of a thread that `threading` has started, which is a local variable of its outermost function.
#[must_use]
pub fn thread_object<'py>(
    calm: &Calm<'py>,
    innermost: &Bound<'py, PyAny>,
) -> Option<Bound<'py, PyAny>> {
    let mut outermost = innermost.clone();
    while let Ok(outer) = outermost.getattr("f_back") {
        if outer.is_none() {
            break;
        }
        outermost = outer;
    }
    let _ = calm;
    let place = place(&outermost).ok()?;
    if place.function != "_bootstrap" || !place.file.ends_with("threading.py") {
        return None;
    }
    outermost.getattr("f_locals").ok()?.get_item("self").ok()
}
