//! `mp_table`: a mapping over an ordered multi-map of text. A view of one of httpd's tables, or a table of its own.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::{PyAttributeError, PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::lease::{Lease, OfConnection, OfRequest};
use super::multimap::{Entries, Entry, Multimap};
use super::native::State;
use super::table_iterator::{Part, iterator};
use crate::apache::request::Request;
use crate::apache::table::Table;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{
    Encoded, Text, encode, encode_line, encode_without_nul, items, type_name,
};
use crate::python::row::{Arguments, Arity, keyword_method, method};
use crate::python::slot::{self, Comparison};

/// What a table object shows.
pub struct TableObject {
    storage: Storage,
}

enum Storage {
    Own(Arc<Mutex<Entries>>),
    /// The function finds the table anew each time: httpd replaces some of them.
    OfRequest(Lease<OfRequest>, RequestTable),
    OfConnection(Lease<OfConnection>),
}

/// One of a request's tables.
#[derive(Clone, Copy)]
pub struct RequestTable {
    find: for<'r> fn(Request<'r>) -> Table<'r>,
    /// Whether its entries become lines of HTTP.
    is_header: bool,
}

impl RequestTable {
    pub const HEADERS_IN: Self = Self { find: |request| request.headers_in(), is_header: true };
    pub const HEADERS_OUT: Self = Self { find: |request| request.headers_out(), is_header: true };
    pub const ERR_HEADERS_OUT: Self =
        Self { find: |request| request.err_headers_out(), is_header: true };
    pub const SUBPROCESS_ENV: Self =
        Self { find: |request| request.subprocess_env(), is_header: false };
    pub const NOTES: Self = Self { find: |request| request.notes(), is_header: false };
}

pub const TABLE: Class<TableObject> = Class::<TableObject>::new(c"builtins.mp_table")
    .doc(c"table(mapping_or_pairs=None)\n--\n\nA mapping of text to text whose keys compare without case and may repeat, in order.")
    .slots(&[
        slot::construct(TableObject::construct),
        slot::length(TableObject::length),
        slot::item(TableObject::item),
        slot::assign_item(TableObject::assign_item),
        slot::contains(TableObject::contains),
        slot::iterate(TableObject::iterkeys_slot),
        slot::represent(TableObject::represent),
        slot::compare(TableObject::compare),
        slot::unhashable(),
        slot::or(or),
        slot::or_in_place(or_in_place),
    ])
    .methods(&[
        method(c"add", TableObject::add, Arity(2, 2), c"add(key, value)\n--\n\nAppend an entry; entries of the same key stay."),
        method(c"clear", TableObject::clear_all, Arity(0, 0), c"clear()\n--\n\nRemove all entries."),
        method(c"copy", TableObject::copy, Arity(0, 0), c"copy()\n--\n\nA table of its own with the same entries, repeated keys included."),
        method(c"get", TableObject::get, Arity(1, 2), c"get(key, default=None)\n--\n\nValue of the first entry of key."),
        method(c"has_key", TableObject::has_key, Arity(1, 1), c"has_key(key)\n--\n\n1 if there is an entry of key, else 0."),
        method(c"items", TableObject::items, Arity(0, 0), c"items()\n--\n\nList of (key, value), one for each entry."),
        method(c"keys", TableObject::keys, Arity(0, 0), c"keys()\n--\n\nList of keys, one for each entry."),
        method(c"values", TableObject::values, Arity(0, 0), c"values()\n--\n\nList of values, one for each entry."),
        method(c"iteritems", TableObject::iteritems, Arity(0, 0), c"iteritems()\n--\n\nIterator over (key, value)."),
        method(c"iterkeys", TableObject::iterkeys, Arity(0, 0), c"iterkeys()\n--\n\nIterator over the keys."),
        method(c"itervalues", TableObject::itervalues, Arity(0, 0), c"itervalues()\n--\n\nIterator over the values."),
        method(c"pop", TableObject::pop, Arity(1, 2), c"pop(key[, default])\n--\n\nRemove all entries of key and return its value, as t[key] gives it."),
        method(c"popitem", TableObject::popitem, Arity(0, 0), c"popitem()\n--\n\nRemove the last entry and return it as (key, value). Raises KeyError when empty."),
        method(c"setdefault", TableObject::setdefault, Arity(1, 2), c"setdefault(key, value='')\n--\n\nValue of the first entry of key; if there is none, store value and return it."),
        keyword_method(c"update", TableObject::update, c"update(mapping_or_pairs, /, **values)\n--\n\nAssign every entry of a mapping, of pairs, and of the keywords."),
    ]);

