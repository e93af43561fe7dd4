"""Generations: each execution of a source file of the site's own, what it imported, and when it is out of date.

A module is reloaded by taking it out of `sys.modules`; the import system then makes a fresh module object, and its
own locks see to it that no thread gets one that is half made. What this file adds is the knowledge which modules to
take out. No lock of this file is ever held while a module is executed.
"""

from __future__ import annotations

import builtins
import os
import sys
import time
from _thread import RLock, _local, get_ident
from importlib.machinery import ModuleSpec, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

    from .search import Location

Stamp = tuple[str, int, int, int]

_CLOCK_TICK = 20_000_000
"""Nanoseconds in which a file system may give two writes the same time."""

_lock = RLock()
_current: dict[str, Generation] = {}
"""The generation in force of each module, by its key in `sys.modules`; also while it is being executed."""
_under_import: dict[str, list[int]] = {}
"""Threads that are importing something below a top-level name."""
count_of_imports = 0
"""Goes up whenever modules that are in use have imported more."""

site_builtins: dict[str, Any] = dict(vars(builtins))
"""The builtins of the site's modules: Python's, but with an `__import__` of the importer's."""


class _ThreadState(_local):
    def __init__(self) -> None:
        self.executing: list[Generation] = []
        self.autoreload = False
        self.path: list[str] = []
        """PythonPath of the handler that is being imported: another thread may change `sys.path` meanwhile."""


thread = _ThreadState()


class Generation(SourceFileLoader):
    """The loader of one module object, which remembers what that object was made of."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, full_name: str, path: str, directory: str) -> None:
        super().__init__(full_name, path)
        self.directory = directory
        self.stamp: Stamp = (path, -1, -1, -1)
        self.executed_by = 0
        self.spec: ModuleSpec | None = None
        self.imports: dict[str, Generation] = {}
        self.failures: dict[str, Generation] = {}
        self.statements: dict[tuple[str, tuple[str, ...], int], str] = {}

    def is_unfinished(self) -> bool:
        """Whether a thread is executing it, or importlib is not done with it: it takes what it has executed out of
        `sys.modules`, and puts it back."""
        return bool(self.executed_by) or getattr(self.spec, "_initializing", False)

    def get_code(self, fullname: str) -> Any:
        # A cached bytecode file knows its source by whole seconds, too coarse to tell two versions apart.
        source = self.get_data(self.path)
        native = getattr(sys.modules.get("_apache"), "_compile", None)
        return native(source, self.path) if native else self.source_to_code(source, self.path)

    def exec_module(self, module: ModuleType) -> None:
        self._begin()
        try:
            code = self._read()
            namespace = vars(module)
            namespace["__builtins__"] = site_builtins
            namespace["__mtime__"] = self.stamp[1] / 1e9
            namespace["__mtime_check__"] = time.time()
            if self.is_package(self.name):
                _keep_installed_submodules(module)
            exec(code, namespace)
        except BaseException:
            self._end(failed=True)
            raise
        self._end(failed=False)

    def _read(self) -> Any:
        self.stamp = stamp_of(self.path)
        if 0 <= time.time_ns() - self.stamp[1] < _CLOCK_TICK:
            # Written just now: another write could still get the same time, and would go unnoticed.
            time.sleep(_CLOCK_TICK / 1e9)
            self.stamp = stamp_of(self.path)
        return self.get_code(self.name)

    def _begin(self) -> None:
        refresh_builtins()
        with _lock:
            self.executed_by = get_ident()
            _current[self.name] = self
            package = self._package()
            if package is not None:
                # A package holds its submodules by attribute: whoever reloads one reloads all, as one unit.
                self.imports[package.name] = package
                package.imports[self.name] = self
            if thread.executing:
                thread.executing[-1].imports[self.name] = self
            thread.executing.append(self)

    def _end(self, failed: bool) -> None:
        refresh_builtins()
        with _lock:
            self.executed_by = 0
            thread.executing.pop()
            removed = self._forget() if failed else []
            package = self._package()
        del removed
        if not failed and package is not None and not package.executed_by:
            tell_watchers()

    def _forget(self) -> list[object]:
        package = self._package()
        if package is not None:
            package.imports.pop(self.name, None)
        if thread.executing:
            importing = thread.executing[-1]
            importing.imports.pop(self.name, None)
            importing.failures[self.name] = self
        if _current.get(self.name) is self:
            del _current[self.name]
        # Those that imported it in a circle have hold of a module that was never finished.
        return _remove(_reaching({self}, list(_current.values())) - {self})

    def _package(self) -> Generation | None:
        return _current.get(self.name.rpartition(".")[0])


def refresh_builtins() -> None:
    """Follow additions to Python's builtins, such as the `_` of `gettext.install`."""
    for name, value in list(vars(builtins).items()):
        if name != "__import__" and site_builtins.get(name, site_builtins) is not value:
            site_builtins[name] = value


def stamp_of(path: str) -> Stamp:
    """What tells one version of a file from another; a file that is gone has a stamp of its own."""
    try:
        status = os.stat(path)
    except OSError:
        return (path, -1, -1, -1)
    return (path, status.st_mtime_ns, status.st_size, status.st_ino)


