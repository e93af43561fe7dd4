"""Importing the site's own modules, so that they are reloaded when they or what they import have changed.

A module belongs to the directory it stands in: `app` of one directory and `app` of another are two modules
(claims.py), each remembers what it imported (generations.py), and an `import` statement in it looks into its own
directory first. Modules of the standard library and installed packages are imported by Python as ever.
"""

from __future__ import annotations

import builtins
import os
import sys
import time

from . import claims, generations
from .generations import Importing, generation_of, thread
from .search import locate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import FrameType, ModuleType
    from typing import Any

    from .generations import Generation, Stamp

_INTERNAL = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")


def load(
    name: str, directory: str | None, autoreload: bool, log: bool, path_expression: str | None = None
) -> tuple[ModuleType, tuple[Stamp, ...]]:
    """Import the module of a handler directive, of which `directory` is the directory.

    It and what it imports are looked for along the path of `path_expression`, whatever another thread has made of
    `sys.path` since `prepare_path` was called with it.

    The second result is what to watch: path, modification time (ns), size and inode of each file that may be
    reloaded. While none differs, the module is up to date.
    """
    outer, thread.path = thread.path, _paths.get(path_expression or "", [])
    try:
        target = _target(name, directory or None, directory or None, None, autoreload)
        module = _import_target(target, name, autoreload, log)
        return module, generations.watched(target)
    except BaseException as error:
        _tidy(error)
        raise
    finally:
        thread.path = outer


def import_module(module_name: str, autoreload: int = 1, log: int = 0, path: Sequence[str] | None = None) -> ModuleType:
    """Import a module, or import it again if its file or that of anything it imports has changed.

    `module_name` may be dotted, or be the path of a file: absolute, `./x` and `../x` relative to the caller's file,
    `~/x` relative to the directory that the caller's top-level module or package stands in. `path` is a list of
    directories to look into first.
    """
    caller = generation_of(sys._getframe(1).f_globals)
    here = os.path.dirname(caller.path) if caller else None
    try:
        target = _target_on(module_name, path or ()) or _target(
            module_name, caller.directory if caller else None, here, caller, bool(autoreload)
        )
        module = _import_target(target, module_name, bool(autoreload), bool(log))
        if caller:
            _record(caller, _with_packages(target))
        return module
    except BaseException as error:
        _tidy(error)
        raise


def module_mtime(module: ModuleType) -> float:
    """The newest modification time of the module's file, or 0; the time of asking is left in `__mtime_check__`."""
    newest = 0.0
    file = getattr(module, "__file__", None)
    if file:
        vars(module)["__mtime_check__"] = time.time()
        for name in (file, file[:-1]):
            try:
                newest = max(newest, os.stat(name).st_mtime)
            except OSError:
                continue
    return newest


def prepare_path(path_expression: str | None, directory: str | None) -> None:
    """Make `sys.path` what a handler expects: what PythonPath says, or else with the handler's directory in front."""
    global _path_in_force
    if path_expression is not None:
        path = _paths.get(path_expression)
        if path is None:
            path = _paths[path_expression] = _evaluate_path(path_expression)
        if path_expression != _path_in_force:
            sys.path[:] = path
            _path_in_force = path_expression
    elif directory and directory not in sys.path:
        sys.path.insert(0, directory)


def reset_path() -> None:
    """Make `sys.path` what it was when the interpreter started."""
    global _path_in_force
    sys.path[:] = _initial_path
    _path_in_force = None


_initial_path = list(sys.path)
_paths: dict[str, list[str]] = {}
_path_in_force: str | None = None


def initial_path_changed() -> None:
    """`sys.path` has been made another, by a virtual environment: PythonPath starts from that."""
    _initial_path[:] = sys.path
    _paths.clear()


