//! httpd and APR as Rust types. The only code that names `ap_*`, `apr_*` or httpd's records.
//!
//! The types are `Copy` handles that borrow what httpd owns: `Request<'r>` lives for the hook call that brought it,
//! `Pool<'p>` and `Table<'t>` as long as their pool. Text goes in and out as bytes, because httpd promises no encoding.
//!
//! | file | noun |
//! |---|---|
//! | `record` | the record that httpd loads; configuration and state that httpd keeps for the module |
//! | `hook`, `boundary` | httpd calling Rust: registration, and what becomes of a panic |
//! | `command`, `pattern` | directives being read, and what their sections match |
//! | `request`, `response`, `stream`, `body`, `access` | a request: its fields, what is sent, whole or in pieces, what is read, who may |
//! | `subrequest`, `expression` | requests inside of a request, and httpd's expressions on one |
//! | `auth_provider` | httpd asking who a user is, and who may |
//! | `include`, `status_section` | elements of pages that mod_include works on, a section of mod_status's page |
//! | `filter`, `filter_slot`, `input`, `invocation`, `brigade` | bodies on their way through filters |
//! | `connection`, `server`, `sections`, `process` | what a request belongs to |
//! | `connection_io` | the bytes of a connection, below HTTP |
//! | `pool`, `table`, `array`, `text` | APR's memory, tables, arrays and strings |
//! | `file_info`, `file_stamp`, `lock_file`, `shared_memory`, `runtime_directory`, `apr_error` | what APR and the system know about files, locks and memory between processes, the place for mod_python's own files, errors |
//! | `serving`, `log_copy`, `signal` | what threads serve, as other threads see it; signals that a child gets |
//! | `status`, `log`, `constants` | results, the error log, httpd's numbers by name |
//! | `cgi` | pure: CGI variables |

#![expect(unsafe_code, reason = "this layer is where Rust meets httpd's C API")]
#![allow(dead_code, reason = "a layer offers what httpd has; the layers above take what they need")]

pub mod access;
pub mod apr_error;
mod array;
pub mod auth_provider;
pub mod body;
mod boundary;
mod brigade;
mod cgi;
pub mod command;
pub mod connection;
pub mod connection_io;
pub mod constants;
pub mod direct;
pub mod ending;
pub mod expression;
pub mod file_exchange;
pub mod file_info;
pub mod file_stamp;
pub mod filter;
mod filter_slot;
pub mod hook;
pub mod htaccess;
pub mod include;
mod input;
pub mod invocation;
pub mod lock_file;
pub mod log;
pub mod log_copy;
pub mod pattern;
pub mod pool;
pub mod process;
pub mod record;
pub mod request;
pub mod response;
pub mod runtime_directory;
pub mod sections;
pub mod server;
pub mod serving;
pub mod shared_memory;
pub mod signal;
pub mod status;
pub mod status_section;
pub mod stock_filters;
pub mod stream;
pub mod subrequest;
mod sys;
pub mod table;
mod text;
mod whole_body;
