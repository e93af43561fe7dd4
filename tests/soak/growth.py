"""What processes weigh: private memory, open files, and processes that should not be there."""

import dataclasses
import os
import pathlib

import memory


@dataclasses.dataclass
class Weight:
    memory: int
    """KiB, private."""
    files: int


def weigh(pid):
    return Weight(memory.memory(pid), len(os.listdir(f"/proc/{pid}/fd")))


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


def between(before, after, requests):
    """How each process has grown that is in both; `requests` are those of all of them together."""
    both = [pid for pid in before if pid in after]
    return [
        Growth(after[pid].memory - before[pid].memory, after[pid].files - before[pid].files, requests // len(both)) for pid in both
    ]


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
