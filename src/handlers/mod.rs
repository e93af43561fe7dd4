//! Python handlers in httpd's phases.
//!
//! A phase is a row of [`PHASES`]: a hook of httpd and what is to be run there. `runner` runs a handler list,
//! `debugger` calls what a handler names, `outcome` reads results and reports errors. `filters` runs filters, `provider`
//! answers for users and what they may, `connections` has what comes before requests, `includes` the tags of server side
//! includes, `child` begins and ends a process, with the handlers of `server_phase`.

pub mod child;
mod connections;
mod debugger;
mod filters;
pub mod includes;
mod outcome;
mod provider;
mod runner;
mod server_phase;

use crate::apache::hook::{Hooks, Order, Position, RequestHook};
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::phase::Phase;
use crate::objects::request_state::{self, RequestState};
use crate::objects::{HANDLER_NAMES, settings_of};

/// A phase of requests: httpd's hook, and what it runs.
struct Row {
    hook: RequestHook,
    run: fn(Request<'_>) -> Status,
    order: Order,
}

/// Ours go before httpd's own modules that would answer in their place, in whatever order they are loaded.
const BEFORE_OTHERS: Order = Order::MIDDLE.before(&[
    c"mod_mime.c",
    c"mod_auth_basic.c",
    c"mod_auth_digest.c",
    c"mod_auth_form.c",
]);

const PHASES: &[Row] = &[
    Row { hook: RequestHook::PostReadRequest, run: post_read_request, order: Order::MIDDLE },
    Row {
        hook: RequestHook::TranslateName,
        run: note_location,
        order: Order::at(Position::ReallyFirst),
    },
    Row {
        hook: RequestHook::TranslateName,
        run: |request| runner::run(Phase::Trans, request),
        order: BEFORE_OTHERS,
    },
    Row { hook: RequestHook::MapToStorage, run: map_location_to_storage, order: Order::MIDDLE },
    Row {
        hook: RequestHook::MapToStorage,
        run: |request| runner::run(Phase::MapToStorage, request),
        order: Order::MIDDLE,
    },
    Row { hook: RequestHook::HeaderParser, run: header_parser, order: Order::MIDDLE },
    Row {
        hook: RequestHook::AccessChecker,
        run: |request| runner::run(Phase::Access, request),
        order: BEFORE_OTHERS,
    },
    Row { hook: RequestHook::CheckUserId, run: check_user_id, order: BEFORE_OTHERS },
    Row {
        hook: RequestHook::AuthChecker,
        run: |request| runner::run(Phase::Authz, request),
        order: BEFORE_OTHERS,
    },
    Row {
        hook: RequestHook::TypeChecker,
        run: |request| runner::run(Phase::Type, request),
        order: BEFORE_OTHERS,
    },
    Row {
        hook: RequestHook::Fixups,
        run: |request| runner::run(Phase::Fixup, request),
        order: Order::MIDDLE,
    },
    Row { hook: RequestHook::Handler, run: content_handler, order: Order::MIDDLE },
    Row { hook: RequestHook::LogTransaction, run: log_transaction, order: Order::MIDDLE },
];

/// Registers every phase.
pub fn register(hooks: Hooks<'_>) {
    request_state::set_cleanup_phase(|request| {
        runner::run(Phase::Cleanup, request);
    });
    provider::register();
    hooks.filters(filters::run);
    register_rows(hooks);
    hooks.quick_handler(quick_handler, Order::MIDDLE);
    connections::register(hooks);
}

/// httpd tells hooks apart by their functions, so each row is registered with a function of its own.
fn register_rows(hooks: Hooks<'_>) {
    macro_rules! rows {
        ($($row:literal)*) => {$(
            hooks.request(PHASES[$row].hook, |request| (PHASES[$row].run)(request), PHASES[$row].order);
        )*};
    }
    const { assert!(PHASES.len() == 13, "every row is registered below") };
    rows!(0 1 2 3 4 5 6 7 8 9 10 11 12);
}

/// A subrequest is looked up with this hook too, but no handler is told so, and none is asked.
fn quick_handler(request: Request<'_>, is_look_up: bool) -> Status {
    if is_look_up { Status::DECLINED } else { runner::run(Phase::Quick, request) }
}

fn post_read_request(request: Request<'_>) -> Status {
    let initialized = run_init(request);
    if !matches!(initialized, Status::OK | Status::DECLINED) {
        return initialized;
    }
    strongest(initialized, runner::run(Phase::PostReadRequest, request))
}

fn header_parser(request: Request<'_>) -> Status {
    let initialized = run_init(request);
    if !matches!(initialized, Status::OK | Status::DECLINED) {
        return initialized;
    }
    strongest(initialized, runner::run(Phase::HeaderParser, request))
}

/// OK if one of two lists has run, else DECLINED; the second one's own word otherwise.
fn strongest(first: Status, second: Status) -> Status {
    if second == Status::DECLINED { first } else { second }
}

/// PythonInitHandler: the server's list as early as can be, a directory's as soon as it is known, the same list once.
fn run_init(request: Request<'_>) -> Status {
    let list = settings_of(request).filter(|settings| settings.has_handlers(Phase::Init)).and_then(
        |settings| settings.handlers(Phase::Init, runner::extension_of(request, Phase::Init)),
    );
    let Some(list) = list.map(|handlers| handlers.list) else { return Status::DECLINED };
    let state = RequestState::of(request);
    let before = state.initialized.replace(Some(list.clone()));
    if before.is_some_and(|before| std::sync::Arc::ptr_eq(&before, list)) {
        return Status::DECLINED;
    }
    runner::run(Phase::Init, request)
}

/// httpd forgets the location sections when it maps a URI to a file, so that they are asked before.
fn note_location(request: Request<'_>) -> Status {
    if settings_of(request).is_some_and(|settings| settings.location_has_content_handler()) {
        RequestState::of(request).in_location.set(true);
    }
    Status::DECLINED
}

/// What a location answers needs no file: directory sections and .htaccess files are not looked for.
fn map_location_to_storage(request: Request<'_>) -> Status {
    let in_location = request.state::<RequestState>().is_some_and(|state| state.in_location.get());
    if in_location && request.proxyreq() == 0 { Status::OK } else { Status::DECLINED }
}

fn check_user_id(request: Request<'_>) -> Status {
    let status = runner::run(Phase::Authen, request);
    if status == Status::UNAUTHORIZED {
        request.note_auth_failure();
    }
    if status == Status::OK && request.user().is_none() {
        let advice = b"mod_python: a PythonAuthenHandler returned OK but has not set req.user; assign req.user first";
        log::log(Target::Request(request), Level::Error, advice);
        return Status::INTERNAL_SERVER_ERROR;
    }
    status
}

fn content_handler(request: Request<'_>) -> Status {
    let ours = |name: &[u8]| HANDLER_NAMES.iter().any(|known| known.as_bytes() == name);
    if request.handler().is_some_and(ours) {
        runner::run(Phase::Handler, request)
    } else {
        Status::DECLINED
    }
}

fn log_transaction(request: Request<'_>) -> Status {
    // A cleanup list runs also for a request that no Python has seen.
    if settings_of(request).is_some_and(|settings| settings.has_handlers(Phase::Cleanup)) {
        RequestState::of(request);
    }
    runner::run(Phase::Log, request)
}
