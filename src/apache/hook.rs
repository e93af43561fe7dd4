//! httpd's hooks: which there are, how a plain Rust function is registered for one, and what httpd gets if it panics.
//!
//! A hook is a function item or a closure that captures nothing. Such a type has no content, so the C function made for
//! it needs no data to know which one to call.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use super::boundary::{Place, contain};
use super::connection::Connection;
use super::pool::Pool;
use super::request::Request;
use super::server::Server;
use super::status::Status;
use super::sys;

/// When a hook runs, compared with those of other modules, named by their source files (`c"mod_mime.c"`).
#[derive(Clone, Copy)]
pub struct Order {
    pub predecessors: &'static [&'static CStr],
    pub successors: &'static [&'static CStr],
    pub position: Position,
}

impl Order {
    pub const MIDDLE: Self = Self::at(Position::Middle);

    pub const fn at(position: Position) -> Self {
        Self { predecessors: &[], successors: &[], position }
    }

    pub const fn before(self, successors: &'static [&'static CStr]) -> Self {
        Self { successors, ..self }
    }

    pub const fn after(self, predecessors: &'static [&'static CStr]) -> Self {
        Self { predecessors, ..self }
    }
}

/// httpd's five places in a hook's list, and two between them: what httpd does itself, it does at the very ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    ReallyFirst,
    BeforeFirst,
    First,
    Middle,
    Last,
    AfterLast,
    ReallyLast,
}

impl Position {
    const fn number(self) -> c_int {
        match self {
            Self::ReallyFirst => sys::APR_HOOK_REALLY_FIRST,
            Self::BeforeFirst => (sys::APR_HOOK_REALLY_FIRST + sys::APR_HOOK_FIRST as c_int) / 2,
            Self::First => sys::APR_HOOK_FIRST as c_int,
            Self::Middle => sys::APR_HOOK_MIDDLE as c_int,
            Self::Last => sys::APR_HOOK_LAST as c_int,
            Self::AfterLast => (sys::APR_HOOK_LAST + sys::APR_HOOK_REALLY_LAST) as c_int / 2,
            Self::ReallyLast => sys::APR_HOOK_REALLY_LAST as c_int,
        }
    }
}

/// The right to register hooks, which httpd gives while it loads the module.
#[derive(Clone, Copy)]
pub struct Hooks<'p> {
    pool: Pool<'p>,
}

/// A function without content: a function item, or a closure that captures nothing.
pub trait Stateless: Copy + Send + Sync + 'static {}
impl<F: Copy + Send + Sync + 'static> Stateless for F {}

/// The value of a type that has only one.
pub(super) const fn the<F: Copy>() -> F {
    const {
        assert!(size_of::<F>() == 0, "a hook is a function item or a closure that captures nothing")
    };
    // SAFETY: F has no content, and one existed when the hook was registered; being Copy it may exist again.
    unsafe { NonNull::<F>::dangling().read() }
}

/// httpd's request phases; each takes a [`Request`] and answers with a [`Status`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestHook {
    PostReadRequest,
    TranslateName,
    MapToStorage,
    HeaderParser,
    /// access_checker, in the sense of httpd 2.4: per configuration.
    AccessChecker,
    CheckUserId,
    AuthChecker,
    TypeChecker,
    Fixups,
    Handler,
    LogTransaction,
}

type RequestCall = unsafe extern "C" fn(*mut sys::request_rec) -> c_int;

