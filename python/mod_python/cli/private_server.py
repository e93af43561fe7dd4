"""A complete httpd configuration of its own, in a directory of its own that goes when the server does."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass

from .. import httpdconf as h
from .. import libpython
from ..httpdconf.quoting import quote
from . import signals
from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ..installation import Installation
    from .target import Target

MODULES = ("unixd", "log_config", "authz_core", "dir", "mime")
USERS = ("www-data", "apache", "httpd", "www", "nobody")
MIME_TYPES = ("/etc/mime.types", "/etc/httpd/conf/mime.types", "/etc/apache2/mime.types")
LOG_FORMAT = "'%h %l %u %t \"%r\" %>s %b'"


@dataclass(frozen=True)
class Options:
    """What the command line says about the server."""

    host: str
    port: int
    processes: int
    threads: int
    reload: bool
    debug: bool
    user: pwd.struct_passwd | None
    """Who the children are, if root starts the server."""


class PrivateServer:
    """The directory and the configuration in it; a context manager that removes both.

    `access_log` and `error_log` are file descriptors that httpd is started with.
    """

    def __init__(self, installation: Installation, module: str) -> None:
        self.installation = installation
        self.module = module

    def __enter__(self) -> Self:
        self.root = tempfile.mkdtemp(prefix="mod_python-serve-")
        self.configuration = os.path.join(self.root, "httpd.conf")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with signals.ignored():
            shutil.rmtree(self.root, ignore_errors=True)

    def write(self, target: Target, options: Options, access_log: int, error_log: int) -> None:
        """Write the configuration, and what it mentions."""
        runtime = os.path.join(self.root, "run")
        empty = os.path.join(self.root, "empty")
        for directory in (runtime, empty):
            os.makedirs(directory, exist_ok=True)
        os.chmod(self.root, 0o711)
        os.chmod(empty, 0o755)
        if options.user:
            os.chown(runtime, options.user.pw_uid, options.user.pw_gid)
        config = h.Container(
            self._modules(),
            *self._server(options, access_log, error_log),
            *mpm(options),
            h.TypesConfig(quote(self._mime_types())),
            h.DocumentRoot(quote(target.document_root or empty)),
            h.Directory("/", h.AllowOverride("None"), h.Require("all denied")),
            h.Directory(quote(empty), h.Require("all granted")),
            h.PythonInterpreter("main_interpreter"),
            h.PythonAutoReload("On" if options.reload else "Off"),
            h.PythonDebug("On" if options.debug else "Off"),
            target.config,
        )
        with open(self.configuration, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(str(config))

    def command(self) -> list[str]:
        return [self.installation.httpd, "-d", self.root, "-f", self.configuration]

    def _modules(self) -> h.Container:
        lines = h.Container()
        names = (self.installation.mpm, *MODULES)
        for name in names:
            if name and (file := self.installation.file_of(name)):
                lines.append(h.LoadModule(f"{name}_module {quote(file)}"))
            elif name and not self.installation.has(name):
                raise Failure(f"httpd's mod_{name}.so is missing in {self.installation.modules}", os.EX_UNAVAILABLE)
        if library := libpython.load_file(self.module):
            lines.append(h.LoadFile(quote(library)))
        lines.append(h.LoadModule(f"python_module {quote(self.module)}"))
        return lines

    def _server(self, options: Options, access_log: int, error_log: int) -> list[h.Directive]:
        host = f"[{options.host}]" if ":" in options.host else options.host
        lines: list[h.Directive] = []
        if options.user:
            group = grp.getgrgid(options.user.pw_gid).gr_name
            lines += [h.User(options.user.pw_name), h.Group(group)]
        return [
            *lines,
            h.ServerRoot(quote(self.root)),
            h.DefaultRuntimeDir("run"),
            h.PidFile("run/httpd.pid"),
            h.ServerName("localhost"),
            h.Listen(f"{host}:{options.port}"),
            h.LogLevel("warn"),
            h.ErrorLog(f"/dev/fd/{error_log}"),
            h.ErrorLogFormat('"%l: %M"'),
            h.CustomLog(f"/dev/fd/{access_log} {LOG_FORMAT}"),
            h.GracefulShutdownTimeout(10),
        ]

    def _mime_types(self) -> str:
        beside = os.path.join(os.path.dirname(self.installation.configuration_file), "mime.types")
        for name in (beside, *MIME_TYPES):
            if os.access(name, os.R_OK):
                return name
        own = os.path.join(self.root, "mime.types")
        with open(own, "w", encoding="ascii") as file:
            file.write("text/html html htm\ntext/plain txt\ntext/css css\ntext/javascript js mjs\n")
            file.write("application/json json\nimage/png png\nimage/jpeg jpg jpeg\nimage/gif gif\nimage/svg+xml svg\n")
        return own


def mpm(options: Options) -> list[h.ContainerTag]:
    """The size of the server, in the words of each of httpd's processing models."""
    processes, threads = options.processes, options.threads
    workers = processes * threads
    forking = h.IfModule(
        "mpm_prefork_module",
        h.StartServers(processes),
        h.MinSpareServers(1),
        h.MaxSpareServers(processes + 1),
        h.ServerLimit(processes),
        h.MaxRequestWorkers(processes),
    )
    threaded = h.IfModule(
        "!mpm_prefork_module",
        h.StartServers(processes),
        h.ServerLimit(processes),
        h.ThreadLimit(threads),
        h.ThreadsPerChild(threads),
        h.MinSpareThreads(1),
        h.MaxSpareThreads(workers + threads),
        h.MaxRequestWorkers(workers),
    )
    return [forking, threaded]


def unprivileged_user(name: str | None) -> pwd.struct_passwd | None:
    """Who serves the requests when root starts the server; None for others than root. Failure for an unknown name."""
    if os.geteuid() != 0:
        if name:
            raise Failure("only root can serve as another user: --user is of no use here", os.EX_USAGE)
        return None
    for candidate in [name] if name else USERS:
        try:
            return pwd.getpwnam(candidate)
        except KeyError:
            continue
    what = f"there is no user {name}" if name else f"there is none of the users {', '.join(USERS)}"
    raise Failure(f"{what}: --user says who is to answer requests", os.EX_NOUSER)
