//! Python handlers in httpd's phases.
//!
//! A phase is a row of [`PHASES`]: a hook of httpd and what is to be run there. `runner` runs a handler list,
//! `debugger` calls what a handler names, `outcome` reads results and reports errors. `filters` runs filters, `provider`
//! answers for users and what they may, `connections` has what comes before requests, `includes` the tags of server side
//! includes, `child` begins and ends a process, with the handlers of `server_phase`, `check` looks at all of them when httpd
//! only checks its configuration, `prerequisites` at the Python that is to run.

pub mod check;
pub mod child;
mod connections;
mod debugger;
mod filters;
pub mod includes;
mod outcome;
mod prerequisites;
mod provider;
mod runner;
mod server_phase;

use crate::apache::hook::{Hooks, Order, Position, RequestHook};
use crate::apache::log::{self, Level, Target};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::config::phase::Phase;
use crate::config::turn::Turn;
use crate::objects::request_state::{self, RequestState};
use crate::objects::{HANDLER_NAMES, settings_of};

/// A phase of requests: httpd's hook, and what it runs.
struct Row {
    hook: RequestHook,
    /// Whose lists it runs: without any, it is passed by.
    phases: &'static [Phase],
    run: fn(Request<'_>, Turn) -> Status,
    order: Order,
    /// Where handlers go that are early, and those that are late.
    turns: Option<[Order; 2]>,
}

/// Ours go before httpd's own modules that would answer in their place, in whatever order they are loaded.
const BEFORE_OTHERS: Order = Order::MIDDLE.before(&[
    c"mod_mime.c",
    c"mod_auth_basic.c",
    c"mod_auth_digest.c",
    c"mod_auth_form.c",
]);

/// After the core's own hook for fixups, which sets type and handler as configured.
const EARLY: Order = Order::at(Position::BeforeFirst);
/// Before those who have the last word: the core, and the two modules that refuse what nobody has granted.
const LATE: Order =
    Order::at(Position::AfterLast).before(&[c"mod_authn_core.c", c"mod_authz_core.c"]);

const PHASES: &[Row] = &[
    Row::new(
        RequestHook::PostReadRequest,
        &[Phase::Init, Phase::PostReadRequest],
        post_read_request,
        Order::MIDDLE,
    )
    .turns(EARLY, LATE),
    Row::new(
        RequestHook::TranslateName,
        &[Phase::Trans],
        |r, turn| runner::run(Phase::Trans, turn, r),
        BEFORE_OTHERS,
    )
    .turns(EARLY, LATE),
    Row::new(
        RequestHook::MapToStorage,
        &[Phase::MapToStorage],
        |r, turn| runner::run(Phase::MapToStorage, turn, r),
        Order::MIDDLE,
    )
    .turns(EARLY, LATE),
    Row::new(
        RequestHook::HeaderParser,
        &[Phase::Init, Phase::HeaderParser],
        header_parser,
        Order::MIDDLE,
    )
    .turns(EARLY, LATE),
    Row::new(
        RequestHook::AccessChecker,
        &[Phase::Access],
        |r, turn| runner::run(Phase::Access, turn, r),
        BEFORE_OTHERS,
    )
    .turns(EARLY, LATE),
    Row::new(RequestHook::CheckUserId, &[Phase::Authen], check_user_id, BEFORE_OTHERS)
        .turns(EARLY, LATE),
    Row::new(
        RequestHook::AuthChecker,
        &[Phase::Authz],
        |r, turn| runner::run(Phase::Authz, turn, r),
        BEFORE_OTHERS,
    )
    .turns(EARLY, LATE),
    Row::new(
        RequestHook::TypeChecker,
        &[Phase::Type],
        |r, turn| runner::run(Phase::Type, turn, r),
        BEFORE_OTHERS,
    )
    .turns(EARLY, LATE),
    Row::new(
        RequestHook::Fixups,
        &[Phase::Fixup],
        |r, turn| runner::run(Phase::Fixup, turn, r),
        Order::MIDDLE,
    )
    .turns(EARLY, LATE),
    Row::new(RequestHook::Handler, &[Phase::Handler], content_handler, Order::MIDDLE),
    Row::new(
        RequestHook::LogTransaction,
        &[Phase::Log, Phase::Cleanup],
        log_transaction,
        Order::MIDDLE,
    )
    .turns(EARLY, LATE),
];

impl Row {
    const fn new(
        hook: RequestHook,
        phases: &'static [Phase],
        run: fn(Request<'_>, Turn) -> Status,
        order: Order,
    ) -> Row {
        Row { hook, phases, run, order, turns: None }
    }

    const fn turns(self, early: Order, late: Order) -> Row {
        Row { turns: Some([early, late]), ..self }
    }

    fn is_used(&self, request: Request<'_>, turn: Turn) -> bool {
        runner::is_used(self.phases, turn, request)
    }
}

/// Registers every phase.
pub fn register(hooks: Hooks<'_>) {
    request_state::set_cleanup_phase(|request| {
        if runner::is_used(&[Phase::Cleanup], Turn::Usual, request) {
            runner::run(Phase::Cleanup, Turn::Usual, request);
        }
    });
    provider::register();
    hooks.check_config(prerequisites::check, Order::MIDDLE);
    hooks.filters(filters::run);
    register_locations(hooks);
    register_rows(hooks);
    register_quick(hooks);
    connections::register(hooks);
}

/// Location sections that name a content handler: their URIs lead to no file.
fn register_locations(hooks: Hooks<'_>) {
    let first = Order::at(Position::ReallyFirst);
    hooks.request_if(RequestHook::TranslateName, location_answers, note_location, first);
    hooks.request_if(RequestHook::MapToStorage, is_in_location, skip_files, Order::MIDDLE);
}

fn register_quick(hooks: Hooks<'_>) {
    const QUICK: &[Phase] = &[Phase::Quick];
    hooks.quick_handler_if(
        |r| runner::is_used(QUICK, Turn::Early, r),
        |r, lookup| quick_handler(r, lookup, Turn::Early),
        EARLY,
    );
    hooks.quick_handler_if(
        |r| runner::is_used(QUICK, Turn::Usual, r),
        |r, lookup| quick_handler(r, lookup, Turn::Usual),
        Order::MIDDLE,
    );
    hooks.quick_handler_if(
        |r| runner::is_used(QUICK, Turn::Late, r),
        |r, lookup| quick_handler(r, lookup, Turn::Late),
        LATE,
    );
}

/// httpd tells hooks apart by their functions, so each row is registered with functions of its own.
fn register_rows(hooks: Hooks<'_>) {
    macro_rules! rows {
        ($($row:literal)*) => {$(
            const _: () = assert!($row < PHASES.len());
            let row = const { &PHASES[$row] };
            hooks.request_if(
                row.hook,
                |request| PHASES[$row].is_used(request, Turn::Usual),
                |request| (PHASES[$row].run)(request, Turn::Usual),
                row.order,
            );
            if let Some([early, late]) = row.turns {
                hooks.request_if(
                    row.hook,
                    |request| PHASES[$row].is_used(request, Turn::Early),
                    |request| (PHASES[$row].run)(request, Turn::Early),
                    early,
                );
                hooks.request_if(
                    row.hook,
                    |request| PHASES[$row].is_used(request, Turn::Late),
                    |request| (PHASES[$row].run)(request, Turn::Late),
                    late,
                );
            }
        )*};
    }
    const { assert!(PHASES.len() == 11, "every row is registered below") };
    rows!(0 1 2 3 4 5 6 7 8 9 10);
}

/// A subrequest is looked up with this hook, and again run with it when other phases have been; no handler is asked about it.
fn quick_handler(request: Request<'_>, is_look_up: bool, turn: Turn) -> Status {
    if is_look_up || request.main().is_some() {
        return Status::DECLINED;
    }
    runner::run(Phase::Quick, turn, request)
}

/// Handlers that have an early turn come even before those of PythonInitHandler.
fn post_read_request(request: Request<'_>, turn: Turn) -> Status {
    initialized_first(request, Phase::PostReadRequest, turn)
}

fn header_parser(request: Request<'_>, turn: Turn) -> Status {
    initialized_first(request, Phase::HeaderParser, turn)
}

fn initialized_first(request: Request<'_>, phase: Phase, turn: Turn) -> Status {
    if turn != Turn::Usual {
        return runner::run(phase, turn, request);
    }
    let initialized = run_init(request);
    if !matches!(initialized, Status::OK | Status::DECLINED) {
        return initialized;
    }
    strongest(initialized, runner::run(phase, turn, request))
}

/// OK if one of two lists has run, else DECLINED; the second one's own word otherwise.
fn strongest(first: Status, second: Status) -> Status {
    if second == Status::DECLINED { first } else { second }
}

/// PythonInitHandler: the server's list as early as can be, a directory's as soon as it is known, the same list once; and
/// what the request has added since.
fn run_init(request: Request<'_>) -> Status {
    let Some(settings) = settings_of(request) else { return Status::DECLINED };
    let mut configured = runner::configured(settings, Phase::Init, Turn::Usual, request);
    if let Some(handlers) = configured {
        let before =
            RequestState::of(request).extras().initialized.replace(Some(handlers.list.clone()));
        if before.is_some_and(|before| std::sync::Arc::ptr_eq(&before, handlers.list)) {
            configured = None;
        }
    }
    runner::run_list(Phase::Init, Turn::Usual, request, settings, configured)
}

fn location_answers(request: Request<'_>) -> bool {
    settings_of(request).is_some_and(|settings| settings.location_has_content_handler())
}

/// httpd forgets the location sections when it maps a URI to a file, so that they are asked before anybody translates.
fn note_location(request: Request<'_>) -> Status {
    RequestState::of(request).in_location.set(true);
    Status::DECLINED
}

fn is_in_location(request: Request<'_>) -> bool {
    request.state::<RequestState>().is_some_and(|state| state.in_location.get())
}

/// What a location answers needs no file: directory sections and .htaccess files are not looked for.
fn skip_files(request: Request<'_>) -> Status {
    if request.proxyreq() == 0 { Status::OK } else { Status::DECLINED }
}

fn check_user_id(request: Request<'_>, turn: Turn) -> Status {
    let status = runner::run(Phase::Authen, turn, request);
    if status == Status::UNAUTHORIZED {
        request.note_auth_failure();
    }
    if status == Status::OK && request.user().is_none() {
        let advice = b"MP0105: mod_python: a PythonAuthenHandler returned OK but has not set req.user; assign req.user first";
        log::log(Target::Request(request), Level::Error, advice);
        return Status::INTERNAL_SERVER_ERROR;
    }
    status
}

fn content_handler(request: Request<'_>, turn: Turn) -> Status {
    let ours = |name: &[u8]| HANDLER_NAMES.iter().any(|known| known.as_bytes() == name);
    if request.handler().is_some_and(ours) {
        runner::run(Phase::Handler, turn, request)
    } else {
        Status::DECLINED
    }
}

fn log_transaction(request: Request<'_>, turn: Turn) -> Status {
    // A cleanup list runs also for a request that no Python has seen.
    if settings_of(request)
        .is_some_and(|settings| settings.has_handlers(Phase::Cleanup, Turn::Usual))
    {
        RequestState::of(request);
    }
    runner::run(Phase::Log, turn, request)
}
