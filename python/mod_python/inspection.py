"""What is wrong with the handlers that the configuration names: run by `httpd -t -D PYTHON_CHECK` in httpd itself.

The native module calls `begin` once, and `inspect` for each handler, in the interpreter and as the user that would run
it. The report is lines of JSON on the file descriptor `MOD_PYTHON_CHECK_FD` of the environment, else on standard
output; `mod_python check` makes sentences of it. `MOD_PYTHON_CHECK_SKIP` names handlers, by number, that are left out.
"""

from __future__ import annotations

import difflib
import glob
import json
import os
import sys
from typing import NamedTuple

from . import explanation, home, importer, leftovers, psp_page, version
from .obstacles import obstacle
from .search import is_system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Entry = dict[str, Any]


class Finding(NamedTuple):
    """One thing that is wrong."""

    severity: str
    """`error`: requests will fail; `warning`: they may."""
    text: str
    missing: str | None = None
    """The name of the module that was not found."""


_WSGI = "mod_python.wsgi"
_PSP = "mod_python.psp"
_DIRECTORY_HANDLERS = ("mod_python.publisher", "mod_python.cgihandler")
_PROVIDER_METHODS = ("check_password", "get_realm_hash", "check_authorization")
_MOST_FILES = 500


def begin(entries: list[Entry], refused: list[tuple[str, str]]) -> None:
    """Start the report: who runs, every handler, and the .htaccess files that httpd refuses, with why."""
    import platform
    import pwd

    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    _report(
        mod_python=version.version,
        python=platform.python_version(),
        prefix=sys.prefix,
        user=user,
        entries=entries,
        refused=refused,
    )


def inspect(index: int, entry: Entry) -> None:
    """Report on one handler."""
    if str(index) in os.environ.get("MOD_PYTHON_CHECK_SKIP", "").split(","):
        return
    _report(start=index)
    if entry["home"] and entry["home"] != sys.prefix:
        home.activate(entry["home"])
    _report(index=index, findings=[finding._asdict() for finding in _findings(entry)])


def _report(**record: object) -> None:
    descriptor = int(os.environ.get("MOD_PYTHON_CHECK_FD", "1"))
    data = json.dumps(record).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]


def _findings(entry: Entry) -> Iterator[Finding]:
    name, wanted = entry["module"], entry["object"]
    if name == _WSGI:
        application = entry["options"].get("mod_python.wsgi.application")
        if not application:
            yield Finding("error", "no application is named: PythonOption mod_python.wsgi.application module::callable")
            return
        name, _, wanted = application.partition("::")
        wanted = wanted or "application"
    for directory in _directories(entry):
        if directory is None and entry["kind"] == "pattern":
            yield Finding("warning", "not checked: only a request says which directory its module is in")
            continue
        of_path = list(_path_findings(entry, directory))
        yield from of_path
        if any(finding.severity == "error" for finding in of_path):
            continue
        yield from _module_findings(entry, name, wanted, directory)
        if name in _DIRECTORY_HANDLERS and directory:
            yield from _source_findings(_files(directory, ".py"))
        if name == _PSP and directory:
            yield from _page_findings(_files(directory, ".psp"))


def _directories(entry: Entry) -> list[str | None]:
    """The directories that the handler's module is looked for in, by the sections that name it."""
    if entry["kind"] == "directory":
        return [entry["place"]]
    if entry["kind"] == "pattern":
        found = [match for match in sorted(glob.glob(entry["place"])) if os.path.isdir(match)]
        return [os.path.join(match, "") for match in found] or [None]
    return [None]


def _path_findings(entry: Entry, directory: str | None) -> Iterator[Finding]:
    expression = entry["python_path"]
    # As if this were the first request: what another handler added to the path may not be there.
    importer.reset_path()
    initial = list(sys.path)
    try:
        importer.prepare_path(expression, directory)
    except Exception as error:
        yield Finding("error", f"PythonPath cannot be evaluated: {type(error).__name__}: {error} in {expression}")
        return
    for place in sys.path:
        if place in initial:
            continue
        why = obstacle(place)
        if why:
            severity = "error" if place == directory and not os.access(place, os.X_OK) else "warning"
            yield Finding(severity, f"{place} of the module search path: {why}")
        elif (other := explanation.other_version(place)) is not None:
            yield Finding("warning", f"{place} is for Python {other}, and the server runs Python {explanation.RUNNING}")


