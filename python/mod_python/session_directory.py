"""Where sessions are kept on disk, and the server's key: directories and files for the server's user alone."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from . import _apache as _apache
    from ._apache import mp_table
else:
    import _apache

KEY_NAME = "mp_sess.key"
LEAST_KEY = 16
"""Bytes."""
_checked: set[str] = set()
_keys: dict[str, bytes] = {}


class UnsafePlaceError(OSError):
    """A directory or file that somebody else could have made, or could change."""


def base_directory(options: mp_table, *names: str) -> str:
    """The directory that the first of these options names, or else those for all sessions, or else httpd's own.

    Raises OSError when there is none.
    """
    for name in (*names, "mod_python.session.database_directory", "session_directory"):
        path = options.get(name)
        if path:
            return _base(os.path.join(_apache.server_root(), path))
    try:
        return _apache.private_directory()
    except OSError as error:
        raise OSError(
            f"there is no directory for sessions ({error}): "
            "name one with PythonOption mod_python.session.database_directory"
        ) from None


def _base(path: str) -> str:
    if path in _checked:
        return path
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise OSError(f"the directory for sessions cannot be used: {error}") from None
    if not stat.S_ISDIR(mode):
        raise UnsafePlaceError(f"{path} is no directory, so no sessions can be kept in it")
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        shown = f"{stat.S_IMODE(mode):04o}"
        raise UnsafePlaceError(f"{path} is open to all users (mode {shown}), so no sessions are kept there")
    _checked.add(path)
    return path


def private_directory(path: str) -> str:
    """Make a directory for the server's user alone, unless it is there. Raises OSError."""
    return path if path in _checked else make_private_directory(path)


def make_private_directory(path: str) -> str:
    """The same, also where it was there before."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    refuse_foreign(path, os.lstat(path), stat.S_IFDIR)
    _checked.add(path)
    return path


def refuse_foreign(path: str, found: os.stat_result, kind: int) -> None:
    """Raise UnsafePlaceError for what is not of this kind (S_IFREG, S_IFDIR), or not this user's alone."""
    mode = found.st_mode
    if stat.S_IFMT(mode) != kind:
        wanted = "directory" if kind == stat.S_IFDIR else "file"
        raise UnsafePlaceError(f"{path} is not a {wanted}, so no sessions are kept there")
    if found.st_uid != os.geteuid():
        raise UnsafePlaceError(
            f"{path} belongs to user {found.st_uid} and not to the server's user {os.geteuid()}, "
            "so no sessions are kept there"
        )
    # A directory that others may list is no harm: its files are private each.
    forbidden = 0o022 if kind == stat.S_IFDIR else 0o077
    if mode & forbidden:
        shown = f"{stat.S_IMODE(mode):04o}"
        raise UnsafePlaceError(f"{path} is open to other users (mode {shown}), so no sessions are kept there")


def make_private_file(path: str) -> None:
    """Make an empty file for the server's user alone, unless it is there. Raises OSError."""
    if path in _checked:
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        refuse_foreign(path, os.fstat(descriptor), stat.S_IFREG)
    finally:
        os.close(descriptor)
    _checked.add(path)


def server_key(options: mp_table, directory: Callable[[], str]) -> bytes:
    """The key that signs sessions.

    It is that of `PythonOption mod_python.session.key_file`, or one that the server has made for itself in
    `directory()`. Raises OSError; ValueError for a key that is too short.
    """
    configured = options.get("mod_python.session.key_file")
    path = os.path.join(_apache.server_root(), configured) if configured else os.path.join(directory(), KEY_NAME)
    key = _keys.get(path)
    if key is None:
        key = _keys[path] = _read_key(path, bool(configured))
    return key


def _read_key(path: str, is_configured: bool) -> bytes:
    if not is_configured and not os.path.lexists(path):
        _make_key(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if is_configured else os.O_NOFOLLOW))
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not is_configured:
            refuse_foreign(path, found, stat.S_IFREG)
        elif found.st_mode & 0o027:
            raise UnsafePlaceError(f"the key in {path} is open to other users (mode {stat.S_IMODE(found.st_mode):04o})")
        key = file.read()
    if len(key) < LEAST_KEY:
        raise ValueError(f"the key in {path} is too short: it must have {LEAST_KEY} bytes at least")
    return key


def _make_key(path: str) -> None:
    """All at once, so that no other process sees half of it; the first process wins."""
    temporary = f"{path}.{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32))
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
    finally:
        os.unlink(temporary)
