//! CPython as Rust types. The only code that names `pyo3::ffi`. It knows nothing of httpd.

#![expect(unsafe_code, reason = "this layer is where Rust meets CPython's C API")]

mod boundary;
pub mod class;
pub mod code;
pub mod compat;
pub mod convert;
pub mod error;
pub mod fork;
pub mod gil;
mod gil_queue;
mod gil_ticket;
mod gil_turns;
pub mod home;
pub mod interpreter;
pub mod meter;
pub mod module;
pub mod package;
mod processor;
pub mod row;
pub mod runtime;
pub mod slot;
pub mod stack;
pub mod states;
pub mod str_subclass;
pub mod thread;

/// What a function that Python calls gives back before it becomes a Python object.
pub type Object<'py> = pyo3::Bound<'py, pyo3::PyAny>;
