"""DbmSession: all sessions in one database of the dbm family, opened for each operation by one process at a time."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager

from .session_directory import base_directory, refuse_foreign
from .session_record import HEAD, SealedSession, expires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from . import _apache as _apache
    from ._apache import mp_request, mp_server
else:
    import _apache

EXTENSIONS = ("", ".db", ".dat", ".dir", ".pag", ".bak")
"""What the modules of the family make of a database's name."""


class DbmSession(SealedSession):
    """`dbm` is the name of the database, `dbmtype` a module with a function `open(name, flag, mode)`."""

    def __init__(
        self,
        req: mp_request,
        dbm: str | None = None,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        dbmtype: Any = None,
        timeout: float = 0,
        lock: int = 1,
    ) -> None:
        options = req.get_options()
        name = dbm or options.get("mod_python.dbm_session.database_filename") or options.get("session_dbm")
        if name:
            self._dbmfile = os.path.join(_apache.server_root(), name)
        else:
            self._dbmfile = base_directory(options, "mod_python.dbm_session.database_directory") + "/mp_sess.dbm"
        if dbmtype is None:
            import dbm as dbmtype
        self._database = Database(req.server, self._dbmfile, dbmtype)
        super().__init__(req, sid, secret, timeout, lock)

    @property
    def place(self) -> str:  # type: ignore[override]
        return self._dbmfile

    def key_directory(self) -> str:
        return os.path.dirname(self._dbmfile)

    def read_record(self) -> bytes | None:
        with self._database.opened() as database:
            key = self.id().encode()
            return database[key] if key in database else None  # noqa: SIM401 (not all of the family have get)

    def write_record(self, record: bytes, expires: float) -> None:
        with self._database.opened() as database:
            database[self.id().encode()] = record

    def do_delete(self) -> None:
        with self._database.opened() as database:
            key = self.id().encode()
            if key in database:
                del database[key]

    def do_cleanup(self) -> None:
        self._req.register_cleanup(Database.clean_up, self._database)


class Database:
    """The file: who has it open has its lock."""

    def __init__(self, server: mp_server, name: str, module: Any) -> None:
        self.server, self.name, self.module = server, name, module

    @contextmanager
    def opened(self) -> Iterator[Any]:
        _apache._global_lock(self.server, f"dbm {self.name}")
        try:
            self._refuse_foreign()
            database = self.module.open(self.name, "c", 0o600)
            try:
                yield database
            finally:
                database.close()
        finally:
            _apache._global_unlock(self.server, f"dbm {self.name}")

    def _refuse_foreign(self) -> None:
        for extension in EXTENSIONS:
            try:
                found = os.lstat(self.name + extension)
            except FileNotFoundError:
                continue
            refuse_foreign(self.name + extension, found, stat.S_IFREG)

    def clean_up(self) -> None:
        now = time.time()
        with self.opened() as database:
            expired = [key for key in database.keys() if expires(database[key][:HEAD]) < now]  # noqa: SIM118
            for key in expired:
                del database[key]
        text = f"MP0402: mod_python: session clean-up of {self.name}: {len(expired)} deleted"
        self.server.log_error(text, _apache.APLOG_INFO)
