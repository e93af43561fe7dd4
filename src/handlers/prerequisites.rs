//! What must be so for any child to run Python: looked at when httpd reads its configuration, without starting Python.

use crate::apache::log::{self, Level, Target};
use crate::apache::pool::Pool;
use crate::apache::server::Server;
use crate::apache::status::Status;
use crate::config::server::ServerSection;
use crate::python::{gil, runtime};

/// Refuses to start where every child would fail.
pub fn check(_pconf: Pool<'_>, _plog: Pool<'_>, _ptemp: Pool<'_>, main: Server) -> Status {
    match python(main) {
        Ok(()) => Status::OK,
        Err(sentence) => {
            log::log(Target::Server(main), Level::Crit, sentence.as_bytes());
            Status::INTERNAL_SERVER_ERROR
        }
    }
}

fn python(main: Server) -> Result<(), String> {
    runtime::check().map_err(|error| error.to_string())?;
    let asks =
        main.config::<ServerSection>().is_some_and(|section| section.gil_wishes().asks_for_own());
    if asks {
        gil::supports_own()
            .map_err(|error| format!("MP0044: PythonInterpreterGIL own: {error}"))?;
    }
    Ok(())
}
