//! What is counted of a request: the calls that are made for it, and its response, once.

use super::native::State;
use super::request_state::RequestState;
use crate::apache::log::Target;
use crate::apache::request::Request;
use crate::counters::{Row, Work};

/// Python code is about to be called for the request, in `state`'s interpreter: the last such one counts the response.
pub fn call(request: Request<'_>, known: &RequestState, state: &'static State, work: Work) {
    state.counters.count_call(work);
    known.counters.set(Some(state.counters));
    if request.main().is_some() {
        note_in_main(request, state.counters);
    }
}

/// A sub-request has no response of its own.
#[cold]
fn note_in_main(request: Request<'_>, counters: Row) {
    for request in std::iter::successors(request.main(), |request| request.main()) {
        RequestState::of(request).counters.set(Some(counters));
    }
}

/// The request is over. The requests that a client's was redirected to end with it, and are the same response.
pub fn response(request: Request<'_>, known: &RequestState) {
    let Some(counters) = known.counters.get() else { return };
    if request.main().is_some() {
        return;
    }
    let last = std::iter::successors(Some(request), |request| request.next()).last();
    counters.count_response(last.unwrap_or(request).status().0);
    forget(std::iter::successors(request.next(), |request| request.next()));
    forget(std::iter::successors(request.prev(), |request| request.prev()));
}

fn forget<'r>(requests: impl Iterator<Item = Request<'r>>) {
    for known in requests.filter_map(Request::state::<RequestState>) {
        known.counters.set(None);
    }
}

/// An error is counted by the interpreter that is given, or that was called last for the request that has met it.
pub fn error(target: Target<'_>, counters: Option<Row>, name: &str, elements: &[String]) {
    let request = match target {
        Target::Request(request) => Some(request),
        _ => None,
    };
    let of_request = || request?.state::<RequestState>()?.counters.get();
    if let Some(counters) = counters.or_else(of_request) {
        let uri = request.and_then(Request::uri).unwrap_or_default();
        counters.note_error(uri, name, elements);
    }
}
