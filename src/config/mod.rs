//! The configuration: `directives` is the table that httpd reads, `section` what was written, `settings` what is in force.

pub mod directives;
pub mod gil;
pub mod handlers;
pub mod htaccess;
pub mod mount;
pub mod phase;
mod phase_lists;
pub mod provider;
pub mod section;
pub mod server;
pub mod settings;
pub mod stated;
pub mod timeout;
pub mod turn;
