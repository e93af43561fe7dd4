//! What Python sees: the native `_apache` module and its types, one file a type, each one table.

pub mod added_handler;
pub mod cleanup;
pub mod configuration_view;
pub mod connection;
pub mod connection_io;
pub mod file_info;
pub mod filter;
pub mod functions;
pub mod handler_list;
pub mod include_filter;
pub mod lease;
pub mod locks;
pub mod logging;
pub mod multimap;
pub mod native;
pub mod report;
pub mod request;
pub mod request_body;
pub mod request_control;
pub mod request_io;
pub mod request_rows;
pub mod request_state;
pub mod request_wsgi;
pub mod resolve;
pub mod server;
pub mod subrequest;
pub mod table;
pub mod table_iterator;

use crate::apache::request::Request;
use crate::config::phase::Phase;
use crate::config::section::Section;
use crate::config::settings::Settings;

/// Content handlers that are ours: the present name and the one of old.
pub const HANDLER_NAMES: [&str; 2] = ["mod_python", "python-program"];

/// What is configured for a request at this moment.
#[must_use]
pub fn settings_of(request: Request<'_>) -> Option<Settings<'_>> {
    request.config::<Section>().map(Settings::of)
}

/// A phase as `req.phase` names it.
#[must_use]
pub fn phase_name(phase: Phase) -> &'static str {
    phase.directive().to_str().unwrap_or_default()
}
