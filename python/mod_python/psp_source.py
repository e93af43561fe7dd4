"""The source of Python Server Pages, to be looked at; and pages that are strings, kept while they are in use."""

from __future__ import annotations

import os
from html import escape
from itertools import zip_longest

from .cache import NOT_INITIALIZED, Cache, Entry
from .psp_page import STRING_NAME, Page, load_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import _apache as _apache
    from . import apache
else:
    import _apache


class StringPages(Cache[Page]):
    """Pages by template, directory, and whether they are for requests of any make."""

    def check(self, key: Any, name: Any, entry: Entry) -> Any:
        page = entry.value
        return None if page is not NOT_INITIALIZED and page.is_current() else NOT_INITIALIZED

    def build(self, key: Any, name: Any, opened: Any, entry: Entry) -> Page:
        return load_string(*name)


def write_table(req: apache.mp_request, filename: str | None, string: str | bytes | None) -> None:
    """Write an HTML table with three columns: number of the line, Python source, template."""
    if filename is not None:
        with open(filename, "rb") as opened:
            template = opened.read()
        directory = os.path.join(os.path.dirname(filename), "")
        source = _apache._psp_source(filename, None, directory, 0)[0]
    else:
        template = string.encode() if isinstance(string, str) else string or b""
        source = _apache._psp_source(STRING_NAME, template, None, 0)[0]
    lines = template.decode("utf-8-sig", "replace").splitlines()
    title = escape(filename or "a string")
    req.write(f"<table>\n<tr><td colspan=3>Source of {title}</td></tr>\n", 0)
    for number, (made, given) in enumerate(zip_longest(source.splitlines(), lines, fillvalue=""), 1):
        req.write(
            f'<tr><td align="right"><code>{number}</code></td>'
            f'<td><font color="blue"><code>{_shown(made)}</code></font></td>'
            f'<td><font color="green"><code>{_shown(given)}</code></font></td></tr>\n',
            0,
        )
    req.write("</table>\n", 0)


def _shown(line: str) -> str:
    return escape(line).replace("\t", "    ").replace(" ", "&nbsp;")
