"""Why a module could not be imported, in words for who has to mend it."""

from __future__ import annotations

import os
import re
import sys
import traceback

from . import leftovers
from .obstacles import obstacle
from .search import is_system

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version of Python that runs, without its last part."""
_VERSION_IN_PATH = re.compile(r"/python(\d\.\d+)(?:/|$)")
_INTERPRETER_REFUSED = re.compile(r"sub-?interpreter|once per interpreter|once per process", re.IGNORECASE)


def of_failed_import(error: BaseException, name: str, directory: str | None) -> str:
    """Why importing the module of a handler failed; `directory` is that of the directive."""
    match error:
        case SyntaxError():
            return of_failed_compilation(error, name)
        case ModuleNotFoundError():
            return _not_found(error, name, directory)
        case ImportError():
            return f"{_place(error, name)}: {error}{_import_hint(error)}"
        case OSError() if error.filename is not None:
            why = obstacle(os.fsdecode(error.filename)) if not isinstance(error.filename, int) else None
            return f"{_place(error, name)}: {why or error}"
        case SystemExit():
            return f"{_place(error, name)}: importing {name} calls sys.exit(), which ends a program"
        case _:
            return f"{_place(error, name)}: {type(error).__name__}: {error}"


def of_failed_compilation(error: SyntaxError | ValueError, name: str) -> str:
    """What in a source is no Python."""
    if not isinstance(error, SyntaxError):
        return f"{name}: {error}"
    where = f"{error.filename or name}, line {error.lineno}" if error.lineno else str(error.filename or name)
    line = f": {error.text.strip()}" if error.text else ""
    hint = leftovers.of_syntax_error(error)
    return f"{where}: {error.msg}{line}" + (f" (this is {hint})" if hint else "")


def other_version(directory: str) -> str | None:
    """The version of Python that a directory of modules is for, if it is not the one that runs."""
    version = version_of(directory)
    return version if version != RUNNING else None


def version_of(directory: str) -> str | None:
    """The version of Python that the name of a directory tells."""
    match = _VERSION_IN_PATH.search(directory)
    return match[1] if match else None


def _not_found(error: ModuleNotFoundError, name: str, directory: str | None) -> str:
    missing = error.name or name
    path = [entry for entry in ([directory] if directory else []) + sys.path if isinstance(entry, str)]
    looked = ", ".join(dict.fromkeys(os.path.abspath(entry) for entry in path))
    frames = _frames(error)
    if frames:
        sentence = f"{_place(error, name)}: no module {missing} was found; looked in {looked}"
    elif name.startswith("/"):
        sentence = f"the module {name} was not found: {obstacle(name) or 'it is no Python file'}"
    else:
        sentence = f"the module {missing} was not found; looked in {looked}"
    return sentence + "".join(f"; {hint}" for hint in _absence_hints(missing, path))


def _absence_hints(missing: str, path: list[str]) -> list[str]:
    hints = []
    top = missing.partition(".")[0]
    if instead := leftovers.of_import(top):
        hints.append(f"it is {instead}")
    for entry in dict.fromkeys(path):
        if is_system(entry) or entry.endswith(".zip"):
            continue
        file = os.path.join(entry, top + ".py")
        if why := obstacle(file if os.path.lexists(file) else entry):
            hints.append(why)
        elif other := _other_spelling(entry, top):
            hints.append(f"{entry} has {other}, which is spelled otherwise")
    return hints


def _other_spelling(directory: str, name: str) -> str | None:
    try:
        names = os.listdir(directory)
    except OSError:
        return None
    for candidate in names:
        stem, dot, suffix = candidate.partition(".")
        if stem.lower() == name.lower() and stem != name and suffix in ("", "py"):
            return candidate
        if stem == name and dot and suffix in ("txt", "py.txt", "PY", "pyc"):
            return candidate
    return None


def _import_hint(error: ImportError) -> str:
    text = str(error)
    if _INTERPRETER_REFUSED.search(text):
        return "; such a module runs in the first interpreter only: PythonInterpreter main_interpreter"
    file = error.path or ""
    version = other_version(file) if file else None
    if version:
        return f"; {file} is for Python {version}"
    return ""


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_own(frame.filename)]


def _is_own(filename: str) -> bool:
    return filename.startswith("<") or os.path.dirname(filename) == os.path.dirname(__file__)


def _place(error: BaseException, name: str) -> str:
    """The last line of the site's own that was executed, and the last of all if that is another one."""
    frames = _frames(error)
    if not frames:
        return name
    own = [frame for frame in frames if not is_system(os.path.dirname(frame.filename))]
    place = (own or frames)[-1]
    text = f"{place.filename}, line {place.lineno}"
    last = frames[-1]
    return text if last is place else f"{text} (in {last.filename}, line {last.lineno})"
