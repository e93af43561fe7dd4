"""Claims: which directory owns which top-level name of `sys.modules`.

Two directories may each have a module `app`. The first that is asked for gets the plain name; the other is kept as
`app@srv/other`, named after its directory, so that the two never meet. Names of the standard library and of
installed packages are never given away.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock
from importlib.machinery import ModuleSpec, PathFinder

from .generations import spec_at, thread
from .search import Location, is_system, locate, search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from .generations import Generation

_lock = RLock()
_keys: dict[tuple[str, str], str] = {}
"""Directory and module name -> key in `sys.modules`."""
_owners: dict[str, tuple[str, str]] = {}
"""The reverse."""
_never_site = {"mod_python", "_apache", *sys.builtin_module_names}


def resolve(name: str, directory: str | None, importing: Generation | None = None) -> str:
    """The key in `sys.modules` of the top-level module that `name` means to code of `directory`.

    The code's own directory comes first, then `sys.path`. Raises ModuleNotFoundError where the plain name would be
    another directory's module.
    """
    if name in _never_site:
        return name
    own = directory if directory and not is_system(directory) else None
    if own and (location := locate(own, name)):
        key = claim(location.directory, name)
        if not (importing and importing.name == key and name in sys.stdlib_module_names):
            return key  # else: html.py that wants the standard library's html
    if name in sys.stdlib_module_names or (name in sys.modules and name not in _owners):
        return name
    found = search(name, _path())
    if isinstance(found, Location):
        return claim(found.directory, name)
    if found is None and own and os.path.isdir(os.path.join(own, name)):
        return claim(os.path.abspath(own), name)
    if found is None and (owner := _owners.get(name)) and owner[0] != (own and os.path.abspath(own)):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return name


def claim(directory: str, name: str) -> str:
    """The key in `sys.modules` for module `name` of `directory` (an absolute path), the same for ever."""
    key = _keys.get((directory, name))
    if key is not None:
        return key
    plain = name.removesuffix(".py").replace(".", "_")
    is_free = _is_free(plain)
    with _lock:
        if (directory, name) in _keys:
            return _keys[directory, name]
        key = plain
        if not is_free or key in _owners or key in sys.modules:
            key = stem = f"{plain}@{directory.strip('/').replace('.', '_')}"
            count = 1
            while key in _owners:
                count += 1
                key = f"{stem}@{count}"
        _keys[directory, name] = key
        _owners[key] = (directory, name)
        return key


def claimed_key(directory: str | None, name: str) -> str | None:
    """The key of a module that is loaded for this directory already."""
    key = _keys.get((os.path.abspath(directory), name)) if directory else None
    return key if key in sys.modules else None


def install() -> None:
    """Put the two finders of this file on `sys.meta_path`."""
    sys.meta_path.insert(0, ClaimFinder)
    path_finder = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
    sys.meta_path.insert(path_finder, SiteFinder)


class ClaimFinder:
    """Finds top-level modules that a directory has claimed, whatever `sys.path` says."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or fullname not in _owners:
            return None
        directory, name = _owners[fullname]
        location = locate(directory, name)
        if location:
            return spec_at(fullname, location)
        portion = os.path.join(directory, name)
        if os.path.isdir(portion):
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [portion]
            return spec
        raise ModuleNotFoundError(f"No module named {name!r}", name=name, path=portion)


class SiteFinder:
    """Finds the site's own source files along a path, where Python's path finder would find them too."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top in _never_site or top in sys.stdlib_module_names:
            return None
        found = search(fullname, _path() if path is None else path)
        if not isinstance(found, Location):
            return found
        if path is None:
            with _lock:
                _keys.setdefault((found.directory, fullname), fullname)
                _owners.setdefault(fullname, (found.directory, fullname))
        return spec_at(fullname, found)


def _path() -> list[str]:
    return [*thread.path, *(entry for entry in sys.path if entry not in thread.path)] if thread.path else sys.path


def _is_free(name: str) -> bool:
    """Whether no import that is not the site's own could mean `name`."""
    if name in sys.stdlib_module_names or name in sys.modules or name in _owners:
        return False
    installed = [entry for entry in sys.path if is_system(entry)]
    if any(PathFinder.find_spec(name, [entry]) is not None for entry in installed):
        return False
    others = [finder for finder in sys.meta_path if finder not in (ClaimFinder, SiteFinder, PathFinder)]
    return all(finder.find_spec(name, None) is None for finder in others if hasattr(finder, "find_spec"))
