//! `mp_finfo`: what httpd knows of a file.

use std::fmt::Write as _;

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::native::State;
use crate::apache::file_info::FileInfo;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::Text;
use crate::python::row::read;
use crate::python::slot::{self, Comparison};

/// A copy, so it needs no lease.
pub struct FileInfoObject {
    info: FileInfo,
}

pub const FILE_INFO: Class<FileInfoObject> = Class::<FileInfoObject>::new(c"builtins.mp_finfo")
    .doc(c"What httpd knows of a file: attributes, and a sequence of them in the order of apache.FINFO_*. A value that was not asked for, or that the file does not have, is None.")
    .final_class()
    .attributes(&[
        read(c"protection", value::<0>, c"int or None: APR's permission bits, a hexadecimal digit each for user, group and world."),
        read(c"inode", value::<1>, c"int or None: inode number."),
        read(c"device", value::<2>, c"int or None: device number."),
        read(c"nlink", value::<3>, c"int or None: number of hard links."),
        read(c"user", value::<4>, c"int or None: owner's user id."),
        read(c"group", value::<5>, c"int or None: owner's group id."),
        read(c"size", value::<6>, c"int or None: size, bytes."),
        read(c"atime", value::<7>, c"int or None: last access, seconds since 1970."),
        read(c"mtime", value::<8>, c"int or None: last modification, seconds since 1970."),
        read(c"ctime", value::<9>, c"int or None: last change of the inode, seconds since 1970."),
        read(c"fname", value::<10>, c"str or None: path."),
        read(c"name", value::<11>, c"str or None: name of the file as its directory spells it."),
        read(c"filetype", value::<12>, c"int: one of APR_NOFILE, APR_REG, APR_DIR and so on."),
        read(c"valid", valid, c"int: APR_FINFO_* bits of the values that are known."),
    ])
    .slots(&[
        slot::length(length),
        slot::item(item),
        slot::iterate(iterate),
        slot::represent(represent),
        slot::compare(compare),
        slot::unhashable(),
    ]);

impl Contents for FileInfoObject {}

/// The elements, in the order of apache.FINFO_*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Protection,
    Inode,
    Device,
    Nlink,
    User,
    Group,
    Size,
    Atime,
    Mtime,
    Ctime,
    Fname,
    Name,
    Filetype,
}

const FIELDS: [Field; 13] = [
    Field::Protection,
    Field::Inode,
    Field::Device,
    Field::Nlink,
    Field::User,
    Field::Group,
    Field::Size,
    Field::Atime,
    Field::Mtime,
    Field::Ctime,
    Field::Fname,
    Field::Name,
    Field::Filetype,
];

/// One value of a [`FileInfo`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Number(i64),
    Text(&'a [u8]),
    Unknown,
}

impl<'py> IntoPyObject<'py> for Value<'_> {
    type Target = PyAny;
    type Output = Object<'py>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Object<'py>> {
        match self {
            Self::Number(number) => number.into_bound_py_any(py),
            Self::Text(bytes) => Text(bytes).into_bound_py_any(py),
            Self::Unknown => Ok(py.None().into_bound(py)),
        }
    }
}

