"""Memory of one child of event with 16 threads: before it served Python, after one hello, after many."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable

from . import load, meter
from .cases import CASES, Case
from .httpd import Httpd
from .sides import Side

HELLO = next(case for case in CASES if case.name == "hello-flush")
WSGI_HELLO = next(case for case in CASES if case.name == "wsgi-hello")


@dataclasses.dataclass(frozen=True)
class Row:
    title: str
    idle: meter.Memory
    after_one: meter.Memory
    after_many: meter.Memory


def measure(sides: Iterable[Side]) -> list[Row]:
    """One side after the other, each alone, so that none has another to share its pages with."""
    rows = []
    for side in sides:
        if side.name != "wsgi":
            rows.append(_row(side, HELLO, side.title))
        if side.name in ("wsgi", "ours"):
            rows.append(_row(side, WSGI_HELLO, f"{side.title}, WSGI"))
    return rows


def _row(side: Side, case: Case, title: str) -> Row:
    with tempfile.TemporaryDirectory(prefix="bench-") as parent:
        os.chmod(parent, 0o755)
        with Httpd(side, "event-1x16", [case], parent) as httpd:
            if side.module is None:
                (httpd.www / case.name / "page").write_text("hello")
            (child,) = httpd.children()
            idle = meter.memory(child)
            load.check(httpd, case)
            after_one = meter.memory(child)
            load.wrk(httpd, case, 1)
            return Row(title, idle, after_one, meter.memory(child))
