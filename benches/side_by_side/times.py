"""CPU time a request: rounds in which the sides take turns, so that a disturbance of the machine meets all of them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence

from . import load, meter
from .cases import Case
from .httpd import Httpd
from .sides import Side


@dataclasses.dataclass
class Cell:
    """One case of one side: a sample a round."""

    microseconds: list[float] = dataclasses.field(default_factory=list)
    requests: int = 0
    failed: int = 0
    cut: int = 0
    seconds: float = 0.0
    wrong: str = ""

    def median(self) -> float | None:
        return statistics.median(self.microseconds) if self.microseconds and not self.wrong else None

    def spread(self) -> float:
        """Half of the distance between the best and the worst round, as a part of the median."""
        return (max(self.microseconds) - min(self.microseconds)) / 2 / statistics.median(self.microseconds)


def ratio(mine: Cell, other: Cell) -> float | None:
    """Median of the ratios of each round, for a round's disturbance is in both of its numbers."""
    if mine.median() is None or other.median() is None:
        return None
    return statistics.median(one / two for one, two in zip(mine.microseconds, other.microseconds))


Cells = dict[tuple[str, str], Cell]  # (case, side) -> its samples


def measure(
    layout: str, cases: Sequence[Case], sides: Sequence[Side], rounds: int, seconds: int, say: Callable[[str], None]
) -> Cells:
    cells: Cells = {(case.name, side.name): Cell() for case in cases for side in sides}
    with tempfile.TemporaryDirectory(prefix="bench-") as parent, contextlib.ExitStack() as stack:
        _open_to_the_children(parent)
        servers = [stack.enter_context(Httpd(side, layout, cases, parent)) for side in sides]
        for number in range(rounds + 1):
            say(f"{layout}: round {number} of {rounds}" if number else f"{layout}: warming up")
            for case in cases:
                # Each round begins with another side.
                for turn in range(len(servers)):
                    server = servers[(turn + number) % len(servers)]
                    if not case.is_for(server.side.name):
                        continue
                    _turn(server, case, cells[case.name, server.side.name], seconds if number else 1, bool(number))
    return cells


def _turn(httpd: Httpd, case: Case, cell: Cell, seconds: int, counts: bool) -> None:
    if cell.wrong:
        return
    try:
        load.check(httpd, case)
        processes = httpd.processes()
        before = meter.cpu_seconds(processes)
        done = load.wrk(httpd, case, seconds)
        used = meter.cpu_seconds(processes) - before
        load.check(httpd, case)
        if httpd.processes() != processes:
            raise load.WrongAnswer(
                f"{case.name} of {httpd.side.title}: a child was replaced:\n{httpd.errors()[-2000:]}"
            )
    except load.WrongAnswer as wrong:
        cell.wrong = str(wrong)
        return
    cell.failed += done.failed
    cell.cut += done.cut
    if counts and done.requests:
        cell.microseconds.append(used * 1e6 / done.requests)
        cell.requests += done.requests
        cell.seconds += seconds


def _open_to_the_children(directory: str) -> None:
    os.chmod(directory, 0o755)  # they run as another user