def spec_at(full_name: str, location: Location) -> ModuleSpec:
    """An import specification for the file at `location`; `full_name` is its key in `sys.modules`."""
    directory = location.directory
    for _ in range(full_name.count(".")):
        directory = os.path.dirname(directory)
    loader = Generation(full_name, location.path, directory)
    loader.spec = spec = ModuleSpec(full_name, loader, origin=location.path, is_package=location.is_package)
    spec.has_location = True
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(os.path.dirname(location.path))
    return spec


def generation_of(namespace: object) -> Generation | None:
    """The generation whose module has this namespace."""
    spec = namespace.get("__spec__") if isinstance(namespace, dict) else None
    loader = getattr(spec, "loader", None)
    return loader if isinstance(loader, Generation) else None


def current(full_name: str) -> Generation | None:
    return _current.get(full_name)


def finished_module(full_name: str) -> Any:
    """The module, if it is loaded and no thread is still executing it."""
    with _lock:
        generation = _current.get(full_name)
        return None if generation is None or generation.executed_by else sys.modules.get(full_name)


def watched(full_name: str) -> tuple[Stamp, ...]:
    """The stamps of all files that made the module: its own, and those of all that it imported, directly or not."""
    with _lock:
        generation = _current.get(full_name)
        if generation is None:
            return ()
        return tuple({part.stamp[0]: part.stamp for part in _reachable(generation, with_failures=True)}.values())


def remove_stale(full_names: Iterable[str]) -> None:
    """Take out of `sys.modules` those of these modules, and of what they imported, that are out of date.

    Out of date is a module whose file has changed, and one which imported something that is out of date or that has
    been reloaded since.
    """
    with _lock:
        roots = [root for name in full_names if (root := _current.get(name)) is not None]
        family = {part for root in roots for part in _reachable(root)}
    stale = {part for part in family if not part.is_unfinished() and _is_stale(part)}
    if not stale:
        return
    with _lock:
        stale = _reaching(stale, family)
        # While another thread imports below one of these names its package must stay; the next request will reload.
        removed = [] if _are_under_import(stale) else _remove(stale)
    if removed:
        _tell_server("modules_reloaded", len(removed))
    del removed


def _are_under_import(generations: Iterable[Generation]) -> bool:
    """Whether another thread imports something below one of their top-level names."""
    mine = get_ident()
    return any(other != mine for part in generations for other in _under_import.get(part.name.partition(".")[0], ()))


def tell_watchers() -> None:
    """Modules that are in use have imported more: the server is to ask anew what there is to watch."""
    global count_of_imports
    count_of_imports += 1
    _tell_server("handlers_changed")


def _tell_server(name: str, *arguments: int) -> None:
    """Call a function of the server's, if there is one."""
    function = getattr(sys.modules.get("_apache"), name, None)
    if function is not None:
        function(*arguments)


def unfinished(full_name: str) -> list[str]:
    """Modules that this one imported, directly or not, and that another thread is still executing."""
    with _lock:
        generation = _current.get(full_name)
        if generation is None or thread.executing:
            return []
        return [part.name for part in _reachable(generation) if part.executed_by not in (0, get_ident())]


class Importing:
    """A guard: this thread imports something below a top-level name."""

    def __init__(self, full_name: str) -> None:
        self._top = full_name.partition(".")[0]

    def __enter__(self) -> None:
        with _lock:
            _under_import.setdefault(self._top, []).append(get_ident())

    def __exit__(self, *_exception: object) -> None:
        with _lock:
            threads = _under_import[self._top]
            threads.remove(get_ident())
            if not threads:
                del _under_import[self._top]


def _is_stale(generation: Generation) -> bool:
    if _current.get(generation.name) is not generation or generation.name not in sys.modules:
        return True
    files = [generation, *(part for failure in generation.failures.values() for part in _reachable(failure, True))]
    return any(stamp_of(part.path) != part.stamp for part in files)


def _reachable(root: Generation, with_failures: bool = False) -> list[Generation]:
    found = {root: None}
    pending = [root]
    while pending:
        generation = pending.pop()
        nearest = [*generation.imports.values(), *(generation.failures.values() if with_failures else ())]
        pending.extend(part for part in nearest if part not in found)
        found.update(dict.fromkeys(nearest))
    return list(found)


def _reaching(targets: set[Generation], candidates: Iterable[Generation]) -> set[Generation]:
    """`targets`, and those of `candidates` that imported one of them, directly or not."""
    reaching = set(targets)
    rest = [part for part in candidates if part not in reaching]
    while found := [part for part in rest if any(child in reaching for child in part.imports.values())]:
        reaching.update(found)
        rest = [part for part in rest if part not in reaching]
    return reaching


def _remove(generations: set[Generation]) -> list[object]:
    """Take modules out of `sys.modules`, except those that are unfinished, and their packages.

    The modules are returned, for the caller to let go of after it has released the lock: destructors are user code.
    """
    unfinished = [part.name for part in _current.values() if part.is_unfinished()]
    removed: list[object] = []
    for generation in generations:
        name = generation.name
        if _current.get(name) is not generation or any(
            other == name or other.startswith(f"{name}.") for other in unfinished
        ):
            continue
        del _current[name]
        removed.append(sys.modules.pop(name, None))
    return removed


def _keep_installed_submodules(package: ModuleType) -> None:
    """Submodules that cannot be reloaded (C extensions) were bound to the package's last generation only."""
    prefix = package.__name__ + "."
    for name, module in list(sys.modules.items()):
        if name.startswith(prefix) and "." not in name[len(prefix) :] and name not in _current:
            vars(package)[name[len(prefix) :]] = module
