//! The pages that an interpreter has compiled, checked against their files each time they are asked for.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::native::State;
use super::settings_of;
use super::watched::Watched;
use crate::apache::file_info::FileInfo;
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::python::convert::{Text, encode, items};
use crate::python::thread;

/// How many pages are kept. Beyond that, those not asked for for longest go, a quarter at a time.
const MOST: usize = 512;

/// A compiled page.
pub struct Page {
    pub code: Py<PyAny>,
    /// The `Page` of Python's side.
    pub object: Py<PyAny>,
    /// Whether it asks for nothing but the request.
    pub is_plain: bool,
    /// The page's file, then those of its fragments.
    files: Vec<Watched>,
}

#[derive(Default)]
pub struct Pages(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By path, and whether the page can do without an `mp_request`.
    pages: HashMap<(Box<[u8]>, bool), Entry>,
    clock: u64,
}

struct Entry {
    page: Arc<Page>,
    used: u64,
}

impl Pages {
    fn find(&self, key: &(Box<[u8]>, bool)) -> Option<Arc<Page>> {
        let known = &mut *self.0.lock();
        let entry = known.pages.get_mut(key)?;
        known.clock += 1;
        entry.used = known.clock;
        Some(Arc::clone(&entry.page))
    }

    /// What is given back is to be dropped attached and unlocked: it may be Python's last reference.
    #[must_use]
    fn keep(&self, key: (Box<[u8]>, bool), page: Arc<Page>) -> Vec<Entry> {
        let known = &mut *self.0.lock();
        known.clock += 1;
        let mut gone: Vec<_> =
            known.pages.insert(key, Entry { page, used: known.clock }).into_iter().collect();
        if known.pages.len() > MOST {
            let mut uses: Vec<_> = known.pages.values().map(|entry| entry.used).collect();
            let (_, last, _) = uses.select_nth_unstable(MOST / 4);
            let last = *last;
            gone.extend(
                known.pages.extract_if(|_, entry| entry.used <= last).map(|(_, entry)| entry),
            );
        }
        gone
    }
}

/// The options by which the original kept pages in a database.
const DATABASE: [&[u8]; 2] = [b"mod_python.psp.cache_database_filename", b"PSPDbmCache"];

/// The page at `path`, compiled again when a file of it has changed. `request` is one that was mapped to it.
///
/// # Errors
/// `SERVER_RETURN` with 404 where there is no regular file; `OSError`, and `SyntaxError` with the template's name and line.
pub fn find(
    py: Python<'_>,
    state: &State,
    path: &[u8],
    request: Option<Request<'_>>,
    any_request: bool,
) -> PyResult<Arc<Page>> {
    let key = (Box::from(path), any_request);
    if let Some(page) = state.pages.find(&key).filter(|page| page.is_current(request)) {
        return Ok(page);
    }
    let file = Path::new(OsStr::from_bytes(path));
    let is_file = thread::detach(py, || std::fs::metadata(file).is_ok_and(|found| found.is_file()));
    if !is_file {
        return Err(not_found(py, state));
    }
    let settings = request.and_then(settings_of);
    let database = settings
        .is_some_and(|settings| DATABASE.iter().any(|option| settings.option(option).is_some()));
    let arguments = (Text(path), any_request, database);
    let object = py.import("mod_python.psp_page")?.call_method1("load", arguments)?;
    let page = Arc::new(Page::of(&object)?);
    drop(state.pages.keep(key, Arc::clone(&page)));
    Ok(page)
}

fn not_found(py: Python<'_>, state: &State) -> PyErr {
    let raised = state.server_return.bind(py).call1((Status::NOT_FOUND.0,));
    raised.map_or_else(|error| error, PyErr::from_value)
}

impl Page {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let rows = items(&object.getattr("files")?.try_iter()?)?;
        let files = rows.iter().map(|row| {
            let (path, modified, size, inode) =
                row.extract::<(Bound<'_, PyAny>, u64, u64, u64)>()?;
            let path = encode(path.as_borrowed(), "a path")?;
            let path = PathBuf::from(OsStr::from_bytes(path.as_bytes()));
            Ok(Watched::from((path, modified, size, inode)))
        });
        Ok(Self {
            code: object.getattr("code")?.unbind(),
            is_plain: object.getattr("is_plain")?.is_truthy()?,
            files: files.collect::<PyResult<_>>()?,
            object: object.clone().unbind(),
        })
    }

    fn is_current(&self, request: Option<Request<'_>>) -> bool {
        let Some((page, fragments)) = self.files.split_first() else { return false };
        let is_as_seen = request.is_some_and(|request| is_as_seen(page, &request.finfo()));
        (is_as_seen || page.is_current()) && fragments.iter().all(Watched::is_current)
    }
}

/// Whether httpd, which has looked at the file in this very request, has found it as it was.
fn is_as_seen(file: &Watched, seen: &FileInfo) -> bool {
    let looked = seen.has_mtime() && seen.has_size() && seen.has_inode();
    let modified = u64::try_from(seen.mtime).map(Duration::from_micros).unwrap_or_default();
    looked
        && seen.fname.as_deref() == Some(file.path())
        && modified.as_micros() == file.stamp.modified.as_micros()
        && u64::try_from(seen.size) == Ok(file.stamp.size)
        && seen.inode == file.stamp.inode
}
