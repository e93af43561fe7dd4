"""Sessions: dicts that are kept on the server from one request of a client to the next, found by an id in a cookie.

`Session` makes one of the class that is configured: MemorySession, FileSession, DbmSession, SqliteSession or
RedisSession. They differ in where they keep what is saved. Each is in a module of its own, imported when it is first
asked for.
"""

from __future__ import annotations

import re
import sys
import time
from os import urandom

from .Cookie import Cookie, SignedCookie, add_cookie, get_cookie

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import _apache as _apache
    from ._apache import mp_request
    from .dbm_session import DbmSession as DbmSession
    from .file_session import FileSession as FileSession
    from .memory_session import MemorySession as MemorySession
    from .redis_session import RedisSession as RedisSession
    from .sqlite_session import SqliteSession as SqliteSession
else:
    import _apache

COOKIE_NAME = "pysid"
DFT_TIMEOUT = 1800
"""Seconds."""
DFT_LOCK = True
CLEANUP_CHANCE = 1000
"""One in so many sessions looks for others that have expired."""

_STORES = {
    "DbmSession": "mod_python.dbm_session",
    "FileSession": "mod_python.file_session",
    "MemorySession": "mod_python.memory_session",
    "RedisSession": "mod_python.redis_session",
    "SqliteSession": "mod_python.sqlite_session",
}
_IS_ID = re.compile(r"[0-9a-f]{32}").fullmatch


def __getattr__(name: str) -> Any:
    if name not in _STORES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    __import__(_STORES[name])
    value = globals()[name] = getattr(sys.modules[_STORES[name]], name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_STORES})


def Session(  # noqa: N802
    req: mp_request, sid: str | int | None = 0, secret: str | bytes | None = None, timeout: float = 0, lock: int = 1
) -> BaseSession:
    """A session of the class that `PythonOption mod_python.session.session_type` names.

    Without that option it is a MemorySession where one process serves all requests, and a FileSession elsewhere. Raises
    ValueError for an unknown name.
    """
    options = req.get_options()
    name = options.get("mod_python.session.session_type") or options.get("session") or _default_store()
    if name not in _STORES:
        raise ValueError(
            f"unknown session type {name!r} in PythonOption mod_python.session.session_type: "
            f"use one of {', '.join(_STORES)}"
        )
    store: type[BaseSession] = globals().get(name) or __getattr__(name)
    return store(req, sid=sid, secret=secret, timeout=timeout, lock=lock)


def has_one_process() -> bool:
    """Whether one process serves all requests."""
    query = _apache.mpm_query
    is_threaded, is_forked = query(_apache.AP_MPMQ_IS_THREADED), query(_apache.AP_MPMQ_IS_FORKED)
    return bool(is_threaded) and (not is_forked or query(_apache.AP_MPMQ_MAX_DAEMONS) == 1)


def _default_store() -> str:
    return "MemorySession" if has_one_process() else "FileSession"


def true_or_false(item: object) -> bool:
    """What an option says: yes, true, on or 1; no, false, off or 0. Raises ValueError for something else."""
    text = str(item).lower()
    if text in ("yes", "true", "on", "1"):
        return True
    if text in ("no", "false", "off", "0"):
        return False
    raise ValueError(f"{item!r} is neither on (yes, true, 1) nor off (no, false, 0)")


