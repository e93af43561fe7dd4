//! From a handler's text to what is called: a cache in each interpreter, checked against the files it came from.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pyo3::Borrowed;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyType};

use super::native::State;
use super::watched::{Watched, WatchedFiles};
use crate::config::handlers::HandlerEntry;
use crate::config::settings::Settings;
use crate::python::convert::{Text, encode, items};
use crate::python::interpreter::Interpreter;
use crate::python::{Object, runtime};

/// A handler with its directory for this request, and what is configured.
pub struct Handler<'a> {
    pub entry: &'a HandlerEntry,
    pub directory: Option<&'a [u8]>,
    pub settings: Settings<'a>,
    /// The files this request has looked at last, by the address of their list: one look serves all its phases.
    pub looked_at: Option<&'a Cell<usize>>,
}

/// What an interpreter remembers of its handlers.
#[derive(Default)]
pub struct Resident {
    found: Apart<Mutex<Known>>,
    /// How often a handler was found anew: what threads remember of `found` is of one such time.
    changes: AtomicUsize,
    path: Mutex<Path>,
    /// How often `sys.path` was made anew, which undoes what was done for each directory.
    path_changes: AtomicUsize,
}

/// What threads write at each request, away from what they read.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// The files of a handler, as a thread remembers them that has looked at them for an earlier request. To ask `found` again each
/// time would have all processors write to its lock.
struct Remembered {
    /// The address of the interpreter's own.
    resident: usize,
    change: usize,
    key: Key,
    watched: Arc<WatchedFiles>,
}

/// A thread remembers the files of so many handlers.
const MOST_REMEMBERED: usize = 8;

thread_local!(static REMEMBERED: RefCell<Vec<Remembered>> = const { RefCell::new(Vec::new()) });

/// Handlers by what they are named by, those asked for often near the front: a few comparisons find them, where a map would
/// first put a key together.
#[derive(Default)]
struct Known(Vec<(Key, Arc<Found>)>);

/// Module, object, directory and PythonPath: all that decides what a handler's text means.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name<'a> {
    text: &'a [u8],
    object: &'a [u8],
    directory: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
}

struct Key {
    text: Box<[u8]>,
    object: Box<[u8]>,
    directory: Option<Box<[u8]>>,
    path: Option<Box<[u8]>>,
}

/// What a handler's text resolved to, and as of when.
struct Found {
    module: Py<PyAny>,
    /// The object, where it can be named without the request.
    object: Option<Py<PyAny>>,
    /// The files the module depends on. Shared by the handlers of a module.
    watched: Arc<WatchedFiles>,
    generation: usize,
    /// The change of `sys.path` up to which the handler's directory or PythonPath is known to be part of it.
    path_change: AtomicUsize,
}

/// What `sys.path` was last made to be.
#[derive(Default)]
struct Path {
    expression: Option<Box<[u8]>>,
    inserted: HashSet<Box<[u8]>>,
}

/// What to call for a handler; None when a silent one does not exist.
///
/// # Errors
/// Whatever importing raises; `AttributeError` when the module has no such object.
pub fn callable<'py>(
    py: Python<'py>,
    state: &'static State,
    handler: &Handler<'_>,
    argument: &Object<'py>,
) -> PyResult<Option<Object<'py>>> {
    if let Some(object) = plain(py, state, handler) {
        return Ok(Some(object));
    }
    let found = find(py, state, handler)?;
    let object = match &found.object {
        Some(object) => Some(object.bind(py).clone()),
        None => resolve(found.module.bind(py), handler.entry.object(), argument)?,
    };
    if object.is_none() && !handler.entry.is_silent() {
        return Err(missing(found.module.bind(py), handler.entry.object()));
    }
    Ok(object)
}