impl Contents for TableObject {}

impl TableObject {
    /// A view of one of a request's tables.
    pub fn of_request(lease: Lease<OfRequest>, table: RequestTable) -> Self {
        Self { storage: Storage::OfRequest(lease, table) }
    }

    /// A view of a connection's notes.
    pub fn of_connection(lease: Lease<OfConnection>) -> Self {
        Self { storage: Storage::OfConnection(lease) }
    }

    /// A table of its own.
    pub fn own(entries: Entries) -> Self {
        Self::shared(Arc::new(Mutex::new(entries)))
    }

    /// A view of entries that others see too.
    pub fn shared(entries: Arc<Mutex<Entries>>) -> Self {
        Self { storage: Storage::Own(entries) }
    }

    /// Runs `f` on the table. No Python code runs meanwhile.
    pub fn with<R>(&self, py: Python<'_>, f: impl FnOnce(&mut dyn Multimap) -> R) -> PyResult<R> {
        match &self.storage {
            Storage::Own(entries) => Ok(f(&mut *entries.lock())),
            Storage::OfRequest(lease, table) => {
                let request = lease.borrow(py)?;
                Ok(f(&mut (table.find)(*request)))
            }
            Storage::OfConnection(lease) => lease.work(py, |connection| f(&mut connection.notes())),
        }
    }

    fn is_header(&self) -> bool {
        matches!(&self.storage, Storage::OfRequest(_, table) if table.is_header)
    }

    fn check<'py>(&self, value: Borrowed<'_, 'py, PyAny>, what: &str) -> PyResult<Encoded<'py>> {
        if self.is_header() { encode_line(value, what) } else { encode_without_nul(value, what) }
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<Vec<Entry>> {
        self.with(py, |table| table.entries())
    }

    fn store(&self, key: Borrowed<'_, '_, PyAny>, value: Borrowed<'_, '_, PyAny>) -> PyResult<()> {
        let (name, text) = (self.check(key, "a table key")?, self.check(value, "a table value")?);
        self.with(key.py(), |table| table.set(name.as_bytes(), text.as_bytes()))
    }

    fn construct<'py>(
        class: &Bound<'py, PyType>,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let _ = class;
        let table = Self::own(Entries::default());
        let keyword = match keywords {
            None => None,
            Some(given) => {
                let items = given.get_item("items")?;
                if given.len() > usize::from(items.is_some()) {
                    return Err(PyTypeError::new_err("table() takes one argument, named items"));
                }
                items
            }
        };
        let source = match (arguments.len(), keyword) {
            (0, source) => source,
            (1, None) => Some(arguments.get_item(0)?),
            _ => return Err(PyTypeError::new_err("table() takes at most one argument")),
        };
        if let Some(source) = source {
            table.store_all(&source)?;
        }
        Ok(table)
    }

    /// Assigns what a mapping or an iterable of pairs holds; keys and values go through `str()`.
    fn store_all(&self, source: &Bound<'_, PyAny>) -> PyResult<()> {
        if source.hasattr("keys")? {
            for key in source.call_method0("keys")?.try_iter()? {
                let key = key?;
                self.store_texts(&key, &source.get_item(&key)?)?;
            }
            return Ok(());
        }
        for (index, pair) in source.try_iter()?.enumerate() {
            let pair = pair?;
            let parts = items(&pair.try_iter().map_err(|_| {
                PyTypeError::new_err(format!("element {index} of the pairs is not a sequence"))
            })?)?;
            let [key, value] = parts.as_slice() else {
                let message = format!(
                    "element {index} of the pairs has length {}; 2 is required",
                    parts.len()
                );
                return Err(PyValueError::new_err(message));
            };
            self.store_texts(key, value)?;
        }
        Ok(())
    }

    fn store_texts(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.store(key.str()?.as_any().as_borrowed(), value.str()?.as_any().as_borrowed())
    }

    fn length(this: This<'_, '_, Self>) -> PyResult<usize> {
        this.with(this.py(), |table| table.len())
    }

