"""What processes weigh: private memory, open files, and processes that should not be there."""

import collections
import dataclasses
import os
import pathlib
import re

import memory


@dataclasses.dataclass
class Weight:
    memory: int
    """KiB, private."""
    files: collections.Counter
    """How many it has open of each name; pipes and sockets are all alike."""


def weigh(pid):
    return Weight(memory.memory(pid), files_of(pid))


def files_of(pid):
    names = collections.Counter()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            names[re.sub(r":\[\d+\]$", "", os.readlink(entry.path))] += 1
        except FileNotFoundError:
            continue
    return names


def weigh_all(pids):
    weights = {}
    for pid in pids:
        try:
            weights[pid] = weigh(pid)
        except (OSError, LookupError):
            continue
    return weights


@dataclasses.dataclass
class Growth:
    """Of one process, over a stretch of time in which it lived."""

    memory: int
    files: int
    requests: int
    more: str = ""
    """Names of which it has more open than before, and how many more."""


def between(before, after, requests):
    """How each process has grown that is in both; `requests` are those of all of them together."""
    both = [pid for pid in before if pid in after]
    return [growth(before[pid], after[pid], requests // len(both)) for pid in both]


def growth(before, after, requests):
    more = ", ".join(f"{name} {count:+}" for name, count in sorted((after.files - before.files).items()))
    return Growth(after.memory - before.memory, after.files.total() - before.files.total(), requests, more)


def processes_of(session):
    """State of each process of a session (setsid), by its id."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found[int(path.parent.name)] = fields[0]
    return found


def zombies(session):
    return [pid for pid, state in processes_of(session).items() if state == "Z"]
