//! `mp_hlist`: the cursor over the handlers of the phase that runs.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::added_handler::{AddedHandler, Callable};
use super::native::State;
use crate::apache::request::Request;
use crate::config::handlers::{Directory, HandlerEntry, HandlerList};
use crate::config::turn::Turn;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::Text;
use crate::python::row::{Arguments, Arity, method, read};
use crate::python::slot;

/// The working list of a phase: the configured list, then what was appended for this request, also while it runs.
#[derive(Default)]
pub struct Cursor {
    turn: Turn,
    configured: Option<HandlerList>,
    appended: Vec<AddedHandler>,
    /// Directories of the configured entries that only this request's file name decides; empty where there is none.
    matched: Vec<Option<Box<[u8]>>>,
    position: usize,
}

impl Cursor {
    #[must_use]
    pub fn new(
        turn: Turn,
        configured: Option<HandlerList>,
        appended: Vec<AddedHandler>,
        request: Request<'_>,
    ) -> Self {
        let list = configured.as_deref().unwrap_or_default();
        let matched = if list.iter().any(|entry| entry.directory().is_pattern()) {
            let is_directory = request.is_directory();
            let resolve = |entry: &HandlerEntry| {
                entry
                    .directory()
                    .resolve(request.filename(), is_directory)
                    .map(|found| found.into_owned().into())
            };
            list.iter().map(resolve).collect()
        } else {
            Vec::new()
        };
        Self { turn, configured, appended, matched, position: 0 }
    }

    /// The list of a connection, for which no directory is known.
    #[must_use]
    pub fn of_connection(configured: HandlerList) -> Self {
        Self { configured: Some(configured), ..Self::default() }
    }

    #[must_use]
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// How many handlers come before the current one, the configured ones first.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The handler that runs, or is to run next.
    #[must_use]
    pub fn current(&self) -> Option<Handler<'_>> {
        let configured = self.configured.as_deref().unwrap_or_default();
        let (entry, callable) = match configured.get(self.position) {
            Some(entry) => (entry, None),
            None => {
                let added = self.appended.get(self.position - configured.len())?;
                (&added.entry, added.callable.as_ref())
            }
        };
        let matched = self.matched.get(self.position).and_then(Option::as_deref);
        let directory = entry.directory().text().or(matched);
        Some(Handler { entry, directory, callable })
    }

    /// Where the current handler's module is looked for, for a handler that is added beside it.
    #[must_use]
    pub fn directory(&self) -> Directory {
        let Some(handler) = self.current() else { return Directory::None };
        match (handler.entry.directory(), handler.directory) {
            (Directory::Location(location), _) => Directory::Location(Arc::clone(location)),
            (_, Some(directory)) => Directory::Path(directory.into()),
            (_, None) => Directory::None,
        }
    }

    pub fn advance(&mut self) {
        if self.current().is_some() {
            self.position += 1;
        }
    }

    pub fn append(&mut self, handler: AddedHandler) {
        self.appended.push(handler);
    }

    /// Takes out what was to be called. To be dropped when nobody has the cursor locked: that may run Python code.
    pub fn take_callables(&mut self) -> Vec<Arc<Callable>> {
        self.appended.iter_mut().filter_map(|added| added.callable.take()).collect()
    }
}

/// One handler of a working list: the entry, and its directory as it is for this request.
#[derive(Clone, Copy)]
pub struct Handler<'a> {
    pub entry: &'a HandlerEntry,
    pub directory: Option<&'a [u8]>,
    /// What to call instead of what the entry says.
    pub callable: Option<&'a Arc<Callable>>,
}

/// A cursor that the runner and Python share.
pub type SharedCursor = Arc<Mutex<Cursor>>;

pub struct HandlerListObject {
    cursor: SharedCursor,
}

pub const HANDLER_LIST: Class<HandlerListObject> = Class::<HandlerListObject>::new(c"builtins.mp_hlist")
    .doc(c"The handlers of the current phase. Its attributes show the one that runs, and are None after the last.")
    .final_class()
    .attributes(&[
        read(c"handler", HandlerListObject::handler, c"str or None: the handler, as configured."),
        read(c"directory", HandlerListObject::directory, c"str or None: directory or location of its directive."),
        read(c"is_location", HandlerListObject::is_location, c"int or None: 1 when that is a location."),
        read(c"turn", HandlerListObject::turn, c"str or None: '@early' or '@late' for handlers that do not run in mod_python's usual turn."),
        read(c"silent", HandlerListObject::silent, c"int or None: 1 for a handler of PythonHandlerModule."),
    ])
    .methods(&[method(c"next", HandlerListObject::next, Arity(0, 2), c"next()\n--\n\nGo on to the next handler; after the last, do nothing.")])
    .slots(&[slot::represent(HandlerListObject::represent)]);

impl Contents for HandlerListObject {}

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    py: Python<'py>,
    state: &State,
    cursor: SharedCursor,
) -> PyResult<Object<'py>> {
    class::instantiate(state.handler_list.bind(py), HandlerListObject { cursor })
}

impl HandlerListObject {
    fn handler<'py>(this: This<'_, 'py, Self>) -> PyResult<Option<Object<'py>>> {
        let cursor = this.cursor.lock();
        cursor
            .current()
            .map(|handler| Text(handler.entry.text()).into_pyobject(this.py()))
            .transpose()
    }

    fn directory<'py>(this: This<'_, 'py, Self>) -> PyResult<Option<Object<'py>>> {
        let cursor = this.cursor.lock();
        let directory = cursor.current().and_then(|handler| handler.directory);
        directory.map(|directory| Text(directory).into_pyobject(this.py())).transpose()
    }

    fn is_location(this: This<'_, '_, Self>) -> PyResult<Option<i32>> {
        Ok(this
            .cursor
            .lock()
            .current()
            .map(|handler| i32::from(handler.entry.directory().is_location())))
    }

    fn silent(this: This<'_, '_, Self>) -> PyResult<Option<i32>> {
        Ok(this.cursor.lock().current().map(|handler| i32::from(handler.entry.is_silent())))
    }

    fn turn(this: This<'_, '_, Self>) -> PyResult<Option<&'static str>> {
        let cursor = this.cursor.lock();
        Ok(cursor.current().and_then(|_| cursor.turn.word()))
    }

    fn next(this: This<'_, '_, Self>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        this.cursor.lock().advance();
        Ok(())
    }

    fn represent(this: This<'_, '_, Self>) -> PyResult<String> {
        let cursor = this.cursor.lock();
        let Some(handler) = cursor.current() else { return Ok("{}".to_owned()) };
        let quoted = |bytes: &[u8]| {
            Text(bytes).into_pyobject(this.py())?.repr().map(|text| text.to_string())
        };
        let directory = match handler.directory {
            Some(directory) => format!(", 'directory': {}", quoted(directory)?),
            None => String::new(),
        };
        let text = quoted(handler.entry.text())?;
        let is_location = i32::from(handler.entry.directory().is_location());
        let silent = i32::from(handler.entry.is_silent());
        let turn = cursor.turn.word().map(|word| format!(", 'turn': '{word}'")).unwrap_or_default();
        Ok(format!(
            "{{'handler': {text}{directory}, 'is_location': {is_location}, 'silent': {silent}{turn}}}"
        ))
    }
}