impl<'p> Hooks<'p> {
    /// What lives as long as the hooks.
    pub(super) fn pool(self) -> Pool<'p> {
        self.pool
    }

    /// Registers `hook` for a phase of requests.
    pub fn request<F>(self, phase: RequestHook, hook: F, order: Order)
    where
        F: Fn(Request<'_>) -> Status + Stateless,
    {
        let _ = hook;
        self.request_call(phase, call_request::<F>, order);
    }

    /// As [`request`](Self::request), for what most requests do not use: `hook` is not called, and declines, where `is_used`
    /// says no. That is asked first of all, at every request, and outside of the boundary that contains panics: `is_used` may
    /// do nothing that can panic.
    pub fn request_if<U, F>(self, phase: RequestHook, is_used: U, hook: F, order: Order)
    where
        U: Fn(Request<'_>) -> bool + Stateless,
        F: Fn(Request<'_>) -> Status + Stateless,
    {
        let _ = (is_used, hook);
        self.request_call(phase, call_request_if::<U, F>, order);
    }

    fn request_call(self, phase: RequestHook, call: RequestCall, order: Order) {
        let call = Some(call);
        let (before, after, place) = self.order(order);
        let per_conf = sys::AP_AUTH_INTERNAL_PER_CONF as c_int;
        // SAFETY: both lists end with NULL and live as long as httpd's list of hooks, which is the pool's.
        unsafe {
            match phase {
                RequestHook::PostReadRequest => {
                    sys::ap_hook_post_read_request(call, before, after, place)
                }
                RequestHook::TranslateName => {
                    sys::ap_hook_translate_name(call, before, after, place)
                }
                RequestHook::MapToStorage => {
                    sys::ap_hook_map_to_storage(call, before, after, place)
                }
                RequestHook::HeaderParser => sys::ap_hook_header_parser(call, before, after, place),
                RequestHook::AccessChecker => {
                    sys::ap_hook_check_access(call, before, after, place, per_conf)
                }
                RequestHook::CheckUserId => {
                    sys::ap_hook_check_authn(call, before, after, place, per_conf)
                }
                RequestHook::AuthChecker => {
                    sys::ap_hook_check_authz(call, before, after, place, per_conf)
                }
                RequestHook::TypeChecker => sys::ap_hook_type_checker(call, before, after, place),
                RequestHook::Fixups => sys::ap_hook_fixups(call, before, after, place),
                RequestHook::Handler => sys::ap_hook_handler(call, before, after, place),
                RequestHook::LogTransaction => {
                    sys::ap_hook_log_transaction(call, before, after, place)
                }
            }
        }
    }

    /// Before any phase, where `is_used` says yes, as in [`request_if`](Self::request_if): `hook` gets the request and whether
    /// only a look-up is asked for.
    pub fn quick_handler_if<U, F>(self, is_used: U, hook: F, order: Order)
    where
        U: Fn(Request<'_>) -> bool + Stateless,
        F: Fn(Request<'_>, bool) -> Status + Stateless,
    {
        let _ = (is_used, hook);
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_quick_handler(Some(call_quick::<U, F>), before, after, place) }
    }

    /// Before the handler: the time to add filters.
    pub fn insert_filter<F: Fn(Request<'_>) + Stateless>(self, hook: F, order: Order) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_insert_filter(Some(call_insert_filter::<F>), before, after, place) }
    }

    pub fn pre_connection<F: Fn(Connection<'_>) -> Status + Stateless>(
        self,
        hook: F,
        order: Order,
    ) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_pre_connection(Some(call_pre_connection::<F>), before, after, place) }
    }

    pub fn process_connection<F: Fn(Connection<'_>) -> Status + Stateless>(
        self,
        hook: F,
        order: Order,
    ) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe {
            sys::ap_hook_process_connection(
                Some(call_process_connection::<F>),
                before,
                after,
                place,
            )
        }
    }

    /// `hook` gets the pools for configuration, for logs and for this pass only.
    pub fn pre_config<F: Fn(Pool<'_>, Pool<'_>, Pool<'_>) -> Status + Stateless>(
        self,
        hook: F,
        order: Order,
    ) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_pre_config(Some(call_pre_config::<F>), before, after, place) }
    }

    /// `hook` gets the pools for configuration, for logs and for this pass only, and the main server.
    pub fn post_config<F>(self, hook: F, order: Order)
    where
        F: Fn(Pool<'_>, Pool<'_>, Pool<'_>, Server) -> Status + Stateless,
    {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_post_config(Some(call_post_config::<F>), before, after, place) }
    }

    /// After each reading of the configuration, also for `httpd -t`; what is logged is seen where httpd was started.
    pub fn check_config<F>(self, hook: F, order: Order)
    where
        F: Fn(Pool<'_>, Pool<'_>, Pool<'_>, Server) -> Status + Stateless,
    {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_check_config(Some(call_post_config::<F>), before, after, place) }
    }

    /// `hook` gets the pool of the child, and the main server.
    pub fn child_init<F: Fn(Pool<'_>, Server) + Stateless>(self, hook: F, order: Order) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_child_init(Some(call_with_server::<F>), before, after, place) }
    }

    /// A child begins to stop: with worker and event, before they wait for their threads.
    pub fn child_stopping<F: Fn() + Stateless>(self, hook: F, order: Order) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_child_stopping(Some(call_stopping::<F>), before, after, place) }
    }

    /// While httpd only checks its configuration, which has been read: `hook` gets a pool and the main server.
    pub fn test_config<F: Fn(Pool<'_>, Server) + Stateless>(self, hook: F, order: Order) {
        let _ = hook;
        let (before, after, place) = self.order(order);
        // SAFETY: as in `request`.
        unsafe { sys::ap_hook_test_config(Some(call_with_server::<F>), before, after, place) }
    }

    fn order(self, order: Order) -> (*const *const c_char, *const *const c_char, c_int) {
        (self.names(order.predecessors), self.names(order.successors), order.position.number())
    }

    /// The names as C has them: in the pool, NULL at the end.
    fn names(self, names: &'static [&'static CStr]) -> *const *const c_char {
        if names.is_empty() {
            return ptr::null();
        }
        let list: Vec<*const c_char> =
            names.iter().map(|name| name.as_ptr()).chain([ptr::null()]).collect();
        let first = list.as_ptr();
        self.pool.keep(list);
        first
    }
}