    fn item<'py>(
        this: This<'_, 'py, Self>,
        key: Borrowed<'_, 'py, PyAny>,
    ) -> PyResult<Object<'py>> {
        let name = encode(key, "a table key")?;
        this.look_up(this.py(), name.as_bytes())?
            .ok_or_else(|| PyKeyError::new_err(key.to_owned().unbind()))
    }

    /// As `t[key]`: the value, or the list of values where there are several.
    fn look_up<'py>(&self, py: Python<'py>, name: &[u8]) -> PyResult<Option<Object<'py>>> {
        let (first, others) = self.with(py, |table| {
            let (mut first, mut others) = (None, Vec::new());
            table.visit(name, &mut |value| {
                let text = value.map(Text).into_bound_py_any(py);
                match &first {
                    None => first = Some(text),
                    Some(_) => others.push(text),
                }
            });
            (first, others)
        })?;
        let Some(first) = first.transpose()? else { return Ok(None) };
        if others.is_empty() {
            return Ok(Some(first));
        }
        let values = std::iter::once(Ok(first)).chain(others).collect::<PyResult<Vec<_>>>()?;
        Ok(Some(PyList::new(py, values)?.into_any()))
    }

    fn assign_item(
        this: This<'_, '_, Self>,
        key: Borrowed<'_, '_, PyAny>,
        value: Option<Borrowed<'_, '_, PyAny>>,
    ) -> PyResult<()> {
        if let Some(value) = value {
            return this.store(key, value);
        }
        let name = encode(key, "a table key")?;
        this.with(this.py(), |table| table.remove(name.as_bytes()))
    }

    fn contains(this: This<'_, '_, Self>, key: Borrowed<'_, '_, PyAny>) -> PyResult<bool> {
        let name = encode(key, "a table key")?;
        this.with(this.py(), |table| table.first(name.as_bytes()).is_some())
    }

    fn has_key<'py>(this: This<'_, 'py, Self>, arguments: Arguments<'_, 'py>) -> PyResult<i32> {
        Self::contains(this, arguments.required(0)?).map(i32::from)
    }

    fn get<'py>(
        this: This<'_, 'py, Self>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<Option<Object<'py>>> {
        let name = encode(arguments.required(0)?, "a table key")?;
        match this.first(this.py(), name.as_bytes())? {
            Some(value) => Ok(Some(value)),
            None => Ok(arguments.optional(1).map(|default| default.to_owned())),
        }
    }

    fn first<'py>(&self, py: Python<'py>, name: &[u8]) -> PyResult<Option<Object<'py>>> {
        self.with(py, |table| table.first(name).map(|value| value.map(Text).into_bound_py_any(py)))?
            .transpose()
    }

    fn setdefault<'py>(
        this: This<'_, 'py, Self>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        let py = this.py();
        let key = arguments.required(0)?;
        let name = this.check(key, "a table key")?;
        if let Some(value) = this.first(py, name.as_bytes())? {
            return Ok(value);
        }
        let value = arguments
            .optional(1)
            .map_or_else(|| PyString::new(py, "").into_any(), |value| value.to_owned());
        this.store(key, value.as_borrowed())?;
        Ok(value)
    }

    fn add(this: This<'_, '_, Self>, arguments: Arguments<'_, '_>) -> PyResult<()> {
        let key = this.check(arguments.required(0)?, "a table key")?;
        let value = this.check(arguments.required(1)?, "a table value")?;
        this.with(this.py(), |table| table.add(key.as_bytes(), value.as_bytes()))
    }

    fn clear_all(this: This<'_, '_, Self>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
        this.with(this.py(), |table| table.clear())
    }

    fn copy<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        let state = State::of(this.object())?;
        instantiate(this.py(), state, Self::own(Entries(this.snapshot(this.py())?)))
    }

    fn pop<'py>(this: This<'_, 'py, Self>, arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let key = arguments.required(0)?;
        let name = encode(key, "a table key")?;
        match (this.look_up(this.py(), name.as_bytes())?, arguments.optional(1)) {
            (Some(value), _) => {
                this.with(this.py(), |table| table.remove(name.as_bytes()))?;
                Ok(value)
            }
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err(PyKeyError::new_err(key.to_owned().unbind())),
        }
    }

    fn popitem<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        let last = this.with(this.py(), |table| {
            let index = table.len().checked_sub(1)?;
            let (key, value) = table.entry(index)?;
            let entry = (key.to_vec(), value.map(<[u8]>::to_vec));
            table.remove_last();
            Some(entry)
        })?;
        let (key, value) =
            last.ok_or_else(|| PyKeyError::new_err("popitem(): the table is empty"))?;
        (Text(&key), value.as_deref().map(Text)).into_bound_py_any(this.py())
    }

    fn update<'py>(
        this: This<'_, 'py, Self>,
        arguments: Borrowed<'_, 'py, PyTuple>,
        keywords: Option<Borrowed<'_, 'py, PyDict>>,
    ) -> PyResult<()> {
        match arguments.len() {
            0 if keywords.is_some() => {}
            1 => {
                let source = arguments.get_item(0)?;
                if !source.hasattr("keys")? && source.try_iter().is_err() {
                    let class = type_name(source.as_borrowed());
                    return Err(PyAttributeError::new_err(format!(
                        "'{class}' object has no attribute 'keys'"
                    )));
                }
                this.store_all(&source)?;
            }
            count => {
                return Err(PyTypeError::new_err(format!(
                    "update() takes one argument ({count} given)"
                )));
            }
        }
        keywords.map_or(Ok(()), |keywords| this.store_all(keywords.as_any()))
    }

    fn keys<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyList>> {
        Part::Key.list(this.py(), &this.snapshot(this.py())?)
    }

    fn values<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyList>> {
        Part::Value.list(this.py(), &this.snapshot(this.py())?)
    }

    fn items<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyList>> {
        Part::Item.list(this.py(), &this.snapshot(this.py())?)
    }

    fn iterkeys_slot<'py>(this: This<'_, 'py, Self>) -> PyResult<Object<'py>> {
        iterator(this, Part::Key)
    }

    fn iterkeys<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        iterator(this, Part::Key)
    }

    fn itervalues<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        iterator(this, Part::Value)
    }

    fn iteritems<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        iterator(this, Part::Item)
    }

    /// As a dict would show it, the newest entry first.
    fn represent(this: This<'_, '_, Self>) -> PyResult<String> {
        let py = this.py();
        let quoted = |bytes: &[u8]| {
            PyBytes::new(py, bytes).repr().map(|text| text.to_string()[1..].to_owned())
        };
        let mut shown = Vec::new();
        for (key, value) in this.snapshot(py)?.iter().rev() {
            let value = value.as_deref().map_or_else(|| Ok("None".to_owned()), quoted)?;
            shown.push(format!("{}: {value}", quoted(key)?));
        }
        Ok(format!("{{{}}}", shown.join(", ")))
    }

    /// Tables compare as the dicts they look like: order does not count, spelling of keys does.
    fn compare(
        this: This<'_, '_, Self>,
        other: Borrowed<'_, '_, PyAny>,
        comparison: Comparison,
    ) -> PyResult<Option<bool>> {
        if comparison == Comparison::Order {
            return Ok(None);
        }
        let other = match view(other)? {
            Some(table) => table.as_dict(this.py())?.into_any(),
            None if other.is_instance_of::<PyDict>() => other.to_owned(),
            None => return Ok(None),
        };
        let equal = this.as_dict(this.py())?.as_any().eq(other)?;
        Ok(Some(equal == (comparison == Comparison::Equal)))
    }

    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (key, _) in self.snapshot(py)? {
            dict.set_item(Text(&key), self.look_up(py, &key)?)?;
        }
        Ok(dict)
    }
}

