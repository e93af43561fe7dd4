"""A test's httpd under valgrind's memcheck: how it is started, and what is made of its reports.

With HTTPD_TEST_VALGRIND in the environment every httpd of the tests runs so; scripts/test-valgrind sets it. An error counts as
ours when the module is in one of its stacks: where it was noticed, where the memory was allocated or freed. So does a
block that nothing points at any more, when the module is in the stack that allocated it. Others' errors are counted, and
fail nothing.
"""

import dataclasses
import os
import pathlib
import re
import xml.etree.ElementTree

import pytest

ACTIVE = bool(os.environ.get("HTTPD_TEST_VALGRIND"))
HERE = pathlib.Path(__file__).resolve().parent
# No pools of CPython's own, in which memcheck could not tell one object from the next.
ENVIRONMENT = {"PYTHONMALLOC": "malloc"} if ACTIVE else {}
# A child that cannot end in httpd's ten seconds because each of its instructions takes fifty.
HARMLESS = re.compile(r"AH0004[56]: child process \d+ still did not exit|AH00047: could not make child process \d+ exit")
FRAMES_SHOWN = 30
measures_memory = pytest.mark.skipif(ACTIVE, reason="valgrind keeps what is freed")
has_little_time = pytest.mark.skipif(ACTIVE, reason="valgrind takes fifty times as long")
PROPERTY = "valgrind"


def command(root):
    """What stands before the command line of an httpd whose reports are to be in root/valgrind."""
    if not ACTIVE:
        return []
    reports = root / "valgrind"
    reports.mkdir(exist_ok=True)
    # A handler that forks does so as the user of the children.
    reports.chmod(0o777)
    return [
        "valgrind",
        "--quiet",
        "--xml=yes",
        f"--xml-file={reports}/%p.xml",
        f"--suppressions={HERE}/valgrind.supp",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        # Frees what glibc keeps for itself, and libpython's data along with it: all of Python would be lost then.
        "--run-libc-freeres=no",
        "--num-callers=40",
        "--error-limit=no",
        # Threads take turns; else one that spins until another is done may keep it from running.
        "--fair-sched=yes",
    ]


@dataclasses.dataclass
class Findings:
    """What valgrind said of the processes of one httpd."""

    processes: int = 0
    ours: list[str] = dataclasses.field(default_factory=list)
    others: list[str] = dataclasses.field(default_factory=list)

    def __iadd__(self, other):
        self.processes += other.processes
        self.ours += other.ours
        self.others += other.others
        return self


def check(sites, record_property):
    """Fail for an error of ours in the processes of these sites, which are over."""
    found = Findings()
    for site in sites:
        found += findings(site.root, site.module)
    record_property(PROPERTY, [found.processes, len(found.ours), len(found.others)])
    if found.others:
        print("--- errors of others, by valgrind", *found.others, sep="\n")
    assert not found.ours, "errors of ours, by valgrind:\n" + "\n".join(found.ours)


def findings(root, module):
    """What the reports in root/valgrind say; `module` is the file that is ours."""
    found = Findings()
    for report in sorted((root / "valgrind").glob("*.xml")):
        found.processes += 1
        for error in _errors(report):
            (found.ours if _is_ours(error, str(module)) else found.others).append(_told(error, report.stem))
    return found


def _errors(report):
    """The errors of a process, those too whose report ends in the middle, since it was killed or became another program."""
    parser = xml.etree.ElementTree.XMLPullParser(["end"])
    try:
        parser.feed(report.read_bytes())
    except xml.etree.ElementTree.ParseError:
        pass
    return [element for _, element in parser.read_events() if element.tag == "error"]


def _is_ours(error, module):
    # CPython makes the number 0 without a digit and then takes that digit times 0 (_PyLong_FromByteArray, PyLong_FromString): 0
    # for everybody but memcheck, which reports whatever is done with that number. A value that we had left
    # undefined would be seen where it is used by others than CPython, at the latest where it is written.
    innermost = error.find("stack/frame")
    if error.findtext("kind") in ("UninitCondition", "UninitValue") and "/libpython" in innermost.findtext("obj", ""):
        return False
    return any(frame.findtext("obj") == module for frame in error.iter("frame"))


def _told(error, process):
    """An error as text: what it is, then each stack, innermost frame first."""
    lines = [f"process {process}: {error.findtext('kind')}: {error.findtext('what') or error.findtext('xwhat/text')}"]
    for part in error:
        if part.tag == "auxwhat":
            lines.append(f"  {part.text}")
        elif part.tag == "stack":
            lines += [f"    {_frame(frame)}" for frame in part.findall("frame")[:FRAMES_SHOWN]]
    return "\n".join(lines)


def _frame(frame):
    # Rust's names of generic functions may be longer than a page.
    name = (frame.findtext("fn") or frame.findtext("ip"))[:100]
    if line := frame.findtext("line"):
        return f"{name} ({frame.findtext('file')}:{line})"
    return f"{name} (in {frame.findtext('obj')})"


def figures(reports):
    """The file, and processes, our and others' errors, of each test that ran an httpd, out of pytest's reports."""
    for report in reports:
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    yield report.location[0], value


def table(tests):
    """Lines with what was run, a line for each file of tests; `tests` are what `figures` gives."""
    rows = {}
    for file, numbers in tests:
        row = rows.setdefault(file, [0] * 4)
        rows[file] = [total + number for total, number in zip(row, [1, *numbers], strict=True)]
    rows = sorted(rows.items())
    rows.append(("all", [sum(column) for column in zip(*(row for _, row in rows), strict=True)] or [0] * 4))
    head = f"{'':42}{'tests':>8}{'processes':>11}{'our errors':>12}{'others':>8}"
    return [head, *(f"{file:42}{tests:8}{processes:11}{ours:12}{others:8}" for file, (tests, processes, ours, others) in rows)]