/// The object that a handler's text names by attributes alone; None where there is none.
///
/// # Errors
/// Whatever importing raises.
pub fn object<'py>(
    py: Python<'py>,
    state: &'static State,
    handler: &Handler<'_>,
) -> PyResult<Option<Object<'py>>> {
    if let Some(object) = plain(py, state, handler) {
        return Ok(Some(object));
    }
    let found = find(py, state, handler)?;
    if let Some(object) = &found.object {
        return Ok(Some(object.bind(py).clone()));
    }
    let mut parts = handler.entry.object().split(|byte| *byte == b'.');
    let first = Text(parts.next().unwrap_or_default());
    let mut object = namespace(found.module.bind(py))?.get_item(first)?;
    for part in parts {
        let Some(holder) = object else { return Ok(None) };
        object = attribute(holder.as_borrowed(), part)?;
    }
    Ok(object)
}

/// Looks at the files of a handler, as [`callable`] would have to do otherwise while it keeps other threads from running Python:
/// there may be many, and a file system may take its time. To be called detached.
pub fn look_ahead(interpreter: &Interpreter, handler: &Handler<'_>) {
    let Some(state) = State::of_interpreter(interpreter) else { return };
    let Some(looked_at) = handler.looked_at.filter(|_| handler.settings.auto_reload()) else {
        return;
    };
    let resident = &state.handlers;
    let name = Name::of(handler);
    // At the end of a thread nothing is remembered any more.
    let _ = REMEMBERED.try_with(|all| {
        let mut all = all.borrow_mut();
        if let Some(index) = remembered(&mut all, resident, name) {
            are_current(&all[index].watched, Some(looked_at));
        }
    });
}

/// Where the files of a handler are among those that the thread remembers; None for one that has not been found yet.
fn remembered(all: &mut Vec<Remembered>, resident: &Resident, name: Name<'_>) -> Option<usize> {
    let change = resident.changes.load(Ordering::Acquire);
    let known = all.iter().position(|one| one.is_of(resident, name));
    if let Some(index) = known.filter(|index| all[*index].change == change) {
        return Some(index);
    }
    let watched = resident.found.0.lock().watched(name)?;
    if let Some(former) = known.or((all.len() == MOST_REMEMBERED).then_some(0)) {
        all.remove(former);
    }
    all.push(Remembered { resident: resident.address(), change, key: name.into(), watched });
    Some(all.len() - 1)
}

/// The object of a handler that was found before and where there is nothing to be looked at any more, in one short look.
fn plain<'py>(
    py: Python<'py>,
    state: &'static State,
    handler: &Handler<'_>,
) -> Option<Object<'py>> {
    let resident = &state.handlers;
    let mut known = resident.found.0.lock();
    let found = known.find(Name::of(handler))?;
    let is_current = || {
        let last = handler.looked_at.map(Cell::get);
        found.generation == state.generation() && last == Some(address_of(&found.watched))
    };
    if !found.has_path(resident) || handler.settings.auto_reload() && !is_current() {
        return None;
    }
    Some(found.object.as_ref()?.bind(py).clone())
}

fn find(py: Python<'_>, state: &'static State, handler: &Handler<'_>) -> PyResult<Arc<Found>> {
    let resident = &state.handlers;
    let name = Name::of(handler);
    let known = resident.found.0.lock().find(name).cloned();
    let has_path = known.as_ref().is_some_and(|known| known.has_path(resident));
    if !has_path {
        apply_path(py, resident, name.path, name.directory)?;
    }
    if let Some(known) = known {
        known.path_change.store(resident.path_changes.load(Ordering::Relaxed), Ordering::Relaxed);
        let watches = handler.settings.auto_reload();
        if !watches
            || (known.generation == state.generation()
                && are_current(&known.watched, handler.looked_at))
        {
            return Ok(known);
        }
    }
    let mut found = load(py, state, handler)?;
    let is_first = {
        let others = resident.found.0.lock();
        found.share_watched(others.0.iter().map(|(_, found)| found));
        others.0.is_empty()
    };
    if is_first {
        runtime::give_back_memory();
    }
    found.path_change = AtomicUsize::new(resident.path_changes.load(Ordering::Relaxed));
    let found = Arc::new(found);
    let before = resident.found.0.lock().put(name, Arc::clone(&found));
    resident.changes.fetch_add(1, Ordering::Release);
    drop(before);
    Ok(found)
}

