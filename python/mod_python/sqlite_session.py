"""SqliteSession: all sessions in one SQLite database, `mp_sess.sqlite`, by Python's own sqlite3."""

from __future__ import annotations

import os
import sqlite3
import threading
import time

from .session_directory import base_directory, make_private_file
from .session_record import SealedSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _apache as _apache
    from ._apache import mp_request, mp_server
else:
    import _apache

PATIENCE = 30
"""Seconds that one process waits while another writes."""
SCHEMA = """
    CREATE TABLE IF NOT EXISTS session (sid TEXT PRIMARY KEY, expires REAL NOT NULL, record BLOB NOT NULL) WITHOUT ROWID
"""


class Connections(threading.local):
    """Open databases of this thread, by file name."""

    def __init__(self) -> None:
        self.by_name: dict[str, sqlite3.Connection] = {}


_connections = Connections()


class SqliteSession(SealedSession):
    def __init__(
        self,
        req: mp_request,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: int = 1,
    ) -> None:
        options = req.get_options()
        name = options.get("mod_python.sqlite_session.database_filename")
        if name:
            self._file = os.path.join(_apache.server_root(), name)
        else:
            self._file = base_directory(options, "mod_python.sqlite_session.database_directory") + "/mp_sess.sqlite"
        self._database = _connections.by_name.get(self._file) or _connect(self._file, req.server)
        super().__init__(req, sid, secret, timeout, lock)

    @property
    def place(self) -> str:  # type: ignore[override]
        return self._file

    def key_directory(self) -> str:
        return os.path.dirname(self._file)

    def read_record(self) -> bytes | None:
        row = self._database.execute("SELECT record FROM session WHERE sid = ?", (self.id(),)).fetchone()
        return None if row is None else bytes(row[0])

    def write_record(self, record: bytes, expires: float) -> None:
        self._database.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", (self.id(), expires, record))

    def do_delete(self) -> None:
        self._database.execute("DELETE FROM session WHERE sid = ?", (self.id(),))

    def do_cleanup(self) -> None:
        self._req.register_cleanup(_clean_up, (self._file, self._req.server))


def _connect(name: str, server: mp_server) -> sqlite3.Connection:
    make_private_file(name)
    # SQLite does not wait while another process changes the journal's mode.
    _apache._global_lock(server, f"sqlite {name}")
    try:
        database = sqlite3.connect(name, timeout=PATIENCE, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(SCHEMA)
    finally:
        _apache._global_unlock(server, f"sqlite {name}")
    _connections.by_name[name] = database
    return database


def _clean_up(place: tuple[str, mp_server]) -> None:
    name, server = place
    database = _connections.by_name.get(name) or _connect(name, server)
    deleted = database.execute("DELETE FROM session WHERE expires < ?", (time.time(),)).rowcount
    server.log_error(f"MP0401: mod_python: session clean-up of {name}: {deleted} deleted", _apache.APLOG_INFO)
