"""The modules that are published, by file: kept until they, or what they import, change."""

from __future__ import annotations

import errno
import os

from . import apache, generations
from .importer import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ._apache import mp_request
    from .generations import Stamp

_TYPE_MASK = 0o170000
_REGULAR = 0o100000
_NO_SUCH_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


class Page:
    """A file, and the stamp it has now."""

    __slots__ = ("path", "stamp")

    def __init__(self, path: str, stamp: Stamp) -> None:
        self.path = path
        self.stamp = stamp


def file_stamp(req: mp_request, path: str) -> Page | None:
    """The page at `path`, None if there is no regular file. Raises SERVER_RETURN (403) if that cannot be found out."""
    try:
        status = os.stat(path)
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            return None
        req.log_error(f"mod_python: {error}", apache.APLOG_ERR)
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN) from None
    except ValueError:  # a NUL
        return None
    if status.st_mode & _TYPE_MASK != _REGULAR:
        return None
    return Page(path, (path, status.st_mtime_ns, status.st_size, status.st_ino))


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
        page = file_stamp(req, req.filename or "")
        if page is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), req.filename)
        return self.module(req, page)

    def module(self, req: mp_request, page: Page) -> ModuleType:
        """The module of a page, imported again if anything it is made of has changed; raises what importing raises."""
        loaded = self._loaded.get(page.path)
        if loaded is not None and _is_current(loaded, page):
            return loaded.module
        config = req.get_config()
        reloads = config.get("PythonAutoReload") != "0"
        if loaded is not None and not reloads:
            return loaded.module
        count = generations.count_of_imports
        module, stamps = load(page.path, os.path.dirname(page.path), reloads, config.get("PythonDebug") == "1")
        own = next((stamp for stamp in stamps if stamp[0] == page.path), page.stamp)
        imported = tuple(stamp for stamp in stamps if stamp[0] != page.path)
        self._loaded[page.path] = _Loaded(module, own, imported, count)
        return module


def _is_current(loaded: _Loaded, page: Page) -> bool:
    if loaded.stamp != page.stamp or loaded.count != generations.count_of_imports:
        return False
    return all(generations.stamp_of(stamp[0]) == stamp for stamp in loaded.imported)
