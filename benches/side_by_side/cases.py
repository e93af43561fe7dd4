"""What is asked of every side, what must come back, and how many times the C handler it may cost."""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Callable

MEGABYTE = 1024 * 1024
HEADERS = {
    "User-Agent": "bench/1.0 (loopback)",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en,de;q=0.7",
    "Cookie": "session=0123456789abcdef; theme=dark",
    "Referer": "http://localhost/from/here",
}

# HMAC-SHA-256 of the cookie theme=dark with the secret "bench".
SIGNATURE = "7b375c2c8b4ac011747c5922f6f0266e8fb951cfd2bf282fbeaeb09d69100977"


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
    posts: bytes = b""  # or the body itself
    page: bytes = b""  # content of the file asked for
    all_config: str = ""  # further directives of every side
    c_config: str = ""  # those of the side in C, in place of its content handler if `answers_file`
    python_config: str = ""  # those of a mod_python
    python_handler: str = ""  # in place of `bench::NAME`
    modules: tuple[str, ...] = ()  # of httpd, beside those that every side has
    answers_file: bool = False  # httpd's own handler answers
    without: frozenset[str] = frozenset()  # sides that cannot do it
    application: str = ""  # of applications.py, for the sides that run WSGI
    c_handler: str = ""  # where it is not the one of the case's name
    at_most: dict[str, float] = dataclasses.field(default_factory=dict)  # layout -> ours / C
    at_most_wsgi: dict[str, float] = dataclasses.field(default_factory=dict)  # layout -> ours / mod_wsgi's
    at_most_debian: dict[str, float] = dataclasses.field(default_factory=dict)  # layout -> ours / Debian's

    @property
    def function(self) -> str:
        return self.name.replace("-", "_")

    def is_for(self, side: str) -> bool:
        other = "debian" if self.application else "wsgi"  # Debian's start_response loses the status
        return side not in self.without and side != other


def _attributes(root: str, port: int) -> bytes:
    uri = "/attributes/page/tail"
    lines = ["GET", uri, "a=1&b=2", "HTTP/1.1", "127.0.0.1", f"{root}/attributes/page", f"GET {uri}?a=1&b=2 HTTP/1.1"]
    lines += [f"{uri}?a=1&b=2", "/tail", "None", f"127.0.0.1:{port}", *HEADERS.values(), "200", "1001", "0", "1", "0"]
    return "\n".join(lines).encode()


FORM = {f"field_{number}": "A value, as people type it & more of it " * (number % 3 + 1) for number in range(20)}


def _lengths(form: dict[str, str]) -> bytes:
    return " ".join(f"{len(name)} {len(value)}" for name, value in form.items()).encode()


def _multipart(content: bytes) -> bytes:
    text = '--bench\r\nContent-Disposition: form-data; name="title"\r\n\r\nA title\r\n'
    file = '--bench\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv'
    return f"{text}{file}\r\n\r\n".encode() + content + b"\r\n--bench--\r\n"


TEMPLATE = b"""<html><body><h1>Numbers</h1>
<table>
<%
for number in range(50):
    # a row
%><tr class="row"><td><%= number %></td><td><%= number * number %></td></tr>
<%
# end
%></table>
<p>You asked for <%= req.uri %>.</p>
</body></html>
"""


