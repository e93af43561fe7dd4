//! What Python sees: the native `_apache` module and its types, one file a type, each one table.

pub mod added_handler;
pub mod cleanup;
pub mod clock;
pub mod configuration_view;
pub mod connection;
pub mod connection_io;
pub mod cookies;
pub mod deadline;
mod family;
pub mod file_info;
mod file_stamp;
pub mod filter;
pub mod form;
mod form_fields;
mod form_limits;
mod form_parts;
mod form_text;
pub mod functions;
pub mod handler_list;
pub mod held_output;
pub mod lease;
pub mod locks;
pub mod logging;
pub mod multimap;
pub mod native;
pub mod overdue;
pub mod own_filter;
pub mod private_file;
pub mod psp_output;
pub mod psp_pages;
pub mod psp_run;
pub mod psp_source;
pub mod report;
pub mod request;
pub mod request_body;
pub mod request_control;
pub mod request_count;
pub mod request_extras;
pub mod request_io;
pub mod request_rows;
pub mod request_state;
pub mod request_wsgi;
pub mod resolve;
pub mod response_end;
pub mod sending;
pub mod server;
mod set_attributes;
pub mod signature;
pub mod stacks;
pub mod subrequest;
pub mod table;
pub mod table_iterator;
pub mod watched;

use crate::apache::request::Request;
use crate::config::handlers::extension;
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

/// The extension by which a phase's list is chosen: empty for none, and before the file is known.
#[must_use]
pub fn extension_of(request: Request<'_>, phase: Phase) -> &[u8] {
    if !phase.row().extensions {
        return &[];
    }
    request.filename().map_or(&[], extension)
}

/// A phase as `req.phase` names it.
#[must_use]
pub fn phase_name(phase: Phase) -> &'static str {
    phase.directive().to_str().unwrap_or_default()
}
