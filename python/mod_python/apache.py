"""The programming interface of mod_python inside httpd.

Constants, types and most functions are native and come from `_apache`. Here is what is written in Python, and the
names of standard modules that handlers and PythonPath expressions expect to find.
"""

from __future__ import annotations

import os as os
import sys as sys
import time as time

from .importer import import_module as import_module
from .importer import module_mtime as module_mtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    import importlib as importlib
    import inspect as inspect
    import pdb as pdb
    import syslog as syslog
    import threading as threading
    import traceback as traceback
    import types as types
    from collections.abc import Callable
    from html import escape as escape
    from typing import Any

    from . import _apache as _apache
    from ._apache import *
    from .cgi_streams import CGIStdin as CGIStdin
    from .cgi_streams import CGIStdout as CGIStdout
    from .cgi_streams import NullIO as NullIO
    from .cgi_streams import build_cgi_env as build_cgi_env
    from .cgi_streams import restore_nocgi as restore_nocgi
    from .cgi_streams import setup_cgi as setup_cgi
    from .logs import LogHandler as LogHandler
else:
    try:
        import _apache
    except ModuleNotFoundError:
        message = f"{__name__} exists only inside httpd, which brings its other half, _apache"
        raise ModuleNotFoundError(message, name="_apache") from None
    from _apache import *

LAZY = {
    "escape": "html",
    "importlib": "",
    "inspect": "",
    "pdb": "",
    "syslog": "",
    "threading": "",
    "traceback": "",
    "types": "",
    "CGIStdin": "mod_python.cgi_streams",
    "CGIStdout": "mod_python.cgi_streams",
    "LogHandler": "mod_python.logs",
    "NullIO": "mod_python.cgi_streams",
    "build_cgi_env": "mod_python.cgi_streams",
    "restore_nocgi": "mod_python.cgi_streams",
    "setup_cgi": "mod_python.cgi_streams",
}
"""Names that are there when asked for: modules, and names of modules. An interpreter that needs none stays small."""

make_table = table
_callback: CallBack | None = None


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name = LAZY[name] or name
    __import__(module_name)
    module = sys.modules[module_name]
    value = globals()[name] = getattr(module, name) if LAZY[name] else module
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})


def init(name: str, server: mp_server) -> CallBack:
    """Called by the server, once in each interpreter."""
    global interpreter, main_server, _callback
    interpreter = name
    main_server = server
    sys.argv = ["mod_python"]
    _guard_forks()
    _callback = CallBack()
    return _callback


def _guard_forks() -> None:
    """CPython aborts a process that was forked in a sub-interpreter, and hangs in one forked where there are any."""

    def guard(fork: Callable[[], Any]) -> Callable[[], Any]:
        def guarded() -> Any:
            if _apache.may_fork():
                return fork()
            raise RuntimeError(
                f"os.{fork.__name__}() cannot be used where a process has several Python interpreters: use subprocess, "
                "or have all that the server runs in one (PythonInterpreter main_interpreter)"
            )

        return guarded

    for function in ("fork", "forkpty"):
        guarded = guard(getattr(os, function))
        for module in (os, sys.modules["posix"]):
            setattr(module, function, guarded)


def register_cleanup(  # type: ignore[no-redef]
    callback: Callable[[Any], object], data: object = None
) -> None:
    """Call `callback(data)` in this interpreter when the server process ends."""
    _apache.register_cleanup(interpreter, main_server, callback, data)


def allow_methods(req: mp_request, *methods: str) -> None:
    """Make these the methods that the Allow header of a refusal names."""
    req.allow_methods(methods, 1)


def resolve_object(module: Any, obj_str: str, arg: object = None, silent: int = 0) -> Any:
    """The object that `module::obj_str` means.

    On the way, each class is replaced by an instance of it, made with `arg`. A missing object is an AttributeError,
    or None if `silent`.
    """
    found: Any = module
    parts = obj_str.split(".")
    for count, part in enumerate(parts, 1):
        try:
            following = vars(module)[part] if found is module else getattr(found, part)
        except (AttributeError, KeyError):
            if silent:
                return None
            file = getattr(module, "__file__", None) or getattr(module, "__name__", module)
            raise AttributeError(f"module '{file}' contains no '{'.'.join(parts[:count])}'") from None
        if isinstance(found, type):
            found = found(arg)
            following = getattr(found, part)
        found = following
    return found


class CallBack:
    """What `init` returns. Handlers, filters and connections are dispatched natively."""

    def ReportError(
        self,
        etype: type[BaseException],
        evalue: BaseException,
        etb: types.TracebackType | None,
        req: mp_request | None = None,
        filter: Any = None,
        srv: mp_server | None = None,
        phase: str = "N/A",
        hname: str = "N/A",
        debug: int = 0,
    ) -> int:
        """Log an exception, and with `debug` show it to the client; returns the status for httpd."""
        import traceback

        lines = traceback.format_exception(etype, evalue, etb)
        for line in lines:
            message = f"{phase} {hname}: {line[:-1]}"
            if req is not None:
                req.log_error(message, APLOG_ERR)
            else:
                log_error(message, APLOG_ERR, srv)
        if not debug or req is None:
            return HTTP_INTERNAL_SERVER_ERROR
        req.status = HTTP_INTERNAL_SERVER_ERROR
        req.content_type = "text/html; charset=utf-8"
        page = _error_page(phase, hname, lines)
        (filter or req).write(page.encode(errors="backslashreplace"))
        return DONE


def _error_page(phase: str, hname: str, lines: list[str]) -> str:
    from html import escape

    title = escape(f'Mod_python error: "{phase} {hname}"', quote=False)
    return "\n".join(["\n<pre>", title, "", *(escape(line) for line in lines), "</pre>\n"])
