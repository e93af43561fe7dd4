//! `wsgi.file_wrapper`: a file to be sent. What has a descriptor goes through httpd's own file buckets; all else is read
//! block by block.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::apache::stream;
use crate::python::Object;
use crate::python::class::{Class, Contents, This, Visit};
use crate::python::row::{Arguments, Arity, method};
use crate::python::slot::{construct, iterate, next};

/// What PEP 3333 suggests.
const BLOCK: usize = 8192;

pub struct FileWrapper {
    pub file: Py<PyAny>,
    block: usize,
}

impl Contents for FileWrapper {
    fn traverse(&self, visit: &Visit) -> ControlFlow<std::ffi::c_int> {
        visit.object(&self.file)
    }
}

pub const FILE_WRAPPER: Class<FileWrapper> = Class::<FileWrapper>::new(
    c"mod_python.wsgi.FileWrapper",
)
.doc(c"FileWrapper(file, block_size=8192)\n--\n\nA file to return from an application (PEP 3333, wsgi.file_wrapper).")
.slots(&[
    construct::<FileWrapper, _>(new),
    iterate::<FileWrapper, _>(itself),
    next::<FileWrapper, _>(next_block),
])
.methods(&[method(c"close", close, Arity(0, 0), c"close()\n--\n\nClose the file, if it can be closed.")]);

fn new(
    _class: &Bound<'_, PyType>,
    arguments: &Bound<'_, PyTuple>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<FileWrapper> {
    if keywords.is_some_and(|keywords| !keywords.is_empty()) || !(1..=2).contains(&arguments.len())
    {
        return Err(PyTypeError::new_err("wsgi.file_wrapper takes a file and a block size"));
    }
    let block = arguments.get_item(1).map_or(Ok(BLOCK), |block| block.extract())?;
    Ok(FileWrapper { file: arguments.get_item(0)?.unbind(), block })
}

fn itself<'py>(this: This<'_, 'py, FileWrapper>) -> PyResult<Object<'py>> {
    Ok(this.object().to_owned())
}

fn next_block<'py>(this: This<'_, 'py, FileWrapper>) -> PyResult<Option<Object<'py>>> {
    let block = this.file.bind(this.py()).call_method1("read", (this.block,))?;
    Ok(block.is_truthy()?.then_some(block))
}

fn close(this: This<'_, '_, FileWrapper>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    let file = this.file.bind(this.py());
    if let Some(close) = file.getattr_opt("close")? {
        close.call0()?;
    }
    Ok(())
}

/// A regular file with its descriptor, and the part of it that is still to be read.
pub struct Open {
    pub descriptor: OwnedFd,
    pub offset: u64,
    pub length: u64,
}

impl FileWrapper {
    /// The file behind it, where that is a regular one. None: it has to be read.
    #[must_use]
    pub fn open(&self, py: Python<'_>) -> Option<Open> {
        let file = self.file.bind(py);
        let number: i32 = file.call_method0("fileno").ok()?.extract().ok()?;
        let offset: u64 = file.call_method0("tell").ok()?.extract().ok()?;
        let descriptor = File::from(stream::duplicate(number).ok()?);
        let metadata = descriptor.metadata().ok()?;
        if !metadata.is_file() {
            return None;
        }
        let length = metadata.len().saturating_sub(offset);
        Some(Open { descriptor: descriptor.into(), offset, length })
    }
}
