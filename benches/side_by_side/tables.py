"""The measurements as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from .cases import Case
from .memory import Row
from .sides import Side
from .times import Cell, Cells, ratio


def times(layout: str, cases: Sequence[Case], sides: Sequence[Side], cells: Cells) -> str:
    heads = [
        "case",
        *(side.title for side in sides),
        "ours/C",
        "target",
        "ours/Debian",
        "target",
        "ours/mod_wsgi",
        "target",
        "C/Debian",
        "stolen",
        "req/s",
    ]
    rows = [heads]
    for case in cases:
        mine = {side.name: cells[case.name, side.name] for side in sides}
        row = [case.name, *(_microseconds(mine[side.name]) for side in sides)]
        row += _against(mine, "c", case.at_most.get(layout))
        row += _against(mine, "debian", case.at_most_debian.get(layout))
        row += _against(mine, "wsgi", case.at_most_wsgi.get(layout))
        row += _against(mine, "debian", None, of="c")[:1]
        row.append(_stolen(list(mine.values())))
        row.append(" ".join(_rate(mine[side.name]) for side in sides))
        rows.append(row)
    rows += _default_write(heads, sides, cells)
    title = f"{layout}: µs of CPU a request, over all processes of that httpd (median of the rounds)"
    return f"{title}\n{_align(rows)}\n{_complaints(cells)}"


def memory(rows: Sequence[Row]) -> str:
    heads = ["", "PSS idle", "PSS 1 hello", "PSS many", "private idle", "private 1", "private many", "RSS many"]
    lines = [heads]
    for row in rows:
        all_three = (row.idle, row.after_one, row.after_many)
        values = [one.pss for one in all_three] + [one.private for one in all_three] + [row.after_many.rss]
        lines.append([row.title, *(f"{value:.1f}" for value in values)])
    targets = "targets: ours at most 11 PSS after hello; idle at most 1 over httpd alone"
    return f"memory of one event child with 16 threads, MB ({targets})\n{_align(lines)}\n"


def _default_write(heads: list[str], sides: Sequence[Side], cells: Cells) -> list[list[str]]:
    """`write(data)`, as everybody writes it, against C that leaves the flush to httpd."""
    if not all(("hello-flush", side.name) in cells for side in sides) or ("hello", "c") not in cells:
        return []
    mixed = {side.name: cells["hello-flush", side.name] for side in sides} | {"c": cells["hello", "c"]}
    row = ["hello-flush, C unflushed", *(_microseconds(mixed[side.name]) for side in sides)]
    row += [*_against(mixed, "c", None), *_against(mixed, "debian", None)]
    return [row + [""] * (len(heads) - len(row))]


def _against(cells: dict[str, Cell], other: str, at_most: float | None, of: str = "ours") -> list[str]:
    target = f"<= {at_most:.2f}" if at_most else ""
    found = ratio(cells[of], cells[other]) if of in cells and other in cells else None
    if found is None:
        return ["-", target]
    met = "" if not at_most else " ok" if found.median <= at_most else " OVER"
    error = "" if found.error is None else f" ±{found.error:.2f}"
    return [f"{found.median:.2f}{error}", target + met]


def _microseconds(cell: Cell) -> str:
    median = cell.median()
    if cell.wrong:
        return "wrong"
    return "-" if median is None else f"{median:.1f}"


def _rate(cell: Cell) -> str:
    return f"{cell.requests / cell.seconds:.0f}" if cell.seconds and not cell.wrong else "-"


def _stolen(cells: list[Cell]) -> str:
    """The most that the host took away in a round that counts."""
    most = max((share for cell in cells for share in cell.stolen), default=None)
    return "" if most is None else f"{most * 100:.0f}%"


def _complaints(cells: Cells) -> str:
    lines = []
    for (case, side), cell in cells.items():
        if cell.wrong:
            lines.append(f"WRONG ANSWER: {cell.wrong}\n")
        if cell.failed:
            lines.append(f"{case} of {side}: {cell.failed} requests failed under load\n")
        if cell.cut * 100 > cell.requests:
            lines.append(f"{case} of {side}: {cell.cut} idle connections closed by httpd, {cell.requests} requests\n")
    return "".join(lines)


def _align(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
