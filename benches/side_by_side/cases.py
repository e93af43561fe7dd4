"""What is asked of every side, what must come back, and how many times the C handler it may cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

MEGABYTE = 1024 * 1024
HEADERS = {
    "User-Agent": "bench/1.0 (loopback)",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en,de;q=0.7",
    "Cookie": "session=0123456789abcdef; theme=dark",
    "Referer": "http://localhost/from/here",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table: the C handler `bench-NAME` and the Python handler `bench::NAME` (with `_` for `-`)."""

    name: str
    does: str
    target: str  # path and query asked for
    body: Callable[[str, int], bytes]  # the body that must come back, from the document root and the port
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    answers: dict[str, str] = dataclasses.field(default_factory=dict)  # headers that must come back
    sends: int = 0  # size of the request body
    at_most: dict[str, float] = dataclasses.field(default_factory=dict)  # layout -> ours / C
    at_most_debian: dict[str, float] = dataclasses.field(default_factory=dict)  # layout -> ours / Debian's

    @property
    def function(self) -> str:
        return self.name.replace("-", "_")


def _attributes(root: str, port: int) -> bytes:
    uri = "/attributes/page/tail"
    lines = ["GET", uri, "a=1&b=2", "HTTP/1.1", "127.0.0.1", f"{root}/attributes/page", f"GET {uri}?a=1&b=2 HTTP/1.1"]
    lines += [f"{uri}?a=1&b=2", "/tail", "None", f"127.0.0.1:{port}", *HEADERS.values(), "200", "1001", "0", "1", "0"]
    return "\n".join(lines).encode()


def _everywhere(times: float) -> dict[str, float]:
    return {"event-1x16": times, "event-2x8": times}


CASES = (
    Case(
        "hello",
        "write(data, 0) against ap_rputs",
        "/hello/page",
        lambda root, port: b"hello",
        at_most={"event-1x16": 1.25, "event-2x8": 1.15},
        at_most_debian={"event-1x16": 0.65},
    ),
    Case(
        "hello-flush",
        "write(data) against ap_rputs + ap_rflush",
        "/hello-flush/page",
        lambda root, port: b"hello",
        at_most={"event-1x16": 1.25, "event-2x8": 1.15},
        at_most_debian={"event-1x16": 0.65},
    ),
    Case(
        "attributes",
        "15 attributes and 6 headers read, 4 headers set",
        "/attributes/page/tail?a=1&b=2",
        _attributes,
        headers=HEADERS,
        answers={"Cache-Control": "no-cache", "ETag": '"bench"', "Content-Language": "en", "X-Bench": "attributes"},
        at_most=_everywhere(1.5),
    ),
    Case(
        "writes",
        "1 MiB in 64 writes, not flushed",
        "/writes/page",
        lambda root, port: b"x" * MEGABYTE,
        at_most=_everywhere(1.15),
    ),
    Case(
        "writes-flush",
        "1 MiB in 64 writes, each flushed",
        "/writes-flush/page",
        lambda root, port: b"x" * MEGABYTE,
        at_most=_everywhere(1.15),
    ),
    Case(
        "sendfile",
        "a file of 1 MiB",
        "/sendfile/page",
        lambda root, port: b"m" * MEGABYTE,
        at_most=_everywhere(1.15),
    ),
    Case(
        "upload",
        "1 MiB sent to the server, read into memory and counted",
        "/upload/page",
        lambda root, port: str(MEGABYTE).encode(),
        sends=MEGABYTE,
        at_most=_everywhere(1.15),
    ),
)
