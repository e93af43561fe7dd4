//! The handlers that .htaccess files name, below document roots and the directories that have a section.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::section::Section;
use super::stated::{self, Stated};
use crate::apache::htaccess;
use crate::apache::pool::Pool;
use crate::apache::server::Server;

/// How many directories of a server are looked into.
const MOST: usize = 20_000;

/// A file that httpd refuses, so that it answers 500 to what is asked for there.
pub struct Refused {
    pub file: Vec<u8>,
    pub why: String,
}

/// What they name, and those that are refused. To be called as the user that reads them later.
pub fn stated(main: Server, pool: Pool<'_>) -> (Vec<Stated>, Vec<Refused>) {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for server in std::iter::successors(Some(main), Server::next) {
        for directory in directories(&server, pool) {
            let Some(file) = htaccess::of_directory(&server, pool, &directory) else { continue };
            let Ok(own) = &file.own else {
                let why = file.own.err().unwrap_or_default();
                if !refused.iter().any(|known: &Refused| known.file == file.file) {
                    refused.push(Refused { file: file.file, why });
                }
                continue;
            };
            let name = server.server_hostname().unwrap_or_default();
            let mut named = Vec::new();
            let in_force = file.in_force.config::<Section>().cloned().unwrap_or_default();
            if let Some(section) = own.config::<Section>() {
                stated::collect(&mut named, section, &in_force, name);
            }
            stated::inner(&mut named, own.inner(), &in_force, name);
            for one in named {
                stated::add(&mut found, Stated { file: Some(file.file.clone()), ..one });
            }
        }
    }
    (found, refused)
}

/// Those in which a file would be read, with a slash at their ends, parents first. Symbolic links are not followed.
fn directories(server: &Server, pool: Pool<'_>) -> BTreeSet<Vec<u8>> {
    let sections = server.directory_sections();
    let roots = sections.iter().filter_map(|section| section.directory());
    let mut waiting: Vec<Vec<u8>> = roots
        .chain(server.document_root())
        .map(|root| [root.strip_suffix(b"/").unwrap_or(root), b"/"].concat())
        .filter(|root| root.len() > 1 && htaccess::is_allowed(server, pool, root))
        .collect();
    let mut found = BTreeSet::new();
    while let Some(directory) = waiting.pop().filter(|_| found.len() < MOST) {
        let entries = fs::read_dir(OsStr::from_bytes(&directory)).into_iter().flatten().flatten();
        let inside = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let inside =
            inside.map(|entry| [&directory, &*entry.file_name().into_vec(), b"/"].concat());
        if found.insert(directory.clone()) {
            waiting.extend(inside);
        }
    }
    found
}
