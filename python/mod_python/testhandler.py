"""`PythonHandler mod_python.testhandler`: a page that shows what the server, the module and the request are like.

It shows the whole configuration, and the error log, so it answers only clients of this machine, and others where
`PythonDebug` is on or `PythonOption mod_python.testhandler.open` is. Whatever it shows is escaped.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from html import escape
from ipaddress import ip_address

from . import apache
from .version import version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ._apache import mp_request

_OPEN = "mod_python.testhandler.open"
_LOG_LINES = 100
_LOG_BYTES = 256 * 1024
_SECRET = ("authorization", "cookie", "proxy-authorization", "http_cookie", "http_authorization")
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>mod_python test page</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem }
h1, h2 { line-height: 1.2 }
h2 { margin-top: 2.5rem; border-bottom: 2px solid #8884; padding-bottom: .3rem }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top }
th, td, pre { font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere }
th { width: 35%; font-weight: 600 }
pre { white-space: pre-wrap }
.none { color: #888 }
@media (max-width: 40rem) {
  tr, th, td { display: block; width: auto }
  th { border: 0; padding-bottom: 0 }
}
</style>
</head>
<body>
<h1>mod_python test page</h1>
"""


class bounded_buffer:  # noqa: N801
    """Keeps the last `size` of the items appended to it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.items: list[Any] = []

    def append(self, item: Any) -> None:
        self.items.append(item)
        del self.items[: max(len(self.items) - self.size, 0)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


def handler(req: mp_request) -> int:
    """Show the page, or with `?view_log=1` the end of the error log."""
    if not _is_allowed(req):
        req.log_error(
            "MP0308: mod_python.testhandler: not for clients elsewhere, "
            f"unless PythonDebug is On or PythonOption {_OPEN} is 1",
            apache.APLOG_WARNING,
        )
        return apache.HTTP_FORBIDDEN
    if any(apache.parse_qs(req.args or "").get("view_log", ())):
        req.content_type = "text/plain; charset=utf-8"
        _write(req, "".join(_end_of_log(req)))
        return apache.OK
    req.content_type = "text/html; charset=utf-8"
    req.add_cgi_vars()
    sections = _sections(req)
    _write(req, _HEAD + "<nav>")
    _write(req, "".join(f'<a href="#{_anchor(title)}">{escape(title)}</a>' for title, _ in sections) + "</nav>\n")
    for title, rows in sections:
        _write(req, f'<h2 id="{_anchor(title)}">{escape(title)}</h2>\n')
        write_table(req, rows)
    _write(req, '<h2 id="server-configuration-tree">Server configuration tree</h2>\n<pre>')
    write_tree(req, apache.config_tree(), 0)
    _write(req, "</pre>\n</body>\n</html>\n")
    return apache.OK


def write_table(req: mp_request, table: Any) -> None:
    """Names and values, of a table or in pairs, as a table of HTML; the values of secret headers are not shown."""
    rows = list(table.items() if hasattr(table, "items") else table)
    if not rows:
        _write(req, '<p class="none">none</p>\n')
        return
    shown = [(name, value if isinstance(value, _Html) else escape(_shown(name, value))) for name, value in rows]
    body = "".join(f"<tr><th>{escape(str(name))}</th><td>{cell}</td></tr>\n" for name, cell in shown)
    _write(req, f"<table>\n{body}</table>\n")


def write_tree(req: mp_request, tree: Iterable[Any], level: int) -> None:
    """Directives of a configuration tree, indented by what they stand in."""
    for entry in tree:
        if isinstance(entry, list):
            write_tree(req, entry, level + 1)
        else:
            _write(req, "    " * level + escape(" ".join(str(word) for word in entry)) + "\n")


class _Html(str):
    """Text that is HTML already."""


def _is_allowed(req: mp_request) -> bool:
    if req.get_config().get("PythonDebug") == "1":
        return True
    if req.get_options().get(_OPEN, "").lower() in ("1", "on", "yes", "true"):
        return True
    try:
        return ip_address(req.useragent_ip).is_loopback
    except ValueError:  # a Unix socket has no address
        return True


def _sections(req: mp_request) -> list[tuple[str, Any]]:
    return [
        ("General information", _general(req)),
        ("Request input headers", req.headers_in),
        ("Request environment", req.subprocess_env),
        ("Request configuration", req.get_config()),
        ("Request options", req.get_options()),
        ("Request notes", req.notes),
        ("Server configuration", req.server.get_config()),
        ("Server options", req.server.get_options()),
    ]


def _general(req: mp_request) -> list[tuple[str, str]]:
    def limit(has: int, count: int) -> str:
        kind = apache.mpm_query(has)
        if kind == apache.AP_MPMQ_NOT_SUPPORTED:
            return "no"
        how = {apache.AP_MPMQ_STATIC: "a fixed number", apache.AP_MPMQ_DYNAMIC: "as many as needed"}.get(kind, "yes")
        return f"{how}, at most {apache.mpm_query(count)}"

    return [
        ("mod_python", version),
        ("Apache version", req.subprocess_env.get("SERVER_SOFTWARE") or ""),
        ("Threads", limit(apache.AP_MPMQ_IS_THREADED, apache.AP_MPMQ_MAX_THREADS)),
        ("Processes", limit(apache.AP_MPMQ_IS_FORKED, apache.AP_MPMQ_MAX_DAEMONS)),
        ("Server root", apache.server_root()),
        ("Document root", req.document_root()),
        ("Error log", _Html(f'{escape(req.server.error_fname or "")} (<a href="?view_log=1">its end</a>)')),
        ("Python", sys.version),
        ("sys.path", _Html("<br>".join(escape(str(entry)) for entry in sys.path))),
        ("Interpreter", req.interpreter),
        *((f"mod_python.{name}", _availability(name)) for name in ("publisher", "psp", "wsgi")),
    ]


def _availability(name: str) -> str:
    try:
        return "available" if importlib.util.find_spec(f"mod_python.{name}") else "not available"
    except ModuleNotFoundError:
        return "not available"


def _end_of_log(req: mp_request) -> Iterator[str]:
    name = req.server.error_fname or ""
    path = os.path.join(apache.server_root(), name)
    if not name or name.startswith(("|", "syslog")) or not os.path.isfile(path):
        yield f"The error log is no file: {name}\n"
        return
    lines = bounded_buffer(_LOG_LINES)
    try:
        with open(path, "rb") as log:
            log.seek(max(os.fstat(log.fileno()).st_size - _LOG_BYTES, 0))
            for line in log:
                lines.append(line)
    except OSError as error:
        yield f"The error log cannot be read: {error}\n"
        return
    for line in lines:
        yield line.decode("utf-8", "backslashreplace")


def _shown(name: object, value: object) -> str:
    if str(name).lower() in _SECRET:
        return "(not shown)"
    return "" if value is None else str(value)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _write(req: mp_request, text: str) -> None:
    req.write(text.encode("utf-8", "backslashreplace"), 0)