def _numbers(root: str, port: int) -> bytes:
    rows = "".join(f'<tr class="row"><td>{number}</td><td>{number * number}</td></tr>\n' for number in range(50))
    start = "<html><body><h1>Numbers</h1>\n<table>\n"
    return f"{start}{rows}</table>\n<p>You asked for /psp/page.</p>\n</body></html>\n".encode()


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
    Case(
        "form",
        "20 urlencoded fields of a POST through FieldStorage",
        "/form/page",
        lambda root, port: _lengths(FORM),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        posts=urllib.parse.urlencode(FORM).encode(),
        without=frozenset({"c"}),
        at_most_debian=_everywhere(0.4),
    ),
    Case(
        "multipart",
        "a text and a CSV file of 256 KiB through FieldStorage",
        "/multipart/page",
        lambda root, port: b"A title 262144",
        headers={"Content-Type": "multipart/form-data; boundary=bench"},
        posts=_multipart(b"2026-11-21;4711;0.50;of 32 byte\n" * 8192),
        without=frozenset({"c"}),
        at_most_debian=_everywhere(0.05),
    ),
    Case(
        "phases",
        "access, authentication, authorisation, fixup and content",
        "/phases/page",
        lambda root, port: b"bench",
        answers={"X-Bench": "fixup"},
        all_config="AuthType Bench\n    AuthName bench\n    Require valid-user",
        python_config="""PythonAccessHandler bench::phase_access
    PythonAuthenHandler bench::phase_authen
    PythonAuthzHandler bench::phase_authz
    PythonFixupHandler bench::phase_fixup""",
        at_most=_everywhere(2.0),
        at_most_debian=_everywhere(0.5),
    ),
    Case(
        "filter",
        "64 KiB of a file through an output filter that copies them",
        "/filter/page",
        lambda root, port: b"f" * 64 * 1024,
        page=b"f" * 64 * 1024,
        c_config="SetOutputFilter BENCH-COPY",
        python_config="PythonOutputFilter bench::copy BENCH-COPY\n    SetOutputFilter BENCH-COPY",
        answers_file=True,
        without=frozenset({"debian"}),  # it crashes there under threads
        at_most=_everywhere(1.2),
    ),
    Case(
        "cookie",
        "one of four cookies read, one set",
        "/cookie/page",
        lambda root, port: b"dark",
        headers={"Cookie": "one=1; theme=dark; two=2; three=3"},
        answers={"Set-Cookie": "theme=dark; path=/"},
        without=frozenset({"c"}),
    ),
    Case(
        "signed-cookie",
        "the same with a signature (ours: at most 1.5 times `cookie`)",
        "/signed-cookie/page",
        lambda root, port: b"dark",
        headers={"Cookie": f"one=1; theme={SIGNATURE}dark; two=2; three=3"},
        answers={"Set-Cookie": f"theme={SIGNATURE}dark; path=/"},
        without=frozenset({"c", "debian"}),  # it raises there
    ),
    Case(
        "file-session",
        "FileSession: found by its cookie, locked, loaded, saved",
        "/file-session/page",
        lambda root, port: b"kept",
        python_config="PythonOption mod_python.session.database_directory ${scratch}",
        without=frozenset({"c"}),
        at_most_debian=_everywhere(0.5),
    ),
    Case(
        "psp",
        "a page: a table of 50 rows, 101 expressions",
        "/psp/page",
        _numbers,
        page=TEMPLATE,
        python_handler="mod_python.psp",
        without=frozenset({"c"}),  # a C module has no templates
        at_most_debian=_everywhere(0.4),
    ),
    Case(
        "publisher",
        "a page with two arguments",
        "/publisher/bench/publisher?greeting=Hello&name=somebody",
        lambda root, port: b"<html>Hello, somebody</html>",
        python_handler="mod_python.publisher",
        modules=("mime",),  # Debian's publisher crashes without it
        without=frozenset({"c"}),
        at_most_debian=_everywhere(0.4),
    ),
    Case(
        "wsgi-hello",
        "a WSGI application that returns a list of one",
        "/wsgi-hello/page",
        lambda root, port: b"hello",
        application="hello",
        c_handler="hello",
        at_most=_everywhere(1.5),
        at_most_wsgi=_everywhere(0.45),
    ),
    Case(
        "wsgi-environ",
        "a WSGI application that reads its whole environment",
        "/wsgi-environ/page/tail?a=1&b=2",
        lambda root, port: b"read",
        headers=HEADERS,
        application="environ",
        without=frozenset({"c"}),
        at_most_wsgi=_everywhere(0.5),
    ),
    Case(
        "wsgi-chunks",
        "a WSGI application that yields 1 MiB in 64 pieces, each flushed",
        "/wsgi-chunks/page",
        lambda root, port: b"x" * MEGABYTE,
        application="chunks",
        c_handler="writes-flush",
        at_most=_everywhere(1.15),
    ),
    Case(
        "wsgi-upload",
        "1 MiB sent to a WSGI application, read into memory and counted",
        "/wsgi-upload/page",
        lambda root, port: str(MEGABYTE).encode(),
        sends=MEGABYTE,
        application="upload",
        c_handler="upload",
        at_most=_everywhere(1.15),
    ),
)
