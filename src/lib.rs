//! mod_python: CPython inside Apache httpd.

mod apache;
mod config;
