//! The arrows between the rooms of `src/`, and where `unsafe` may stand: read from the sources themselves.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, what it may import from this crate, and the files in which `unsafe` may stand ("" is every file).
struct Room {
    name: &'static str,
    imports: &'static [&'static str],
    unsafe_in: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room { name: "psp", imports: &[], unsafe_in: &[] },
    Room { name: "forms", imports: &[], unsafe_in: &[] },
    Room { name: "cookies", imports: &[], unsafe_in: &[] },
    Room { name: "html", imports: &[], unsafe_in: &[] },
    Room { name: "apache", imports: &[], unsafe_in: &[""] },
    Room { name: "python", imports: &[], unsafe_in: &[""] },
    Room { name: "config", imports: &["apache"], unsafe_in: &[] },
    Room { name: "counters", imports: &["apache"], unsafe_in: &[] },
    Room {
        name: "objects",
        imports: &["apache", "python", "config", "counters", "psp", "forms", "cookies", "html"],
        unsafe_in: &["lease.rs"],
    },
    Room {
        name: "handlers",
        imports: &["apache", "python", "config", "counters", "objects"],
        unsafe_in: &[],
    },
    Room {
        name: "wsgi",
        imports: &["apache", "python", "config", "counters", "objects"],
        unsafe_in: &[],
    },
    Room { name: "status", imports: &["apache", "python", "counters", "html"], unsafe_in: &[] },
    Room {
        name: "module",
        imports: &[
            "apache", "python", "config", "counters", "objects", "handlers", "wsgi", "status",
        ],
        unsafe_in: &[""],
    },
];

#[test]
fn rooms_import_along_the_arrows() {
    let mut broken = Vec::new();
    for (room, path, text) in sources() {
        for other in ROOMS.iter().map(|room| room.name).filter(|name| *name != room.name) {
            let named = names_room(&text, other);
            if named && !room.imports.contains(&other) {
                broken.push(format!("{} imports crate::{other}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let mut broken = Vec::new();
    for (room, path, text) in sources() {
        let allowed = room.unsafe_in.iter().any(|suffix| path.to_string_lossy().ends_with(suffix));
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found = lines.filter(|line| contains_word(line, "unsafe")).count();
        if found > 0 && !allowed {
            broken.push(format!("{}: {found} lines with unsafe", path.display()));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn foreign_names_stay_in_their_layer() {
    let foreign =
        [("apache", "ap_"), ("apache", "apr_"), ("apache", "request_rec"), ("python", "ffi::")];
    let mut broken = Vec::new();
    for (room, path, text) in sources() {
        for (owner, name) in foreign.into_iter().filter(|(owner, _)| *owner != room.name) {
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            // `std::ffi` is Rust's own; `ap_auth_type` is what Python calls the attribute.
            let code = strip_strings(&code)
                .replace("std::ffi", "")
                .replace("unix::ffi", "")
                .replace("ap_auth_type", "");
            if contains_prefix(&code, name) {
                broken.push(format!(
                    "{} names `{name}…`, which only src/{owner} may",
                    path.display()
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_belongs_to_a_room() {
    assert!(sources().len() > 10, "the sources were found");
}

/// Every Rust file of a room, with its text. `lib.rs` only declares the rooms.
fn sources() -> Vec<(&'static Room, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .filter(|path| path.file_name().is_none_or(|name| name != "lib.rs"))
        .map(|path| {
            let relative = path.strip_prefix(&root).expect("below src");
            let first = relative
                .components()
                .next()
                .expect("a name")
                .as_os_str()
                .to_string_lossy()
                .into_owned();
            let name = first.trim_end_matches(".rs").to_owned();
            let room = ROOMS.iter().find(|room| room.name == name);
            let room =
                room.unwrap_or_else(|| panic!("src/{first} belongs to no room of this table"));
            let text = fs::read_to_string(&path).expect("a readable source");
            (room, path, text)
        })
        .collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `crate::room`, or the room inside a `use crate::{…}`.
fn names_room(text: &str, room: &str) -> bool {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let direct = code.match_indices("crate::").any(|(at, prefix)| {
        let rest = &code[at + prefix.len()..];
        rest.strip_prefix(room).is_some_and(|after| !after.starts_with(is_word))
    });
    let grouped = code.split("use crate::{").skip(1).any(|rest| {
        let group = rest.split(';').next().unwrap_or("");
        contains_word(group, room)
    });
    direct || grouped
}

fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
    })
}

fn contains_prefix(text: &str, prefix: &str) -> bool {
    text.match_indices(prefix).any(|(at, _)| !text[..at].ends_with(is_word))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Names inside string literals are words, not code.
fn strip_strings(code: &str) -> String {
    code.split('"').step_by(2).collect::<Vec<_>>().join("\"")
}
