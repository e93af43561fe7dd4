"""`PythonHandler mod_python.cgihandler`: runs CGI programs written in Python inside the server.

A program sees `os.environ`, `sys.stdin`, `sys.stdout` and the current directory as under CGI (RFC 3875). These belong
to the whole process, so its CGI programs run one at a time. What a program imports from its own directory is
imported afresh for the next one.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from . import apache
from .cgi_streams import CGIStdout, restore_nocgi, setup_cgi
from .generations import Generation, site_builtins, spec_at
from .search import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from . import _apache as _apache
    from ._apache import mp_request
else:
    import _apache

_KEEP_MODULES = "mod_python.cgihandler.keep_modules"


def handler(req: mp_request) -> int:
    """Run the program that the URL names, and send what it writes."""
    path = _program(req)
    keeps = req.get_options().get(_KEEP_MODULES, "").lower() in ("1", "on", "yes", "true")
    with _OneAtATime(req.server), _Modules(os.path.dirname(path), keeps):
        elsewhere = _run(req, path)
    if elsewhere is not None:
        req.internal_redirect(elsewhere)
    return apache.OK


def _program(req: mp_request) -> str:
    """The file to run: the one the request was mapped to, or the one beside it with the suffix `.py`.

    Raises SERVER_RETURN with 404 if there is none, and with 403 if it lies elsewhere by a link that the server did
    not look at.
    """
    mapped = req.subprocess_env.get("SCRIPT_FILENAME") or req.filename or ""
    if mapped.endswith(".py") and os.path.isfile(mapped):
        return mapped
    directory, name = os.path.split(mapped)
    path = os.path.join(directory, f"{os.path.splitext(name)[0]}.py")
    if not name or not os.path.isfile(path):
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    if os.path.dirname(os.path.realpath(path)) != os.path.realpath(directory):
        text = f"MP0311: mod_python.cgihandler: {path} is a link that leads out of its directory"
        req.log_error(text, apache.APLOG_ERR)
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    return path


def _run(req: mp_request, path: str) -> str | None:
    """Execute a program; the local path that it redirects to, if it does. Raises what it raises."""
    directory, stem = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    before = os.getcwd()
    os.chdir(directory)
    try:
        kept = setup_cgi(req)
        stdout = sys.stdout
        assert isinstance(stdout, CGIStdout)
        try:
            _execute(path, directory, stem)
            stdout.finish()
        except SystemExit as error:
            if error.code not in (None, 0):
                req.log_error(f"MP0312: mod_python.cgihandler: {path} left with {error.code!r}", apache.APLOG_WARNING)
            stdout.finish()
        except BaseException:
            stdout.discard()
            raise
        finally:
            restore_nocgi(*kept)
    finally:
        os.chdir(before)
    return stdout.response.local_redirect


def _execute(path: str, directory: str, stem: str) -> None:
    """Run a file as a module of its name, which is not `__main__`; what it imports it finds in its directory first."""
    spec = spec_at(stem, Location(directory, stem, path, False))
    if isinstance(spec.loader, Generation):
        spec.loader.executed_by = get_ident()  # what it imports is nobody else's to watch
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, {"__name__": stem, "__file__": path, "__spec__": spec, "__builtins__": site_builtins})


class _OneAtATime:
    """The lock of all CGI programs of this process, in whatever interpreter they run."""

    def __init__(self, server: _apache.mp_server) -> None:
        self._server = server
        self._key = f"mod_python.cgihandler {os.getpid()}"

    def __enter__(self) -> None:
        _apache._global_lock(self._server, self._key)

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        _apache._global_unlock(self._server, self._key)


class _Modules:
    """Forgets, at the end, the modules that a program imported from its directory or below."""

    def __init__(self, directory: str, keeps: bool) -> None:
        self._below = os.path.join(os.path.abspath(directory), "")
        self._keeps = keeps
        self._before: set[str] = set()

    def __enter__(self) -> None:
        self._before = set(sys.modules)

    def __exit__(self, *_exception: object) -> None:
        for name in () if self._keeps else set(sys.modules) - self._before:
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str) and os.path.abspath(file).startswith(self._below):
                sys.modules.pop(name, None)
