"""The modules that are published, by file: kept until they, or what they import, change."""

from __future__ import annotations

import errno
import os

from . import apache, generations
from .importer import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from . import _apache as _apache
    from ._apache import mp_request
    from .generations import Stamp
else:
    import _apache


def file_stamp(req: mp_request, path: str) -> Stamp | None:
    """What tells this version of a file from others; None if there is no regular file at `path`.

    Raises SERVER_RETURN (403) if that cannot be found out.
    """
    try:
        return _apache._file_stamp(path)
    except OSError as error:
        req.log_error(f"MP0302: mod_python: {error}", apache.APLOG_ERR)
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN) from None


class _Loaded:
    """A module, the files it was made of, and the count of imports as of when that was all."""

    __slots__ = ("count", "imported", "module", "stamp")

    def __init__(self, module: ModuleType, stamp: Stamp, imported: tuple[Stamp, ...], count: int) -> None:
        self.module = module
        self.stamp = stamp
        self.imported = imported
        self.count = count


class PageCache:
    """`page_cache[req]` is the module of the file `req.filename`."""

    def __init__(self) -> None:
        self._loaded: dict[str, _Loaded] = {}

    def __getitem__(self, req: mp_request) -> ModuleType:
        stamp = file_stamp(req, req.filename or "")
        if stamp is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), req.filename)
        return self.module(req, stamp)

    def module(self, req: mp_request, stamp: Stamp) -> ModuleType:
        """The module of a file, imported again if anything it is made of has changed; raises what importing raises."""
        path = stamp[0]
        loaded = self._loaded.get(path)
        if loaded is not None and loaded.stamp == stamp and loaded.count == generations.count_of_imports:
            imported = loaded.imported
            if not imported or all(generations.stamp_of(part[0]) == part for part in imported):
                return loaded.module
        config = req.get_config()
        reloads = config.get("PythonAutoReload") != "0"
        if loaded is not None and not reloads:
            return loaded.module
        count = generations.count_of_imports
        module, stamps = load(path, os.path.dirname(path), reloads, config.get("PythonDebug") == "1")
        own = next((part for part in stamps if part[0] == path), stamp)
        imported = tuple(part for part in stamps if part[0] != path)
        self._loaded[path] = _Loaded(module, own, imported, count)
        return module
