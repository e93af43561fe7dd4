//! mod_python: CPython inside Apache httpd.
//!
//! A request travels from httpd's hook (`apache::hook`) to the phase's handler list (`handlers`), into an interpreter
//! (`python`), to the user's function, which touches `objects`, which ask `apache` for what httpd knows.
//!
//! - `apache`: httpd and APR as Rust types.
//! - `python`: CPython as Rust types.
//! - `forms`: forms as they travel, pure.
//! - `config`: the directives, and what is in force.
//! - `counters`: what is counted, in memory that all processes share.
//! - `cookies`: the Cookie header, a pure function.
//! - `html`: text in HTML, a pure function.
//! - `objects`: what Python code sees.
//! - `handlers`: Python handlers in httpd's phases.
//! - `psp`: Python Server Pages to Python source.
//! - `status`: what is counted, as a page, for Prometheus and in mod_status.
//! - `wsgi`: WSGI applications.
//! - `module`: the record httpd loads; it only composes.

mod apache;
mod config;
mod cookies;
mod counters;
mod forms;
mod handlers;
mod html;
mod module;
mod objects;
mod psp;
mod python;
mod status;
mod wsgi;
