"""MemorySession: sessions in the memory of one interpreter of one process. They are gone when the process ends."""

from __future__ import annotations

import time

from .Session import BaseSession, has_one_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from . import _apache as _apache
    from ._apache import mp_request
else:
    import _apache


class MemorySession(BaseSession):
    """A session whose values stay the objects they are: a list that was saved is the same list in all requests."""

    sdict: ClassVar[dict[str, dict[str, Any]]] = {}
    _has_warned = False

    def __init__(
        self,
        req: mp_request,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: int = 1,
    ) -> None:
        if not MemorySession._has_warned and not has_one_process():
            MemorySession._has_warned = True
            text = "MP0404: mod_python: MemorySession in a server of several processes: each has sessions of its own"
            req.server.log_error(text, _apache.APLOG_WARNING)
        super().__init__(req, sid, secret, timeout, lock)

    def do_load(self) -> dict[str, Any] | None:
        return self.sdict.get(self.id())

    def do_save(self, dict: dict[str, Any]) -> None:
        self.sdict[self.id()] = dict

    def do_delete(self) -> None:
        self.sdict.pop(self.id(), None)

    def do_cleanup(self) -> None:
        self._req.register_cleanup(_clean_up, self._req.server)


def _clean_up(server: Any) -> None:
    now = time.time()
    sessions = MemorySession.sdict
    for sid, stored in list(sessions.items()):
        # One that is locked is in use.
        if now - stored["_accessed"] > stored["_timeout"] and _apache._global_trylock(server, sid):
            try:
                if sessions.get(sid) is stored:
                    del sessions[sid]
            finally:
                _apache._global_unlock(server, sid)