class BaseSession(dict[str, "Any"]):
    """What all sessions do. A class that keeps them somewhere overrides do_load, do_save, do_delete and do_cleanup.

    `sid` is the id of an existing session (default: what the client's cookie says), `secret` signs the cookie,
    `timeout` is in seconds and for a new session only, `lock` says whether the session is locked for other requests.
    Raises TypeError for a `sid` that is no str, ValueError for one that is no id.
    """

    def __init__(
        self,
        req: mp_request,
        sid: str | int | None = None,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: int = 1,
    ) -> None:
        super().__init__()
        self._locked = 0
        self._req = req
        self._secret = secret
        self._lock = lock
        self._invalid = 0
        self._new = 0
        self._created = 0.0
        self._accessed = 0.0
        self._timeout: float = 0
        self._cookie_sent: str | None = None
        self._sid = _checked(sid) if sid else self._offered_id()
        self.init_lock()
        try:
            if not self._find():
                self._begin(timeout)
            self._accessed = time.time()
            # As good as chance, and the system is not asked for it: os.urandom() lets other threads run meanwhile.
            if CLEANUP_CHANCE <= 1 or int(self._accessed * 1_000_000) % CLEANUP_CHANCE == 0:
                self.cleanup()
        except BaseException:
            # The traceback keeps this object, and with it the lock.
            self.unlock()
            raise

    def _find(self) -> bool:
        if not self._sid:
            return False
        self.lock()
        if self.load():
            return True
        self.unlock()
        return False

    def _begin(self, timeout: float) -> None:
        # An id that came from outside is never used for a new session.
        self._sid = _new_id()
        self.lock()
        self._send(self.make_cookie())
        self._created = time.time()
        self._timeout = timeout or DFT_TIMEOUT
        self._new = 1

    def _offered_id(self) -> str | None:
        name = self._cookie_name()
        cookie: Cookie | None
        if self._secret:
            cookie = get_cookie(self._req, name, SignedCookie, secret=self._secret, mismatch=Cookie.IGNORE)
        else:
            cookie = get_cookie(self._req, name)
        return cookie.value if cookie is not None and _IS_ID(cookie.value) else None

    # The cookie

    def _cookie_name(self) -> str:
        options = self._req.get_options()
        return options.get("mod_python.session.cookie_name") or options.get("session_cookie_name") or COOKIE_NAME

    def make_cookie(self) -> Cookie:
        """The cookie that leads the client back to this session."""
        options = self._req.get_options()
        name = self._cookie_name()
        cookie = SignedCookie(name, self._sid, secret=self._secret) if self._secret else Cookie(name, self._sid)
        cookie.path = (
            options.get("mod_python.session.application_path") or options.get("ApplicationPath") or self._handler_path()
        )
        domain = options.get("mod_python.session.application_domain")
        if domain:
            cookie.domain = domain
        cookie.httponly = true_or_false(options.get("mod_python.session.cookie_httponly", "on"))
        same_site = options.get("mod_python.session.cookie_samesite", "Lax")
        if same_site.lower() != "off":
            cookie.samesite = same_site
        secure = options.get("mod_python.session.cookie_secure", "auto")
        cookie.secure = bool(self._req.is_https()) if secure.lower() == "auto" else true_or_false(secure)
        return cookie

    def _handler_path(self) -> str:
        """The path of the URI that leads to where the handler is configured, if it is below DocumentRoot."""
        handlers = self._req.hlist
        directory = handlers.directory if handlers is not None else None
        root = self._req.document_root().rstrip("/")
        if not directory or not directory.startswith(root + "/"):
            return "/"
        path = directory[len(root) :]
        return path if self._req.uri.startswith(path) else "/"

    def _send(self, cookie: Cookie) -> None:
        if self._cookie_sent is not None:
            # A response is to have one cookie of a name (RFC 6265, 4.1.1).
            headers = self._req.headers_out
            sent = [text for name, text in headers.items() if name.lower() == "set-cookie"]
            del headers["Set-Cookie"]
            for text in sent:
                if text and text != self._cookie_sent:
                    headers.add("Set-Cookie", text)
            headers.add("Set-Cookie", str(cookie))
        else:
            add_cookie(self._req, cookie)
        self._cookie_sent = str(cookie)

    # What is known of it

    def id(self) -> str:
        return self._sid or ""

    def is_new(self) -> bool:
        return bool(self._new)

    def created(self) -> float:
        """Seconds since 1970."""
        return self._created

    def last_accessed(self) -> float:
        """Seconds since 1970; once the object is made, the time of this request."""
        return self._accessed

    def timeout(self) -> float:
        """Seconds after the last access that was saved."""
        return self._timeout

    def set_timeout(self, secs: float) -> None:
        self._timeout = secs

    # Loading and saving

    def load(self) -> int:
        """Take over what was saved. Returns 0 if that is nothing, or has expired."""
        stored = self.do_load()
        if stored is None or time.time() - stored["_accessed"] > stored["_timeout"]:
            return 0
        self._created = stored["_created"]
        self._accessed = stored["_accessed"]
        self._timeout = stored["_timeout"]
        self.update(stored["_data"])
        return 1

    def save(self) -> None:
        """Keep the data for later requests. Nothing is kept that was not saved; an invalid session never is."""
        if not self._invalid:
            self.do_save(
                {
                    "_data": self.copy(),
                    "_accessed": self._accessed,
                    "_created": self._created,
                    "_timeout": self._timeout,
                }
            )

    def delete(self) -> None:
        """Forget the data, here and where it was saved."""
        self.do_delete()
        self.clear()

    def invalidate(self) -> None:
        """End the session: forget its data, and have the client forget its cookie."""
        cookie = self.make_cookie()
        cookie.expires = 0
        self._send(cookie)
        self.delete()
        self._invalid = 1

    def renew(self) -> None:
        """Save the session under a new id, and send it to the client; the old one leads nowhere.

        To be called when somebody logs in, so that an id that was known before is worth nothing after.
        """
        old, was_locked = self._sid, self._locked
        self._sid, self._locked = _new_id(), 0
        self.lock()
        try:
            self.save()
            self._send(self.make_cookie())
        except BaseException:
            self.unlock()
            self._sid, self._locked = old, was_locked
            raise
        new, self._sid = self._sid, old
        self.do_delete()
        if was_locked and old:
            _apache._request_unlock(self._req, old)
        self._sid = new

    def do_load(self) -> dict[str, Any] | None:
        """What was saved under the id, or None. Its keys are `_data` (a dict), `_created`, `_accessed`, `_timeout`."""
        return None

    def do_save(self, dict: dict[str, Any]) -> None:
        pass

    def do_delete(self) -> None:
        pass

    def do_cleanup(self) -> None:
        """Delete what has expired, of all sessions."""

    def cleanup(self) -> None:
        self.do_cleanup()

    # Locking

    def init_lock(self) -> None:
        """Called before the first `lock`."""

    def lock(self) -> None:
        """Wait until no other request has the session.

        It is free again after `unlock`, when this object is gone, and at the end of the request.
        """
        if self._lock and not self._locked and self._sid:
            _apache._request_lock(self._req, self._sid)
            self._locked = 1

    def unlock(self) -> None:
        if self._locked and self._sid:
            self._locked = 0
            _apache._request_unlock(self._req, self._sid)

    def __del__(self) -> None:
        try:
            self.unlock()
        except (AttributeError, RuntimeError):
            pass  # the constructor has failed early, or the request is over and has given the lock back


def _checked(sid: object) -> str:
    if not isinstance(sid, str):
        raise TypeError(f"a session's id must be str, not {type(sid).__name__}")
    if not _IS_ID(sid):
        raise ValueError("a session's id is 32 hex digits in lower case")
    return sid


def _new_id() -> str:
    # As secrets.token_hex makes it, without the modules that `secrets` imports.
    return urandom(16).hex()