/// A new table object of the exact class.
pub fn instantiate<'py>(
    py: Python<'py>,
    state: &State,
    table: TableObject,
) -> PyResult<Object<'py>> {
    class::instantiate(state.table.bind(py), table)
}

/// The contents of an object that is a table.
pub fn view<'a>(object: Borrowed<'a, '_, PyAny>) -> PyResult<Option<&'a TableObject>> {
    let state = State::current(object.py())?;
    Ok(class::contents(object, state.table.bind(object.py())))
}

fn or<'py>(
    left: Borrowed<'_, 'py, PyAny>,
    right: Borrowed<'_, 'py, PyAny>,
) -> PyResult<Option<Object<'py>>> {
    if ![left, right].iter().all(|side| side.hasattr("keys").unwrap_or(false)) {
        return Ok(None);
    }
    let py = left.py();
    let result = TableObject::own(match view(left)? {
        Some(table) => Entries(table.snapshot(py)?),
        None => Entries::default(),
    });
    if view(left)?.is_none() {
        result.store_all(&left)?;
    }
    result.store_all(&right)?;
    instantiate(py, State::current(py)?, result).map(Some)
}

fn or_in_place<'py>(
    left: Borrowed<'_, 'py, PyAny>,
    right: Borrowed<'_, 'py, PyAny>,
) -> PyResult<Option<Object<'py>>> {
    match view(left)? {
        Some(table) if right.hasattr("keys")? => {
            table.store_all(&right)?;
            Ok(Some(left.to_owned()))
        }
        _ => Ok(None),
    }
}