/// The directory in which the module is looked for: none where PythonPath or a location decides.
fn own_directory<'a>(handler: &Handler<'a>) -> Option<&'a [u8]> {
    let is_location = handler.entry.directory().is_location();
    handler.directory.filter(|_| !is_location && handler.settings.python_path().is_none())
}

impl<'a> Name<'a> {
    fn of(handler: &Handler<'a>) -> Self {
        Self {
            text: handler.entry.text(),
            object: handler.entry.object(),
            directory: own_directory(handler),
            path: handler.settings.python_path(),
        }
    }
}

impl Key {
    fn name(&self) -> Name<'_> {
        Name {
            text: &self.text,
            object: &self.object,
            directory: self.directory.as_deref(),
            path: self.path.as_deref(),
        }
    }
}

impl From<Name<'_>> for Key {
    fn from(name: Name<'_>) -> Self {
        Self {
            text: name.text.into(),
            object: name.object.into(),
            directory: name.directory.map(Box::from),
            path: name.path.map(Box::from),
        }
    }
}

impl Resident {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Remembered {
    fn is_of(&self, resident: &Resident, name: Name<'_>) -> bool {
        self.resident == resident.address() && self.key.name() == name
    }
}

impl Known {
    /// A hit moves half-way to the front.
    fn find(&mut self, name: Name<'_>) -> Option<&Arc<Found>> {
        let index = self.position(name)?;
        // Swapped with itself the first one would be written.
        if index > 0 {
            self.0.swap(index, index / 2);
        }
        Some(&self.0[index / 2].1)
    }

    /// The files that a handler depends on. Unlike the rest, the list can be kept and dropped detached.
    fn watched(&self, name: Name<'_>) -> Option<Arc<WatchedFiles>> {
        Some(Arc::clone(&self.0[self.position(name)?].1.watched))
    }

    /// Returns what stood under the name before.
    fn put(&mut self, name: Name<'_>, found: Arc<Found>) -> Option<Arc<Found>> {
        if let Some(index) = self.position(name) {
            return Some(std::mem::replace(&mut self.0[index].1, found));
        }
        self.0.push((name.into(), found));
        None
    }

    fn position(&self, name: Name<'_>) -> Option<usize> {
        self.0.iter().position(|(key, _)| key.name() == name)
    }
}

fn load(py: Python<'_>, state: &'static State, handler: &Handler<'_>) -> PyResult<Found> {
    let generation = state.generation();
    let arguments = (
        Text(handler.entry.module()),
        own_directory(handler).map(Text),
        handler.settings.auto_reload(),
        handler.settings.debug(),
        handler.settings.python_path().map(Text),
    );
    let loaded = py.import("mod_python.importer")?.call_method1("load", arguments)?;
    let (module, watched) = extract_loaded(&loaded)?;
    let object = plain_object(module.bind(py), handler.entry.object())?;
    let watched = Arc::new(watched.into_iter().map(Watched::from).collect());
    Ok(Found { module, object, watched, generation, path_change: AtomicUsize::default() })
}

type Loaded = (Py<PyAny>, Vec<(PathBuf, u64, u64, u64)>);

fn extract_loaded(loaded: &Object<'_>) -> PyResult<Loaded> {
    let rows = items(&loaded.get_item(1)?.try_iter()?)?;
    let watched = rows.iter().map(|row| {
        let path = encode(row.get_item(0)?.as_borrowed(), "a path")?;
        let path = PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(
            path.as_bytes(),
        ));
        Ok((
            path,
            row.get_item(1)?.extract()?,
            row.get_item(2)?.extract()?,
            row.get_item(3)?.extract()?,
        ))
    });
    Ok((loaded.get_item(0)?.unbind(), watched.collect::<PyResult<_>>()?))
}

impl Found {
    fn has_path(&self, resident: &Resident) -> bool {
        self.path_change.load(Ordering::Relaxed) == resident.path_changes.load(Ordering::Relaxed)
    }

    /// Takes the list of another handler of the same module, if it is the same list.
    fn share_watched<'a>(&mut self, others: impl Iterator<Item = &'a Arc<Found>>) {
        for other in others.filter(|other| other.module.is(&self.module)) {
            if other.watched == self.watched {
                self.watched = Arc::clone(&other.watched);
                return;
            }
        }
    }
}

