//! The section of mod_status's page: the sums of all interpreters, and a row for each.

use crate::apache::request::Request;
use crate::apache::status_section::Form;
use crate::counters::{self, CLASSES, Counts, Snapshot};
use crate::html::escape;

use super::page;

pub fn write(request: Request<'_>, form: Form) {
    let Some(snapshot) = counters::snapshot() else { return };
    let text = match form {
        Form::Lines => lines(&snapshot),
        Form::Page { tables: true } => {
            format!("<hr />\n<h2>mod_python</h2>\n{}", page::interpreters(&snapshot))
        }
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

fn without_tables(snapshot: &Snapshot) -> String {
    let rows = snapshot.interpreters.iter().map(|(name, counts)| sentence(name, *counts));
    format!("<hr />\n<h2>mod_python</h2>\n<p>{}</p>\n", rows.collect::<Vec<_>>().join("<br />\n"))
}

fn sentence(interpreter: &str, counts: Counts) -> String {
    format!(
        "{}: {} requests, {} errors, {} reloads, {} s in Python, {} s of waiting for its lock, {} threads busy",
        escape(interpreter),
        counts.requests(),
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
