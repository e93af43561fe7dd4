"""A look at every handler of a configuration, by an httpd that is started for nothing else.

`httpd -t -D PYTHON_CHECK` imports them in its own process; what they do there is gone with it. A handler whose import
ends or blocks that process is noted, and the others are looked at by another one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Record = dict[str, Any]


class Report:
    """What was found. `header` says who looked; `entries[i]` is a handler, `findings[i]` what is wrong with it."""

    def __init__(self, header: Record) -> None:
        self.header = header
        self.entries: list[Record] = header["entries"]
        self.findings: dict[int, list[Record]] = {}

    def count(self, severity: str) -> int:
        """How many findings are of this severity, each counted once."""
        every = [finding for found in self.findings.values() for finding in found]
        return len({finding["text"] for finding in every if finding["severity"] == severity})

    @property
    def missing(self) -> set[str]:
        """Top-level names of modules that were not found."""
        names = [finding["missing"] for found in self.findings.values() for finding in found if finding["missing"]]
        return {name.partition(".")[0] for name in names}


def examine(command: list[str], environment: Mapping[str, str], patience: float) -> Report:
    """Have all handlers looked at. `command` is httpd with its configuration; an import may take `patience` seconds.

    Failure if httpd refuses the configuration, or loads no mod_python of this make.
    """
    report: Report | None = None
    while True:
        run = _Run(command, environment, report.findings if report else {})
        records, why = run.records(patience)
        if report is None:
            if not records:
                raise _no_report(command, environment, run)
            report = Report(records[0])
        current = None
        for record in records[1:]:
            if "start" in record:
                current = record["start"]
            else:
                report.findings[record["index"]] = record["findings"]
                current = None
        if current is None:
            _fill(report, run)
            return report
        report.findings[current] = [{"severity": "error", "text": f"importing it {why}", "missing": None}]


def _fill(report: Report, run: _Run) -> None:
    """Handlers without a word: their interpreter could not be made."""
    for index in range(len(report.entries)):
        text = f"it could not be looked at: {run.told()}"
        report.findings.setdefault(index, [{"severity": "error", "text": text, "missing": None}])


class _Run:
    """One httpd, and the records that come from it."""

    def __init__(self, command: list[str], environment: Mapping[str, str], done: Mapping[int, object]) -> None:
        self.output = tempfile.TemporaryFile()  # noqa: SIM115
        self._read_end, write_end = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, "-t", "-D", "PYTHON_CHECK"],
                env={
                    **environment,
                    "MOD_PYTHON_CHECK_FD": str(write_end),
                    "MOD_PYTHON_CHECK_SKIP": ",".join(map(str, done)),
                },
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                pass_fds=[write_end],
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._read_end)
            raise Failure(f"{command[0]} cannot be run: {error.strerror}", os.EX_UNAVAILABLE) from error
        finally:
            os.close(write_end)

    def records(self, patience: float) -> tuple[list[Record], str]:
        """All records, and how the process ended, as the end of a sentence. No process is left."""
        data, why = b"", ""
        deadline = time.monotonic() + patience
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._read_end, selectors.EVENT_READ)
                while True:
                    if not selector.select(max(0.0, deadline - time.monotonic())):
                        why = f"does not end within {patience:g} seconds"
                        break
                    chunk = os.read(self._read_end, 65536)
                    if not chunk:
                        break
                    data += chunk
                    deadline = time.monotonic() + patience
            why = why or self._end(patience)
        finally:
            self._kill()
            os.close(self._read_end)
        return [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")], why

    def told(self) -> str:
        """What httpd said."""
        self.output.seek(0)
        return self.output.read().decode(errors="backslashreplace").strip()

    def _end(self, patience: float) -> str:
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return f"does not end within {patience:g} seconds"
        if status < 0:
            return f"kills the process with {signal.Signals(-status).name}"
        return f"ends the process with status {status}"

    def _kill(self) -> None:
        # The group: what is imported may have started processes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def remedy(told: str) -> str:
    """What would mend a configuration that httpd refuses, in a line of its own, or nothing where that is not known."""
    if "Invalid command 'Python" in told:
        return "\nmod_python is not loaded above that line: LoadModule python_module .../mod_python.so"
    # The linker names the first symbol that it misses, of Python's public ones or of those it keeps for itself.
    if re.search(r"undefined symbol: _?Py", told):
        return "\nThis mod_python.so takes its Python from a LoadFile line above it: see mod_python install-module"
    return ""


def _no_report(command: list[str], environment: Mapping[str, str], run: _Run) -> Failure:
    told = run.told()
    if run.process.returncode != 0:
        return Failure(f"httpd refuses the configuration:\n{told}{remedy(told)}", os.EX_CONFIG)
    if match := re.search(r"Python could not be started: .*", told):
        return Failure(match[0], os.EX_UNAVAILABLE)
    modules = subprocess.run(
        [*command, "-t", "-D", "DUMP_MODULES"], env=dict(environment), capture_output=True, check=False
    ).stdout
    if b"python_module" in modules:
        return Failure("the configuration loads a mod_python of another make, or of another version", os.EX_CONFIG)
    return Failure(
        "the configuration does not load mod_python: LoadModule python_module .../mod_python.so", os.EX_CONFIG
    )