class _InitialSys:
    """`sys` as PythonPath sees it: with the path of the interpreter's start, so that `sys.path+[...]` is stable."""

    def __init__(self) -> None:
        self.path = list(_initial_path)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def _evaluate_path(expression: str) -> list[str]:
    from . import apache

    names = {name: getattr(apache, name) for name in apache.LAZY if name in expression}
    path = eval(expression, {**vars(apache), **names, "sys": _InitialSys()})
    if isinstance(path, (str, bytes)) or not hasattr(path, "__iter__"):
        raise TypeError(f"PythonPath must give a list of directories, not {type(path).__name__}: {expression}")
    return list(path)


def _target(name: str, directory: str | None, here: str | None, importing: Generation | None, autoreload: bool) -> str:
    """The key in `sys.modules` of the module that a directive or a call names."""
    if name.startswith(("/", "./", "../", "~/")):
        base = directory if name.startswith("~/") else here
        if base is None and not name.startswith("/"):
            raise ModuleNotFoundError(f"No module named {name!r}: there is no directory to start from", name=name)
        return _target_file(os.path.join(base or "/", name.removeprefix("~/")), name)
    if not name or name.startswith("."):
        raise ValueError(f"Empty module name in {name!r}")
    top, dot, rest = name.partition(".")
    loaded = None if autoreload else claims.claimed_key(directory, top)
    return (loaded or claims.resolve(top, directory, importing)) + dot + rest


def _target_file(path: str, name: str) -> str:
    directory, module_name = os.path.split(os.path.abspath(path))
    without_suffix = locate(directory, module_name.removesuffix(".py"))
    if without_suffix and not without_suffix.is_package:
        module_name = without_suffix.name
    if not locate(directory, module_name) and not claims.claimed_key(directory, module_name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name, path=path)
    return claims.claim(directory, module_name)


def _target_on(name: str, path: Sequence[str]) -> str | None:
    top, dot, rest = name.partition(".")
    for directory in path:
        if top and (location := locate(directory, top)):
            return claims.claim(location.directory, top) + dot + rest
    return None


def _import_target(target: str, name: str, autoreload: bool, log: bool) -> ModuleType:
    outer, thread.autoreload = thread.autoreload, autoreload
    try:
        module = _up_to_date(target, name, log) if autoreload else _finished(target, name, log)
        for part in generations.unfinished(target):
            _import(part)  # waits for the thread that is executing it
    finally:
        thread.autoreload = outer
    return module


def _up_to_date(target: str, name: str, log: bool) -> ModuleType:
    generations.remove_stale([target])
    module = generations.finished_module(target)
    if module is None:
        _finished(target, name, log)
        # It, or what it imported, may be of a thread that was waited for, and that read a file before its last change.
        generations.remove_stale([target])
        module = _finished(target, name, log)
    return module  # type: ignore[no-any-return]


def _finished(target: str, name: str, log: bool) -> ModuleType:
    module = generations.finished_module(target)
    if module is None:
        if log and target not in sys.modules:
            _log(f"MP0014: mod_python: (Re)importing module '{name}'")
        module = _import(target)
    return module  # type: ignore[no-any-return]


def _import(full_name: str) -> ModuleType:
    """The module as it was imported, even if another thread has taken it out of `sys.modules` since."""
    if "." not in full_name:
        # Not `Importing`: others may take it out when it has changed, and not only when nobody asks for it.
        outermost: ModuleType = _builtin_import(full_name, None, None, ())
        return outermost
    with Importing(full_name):
        _builtin_import(full_name, None, None, ())
        # As long as this thread is importing it, nobody takes out the part of a package.
        return sys.modules[full_name]


def _builtin_import(
    name: str, globals: Mapping[str, Any] | None, locals: Mapping[str, Any] | None, names: Sequence[str], level: int = 0
) -> Any:
    """Python's own `__import__`.

    Of modules that import each other, in threads that begin at different ends, it gives one to a thread unfinished. It
    raises instead where the module comes into `sys.modules` between its two looks there: then a third one helps.
    """
    try:
        return builtins.__import__(name, globals, locals, names, level)
    except RuntimeError as error:
        if type(error).__name__ != "_DeadlockError":
            raise
    return builtins.__import__(name, globals, locals, names, level)


