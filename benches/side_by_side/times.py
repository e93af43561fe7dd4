"""CPU time a request: rounds in which the sides take turns, so that a disturbance of the machine meets all of them.

Each round starts the sides anew: two instances of one httpd differ by up to a fifth, for as long as they live.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence

from . import load, meter
from .cases import Case
from .httpd import Httpd
from .sides import Side


# The part of the processors' time that the host took away, above which a turn is repeated, and how often it is at most.
DISTURBED = 0.05
REPEATS = 3


@dataclasses.dataclass
class Cell:
    """One case of one side: a sample a round."""

    microseconds: list[float] = dataclasses.field(default_factory=list)
    stolen: list[float] = dataclasses.field(default_factory=list)
    requests: int = 0
    failed: int = 0
    cut: int = 0
    seconds: float = 0.0
    wrong: str = ""

    def median(self) -> float | None:
        return statistics.median(self.microseconds) if self.microseconds and not self.wrong else None


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Median of the ratios of each round, for a round's disturbance is in both of its numbers."""

    median: float
    error: float | None  # the standard error of their mean; None of a single round


def ratio(mine: Cell, other: Cell) -> Ratio | None:
    if mine.median() is None or other.median() is None:
        return None
    ratios = [one / two for one, two in zip(mine.microseconds, other.microseconds)]
    error = statistics.stdev(ratios) / math.sqrt(len(ratios)) if len(ratios) > 1 else None
    return Ratio(statistics.median(ratios), error)


Cells = dict[tuple[str, str], Cell]  # (case, side) -> its samples


def measure(
    layout: str, cases: Sequence[Case], sides: Sequence[Side], rounds: int, seconds: int, say: Callable[[str], None]
) -> Cells:
    cells: Cells = {(case.name, side.name): Cell() for case in cases for side in sides}
    for number in range(rounds):
        say(f"{layout}: round {number + 1} of {rounds}")
        first = number % len(sides)
        _round(layout, cases, [*sides[first:], *sides[:first]], seconds, cells)
    return cells


def _round(layout: str, cases: Sequence[Case], sides: Sequence[Side], seconds: int, cells: Cells) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as parent, contextlib.ExitStack() as stack:
        _open_to_the_children(parent)
        servers = [stack.enter_context(Httpd(side, layout, cases, parent)) for side in sides]
        for case in cases:
            for server in servers:
                cell = cells[case.name, server.side.name]
                if case.is_for(server.side.name) and not cell.wrong:
                    _turn(server, case, cell, seconds)


def _turn(httpd: Httpd, case: Case, cell: Cell, seconds: int) -> None:
    try:
        load.check(httpd, case)
        load.wrk(httpd, case, 1)  # to warm up
        best = min(_samples(httpd, case, seconds), key=lambda sample: sample.stolen)
        load.check(httpd, case)
    except load.WrongAnswer as wrong:
        cell.wrong = str(wrong)
        return
    cell.failed += best.done.failed
    cell.cut += best.done.cut
    if best.done.requests:
        cell.microseconds.append(best.used * 1e6 / best.done.requests)
        cell.stolen.append(best.stolen)
        cell.requests += best.done.requests
        cell.seconds += seconds


@dataclasses.dataclass(frozen=True)
class _Sample:
    done: load.Load
    used: float  # seconds of CPU
    stolen: float


def _samples(httpd: Httpd, case: Case, seconds: int) -> Iterator[_Sample]:
    """One, or more until the machine is left alone."""
    for _ in range(1 + REPEATS):
        processes = httpd.processes()
        before, stolen = meter.cpu_seconds(processes), meter.Stolen()
        done = load.wrk(httpd, case, seconds)
        used = meter.cpu_seconds(processes) - before
        if httpd.processes() != processes:
            raise load.WrongAnswer(
                f"{case.name} of {httpd.side.title}: a child was replaced:\n{httpd.errors()[-2000:]}"
            )
        sample = _Sample(done, used, stolen.share())
        yield sample
        if sample.stolen < DISTURBED:
            return


def _open_to_the_children(directory: str) -> None:
    os.chmod(directory, 0o755)  # they run as another user
