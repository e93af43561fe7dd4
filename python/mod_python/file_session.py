"""FileSession: a file a session, `mp_sess/<first two digits>/<id>`, replaced as a whole whenever it is saved."""

from __future__ import annotations

import os
import time

from . import Session
from .session_directory import base_directory, make_private_directory, private_directory
from .session_record import HEAD, SealedSession, expires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _apache as _apache
    from ._apache import mp_request, mp_server
else:
    import _apache

DFT_FAST_CLEANUP = True
DFT_VERIFY_CLEANUP = True
DFT_GRACE_PERIOD = 240
"""Seconds."""
DFT_CLEANUP_TIME_LIMIT = 2
"""Seconds; 0 is none."""
SPARE = ".spare"
"""What the file before last is called beside a session's file; the next one is written over it."""
STATUS_NAME = "fs_status.txt"
"""Where the last clean-up that ran out of time stopped."""


class FileSession(SealedSession):
    """`fast_cleanup` and `verify_cleanup` are booleans; -1 is what the options say."""

    def __init__(
        self,
        req: mp_request,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: int = 1,
        fast_cleanup: int = -1,
        verify_cleanup: int = -1,
    ) -> None:
        self._wanted_timeout = timeout
        self._fast_cleanup, self._verify_cleanup = fast_cleanup, verify_cleanup
        self._base = base_directory(req.get_options(), "mod_python.file_session.database_directory")
        self._directory = private_directory(self._base + "/mp_sess")
        super().__init__(req, sid, secret, timeout, lock)

    @property
    def place(self) -> str:  # type: ignore[override]
        return self._directory

    def key_directory(self) -> str:
        return self._base

    def _path(self) -> str:
        sid = self.id()
        return f"{self._directory}/{sid[:2]}/{sid}"

    def read_record(self) -> bytes | None:
        return _apache.read_file(self._path())

    def write_record(self, record: bytes, expires: float) -> None:
        path = self._path()
        try:
            _apache.replace_file(path, record, self._locked)
            return
        except FileNotFoundError:
            # The first of these digits; or somebody has cleaned up behind the server's back.
            pass
        make_private_directory(self._directory)
        make_private_directory(os.path.dirname(path))
        _apache.replace_file(path, record, self._locked)

    def do_delete(self) -> None:
        _delete(self._path())

    def do_cleanup(self) -> None:
        options = self._req.get_options()

        def boolean(given: int, *names: str, default: bool) -> bool:
            if given != -1:
                return bool(given)
            text = next((text for name in names if (text := options.get(name))), None)
            return default if text is None else Session.true_or_false(text)

        def seconds(*names: str, default: float) -> float:
            return float(next((text for name in names if (text := options.get(name))), default))

        cleanup = Cleanup(self._req.server, self._directory)
        cleanup.is_fast = boolean(
            self._fast_cleanup,
            "mod_python.file_session.enable_fast_cleanup",
            "session_fast_cleanup",
            default=DFT_FAST_CLEANUP,
        )
        cleanup.verifies = boolean(
            self._verify_cleanup,
            "mod_python.file_session.verify_session_timeout",
            "session_verify_cleanup",
            default=DFT_VERIFY_CLEANUP,
        )
        cleanup.timeout = self._wanted_timeout or Session.DFT_TIMEOUT
        cleanup.grace_period = seconds(
            "mod_python.file_session.cleanup_grace_period", "session_grace_period", default=DFT_GRACE_PERIOD
        )
        cleanup.time_limit = seconds(
            "mod_python.file_session.cleanup_time_limit", "session_cleanup_time_limit", default=DFT_CLEANUP_TIME_LIMIT
        )
        self._req.register_cleanup(Cleanup.run, cleanup)


def _delete(path: str) -> None:
    for name in (path, path + SPARE):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


class Cleanup:
    """One walk through the files, for as long as the time limit lets it; the next one goes on where it stopped."""

    is_fast = DFT_FAST_CLEANUP
    """Look into old files only. Else into all."""
    verifies = DFT_VERIFY_CLEANUP
    """Look whether the session of an old file has expired. Else age is enough."""
    timeout: float = 0
    grace_period: float = DFT_GRACE_PERIOD
    time_limit: float = DFT_CLEANUP_TIME_LIMIT

    def __init__(self, server: mp_server, directory: str) -> None:
        self.server, self.directory = server, directory
        self.deleted = self.failed = 0

    def run(self) -> None:
        if not _apache._global_trylock(self.server, f"clean-up of {self.directory}"):
            return  # another one is under way
        try:
            self._walk()
        finally:
            _apache._global_unlock(self.server, f"clean-up of {self.directory}")

    def _walk(self) -> None:
        end = time.monotonic() + self.time_limit if self.time_limit else float("inf")
        first = self._status()
        index = first
        for index in range(first, 256):
            if time.monotonic() > end:
                break
            self._visit(f"{self.directory}/{index:02x}")
        else:
            index = 0
        self._set_status(index)
        text = f"MP0403: mod_python: session clean-up of {self.directory}: {self.deleted} deleted, {self.failed} failed"
        self.server.log_error(text, _apache.APLOG_INFO if not self.failed else _apache.APLOG_WARNING)

    def _visit(self, directory: str) -> None:
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return
        for name in names:
            path = f"{directory}/{name}"
            try:
                # A spare, or what is left of a write that did not end, has a dot in its name.
                self._delete_if_old(path) if "." in name else self._delete_if_expired(path, name)
            except OSError:
                self.failed += 1

    def _delete_if_old(self, path: str) -> None:
        if self._is_old(path):
            os.unlink(path)

    def _delete_if_expired(self, path: str, sid: str) -> None:
        if not self._has_expired(path) or not _apache._global_trylock(self.server, sid):
            return
        try:
            # It may have been saved until now.
            if self._has_expired(path):
                _delete(path)
                self.deleted += 1
        finally:
            _apache._global_unlock(self.server, sid)

    def _has_expired(self, path: str) -> bool:
        try:
            if self.is_fast and not self._is_old(path):
                return False
            if self.is_fast and not self.verifies:
                return True
            with open(path, "rb", 0) as file:
                return expires(file.read(HEAD)) + self.grace_period < time.time()
        except FileNotFoundError:
            return False

    def _is_old(self, path: str) -> bool:
        return os.stat(path).st_mtime + self.timeout + self.grace_period < time.time()

    def _status(self) -> int:
        try:
            with open(f"{self.directory}/{STATUS_NAME}", encoding="ascii") as file:
                return int(file.read()) % 256
        except (FileNotFoundError, ValueError):
            return 0

    def _set_status(self, index: int) -> None:
        # Only who has the lock of the clean-up writes it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(f"{self.directory}/{STATUS_NAME}", flags, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(str(index))