fn address_of(watched: &WatchedFiles) -> usize {
    std::ptr::from_ref(watched).addr()
}

/// Whether the files are as they were; where they are, the next to ask need not look.
fn are_current(watched: &WatchedFiles, looked_at: Option<&Cell<usize>>) -> bool {
    let address = address_of(watched);
    if looked_at.is_some_and(|last| last.get() == address) {
        return true;
    }
    let are_current = watched.are_current();
    if let (true, Some(last)) = (are_current, looked_at) {
        last.set(address);
    }
    are_current
}

/// An object named without dots is the same for every request: the module's own, not what its `__getattr__` would make.
fn plain_object(module: &Object<'_>, name: &[u8]) -> PyResult<Option<Py<PyAny>>> {
    if name.contains(&b'.') {
        return Ok(None);
    }
    Ok(namespace(module)?.get_item(Text(name))?.map(Bound::unbind))
}

fn namespace<'py>(module: &Object<'py>) -> PyResult<Bound<'py, PyDict>> {
    match module.cast::<PyModule>() {
        Ok(module) => Ok(module.dict()),
        Err(_) => Ok(module.getattr("__dict__")?.cast_into()?),
    }
}

/// `a.b.c` from left to right. A class on the way is called with the request, and its instance goes on.
fn resolve<'py>(
    module: &Object<'py>,
    name: &[u8],
    argument: &Object<'py>,
) -> PyResult<Option<Object<'py>>> {
    let mut parts = name.split(|byte| *byte == b'.');
    let first = parts.next().unwrap_or_default();
    let Some(mut object) = namespace(module)?.get_item(Text(first))? else { return Ok(None) };
    for part in parts {
        if object.is_instance_of::<PyType>() {
            object = object.call1((argument,))?;
        }
        match attribute(object.as_borrowed(), part)? {
            Some(found) => object = found,
            None => return Ok(None),
        }
    }
    Ok(Some(object))
}

fn attribute<'py>(object: Borrowed<'_, 'py, PyAny>, name: &[u8]) -> PyResult<Option<Object<'py>>> {
    let name = Text(name).into_pyobject(object.py())?.cast_into::<pyo3::types::PyString>()?;
    object.getattr_opt(name)
}

fn missing(module: &Object<'_>, name: &[u8]) -> PyErr {
    let file = module.getattr("__file__").and_then(|file| file.str().map(|text| text.to_string()));
    let file = file.unwrap_or_else(|_| module.to_string());
    PyAttributeError::new_err(format!(
        "module '{file}' contains no '{}'",
        String::from_utf8_lossy(name)
    ))
}

/// Makes `sys.path` what PythonPath says.
///
/// # Errors
/// What the expression raises.
pub fn apply_python_path(
    py: Python<'_>,
    state: &'static State,
    settings: Settings<'_>,
) -> PyResult<()> {
    apply_path(py, &state.handlers, settings.python_path(), None)
}

/// Makes `sys.path` what the configuration says, when that is not what it was made last.
fn apply_path(
    py: Python<'_>,
    resident: &Resident,
    expression: Option<&[u8]>,
    directory: Option<&[u8]>,
) -> PyResult<()> {
    {
        let path = resident.path.lock();
        let is_applied = match (expression, directory) {
            (Some(expression), _) => path.expression.as_deref() == Some(expression),
            (None, Some(directory)) => path.inserted.contains(directory),
            (None, None) => true,
        };
        if is_applied {
            return Ok(());
        }
    }
    py.import("mod_python.importer")?
        .call_method1("prepare_path", (expression.map(Text), directory.map(Text)))?;
    let mut path = resident.path.lock();
    match (expression, directory) {
        (Some(expression), _) => {
            path.expression = Some(expression.into());
            path.inserted.clear();
            resident.path_changes.fetch_add(1, Ordering::Relaxed);
        }
        (None, Some(directory)) => {
            path.inserted.insert(directory.into());
        }
        (None, None) => {}
    }
    Ok(())
}
