//! What is counted, shown: the content handler `python-status` and a section of mod_status's page. It runs no Python and
//! starts none.
//!
//! | file | noun |
//! |---|---|
//! | `page` | HTML for people |
//! | `prometheus` | the text format of Prometheus |
//! | `section` | the section of mod_status's page |
//! | `memory` | how much memory a process has |

mod memory;
mod page;
mod prometheus;
mod section;

use crate::apache::hook::{Hooks, Order, Position, RequestHook};
use crate::apache::request::Request;
use crate::apache::status::Status;
use crate::counters;

const HANDLER: &[u8] = b"python-status";

pub fn register(hooks: Hooks<'_>) {
    hooks.request_if(RequestHook::Handler, is_ours, content_handler, Order::at(Position::First));
    hooks.status_section(section::write);
}

/// What is wanted, by the query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Page,
    Prometheus,
}

impl Format {
    fn of(args: &[u8]) -> Option<Self> {
        let asked = args.split(|byte| *byte == b'&').find_map(|arg| arg.strip_prefix(b"format="));
        match asked {
            None | Some(b"html") => Some(Self::Page),
            Some(b"prometheus") => Some(Self::Prometheus),
            Some(_) => None,
        }
    }
}

fn is_ours(request: Request<'_>) -> bool {
    request.handler() == Some(HANDLER)
}

fn content_handler(request: Request<'_>) -> Status {
    request.allow_methods(&[b"GET", b"HEAD"], true);
    if !matches!(request.method(), Some(b"GET" | b"HEAD")) {
        return Status::METHOD_NOT_ALLOWED;
    }
    let Some(format) = Format::of(request.args().unwrap_or_default()) else {
        return Status::BAD_REQUEST;
    };
    let Some(snapshot) = counters::snapshot() else { return Status::SERVICE_UNAVAILABLE };
    let (content_type, text) = match format {
        Format::Page => ("text/html; charset=utf-8", page::of(&snapshot)),
        Format::Prometheus => (prometheus::CONTENT_TYPE, prometheus::of(&snapshot)),
    };
    request.set_content_type(content_type.as_bytes());
    let headers = request.headers_out();
    headers.set(b"Cache-Control", b"no-store");
    headers.set(b"X-Content-Type-Options", b"nosniff");
    // Who has gone away needs no answer.
    let _ = request.write(text.as_bytes());
    Status::OK
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn formats_by_name() {
        for (args, format) in [
            (&b""[..], Some(Format::Page)),
            (b"refresh", Some(Format::Page)),
            (b"format=html", Some(Format::Page)),
            (b"x=1&format=prometheus", Some(Format::Prometheus)),
            (b"format=json", None),
            (b"format=", None),
        ] {
            assert_eq!(Format::of(args), format, "{args:?}");
        }
    }
}