/// A new object on a copy of `info`.
///
/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(py: Python<'py>, state: &State, info: FileInfo) -> PyResult<Object<'py>> {
    class::instantiate(state.file_info.bind(py), FileInfoObject { info })
}

/// The file information that an object shows.
///
/// # Errors
/// `TypeError` for another object.
pub fn info_of<'a>(object: Borrowed<'a, '_, PyAny>, state: &State) -> PyResult<&'a FileInfo> {
    class::contents::<FileInfoObject>(object, state.file_info.bind(object.py()))
        .map(|object| &object.info)
        .ok_or_else(|| {
            PyTypeError::new_err("finfo must be an mp_finfo object, as apache.stat() returns it")
        })
}

/// The element at an index of apache.FINFO_*.
fn value<'a, const INDEX: usize>(this: This<'a, '_, FileInfoObject>) -> PyResult<Value<'a>> {
    Ok(pick(&this.contents().info, FIELDS[INDEX]))
}

fn valid(this: This<'_, '_, FileInfoObject>) -> PyResult<i32> {
    Ok(this.info.valid)
}

fn pick(info: &FileInfo, field: Field) -> Value<'_> {
    let number =
        |known: bool, number: i64| if known { Value::Number(number) } else { Value::Unknown };
    match field {
        Field::Filetype => Value::Number(i64::from(info.filetype)),
        Field::Fname => info.fname.as_deref().map_or(Value::Unknown, Value::Text),
        _ if !info.exists() => Value::Unknown,
        Field::Name => info.name.as_deref().map_or(Value::Unknown, Value::Text),
        Field::Protection => number(info.has_protection(), i64::from(info.protection)),
        Field::Inode => number(info.has_inode(), i64::try_from(info.inode).unwrap_or(i64::MAX)),
        Field::Device => number(info.has_device(), i64::try_from(info.device).unwrap_or(i64::MAX)),
        Field::Nlink => number(info.has_nlink(), i64::from(info.nlink)),
        Field::User => number(info.has_user(), i64::from(info.user)),
        Field::Group => number(info.has_group(), i64::from(info.group)),
        Field::Size => number(info.has_size(), info.size),
        Field::Atime => number(info.has_atime(), info.atime / 1_000_000),
        Field::Mtime => number(info.has_mtime(), info.mtime / 1_000_000),
        Field::Ctime => number(info.has_ctime(), info.ctime / 1_000_000),
    }
}

fn length(_this: This<'_, '_, FileInfoObject>) -> PyResult<usize> {
    Ok(FIELDS.len())
}

fn as_tuple<'py>(this: This<'_, 'py, FileInfoObject>) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(this.py(), FIELDS.iter().map(|field| pick(&this.info, *field)))
}

fn item<'py>(
    this: This<'_, 'py, FileInfoObject>,
    key: Borrowed<'_, 'py, PyAny>,
) -> PyResult<Object<'py>> {
    if key.is_instance_of::<PySlice>() {
        return as_tuple(this)?.as_any().get_item(key);
    }
    let index: isize = key.extract()?;
    let length = FIELDS.len().cast_signed();
    let from_start = if index < 0 { index + length } else { index };
    let field = usize::try_from(from_start).ok().and_then(|index| FIELDS.get(index));
    let field = field.ok_or_else(|| PyIndexError::new_err("finfo index out of range"))?;
    pick(&this.info, *field).into_bound_py_any(this.py())
}

fn iterate<'py>(this: This<'_, 'py, FileInfoObject>) -> PyResult<Object<'py>> {
    Ok(as_tuple(this)?.try_iter()?.into_any())
}

fn compare(
    this: This<'_, '_, FileInfoObject>,
    other: Borrowed<'_, '_, PyAny>,
    comparison: Comparison,
) -> PyResult<Option<bool>> {
    let state = State::of(this.object())?;
    let Some(other) = class::contents::<FileInfoObject>(other, state.file_info.bind(this.py()))
    else {
        return Ok(None);
    };
    let same = FIELDS.iter().all(|field| pick(&this.info, *field) == pick(&other.info, *field));
    let equal = same && this.info.valid == other.info.valid;
    Ok((comparison != Comparison::Order).then_some(equal == (comparison == Comparison::Equal)))
}

/// All attributes, in the order that mod_python has always shown them.
fn represent(this: This<'_, '_, FileInfoObject>) -> PyResult<String> {
    const SHOWN: [(&str, Option<Field>); 14] = [
        ("fname", Some(Field::Fname)),
        ("filetype", Some(Field::Filetype)),
        ("valid", None),
        ("protection", Some(Field::Protection)),
        ("user", Some(Field::User)),
        ("group", Some(Field::Group)),
        ("size", Some(Field::Size)),
        ("inode", Some(Field::Inode)),
        ("device", Some(Field::Device)),
        ("nlink", Some(Field::Nlink)),
        ("atime", Some(Field::Atime)),
        ("mtime", Some(Field::Mtime)),
        ("ctime", Some(Field::Ctime)),
        ("name", Some(Field::Name)),
    ];
    let mut text = String::from("{");
    for (index, (name, field)) in SHOWN.into_iter().enumerate() {
        let value = field
            .map_or(Value::Number(i64::from(this.info.valid)), |field| pick(&this.info, field));
        let shown = value.into_bound_py_any(this.py())?.repr()?;
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}'{name}': {}", shown.to_string_lossy());
    }
    text.push('}');
    Ok(text)
}
