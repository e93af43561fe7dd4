"""What is asked of each httpd, what must come back, and how two answers are compared."""

from __future__ import annotations

import dataclasses
import http.client
import re
from collections.abc import Callable

from .httpd import Httpd

# These say when and by which httpd an answer was made, not what our module made of it.
NOT_COMPARED = {"date", "server"}


@dataclasses.dataclass(frozen=True)
class Exchange:
    name: str
    method: str
    target: str
    status: int
    holds: str  # a regular expression that the body must match somewhere
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None


EXCHANGES = (
    Exchange("hello", "GET", "/hello", 200, "^hello$"),
    Exchange(
        "attributes", "GET", "/attributes/tail?a=1&b=%C3%BC", 200, '"uri": "/attributes/tail"',
        {"X-Text": "plain", "Cookie": "a=b"},
    ),
    Exchange("header not in UTF-8", "GET", "/attributes", 200, "udce9", {"X-Text": "caf\xe9"}),
    Exchange("tables", "GET", "/tables", 200, '"One"'),
    Exchange(
        "form", "POST", "/form", 200, "Grüße", {"Content-Type": "application/x-www-form-urlencoded"},
        b"title=Gr%C3%BC%C3%9Fe&empty=&n=1&n=2",
    ),
    Exchange("body of 1 MiB", "POST", "/length", 200, "^1048576$", {}, b"u" * 1024 * 1024),
    Exchange("error", "GET", "/error", 500, "Internal Server Error"),
    Exchange("SERVER_RETURN", "GET", "/forbidden", 403, "Forbidden"),
    Exchange("bad header", "GET", "/bad_header", 200, "ValueError"),
    Exchange("interpreter of the server", "GET", "/count", 200, "^localhost 1$"),
    Exchange("first interpreter", "GET", "/one/count", 200, "^one 1$"),
    Exchange("first interpreter again", "GET", "/one/count", 200, "^one 2$"),
    Exchange("second interpreter", "GET", "/two/count", 200, "^two 1$"),
    Exchange("error in an interpreter", "GET", "/two/error", 500, "Internal Server Error"),
    Exchange("after that error", "GET", "/two/count", 200, "^two 2$"),
    Exchange("thread", "GET", "/thread", 200, "^from a thread$"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Answer:
    exchange: Exchange
    status: int
    headers: list[tuple[str, str]]
    body: str


@dataclasses.dataclass(frozen=True)
class Answers:
    python: str
    by_name: dict[str, Answer]


def run(httpd: Httpd) -> Answers:
    by_name = {exchange.name: _ask(httpd, exchange) for exchange in EXCHANGES}
    version = _ask(httpd, Exchange("version", "GET", "/version", 200, ""))
    return Answers(version.body if version.status == 200 else f"no version: {version.status}", by_name)


def differences(name: str, answer: Answer, first: Answer) -> list[str]:
    """Sentences about what is wrong with an answer in itself, and about what is not as in the first place."""
    wanted = answer.exchange
    found = []
    if answer.status != wanted.status:
        found.append(f"status {answer.status}, not {wanted.status}")
    if not re.search(wanted.holds, answer.body):
        found.append(f"{answer.body[:400]!r} does not match {wanted.holds!r}")
    parts: tuple[tuple[str, Callable[[Answer], object]], ...] = (
        ("status", lambda one: one.status),
        ("headers", lambda one: one.headers),
        ("body", lambda one: one.body),
    )
    for title, part in parts:
        if part(answer) != part(first):
            found.append(f"another {title}: {part(answer)!r}, not {part(first)!r}")
    return found


def _ask(httpd: Httpd, exchange: Exchange) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=30)
    try:
        connection.request(exchange.method, exchange.target, exchange.body, exchange.headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "backslashreplace")
    except (OSError, http.client.HTTPException) as error:
        return Answer(exchange, 0, [], f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    # The port and the directory are other ones at each start.
    body = re.sub(rf"\b{httpd.port}\b", "PORT", body.replace(httpd.directory, "DIRECTORY"))
    headers = sorted((name.lower(), value) for name, value in response.getheaders() if name.lower() not in NOT_COMPARED)
    headers = [header for header in headers if header[0] != "content-length"]  # it follows from the body
    return Answer(exchange, response.status, headers, body)
