//! `python_module`, the record httpd loads. It only composes: configuration, directives, hooks.

#![expect(unsafe_code, reason = "httpd finds the record by its exported name")]

use crate::apache::hook::{Hooks, Order, Position};
use crate::apache::lock_file;
use crate::apache::log::{self, Level, Target};
use crate::apache::pool::Pool;
use crate::apache::process;
use crate::apache::record::ModuleRecord;
use crate::apache::runtime_directory;
use crate::apache::server::Server;
use crate::apache::signal;
use crate::apache::status::Status;
use crate::config::directives::COMMANDS;
use crate::config::section::Section;
use crate::config::server::ServerSection;
use crate::counters;
use crate::handlers;
use crate::python::compat;
use crate::status;
use crate::wsgi;

// SAFETY: httpd looks the symbol up by this name, which is in its own name space of modules.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "LoadModule names it")]
pub static python_module: ModuleRecord =
    ModuleRecord::new::<Section, ServerSection, _>(c"mod_python.c", COMMANDS.commands(), register);

fn register(hooks: Hooks<'_>) {
    python_module.adopt();
    hooks.post_config(post_config, Order::MIDDLE);
    hooks.child_init(count_child, Order::at(Position::First));
    hooks.child_init(handlers::child::init, Order::MIDDLE);
    hooks.child_stopping(handlers::child::stopping, Order::MIDDLE);
    hooks.test_config(handlers::check::run, Order::MIDDLE);
    wsgi::register(hooks);
    status::register(hooks);
    handlers::register(hooks);
}

fn post_config(pconf: Pool<'_>, _plog: Pool<'_>, _ptemp: Pool<'_>, main: Server) -> Status {
    if process::is_first_pass() {
        return Status::OK;
    }
    let (major, minor, micro) = compat::version();
    process::add_version_component(
        pconf,
        concat!("mod_python/", env!("CARGO_PKG_VERSION")).as_bytes(),
    );
    process::add_version_component(pconf, format!("Python/{major}.{minor}.{micro}").as_bytes());
    signal::survive_dump_requests();
    handlers::includes::register();
    runtime_directory::prepare(pconf);
    if let Err(error) = lock_file::prepare(pconf) {
        let line = format!("MP0002: mod_python: no file for locks between processes: {error}");
        log::log(Target::Server(main), Level::Error, line.as_bytes());
    }
    let most = usize::try_from(process::most_daemons()).unwrap_or(1);
    if let Err(error) = counters::prepare(most) {
        let line = format!("MP0040: mod_python: no memory for what is counted: {error}");
        log::log(Target::Server(main), Level::Error, line.as_bytes());
    }
    Status::OK
}

/// Before anything that is counted.
fn count_child(pool: Pool<'_>, _main: Server) {
    counters::begin(process::generation());
    pool.on_end(counters::end);
}