def _module_findings(entry: Entry, name: str, wanted: str | None, directory: str | None) -> Iterator[Finding]:
    try:
        module, stamps = importer.load(name, directory, True, False)
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        yield Finding("error", explanation.of_failed_import(error, name, directory), missing)
        return
    if wanted is not None:
        is_handler = name == entry["module"] and not entry["directive"].endswith(("Import", "Provider", "Alias"))
        yield from _object_findings(module, wanted, is_handler, entry["directive"].endswith("Provider"))
    yield from _source_findings([str(stamp[0]) for stamp in stamps])


def _object_findings(module: object, wanted: str, is_handler: bool, is_provider: bool) -> Iterator[Finding]:
    """What is named is there and can be called; what an instance would have to be made for is not looked at."""
    found = module
    for count, part in enumerate(wanted.split("."), 1):
        if isinstance(found, type) and not hasattr(found, part):
            return  # its instances may have it
        try:
            found = getattr(found, part)
        except AttributeError:
            path = ".".join(wanted.split(".")[:count])
            yield Finding("error", f"{_file(module)} has no {path!r}{_instead(found, part)}")
            return
    if is_provider and any(hasattr(found, method) for method in _PROVIDER_METHODS):
        return
    if not callable(found):
        yield Finding("error", f"{wanted!r} of {_file(module)} cannot be called: it is {type(found).__name__}")
    elif isinstance(found, type) and "." not in wanted and is_handler:
        what = f"{wanted!r} of {_file(module)} is a class"
        yield Finding("warning", f"{what}; a method of it is meant, such as {wanted}.method")


def _instead(found: object, part: str) -> str:
    names = [
        name for name, value in getattr(found, "__dict__", {}).items() if callable(value) and not name.startswith("_")
    ]
    close = difflib.get_close_matches(part, names, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _file(module: object) -> str:
    return str(getattr(module, "__file__", None) or getattr(module, "__name__", module))


def _files(directory: str, suffix: str) -> list[str]:
    """Files of a suffix that requests may name. Directories that cannot be read are left out."""
    found = []
    for parent, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if not _is_foreign(parent, name)]
        found += [os.path.join(parent, name) for name in files if name.endswith(suffix) and not name.startswith(".")]
        if len(found) > _MOST_FILES:
            break
    return sorted(found[:_MOST_FILES])


def _is_foreign(parent: str, name: str) -> bool:
    """Whether a directory below a published one holds nothing that the site has written."""
    path = os.path.join(parent, name)
    hidden = name.startswith((".", "__")) or name == "node_modules"
    return hidden or is_system(path) or os.path.exists(os.path.join(path, "pyvenv.cfg"))


def _source_findings(files: list[str]) -> Iterator[Finding]:
    for file in files:
        if not file.endswith(".py"):
            continue
        try:
            with open(file, "rb") as source:
                text = source.read()
        except OSError as error:
            yield Finding("error", f"{obstacle(file) or error}")
            continue
        try:
            found = leftovers.of_source(text, file)
        except (SyntaxError, ValueError) as error:
            yield Finding("error", explanation.of_failed_compilation(error, file))
            continue
        for line, what in found:
            yield Finding("warning", f"{file}, line {line}: {what}")


def _page_findings(files: list[str]) -> Iterator[Finding]:
    """Pages that are no Python when they are translated; they are compiled, and not executed."""
    for file in files:
        try:
            psp_page.load(file, False, False)
        except SyntaxError as error:
            yield Finding("error", explanation.of_failed_compilation(error, file))
        except OSError as error:
            name = os.fsdecode(error.filename or file)
            yield Finding("error", f"{file}: {obstacle(name) or error}")
        except ValueError as error:
            yield Finding("error", f"{file}: {error}")