def _import_statement(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """`__import__` of the site's modules."""
    importing = generation_of(globals)
    if importing is None or not isinstance(name, str) or not name:
        return _builtin_import(name, globals, locals, fromlist or (), level)
    try:
        statement = (name, tuple(fromlist or ()), level)
        target = importing.statements.get(statement)
        if target is not None:
            return _builtin_import(target, globals, locals, fromlist or (), level)
        target = name
        if level == 0:
            top, dot, rest = name.partition(".")
            target = claims.resolve(top, importing.directory, importing) + dot + rest
        return _import_and_record(importing, target, globals, locals, statement)
    except BaseException as error:
        _tidy(error)
        raise


def _import_and_record(
    importing: Generation,
    target: str,
    globals: Mapping[str, Any] | None,
    locals: Mapping[str, Any] | None,
    statement: tuple[str, tuple[str, ...], int],
) -> Any:
    _, fromlist, level = statement
    absolute = _absolute(target, globals or {}, level)
    if importing.executed_by and thread.autoreload:
        generations.remove_stale([*_with_packages(absolute), *(f"{absolute}.{name}" for name in fromlist)])
    with Importing(absolute):
        _renew_attributes(absolute, fromlist)
        result = _builtin_import(target, globals, locals, fromlist, level)
    names: Iterable[str] = fromlist
    if "*" in fromlist:
        names = getattr(result, "__all__", ())
    _record(importing, [*_with_packages(absolute), *(f"{absolute}.{name}" for name in names)])
    importing.statements[statement] = target
    return result


def _renew_attributes(package_name: str, names: Iterable[str]) -> None:
    """A namespace package outlives its submodules, and `from package import name` would take an outdated one."""
    package = sys.modules.get(package_name)
    for name in names:
        full_name = f"{package_name}.{name}"
        loaded = vars(package).get(name) if package is not None and hasattr(package, "__path__") else None
        if full_name not in sys.modules and generation_of(getattr(loaded, "__dict__", None)):
            _builtin_import(full_name, None, None, ())


def _record(importing: Generation, full_names: Iterable[str]) -> None:
    """Note what a module has imported; if it has been in use already, its watchers have more to watch."""
    is_new = False
    for full_name in full_names:
        imported = generations.current(full_name)
        if imported is not None and imported is not importing and importing.imports.get(full_name) is not imported:
            is_new = is_new or full_name not in importing.imports
            importing.imports[full_name] = imported
    if is_new and not importing.executed_by:
        generations.tell_watchers()


def _absolute(name: str, globals: Mapping[str, Any], level: int) -> str:
    if level == 0:
        return name
    spec = globals.get("__spec__")
    package = str(globals.get("__package__") or getattr(spec, "parent", ""))
    base = package.rsplit(".", level - 1)[0]
    return f"{base}.{name}" if name else base


def _with_packages(full_name: str) -> list[str]:
    parts = full_name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _tidy(error: BaseException) -> None:
    """Leave the frames of the import machinery, Python's and this one, out of the traceback."""
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        if not _is_internal(traceback.tb_frame):
            frames.append(traceback)
        traceback = traceback.tb_next
    for frame, following in zip(frames, [*frames[1:], None], strict=False):
        frame.tb_next = following
    error.__traceback__ = frames[0] if frames else None


def _is_internal(frame: FrameType) -> bool:
    return frame.f_code.co_filename in _INTERNAL or frame.f_globals.get("__name__") in _OWN_NAMES


_OWN_NAMES = (__name__, claims.__name__, generations.__name__, locate.__module__)


def _log(message: str) -> None:
    log_error = getattr(sys.modules.get("_apache"), "log_error", None)
    if log_error is not None:
        log_error(message, 5)  # APLOG_NOTICE


generations.site_builtins["__import__"] = _import_statement
claims.install()
