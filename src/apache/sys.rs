//! httpd's and APR's C names, as bindgen reads them. Private to `apache`: nothing outside this directory names them.

#![allow(
    unsafe_code,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    improper_ctypes,
    unused_imports,
    unnecessary_transmutes,
    unsafe_op_in_unsafe_fn,
    unpredictable_function_pointer_comparisons,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc
)]

include!(concat!(env!("OUT_DIR"), "/httpd.rs"));

/// What a test executable has in place of httpd.
#[cfg(test)]
mod absent {
    include!(concat!(env!("OUT_DIR"), "/absent.rs"));
}
