//! The text format of Prometheus, version 0.0.4, with the names that OpenMetrics asks for.
//!
//! Counters are summed up over processes, which come and go; levels are those of the processes that live.

use super::memory::Memory;
use crate::counters::{CLASSES, Counts, Snapshot, Work};
use crate::python::compat;

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const MICROSECONDS: u64 = 1_000_000;
const NANOSECONDS: u64 = 1_000_000_000;

pub fn of(snapshot: &Snapshot) -> String {
    let memory = |id| Memory::of(id);
    write(snapshot, memory)
}

fn write(snapshot: &Snapshot, memory: impl Fn(u32) -> Memory) -> String {
    let mut text = Text::default();
    let (major, minor, micro) = compat::version();
    text.family("info", "gauge", "Versions of mod_python and Python; always 1.");
    let python = format!("{major}.{minor}.{micro}");
    text.sample("info", &[("version", env!("CARGO_PKG_VERSION")), ("python", &python)], "1");
    text.family("start_time_seconds", "gauge", "When counting began, in seconds since 1970.");
    text.sample("start_time_seconds", &[], &seconds(snapshot.since.unsigned_abs(), MICROSECONDS));
    write_counters(&mut text, snapshot);
    text.family("busy_threads", "gauge", "Threads that are in Python or wait for it.");
    for (interpreter, counts) in &snapshot.interpreters {
        text.sample("busy_threads", &[("interpreter", interpreter)], &counts.busy().to_string());
    }
    write_processes(&mut text, snapshot, memory);
    text.0
}

/// A counter: its name, what it is, and how its value reads.
type Counter = (&'static str, &'static str, fn(Counts) -> String);

const COUNTERS: &[Counter] = &[
    ("errors_total", "Errors of Python code.", |counts| counts.errors().to_string()),
    ("reloads_total", "Modules that were imported anew.", |counts| counts.reloads().to_string()),
    ("in_python_seconds_total", "Time of threads in Python.", |counts| {
        seconds(counts.in_python(), NANOSECONDS)
    }),
    ("gil_wait_seconds_total", "Time of threads that waited for Python's lock.", |counts| {
        seconds(counts.waiting(), NANOSECONDS)
    }),
    ("gil_waits_total", "How often a thread had to wait for Python's lock.", |counts| {
        counts.waits().to_string()
    }),
];

fn write_counters(text: &mut Text, snapshot: &Snapshot) {
    text.family(
        "requests_total",
        "counter",
        "Requests that Python had to do with, by the status of their response.",
    );
    for (interpreter, counts) in &snapshot.interpreters {
        for (class, responses) in CLASSES.iter().zip(counts.responses()) {
            let labels = [("interpreter", interpreter.as_str()), ("status", class)];
            text.sample("requests_total", &labels, &responses.to_string());
        }
    }
    text.family("calls_total", "counter", "Calls of Python code, by what it was called for.");
    for (interpreter, counts) in &snapshot.interpreters {
        for work in Work::ALL {
            let labels = [("interpreter", interpreter.as_str()), ("kind", work.name())];
            text.sample("calls_total", &labels, &counts.calls(work).to_string());
        }
    }
    for (name, help, value) in COUNTERS {
        text.family(name, "counter", help);
        for (interpreter, counts) in &snapshot.interpreters {
            text.sample(name, &[("interpreter", interpreter)], &value(*counts));
        }
    }
}

fn write_processes(text: &mut Text, snapshot: &Snapshot, memory: impl Fn(u32) -> Memory) {
    text.family("processes", "gauge", "Children of httpd.");
    text.sample("processes", &[], &snapshot.processes.len().to_string());
    let memories: Vec<(String, Memory)> = snapshot
        .processes
        .iter()
        .map(|process| (process.id.to_string(), memory(process.id)))
        .collect();
    let name = "process_resident_memory_bytes";
    text.family(name, "gauge", "Memory of a child, with what it shares.");
    for (id, memory) in &memories {
        text.optional(name, &[("pid", id)], memory.resident);
    }
    let name = "process_proportional_memory_bytes";
    text.family(name, "gauge", "Memory of a child, what it shares divided by those who share it.");
    for (id, memory) in &memories {
        text.optional(name, &[("pid", id)], memory.proportional);
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0 += &format!("# HELP mod_python_{name} {help}\n# TYPE mod_python_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let labels = labels.join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        self.0 += &format!("mod_python_{name}{labels} {value}\n");
    }

    fn optional(&mut self, name: &str, labels: &[(&str, &str)], value: Option<u64>) {
        if let Some(value) = value {
            self.sample(name, labels, &value.to_string());
        }
    }
}

/// A label's value.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// All digits of a time in smaller units.
fn seconds(units: u64, in_a_second: u64) -> String {
    let digits = in_a_second.ilog10() as usize;
    format!("{}.{:0digits$}", units / in_a_second, units % in_a_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_labels_are_escaped() {
        let mut text = Text::default();
        text.sample("x", &[("a", "1\"\\\n"), ("b", "")], "2");
        assert_eq!(text.0, "mod_python_x{a=\"1\\\"\\\\\\n\",b=\"\"} 2\n");
    }

    #[test]
    fn times_lose_nothing() {
        assert_eq!(seconds(1_000_000_001, NANOSECONDS), "1.000000001");
        assert_eq!(seconds(1_500_000, MICROSECONDS), "1.500000");
    }
}
