"""Where the file of a module is: in one directory, or along a path.

It reads directories afresh each time. The import system's own path finder remembers directory listings by their
modification time and may miss a file that was added a moment ago.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec

_SYSTEM_DIRECTORIES = ("site-packages", "dist-packages")
_STANDARD_LIBRARY = tuple(
    {
        os.path.dirname(os.path.abspath(os.__file__)),
        *(
            os.path.join(prefix, lib, f"python{sys.version_info.major}.{sys.version_info.minor}")
            for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
            for lib in ("lib", sys.platlibdir)
        ),
    }
)
_system: dict[str, bool] = {}


class Location:
    """A Python source file that an import may execute."""

    __slots__ = ("directory", "is_package", "name", "path")

    def __init__(self, directory: str, name: str, path: str, is_package: bool) -> None:
        self.directory = directory
        self.name = name
        self.path = path
        self.is_package = is_package


def locate(directory: str, name: str) -> Location | None:
    """The source of top-level module `name` in `directory`; a name with a dot in it is the file itself."""
    directory = os.path.abspath(directory)
    base = os.path.join(directory, name)
    if "." in name:
        return Location(directory, name, base, False) if os.path.isfile(base) else None
    package = os.path.join(base, "__init__.py")
    if os.path.isfile(package):
        return Location(directory, name, package, True)
    if os.path.isfile(base + ".py"):
        return Location(directory, name, base + ".py", False)
    return None


def search(full_name: str, path: Iterable[object]) -> Location | ModuleSpec | None:
    """What an import of `full_name` along `path` finds first: a file of the site's own, or anything else.

    Namespace packages count as nothing, since a regular module further down the path precedes them.
    """
    name = full_name.rpartition(".")[2]
    for entry in path:
        if not isinstance(entry, str):
            continue
        if not is_system(entry) and (location := locate(entry, name)):
            return location
        spec = PathFinder.find_spec(full_name, [entry])
        if spec is not None and spec.loader is not None:
            return spec
    return None


def is_system(directory: str) -> bool:
    """Whether what is in `directory` was installed: the standard library, site-packages, dist-packages.

    Not simply all below `sys.prefix`: a site may well live in `/usr/local/apache2/htdocs`.
    """
    known = _system.get(directory)
    if known is None:
        path = os.path.abspath(directory)
        known = _system[directory] = any(part in _SYSTEM_DIRECTORIES for part in path.split(os.sep)) or any(
            path == library or path.startswith(library + os.sep) for library in _STANDARD_LIBRARY
        )
    return known
