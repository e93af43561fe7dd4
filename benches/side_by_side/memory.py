"""Memory of one child of event with 16 threads: before it served Python, after one hello, after many."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable

from . import load, meter
from .cases import CASES
from .httpd import Httpd
from .sides import Side

HELLO = next(case for case in CASES if case.name == "hello-flush")
WSGI_HELLO = dataclasses.replace(HELLO, target="/hello")


@dataclasses.dataclass(frozen=True)
class Row:
    title: str
    idle: meter.Memory
    after_one: meter.Memory
    after_many: meter.Memory


def measure(sides: Iterable[Side]) -> list[Row]:
    """One side after the other, each alone, so that none has another to share its pages with."""
    return [_row(side) for side in sides if side.is_there()]


def _row(side: Side) -> Row:
    with tempfile.TemporaryDirectory(prefix="bench-") as parent:
        os.chmod(parent, 0o755)
        with Httpd(side, "event-1x16", [HELLO], parent) as httpd:
            case = WSGI_HELLO if side.name == "wsgi" else HELLO
            if side.module is None:
                (httpd.www / HELLO.name / "page").write_text("hello")
            (child,) = httpd.children()
            idle = meter.memory(child)
            load.check(httpd, case)
            after_one = meter.memory(child)
            load.wrk(httpd, case, 1)
            return Row(side.title, idle, after_one, meter.memory(child))