/// The C function behind `ModuleRecord`'s register_hooks.
pub(super) unsafe extern "C" fn register<R: Fn(Hooks<'_>) + Copy + 'static>(
    pool: *mut sys::apr_pool_t,
) {
    // SAFETY: httpd passes the pool of the configuration, which its list of hooks lives in.
    if let Some(pool) = unsafe { Pool::from_raw(pool) } {
        contain(Place::Process, (), || the::<R>()(Hooks { pool }));
    }
}

unsafe extern "C" fn call_request<F: Fn(Request<'_>) -> Status + Stateless>(
    r: *mut sys::request_rec,
) -> c_int {
    // SAFETY: httpd passes a request that lives for the call.
    with_request(r, unsafe { Request::from_raw(r) }, |request| the::<F>()(request))
}

unsafe extern "C" fn call_request_if<U, F>(r: *mut sys::request_rec) -> c_int
where
    U: Fn(Request<'_>) -> bool + Stateless,
    F: Fn(Request<'_>) -> Status + Stateless,
{
    // SAFETY: httpd passes a request that lives for the call.
    let used = unsafe { Request::from_raw(r) }.is_some_and(|request| the::<U>()(request));
    if !used {
        return Status::DECLINED.0;
    }
    // SAFETY: as above.
    unsafe { call_used::<F>(r) }
}

/// [`call_request`] apart from the question, which costs more when it shares the registers of all this; as a C function it
/// is gone to, not called.
///
/// # Safety
/// `r` is a request that lives for the call.
#[inline(never)]
unsafe extern "C" fn call_used<F: Fn(Request<'_>) -> Status + Stateless>(
    r: *mut sys::request_rec,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { call_request::<F>(r) }
}

unsafe extern "C" fn call_quick<U, F>(r: *mut sys::request_rec, lookup: c_int) -> c_int
where
    U: Fn(Request<'_>) -> bool + Stateless,
    F: Fn(Request<'_>, bool) -> Status + Stateless,
{
    // SAFETY: httpd passes a request that lives for the call.
    let used = unsafe { Request::from_raw(r) }.is_some_and(|request| the::<U>()(request));
    if !used {
        return Status::DECLINED.0;
    }
    // SAFETY: as above.
    unsafe { call_used_quick::<F>(r, lookup) }
}

/// # Safety
/// As for [`call_used`].
#[inline(never)]
unsafe extern "C" fn call_used_quick<F>(r: *mut sys::request_rec, lookup: c_int) -> c_int
where
    F: Fn(Request<'_>, bool) -> Status + Stateless,
{
    // SAFETY: the caller's promise.
    let request = unsafe { Request::from_raw(r) };
    with_request(r, request, |request| the::<F>()(request, lookup != 0))
}

fn with_request(
    r: *mut sys::request_rec,
    request: Option<Request<'_>>,
    hook: impl FnOnce(Request<'_>) -> Status,
) -> c_int {
    contain(Place::Request(r), Status::INTERNAL_SERVER_ERROR, || {
        request.map_or(Status::DECLINED, hook)
    })
    .0
}

unsafe extern "C" fn call_insert_filter<F: Fn(Request<'_>) + Stateless>(r: *mut sys::request_rec) {
    // SAFETY: httpd passes a request that lives for the call.
    if let Some(request) = unsafe { Request::from_raw(r) } {
        contain(Place::Request(r), (), || the::<F>()(request));
    }
}

unsafe extern "C" fn call_pre_connection<F>(c: *mut sys::conn_rec, _socket: *mut c_void) -> c_int
where
    F: Fn(Connection<'_>) -> Status + Stateless,
{
    // SAFETY: httpd passes a connection that lives for the call.
    unsafe { with_connection(c, |connection| the::<F>()(connection)) }
}

unsafe extern "C" fn call_process_connection<F>(c: *mut sys::conn_rec) -> c_int
where
    F: Fn(Connection<'_>) -> Status + Stateless,
{
    // SAFETY: httpd passes a connection that lives for the call.
    unsafe { with_connection(c, |connection| the::<F>()(connection)) }
}

/// After a panic the connection is given up: nothing is known about what has been read from it.
///
/// # Safety
/// `c` is NULL or a connection that lives for the call.
unsafe fn with_connection(
    c: *mut sys::conn_rec,
    hook: impl FnOnce(Connection<'_>) -> Status,
) -> c_int {
    // SAFETY: the caller's promise.
    let Some(connection) = (unsafe { Connection::from_raw(c) }) else { return Status::DECLINED.0 };
    let result = contain(Place::Connection(c), None, || Some(hook(connection)));
    result
        .unwrap_or_else(|| {
            connection.abort();
            Status::DONE
        })
        .0
}

unsafe extern "C" fn call_pre_config<F: Fn(Pool<'_>, Pool<'_>, Pool<'_>) -> Status + Stateless>(
    pconf: *mut sys::apr_pool_t,
    plog: *mut sys::apr_pool_t,
    ptemp: *mut sys::apr_pool_t,
) -> c_int {
    // SAFETY: httpd passes live pools.
    let pools = unsafe { (Pool::from_raw(pconf), Pool::from_raw(plog), Pool::from_raw(ptemp)) };
    let (Some(pconf), Some(plog), Some(ptemp)) = pools else { return Status::DECLINED.0 };
    contain(Place::Process, Status::INTERNAL_SERVER_ERROR, || the::<F>()(pconf, plog, ptemp)).0
}

unsafe extern "C" fn call_post_config<
    F: Fn(Pool<'_>, Pool<'_>, Pool<'_>, Server) -> Status + Stateless,
>(
    pconf: *mut sys::apr_pool_t,
    plog: *mut sys::apr_pool_t,
    ptemp: *mut sys::apr_pool_t,
    main: *mut sys::server_rec,
) -> c_int {
    // SAFETY: httpd passes live pools and the main server.
    let (pools, server) = unsafe {
        (
            (Pool::from_raw(pconf), Pool::from_raw(plog), Pool::from_raw(ptemp)),
            Server::from_raw(main),
        )
    };
    let ((Some(pconf), Some(plog), Some(ptemp)), Some(server)) = (pools, server) else {
        return Status::DECLINED.0;
    };
    contain(Place::Server(main), Status::INTERNAL_SERVER_ERROR, || {
        the::<F>()(pconf, plog, ptemp, server)
    })
    .0
}

unsafe extern "C" fn call_stopping<F: Fn() + Stateless>(
    _pool: *mut sys::apr_pool_t,
    _graceful: c_int,
) {
    contain(Place::Process, (), || the::<F>()());
}

unsafe extern "C" fn call_with_server<F>(pool: *mut sys::apr_pool_t, main: *mut sys::server_rec)
where
    F: Fn(Pool<'_>, Server) + Stateless,
{
    // SAFETY: httpd passes a live pool (of the child, or of the configuration) and the main server.
    if let (Some(pool), Some(server)) = unsafe { (Pool::from_raw(pool), Server::from_raw(main)) } {
        contain(Place::Server(main), (), || the::<F>()(pool, server));
    }
}
