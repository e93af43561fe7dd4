//! httpd calling Rust, whoever calls: a panic ends here, with one line in the error log, and becomes the caller's failure value.
//!
//! The line is written where the panic starts, by the process' panic hook, because only there is its location known. So a
//! panic that another boundary catches further in (Python calling Rust) is logged in the same way, on the same request.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use super::log::{self, Level, Target};
use super::{connection::Connection, request::Request, server::Server, sys};

/// What httpd is asking about: where a panic is logged.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Request(*mut sys::request_rec),
    Connection(*mut sys::conn_rec),
    Server(*mut sys::server_rec),
    Process,
}

thread_local! {
    /// The innermost call from httpd on this thread; None outside of any.
    static CURRENT: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Calls `action`; if it panics, `failure` is the result.
pub(super) fn contain<T>(place: Place, failure: T, action: impl FnOnce() -> T) -> T {
    let _inside = Inside::enter(place);
    panic::catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|payload| {
        discard(payload);
        failure
    })
}

/// Calls `action` with the request, connection or server that the innermost call from httpd on this thread is about.
pub(super) fn with_current<T>(action: impl FnOnce(Option<Target<'_>>) -> T) -> T {
    // SAFETY: the call is under way, and so is this one inside it.
    action(CURRENT.get().and_then(|place| unsafe { target_of(place) }))
}

/// From now on a panic under [`contain`] is one line in httpd's error log, and nothing on standard error.
pub(super) fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| match CURRENT.get() {
            Some(place) => log_panic(place, panic),
            None => others(panic),
        }));
    });
}

/// Remembers the place, and the one around it again when dropped.
struct Inside {
    outer: Option<Place>,
}

impl Inside {
    fn enter(place: Place) -> Self {
        Self { outer: CURRENT.replace(Some(place)) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

fn log_panic(place: Place, panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("no message");
    let location = panic.location().map_or_else(String::new, |location| format!(" at {location}"));
    let line = format!(
        "MP0001: mod_python: internal error{location}: {message} (this is a defect of mod_python, please report it)"
    );
    // SAFETY: a place is only remembered while httpd's call with that record is under way.
    let target = unsafe { target_of(place) };
    log::log(target.unwrap_or(Target::Process), Level::Crit, line.as_bytes());
}

/// # Safety
/// httpd's call with the place's record is under way on this thread, for all of `'a`.
unsafe fn target_of<'a>(place: Place) -> Option<Target<'a>> {
    // SAFETY: the caller's promise.
    unsafe {
        match place {
            Place::Request(raw) => Request::from_raw(raw).map(Target::Request),
            Place::Connection(raw) => Connection::from_raw(raw).map(Target::Connection),
            Place::Server(raw) => Server::from_raw(raw).map(Target::Server),
            Place::Process => None,
        }
    }
}

/// Drops what a panic carried; a payload that panics when dropped is left alone.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = panic::catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, contain};

    #[test]
    fn a_panic_becomes_the_failure_value() {
        assert_eq!(contain(Place::Process, 500, || panic!("expected by the test")), 500);
    }

    #[test]
    fn a_result_passes_through() {
        assert_eq!(contain(Place::Process, 500, || 0), 0);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_stays_inside() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("expected by the test");
            }
        }
        assert_eq!(contain(Place::Process, 1, || std::panic::panic_any(Bomb)), 1);
    }
}
