//! The fields of a query or an urlencoded body as Python objects, with an index of the first of each name.

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::python::Object;
use crate::python::str_subclass::{Member, StrSubclass};

/// The list of fields, and the first of each name in order.
pub type Made<'py> = (Bound<'py, PyList>, Bound<'py, PyDict>);

/// Fields being collected.
pub struct StringFields<'py> {
    class: StrSubclass<'py>,
    name: Member<'py>,
    fields: Vec<Object<'py>>,
    /// By their names, the last of each. Once there are two of one name, it is made anew at the end.
    index: Bound<'py, PyDict>,
}

impl<'py> StringFields<'py> {
    /// `class` is `util.StringField`.
    ///
    /// # Errors
    /// `TypeError` for what is no class.
    pub fn new(class: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let class = StrSubclass::of(class)?;
        let py = class.py();
        let name = class.member(&PyString::intern(py, "name"))?;
        Ok(Self { class, name, fields: Vec::new(), index: PyDict::new(py) })
    }

    pub fn reserve(&mut self, count: usize) {
        self.fields.reserve(count);
    }

    /// Appends a field. `octets` are its bytes, if they cannot be had from its text.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn push(
        &mut self,
        name: &Object<'py>,
        text: Object<'py>,
        octets: Option<Object<'py>>,
    ) -> PyResult<()> {
        let field = self.class.instantiate(text)?;
        self.name.set(&field, name)?;
        if let Some(octets) = octets {
            field.setattr("_octets", octets)?;
        }
        self.index.set_item(name, &field)?;
        self.fields.push(field);
        Ok(())
    }

    /// # Errors
    /// `MemoryError`.
    pub fn finish(self) -> PyResult<Made<'py>> {
        let Self { fields, index, .. } = self;
        if index.len() < fields.len() {
            index.clear();
            for field in &fields {
                index.set_default(field.getattr("name")?, field)?;
            }
        }
        Ok((PyList::new(index.py(), fields)?, index))
    }
}
