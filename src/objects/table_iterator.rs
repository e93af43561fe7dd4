//! Iterators over a table, and the lists that its methods return.

use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::multimap::Entry;
use super::native::State;
use super::table::{TableObject, view};
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::Text;
use crate::python::row::{Arguments, Arity, method};
use crate::python::slot;

/// What an iterator gives of each entry.
#[derive(Clone, Copy)]
pub enum Part {
    Key,
    Value,
    Item,
}

impl Part {
    fn of<'py>(self, py: Python<'py>, (key, value): &Entry) -> PyResult<Object<'py>> {
        let value = value.as_deref().map(Text);
        match self {
            Self::Key => Text(key).into_bound_py_any(py),
            Self::Value => value.into_bound_py_any(py),
            Self::Item => (Text(key), value).into_bound_py_any(py),
        }
    }

    pub fn list<'py>(self, py: Python<'py>, entries: &[Entry]) -> PyResult<Bound<'py, PyList>> {
        PyList::new(
            py,
            entries.iter().map(|entry| self.of(py, entry)).collect::<PyResult<Vec<_>>>()?,
        )
    }
}

/// An iterator over a table. Changing the number of entries meanwhile ends it with an error.
pub struct IteratorObject {
    table: Py<PyAny>,
    part: Part,
    length: usize,
    position: Mutex<usize>,
}

pub const ITERATOR: Class<IteratorObject> =
    Class::<IteratorObject>::new(c"builtins.dictionary-iterator")
        .doc(c"Iterator over a table.")
        .slots(&[slot::iterate(IteratorObject::iterate), slot::next(IteratorObject::advance)])
        .methods(&[method(
            c"next",
            IteratorObject::next,
            Arity(0, 0),
            c"next()\n--\n\nThe next element; raises StopIteration.",
        )]);

impl Contents for IteratorObject {
    fn traverse(&self, visit: &class::Visit) -> std::ops::ControlFlow<std::ffi::c_int> {
        visit.object(&self.table)
    }
}

impl IteratorObject {
    fn iterate<'py>(this: This<'_, 'py, Self>) -> PyResult<Object<'py>> {
        Ok(this.object().to_owned())
    }

    fn advance<'py>(this: This<'_, 'py, Self>) -> PyResult<Option<Object<'py>>> {
        let py = this.py();
        let table = view(this.table.bind_borrowed(py))?
            .ok_or_else(|| PyTypeError::new_err("not a table"))?;
        let index = *this.position.lock();
        let (length, entry) = table.with(py, |table| {
            let entry =
                table.entry(index).map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
            (table.len(), entry)
        })?;
        if length != this.length {
            return Err(PyRuntimeError::new_err("the table changed size during iteration"));
        }
        *this.position.lock() += 1;
        entry.map(|entry| this.part.of(py, &entry)).transpose()
    }

    fn next<'py>(
        this: This<'_, 'py, Self>,
        _arguments: Arguments<'_, 'py>,
    ) -> PyResult<Object<'py>> {
        Self::advance(this)?.ok_or_else(|| PyStopIteration::new_err(()))
    }
}

/// A new iterator over `table`.
pub fn iterator<'py>(table: This<'_, 'py, TableObject>, part: Part) -> PyResult<Object<'py>> {
    let py = table.py();
    let contents = IteratorObject {
        table: table.object().to_owned().unbind(),
        part,
        length: table.with(py, |table| table.len())?,
        position: Mutex::new(0),
    };
    class::instantiate(State::of(table.object())?.iterator.bind(py), contents)
}
