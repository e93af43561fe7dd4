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


class Stolen:
    """What the host of a virtual machine has taken away since this was made."""

    def __init__(self) -> None:
        self._before = _jiffies()

    def share(self) -> float:
        """As a part of the time of all processors, between 0 and 1."""
        passed = [after - before for before, after in zip(self._before, _jiffies())]
        return passed[7] / max(1, sum(passed))


def _jiffies() -> list[int]:
    """Of all processors: user, nice, system, idle, iowait, irq, softirq, steal (proc(5))."""
    return [int(field) for field in _read("/proc/stat").split(maxsplit=9)[1:9]]


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
