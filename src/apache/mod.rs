//! httpd and APR as Rust types. The only code that names `ap_*`, `apr_*` or httpd's records.

#![expect(unsafe_code, reason = "this layer is where Rust meets httpd's C API")]

mod sys;
