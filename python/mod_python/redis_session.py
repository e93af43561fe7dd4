"""RedisSession: sessions in a Redis server, which deletes them itself when they expire. Needs the package `redis`."""

from __future__ import annotations

import time

from .session_record import SealedSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._apache import mp_request

DFT_URL = "redis://localhost:6379/0"
PREFIX = "mod_python:session:"
PATIENCE = 10
"""Seconds to wait for an answer."""
_clients: dict[str, Any] = {}


class RedisSession(SealedSession):
    """`PythonOption mod_python.redis_session.url` names the server, as the package `redis` has it.

    Raises ImportError without that package.
    """

    place = "Redis"

    def __init__(
        self,
        req: mp_request,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: int = 1,
    ) -> None:
        url = req.get_options().get("mod_python.redis_session.url", DFT_URL)
        self._redis = _clients.get(url) or _connect(url)
        super().__init__(req, sid, secret, timeout, lock)

    def _name(self) -> str:
        return PREFIX + self.id()

    def read_record(self) -> bytes | None:
        record: bytes | None = self._redis.get(self._name())
        return record

    def write_record(self, record: bytes, expires: float) -> None:
        left = int((expires - time.time()) * 1000)
        if left > 0:
            self._redis.set(self._name(), record, px=left)
        else:
            self.do_delete()

    def do_delete(self) -> None:
        self._redis.delete(self._name())


def _connect(url: str) -> Any:
    """A client, which keeps connections for all threads."""
    try:
        from redis import Redis  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError(f"RedisSession needs the Python package redis (pip install redis): {error}") from error
    client = _clients[url] = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    return client
