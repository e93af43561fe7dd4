"""What a session becomes where it is kept: bytes that only this server can have made.

A record is a tag, HMAC-SHA-256 over all the rest and the session's id, the time until which it is good, a length, and
the session as a pickle or as JSON, of that length; what follows is not looked at. Without the right
signature nothing is decoded.
"""

from __future__ import annotations

import pickle
import struct
from _operator import _compare_digest as compare_digest  # that of `hmac`, without OpenSSL

from .Session import BaseSession
from .session_directory import base_directory, server_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import _apache as _apache
    from ._apache import hmac_sha256, mp_table
else:
    import _apache
    from _apache import hmac_sha256

PICKLE, JSON = b"MPS1P", b"MPS1J"
_TAG, _DIGEST = len(PICKLE), 32
_TERM = struct.Struct(">dI")
HEAD = _TAG + _DIGEST + _TERM.size
"""Bytes before the session itself."""


class InvalidRecordError(Exception):
    """A record that this server has not made, or not for this session."""


def seal(key: bytes, sid: str, tag: bytes, stored: dict[str, Any]) -> bytes:
    """The record of what `BaseSession.do_save` is given. Raises what the serializer raises for what it cannot hold."""
    if tag == JSON:
        from json import dumps

        payload = dumps(stored).encode()
    else:
        payload = pickle.dumps(stored)
    body = _TERM.pack(stored["_accessed"] + stored["_timeout"], len(payload)) + payload
    return b"".join((tag, hmac_sha256(key, b"".join((tag, sid.encode(), body))), body))


def unseal(key: bytes, sid: str, tag: bytes, record: bytes) -> dict[str, Any]:
    """What was sealed.

    Raises InvalidRecordError; and what the serializer raises for what it has written itself but can no longer read, as
    pickle does for classes that are no more.
    """
    found, signature = record[:_TAG], record[_TAG : _TAG + _DIGEST]
    if len(record) < HEAD or found not in (PICKLE, JSON):
        raise InvalidRecordError("it is not in the format of this version")
    body = record[_TAG + _DIGEST : HEAD + _TERM.unpack_from(record, _TAG + _DIGEST)[1]]
    if not compare_digest(signature, hmac_sha256(key, b"".join((found, sid.encode(), body)))):
        raise InvalidRecordError("its signature is wrong: it was altered, or saved with another key")
    payload = body[_TERM.size :]
    if found == JSON:
        from json import loads

        return loads(payload)  # type: ignore[no-any-return]
    if tag != PICKLE:
        raise InvalidRecordError("it is a pickle, and PythonOption mod_python.session.serializer says otherwise")
    return pickle.loads(payload)  # type: ignore[no-any-return]


def expires(head: bytes) -> float:
    """Until when a record is good, in seconds since 1970, from its first HEAD bytes; 0 for what is no record."""
    if len(head) < HEAD or head[:_TAG] not in (PICKLE, JSON):
        return 0.0
    return float(_TERM.unpack_from(head, _TAG + _DIGEST)[0])


def tag_of(options: mp_table) -> bytes:
    """The serializer that `PythonOption mod_python.session.serializer` names: pickle or json. Raises ValueError."""
    name = options.get("mod_python.session.serializer")
    if name is None:
        return PICKLE
    if name.lower() not in ("pickle", "json"):
        raise ValueError(f"PythonOption mod_python.session.serializer must be pickle or json, not {name!r}")
    return JSON if name.lower() == "json" else PICKLE


class SealedSession(BaseSession):
    """A session kept as a record. A class that says where overrides `read_record`, `write_record` and `do_delete`."""

    place = "its store"
    """Where, for messages."""
    _key: bytes | None = None

    def key_directory(self) -> str:
        """The directory of the server's key."""
        return base_directory(self._req.get_options())

    def server_key(self) -> bytes:
        if self._key is None:
            self._key = server_key(self._req.get_options(), self.key_directory)
        return self._key

    def read_record(self) -> bytes | None:
        raise NotImplementedError

    def write_record(self, record: bytes, expires: float) -> None:
        """Keep the record, at least until `expires` (seconds since 1970)."""
        raise NotImplementedError

    def do_load(self) -> dict[str, Any] | None:
        record = self.read_record()
        if not record:
            return None
        try:
            try:
                return self._unsealed(record)
            except InvalidRecordError:
                if self._locked:
                    raise
                return self._unsealed_under_lock()
        except InvalidRecordError as error:
            self._say("MP0405", f"is deleted from {self.place}: {error}", _apache.APLOG_WARNING)
            self.do_delete()  # and so it is said once
        except Exception as error:
            self._say("MP0406", f"in {self.place} cannot be read: {type(error).__name__}: {error}", _apache.APLOG_ERR)
        return None

    def _unsealed(self, record: bytes) -> dict[str, Any]:
        return unseal(self.server_key(), self.id(), tag_of(self._req.get_options()), record)

    def _unsealed_under_lock(self) -> dict[str, Any] | None:
        """Read once more: another request may have been writing."""
        _apache._request_lock(self._req, self._sid)
        try:
            record = self.read_record()
            return self._unsealed(record) if record else None
        finally:
            _apache._request_unlock(self._req, self._sid)

    def do_save(self, dict: dict[str, Any]) -> None:
        record = seal(self.server_key(), self.id(), tag_of(self._req.get_options()), dict)
        self.write_record(record, dict["_accessed"] + dict["_timeout"])

    def _say(self, number: str, text: str, level: int) -> None:
        # The whole id would be as good as a password.
        self._req.log_error(f"{number}: mod_python: session {self.id()[:8]}... {text}", level)
