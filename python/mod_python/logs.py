"""Python's `logging` onto httpd's error log.

`LogHandler` writes what any logger hands to it; `RequestLog` is `req.log`. Both keep httpd's levels and name the file
and line of the call, so that `LogLevel python:debug` shows and hides lines as it does for modules written in C.
"""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from . import _apache as _apache
    from ._apache import mp_conn, mp_request, mp_server
else:
    import _apache

EMERG, ALERT, NOTICE = 70, 60, 25
TRACE1, TRACE2, TRACE3, TRACE4, TRACE5, TRACE6, TRACE7, TRACE8 = range(9, 1, -1)

LEVELS = (
    (EMERG, "EMERG", _apache.APLOG_EMERG),
    (ALERT, "ALERT", _apache.APLOG_ALERT),
    (logging.CRITICAL, "CRITICAL", _apache.APLOG_CRIT),
    (logging.ERROR, "ERROR", _apache.APLOG_ERR),
    (logging.WARNING, "WARNING", _apache.APLOG_WARNING),
    (NOTICE, "NOTICE", _apache.APLOG_NOTICE),
    (logging.INFO, "INFO", _apache.APLOG_INFO),
    (logging.DEBUG, "DEBUG", _apache.APLOG_DEBUG),
    (TRACE1, "TRACE1", _apache.APLOG_TRACE1),
    (TRACE2, "TRACE2", _apache.APLOG_TRACE2),
    (TRACE3, "TRACE3", _apache.APLOG_TRACE3),
    (TRACE4, "TRACE4", _apache.APLOG_TRACE4),
    (TRACE5, "TRACE5", _apache.APLOG_TRACE5),
    (TRACE6, "TRACE6", _apache.APLOG_TRACE6),
    (TRACE7, "TRACE7", _apache.APLOG_TRACE7),
    (TRACE8, "TRACE8", _apache.APLOG_TRACE8),
)
"""Each level's number for `logging`, its name, its number for httpd."""

for number, name, _ in LEVELS:
    logging.addLevelName(number, name)


def httpd_level(number: int) -> int:
    """The level of httpd for one of `logging`: the gravest that is not graver."""
    for least, _, level in LEVELS:
        if number >= least:
            return level
    return _apache.APLOG_TRACE8


class LogHandler(logging.Handler):
    """Writes to httpd's error log: to that of the request, connection or server that httpd is asking about.

    In another thread, and at the start and the end of a process, that is the main server. A `target` changes this for
    all records, `extra={"req": req}` for one. A record of several lines becomes several lines of the log.
    """

    def __init__(
        self, level: int | str = logging.NOTSET, target: mp_request | mp_conn | mp_server | None = None
    ) -> None:
        super().__init__(level)
        self.target = target

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = httpd_level(record.levelno)
            target = getattr(record, "req", None)
            if not isinstance(target, (_apache.mp_request, _apache.mp_conn, _apache.mp_server)):
                target = self.target
            if _apache.log_enabled(level, target):
                for line in self.format(record).splitlines() or [""]:
                    _apache.log_line(line, level, target, record.pathname, record.lineno)
        except Exception:
            self.handleError(record)


class RequestLog(logging.LoggerAdapter[logging.Logger]):
    """`req.log`: a logger for one request, with a method for each of httpd's levels. LogLevel says what is written."""

    def __init__(self, req: mp_request) -> None:
        super().__init__(REQUEST_LOGGER, {"req": req})
        self.req = req

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return _apache.log_enabled(httpd_level(level), self.req) and super().isEnabledFor(level)

    def getEffectiveLevel(self) -> int:  # noqa: N802
        enabled = [number for number, _, level in LEVELS if _apache.log_enabled(level, self.req)]
        return max(enabled[-1], super().getEffectiveLevel())

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), "req": self.req}
        return msg, kwargs

    def emerg(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(EMERG, msg, args, kwargs)

    def alert(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(ALERT, msg, args, kwargs)

    def crit(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(logging.CRITICAL, msg, args, kwargs)

    def notice(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(NOTICE, msg, args, kwargs)

    def trace1(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE1, msg, args, kwargs)

    def trace2(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE2, msg, args, kwargs)

    def trace3(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE3, msg, args, kwargs)

    def trace4(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE4, msg, args, kwargs)

    def trace5(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE5, msg, args, kwargs)

    def trace6(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE6, msg, args, kwargs)

    def trace7(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE7, msg, args, kwargs)

    def trace8(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._at(TRACE8, msg, args, kwargs)

    def _at(self, level: int, msg: object, args: Any, kwargs: dict[str, Any]) -> None:
        # The caller's line, not that of the method of the level nor this one.
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 2
        self.log(level, msg, *args, **kwargs)


# Not one of the loggers by name: what a program configures for those leaves it alone.
REQUEST_LOGGER = logging.Logger("mod_python.request", logging.NOTSET + 1)
REQUEST_LOGGER.addHandler(LogHandler())
