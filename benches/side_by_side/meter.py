"""What the kernel says that processes used."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable

SCHEDSTAT = os.path.exists("/proc/self/schedstat")


def cpu_seconds(processes: Iterable[int]) -> float:
    """User and system time of all threads: in nanoseconds from schedstat where the kernel keeps it, else in ticks."""
    return sum(_nanoseconds(pid) if SCHEDSTAT else _ticks(pid) for pid in processes) / 1e9


def _nanoseconds(pid: int) -> int:
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            total += int(_read(f"/proc/{pid}/task/{thread}/schedstat").split()[0])
        except FileNotFoundError:
            pass  # ended since the directory was read
    return total


def _ticks(pid: int) -> int:
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Memory:
    """Of one process, in MB of 1024 kB."""

    pss: float  # shared pages counted by their share
    private: float
    rss: float


def memory(pid: int) -> Memory:
    values = {}
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines()[1:]:
        name, kilobytes = line.split()[:2]
        values[name] = int(kilobytes)
    private = values["Private_Clean:"] + values["Private_Dirty:"]
    return Memory(values["Pss:"] / 1024, private / 1024, values["Rss:"] / 1024)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
