//! The page for people. Whatever is shown is escaped.

use super::memory::Memory;
use crate::apache::process;
use crate::counters::{CLASSES, Counts, Failure, Process, Snapshot, Work};
use crate::html::escape;
use crate::python::compat;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>mod_python status</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem }
h1, h2 { line-height: 1.2 }
h2 { margin-top: 2.5rem; border-bottom: 2px solid #8884; padding-bottom: .3rem }
div { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem .3rem 0; text-align: right; vertical-align: top }
th, td { font: 13px/1.6 ui-monospace, monospace; font-variant-numeric: tabular-nums; white-space: nowrap }
th { font-weight: 600 }
.text { text-align: left; white-space: normal; overflow-wrap: anywhere }
.none { color: #888 }
</style>
</head>
<body>
<h1>mod_python status</h1>
"#;

pub fn of(snapshot: &Snapshot) -> String {
    let (major, minor, micro) = compat::version();
    let mut page = HEAD.to_owned();
    page += &format!(
        "<p>mod_python {}, Python {major}.{minor}.{micro}. Counted since {}. The same for \
         <a href=\"?format=prometheus\">Prometheus</a>.</p>\n",
        env!("CARGO_PKG_VERSION"),
        process::date(snapshot.since),
    );
    page += "<h2 id=\"interpreters\">Interpreters</h2>\n";
    page += &interpreters(snapshot);
    page += "<h2 id=\"calls\">Calls</h2>\n";
    page += &calls(snapshot);
    page += "<h2 id=\"processes\">Processes</h2>\n";
    page += &processes(snapshot);
    page += "<h2 id=\"errors\">Last errors</h2>\n";
    page += &errors(&snapshot.failures);
    page + "</body>\n</html>\n"
}

/// What of an interpreter is a column, and how its cell reads.
type Column = (&'static str, fn(Counts) -> String);

const COLUMNS: &[Column] = &[
    ("errors", |counts| counts.errors().to_string()),
    ("reloads", |counts| counts.reloads().to_string()),
    ("in Python, s", |counts| seconds(counts.in_python())),
    ("GIL wait, s", |counts| seconds(counts.waiting())),
    ("GIL waits", |counts| counts.waits().to_string()),
    ("busy threads", |counts| counts.busy().to_string()),
];

/// What `figures` are, in the same order.
fn heads_of_figures() -> impl Iterator<Item = &'static str> {
    let classes = CLASSES[1..].iter().chain(&CLASSES[..1]);
    std::iter::once("requests").chain(classes.copied()).chain(COLUMNS.iter().map(|(name, _)| *name))
}

fn figures(counts: Counts) -> Vec<Cell> {
    let [other, classes @ ..] = counts.responses();
    let mut cells = vec![Cell::number(counts.requests())];
    cells.extend(classes.into_iter().chain([other]).map(Cell::number));
    cells.extend(COLUMNS.iter().map(|(_, value)| Cell::Number(value(counts))));
    cells
}

/// A table of all interpreters, as they have counted in all processes, also in those that have ended.
pub fn interpreters(snapshot: &Snapshot) -> String {
    let heads: Vec<&str> = std::iter::once("interpreter").chain(heads_of_figures()).collect();
    let row = |name: &str, counts: Counts| {
        std::iter::once(Cell::Text(escape(name))).chain(figures(counts)).collect()
    };
    let mut rows: Vec<Vec<Cell>> =
        snapshot.interpreters.iter().map(|(name, counts)| row(name, *counts)).collect();
    if rows.len() > 1 {
        rows.push(row("all", snapshot.total()));
    }
    table(&heads, &rows)
}

fn calls(snapshot: &Snapshot) -> String {
    let mut heads = vec!["interpreter"];
    heads.extend(Work::ALL.map(Work::name));
    let rows = snapshot.interpreters.iter().map(|(name, counts)| {
        let numbers = Work::ALL.iter().map(|work| Cell::number(counts.calls(*work)));
        std::iter::once(Cell::Text(escape(name))).chain(numbers).collect()
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

/// A table with a row for each process and interpreter.
pub fn processes(snapshot: &Snapshot) -> String {
    let mut heads = vec!["process", "generation", "started", "RSS, MiB", "PSS, MiB", "interpreter"];
    heads.extend(heads_of_figures());
    let rows = snapshot.processes.iter().flat_map(rows_of_process);
    table(&heads, &rows.collect::<Vec<_>>())
}

fn rows_of_process(process: &Process) -> Vec<Vec<Cell>> {
    let memory = Memory::of(process.id);
    let known = || {
        vec![
            Cell::number(process.id.into()),
            Cell::Number(process.generation.to_string()),
            Cell::Text(escape(&process::date(process.since))),
            Cell::Number(mebibytes(memory.resident)),
            Cell::Number(mebibytes(memory.proportional)),
        ]
    };
    if process.interpreters.is_empty() {
        let mut row = known();
        row.push(Cell::Text("none yet".to_owned()));
        row.resize_with(row.len() + heads_of_figures().count(), || Cell::Number(String::new()));
        return vec![row];
    }
    let row = |(index, (name, counts)): (usize, &(String, Counts))| {
        let mut row = known();
        if index > 0 {
            row.iter_mut().for_each(|cell| *cell = Cell::Number(String::new()));
        }
        row.push(Cell::Text(escape(name)));
        row.extend(figures(*counts));
        row
    };
    process.interpreters.iter().enumerate().map(row).collect()
}

/// A table of the errors that are remembered, the newest first.
pub fn errors(failures: &[Failure]) -> String {
    let rows: Vec<Vec<Cell>> = failures
        .iter()
        .map(|failure| {
            let texts = [
                &process::date(failure.time),
                &failure.process.to_string(),
                &failure.interpreter,
                &failure.uri,
                &failure.text,
            ];
            texts.map(|text| Cell::Text(escape(text))).into()
        })
        .collect();
    table(&["time", "process", "interpreter", "URI", "error"], &rows)
}

/// What a cell shows, HTML already.
enum Cell {
    Text(String),
    Number(String),
}

impl Cell {
    fn number(number: u64) -> Self {
        Self::Number(number.to_string())
    }

    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<td class=\"text\">{text}</td>"),
            Self::Number(text) => format!("<td>{text}</td>"),
        }
    }
}

/// A head is aligned as the cells below it.
fn table(heads: &[&str], rows: &[Vec<Cell>]) -> String {
    let Some(first) = rows.first() else { return "<p class=\"none\">none</p>\n".to_owned() };
    let head: String = heads
        .iter()
        .zip(first)
        .map(|(head, below)| match below {
            Cell::Text(_) => format!("<th class=\"text\">{head}</th>"),
            Cell::Number(_) => format!("<th>{head}</th>"),
        })
        .collect();
    let line =
        |row: &Vec<Cell>| format!("<tr>{}</tr>\n", row.iter().map(Cell::html).collect::<String>());
    let body: String = rows.iter().map(line).collect();
    format!("<div><table>\n<tr>{head}</tr>\n{body}</table></div>\n")
}

/// Of nanoseconds, to the millisecond.
pub fn seconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

pub fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "–".to_owned(),
        |bytes| {
            let tenths = bytes * 10 / (1024 * 1024);
            format!("{}.{}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(seconds(1_234_567_890), "1.234");
        assert_eq!(mebibytes(Some(1_572_864)), "1.5");
        assert_eq!(mebibytes(None), "–");
    }
}
