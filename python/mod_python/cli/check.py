"""`mod_python check`: does every handler of a configuration exist, and can the server import it?"""

from __future__ import annotations

import os

from .. import installation
from . import signals
from .examination import Report, examine
from .failure import Failure
from .hints import hints
from .surroundings import clean_environment, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

DESCRIPTION = """
Reads a configuration of httpd, imports every handler that it names, as the user and in the interpreter that will run
it, and says what is wrong. .htaccess files below document roots and configured directories are read as well, and pages
of mod_python.psp are compiled. Importing takes place in a process that ends afterwards. The exit status is 0 if nothing
is wrong, 1 if something is, 78 if httpd refuses the configuration.
"""


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "check",
        help="say what is wrong with the handlers of a configuration",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="HTTPD.CONF", nargs="?", help="default: that of the system")
    parser.add_argument("-D", dest="defines", action="append", default=[], metavar="NAME", help="as httpd's -D")
    parser.add_argument(
        "--timeout",
        type=number(1, 3600),
        default=60,
        metavar="SECONDS",
        help="how long an import may take; default: 60",
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    found = installation.find()
    file = os.path.abspath(arguments.file or found.configuration_file)
    if not os.path.isfile(file):
        raise Failure(f"there is no file {file}", os.EX_NOINPUT)
    environment = found.configured_environment(clean_environment([]))
    defines = [argument for name in arguments.defines for argument in ("-D", name)]
    with signals.raised():
        report = examine([found.httpd, "-f", file, *defines], environment, arguments.timeout)
    header = report.header
    print(
        f"{file}: httpd {found.version}, mod_python {header['mod_python']}, Python {header['python']} of "
        f"{header['prefix']}, as user {header['user']}"
    )
    if os.geteuid() != 0:
        print(f"note: only root can check what the server's user may read; this is what {header['user']} may")
    print_handlers(report)
    refused = header["refused"]
    for name, why in refused:
        print(f"{name}:\n    error: httpd refuses it, and answers 500 there: {why}")
    for hint in hints(report):
        print(f"hint: {hint}")
    errors, warnings = report.count("error") + len(refused), report.count("warning")
    counts = ((len(report.entries), "handler"), (errors, "error"), (warnings, "warning"))
    print(", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts))
    return 1 if errors else 0


def print_handlers(report: Report) -> None:
    """Each handler and what is wrong with it. What differs in nothing but the interpreter is said once."""
    groups: dict[str, list[int]] = {}
    for index, entry in enumerate(report.entries):
        key = repr((_title(entry), report.findings[index]))
        groups.setdefault(key, []).append(index)
    for indexes in groups.values():
        entry, findings = report.entries[indexes[0]], report.findings[indexes[0]]
        names = ", ".join(dict.fromkeys(report.entries[index]["interpreter"] for index in indexes))
        print(f"{_title(entry)}, in interpreter {names}: {'' if findings else 'ok'}".rstrip())
        for finding in findings:
            print(f"    {finding['severity']}: {finding['text']}")


def _title(entry: dict[str, Any]) -> str:
    place = {
        "server": "at server level",
        "directory": f"for directory {entry['place']}",
        "pattern": f"for directories {entry['place']}",
        "location": f"for location {entry['place']}",
    }[entry["kind"]]
    lines = ", ".join(entry["lines"])
    return f"{entry['directive']} {entry['text']} {place}{f' ({lines})' if lines else ''}"
