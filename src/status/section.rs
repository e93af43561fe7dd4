//! The section of mod_status's page: what the page of `python-status` has of interpreters, processes and errors; `?auto`
//! has the sums of all interpreters only.

use crate::apache::process;
use crate::apache::request::Request;
use crate::apache::status_section::Form;
use crate::counters::{self, CLASSES, Counts, Failure, Process, Snapshot};
use crate::html::escape;

use super::memory::Memory;
use super::page;

pub fn write(request: Request<'_>, form: Form) {
    let Some(snapshot) = counters::snapshot() else { return };
    let text = match form {
        Form::Lines => lines(&snapshot),
        Form::Page { tables: true } => with_tables(&snapshot),
        Form::Page { tables: false } => without_tables(&snapshot),
    };
    // Who has gone away needs no answer.
    let _ = request.write(text.as_bytes());
}

/// What `?auto` shows.
fn lines(snapshot: &Snapshot) -> String {
    let total = snapshot.total();
    let mut lines = format!("PythonRequests: {}\n", total.requests());
    for (class, responses) in CLASSES.iter().zip(total.responses()) {
        lines += &format!("PythonRequests{}: {responses}\n", capitalized(class));
    }
    let rest = [
        ("Errors", total.errors().to_string()),
        ("Reloads", total.reloads().to_string()),
        ("Seconds", page::seconds(total.in_python())),
        ("GILWaitSeconds", page::seconds(total.waiting())),
        ("GILWaits", total.waits().to_string()),
        ("BusyThreads", total.busy().to_string()),
        ("Processes", snapshot.processes.len().to_string()),
    ];
    rest.iter().fold(lines, |lines, (name, value)| lines + &format!("Python{name}: {value}\n"))
}

fn with_tables(snapshot: &Snapshot) -> String {
    format!(
        "<hr />\n<h2>mod_python</h2>\n{}<h3>Processes</h3>\n{}<h3>Last errors</h3>\n{}",
        page::interpreters(snapshot),
        page::processes(snapshot),
        page::errors(&snapshot.failures),
    )
}

fn without_tables(snapshot: &Snapshot) -> String {
    let rows = snapshot.interpreters.iter().map(|(name, counts)| sentence(name, *counts));
    let processes = snapshot.processes.iter().flat_map(sentences_of_process);
    let failures = snapshot.failures.iter().map(sentence_of_failure);
    let [rows, processes, failures] =
        [rows.collect(), processes.collect(), failures.collect()].map(paragraph);
    format!(
        "<hr />\n<h2>mod_python</h2>\n{rows}<h3>Processes</h3>\n{processes}<h3>Last errors</h3>\n{failures}"
    )
}

fn paragraph(lines: Vec<String>) -> String {
    let text = if lines.is_empty() { "none".to_owned() } else { lines.join("<br />\n") };
    format!("<p>{text}</p>\n")
}

fn sentences_of_process(process: &Process) -> Vec<String> {
    let resident = page::mebibytes(Memory::of(process.id).resident);
    let head = format!("Process {}, {resident} MiB: ", process.id);
    if process.interpreters.is_empty() {
        return vec![head + "no interpreter yet"];
    }
    let of = |(name, counts): &(String, Counts)| format!("{head}{}", sentence(name, *counts));
    process.interpreters.iter().map(of).collect()
}

fn sentence_of_failure(failure: &Failure) -> String {
    let (time, process) = (process::date(failure.time), failure.process);
    let [interpreter, uri, text] =
        [&failure.interpreter, &failure.uri, &failure.text].map(|text| escape(text));
    format!("{time}, process {process}, {interpreter} {uri}: {text}")
}

fn sentence(interpreter: &str, counts: Counts) -> String {
    let classes = CLASSES
        .iter()
        .zip(counts.responses())
        .map(|(class, responses)| format!("{responses} {class}"));
    format!(
        "{}: {} requests ({}), {} errors, {} reloads, {} s in Python, {} s of waiting for its lock, {} threads busy",
        escape(interpreter),
        counts.requests(),
        classes.collect::<Vec<_>>().join(", "),
        counts.errors(),
        counts.reloads(),
        page::seconds(counts.in_python()),
        page::seconds(counts.waiting()),
        counts.busy(),
    )
}

fn capitalized(class: &str) -> String {
    if class == "other" { "Other".to_owned() } else { class.to_owned() }
}
