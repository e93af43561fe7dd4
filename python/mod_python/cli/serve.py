"""`mod_python serve`: from a Python file to a page with one command, on a server that goes when the command ends."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys

from .. import installation, obstacles
from . import signals, target, virtual_environment
from .examination import examine
from .failure import Failure
from .foreground import Logs, Server
from .hints import hints
from .private_server import Options, PrivateServer, unprivileged_user
from .surroundings import clean_environment, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DESCRIPTION = """
Serves TARGET with an httpd of its own until Ctrl-C. TARGET is the file of a handler module (it has a function
handler(req)), a directory (its modules are published, its .psp pages run, other files are sent), or MODULE:CALLABLE,
a WSGI application. The access log goes to standard output, the error log to standard error.
"""


IMPORT_PATIENCE = 60.0
"""Seconds that importing the target may take."""


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "serve", help="serve a handler, a directory or a WSGI application", description=DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("--port", type=number(0, 65535), default=8080, help="default: 8080; 0 for any free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default: 127.0.0.1")
    parser.add_argument("--processes", type=number(1, 512), default=1, metavar="N", help="child processes; default: 1")
    parser.add_argument("--threads", type=number(1, 512), default=16, metavar="N", help="threads of each; default: 16")
    parser.add_argument("--reload", action="store_true", help="reload modules when their files change")
    parser.add_argument("--debug", action="store_true", help="show tracebacks to clients")
    parser.add_argument("--pythonpath", default="", metavar="P1:P2", help="directories to look for modules in")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="a variable for the environment of the server, which else has hardly any; may be repeated",
    )
    parser.add_argument("--user", help="who answers the requests when root starts the server")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    python_path = [os.path.abspath(entry) for entry in arguments.pythonpath.split(":") if entry]
    wanted = target.parse(arguments.target, python_path + virtual_environment.directories())
    user = unprivileged_user(arguments.user)
    if user and (why := obstacles.obstacle_of(wanted.path, user.pw_uid, user.pw_gid)):
        print(f"mod_python serve: warning: {why}; choose another user with --user", file=sys.stderr)
    found = installation.find()
    options = Options(
        host=arguments.host,
        port=_port(arguments.host, arguments.port),
        processes=arguments.processes,
        threads=arguments.threads,
        reload=arguments.reload,
        debug=arguments.debug,
        user=user,
    )
    environment = clean_environment(arguments.env)
    logs = Logs()
    try:
        with signals.raised(), PrivateServer(found, installation.find_mod_python(found.modules)) as server:
            access_log, error_log = logs.pipe(copy_to=1), logs.pipe(copy_to=2)
            server.write(wanted, options, access_log, error_log)
            _check(arguments.target, server, environment, wanted.is_directory)
            httpd = Server(server.command(), environment, logs, os.path.join(server.root, "run/httpd.pid"))
            status = httpd.run(lambda: _announce(arguments.target, options))
    finally:
        logs.close()
    if status != 0:
        raise Failure(f"httpd ended by itself with status {status}", os.EX_SOFTWARE)
    return 0


def _check(what: str, server: PrivateServer, environment: Mapping[str, str], goes_on: bool) -> None:
    """Have httpd import the target, and say what is wrong. Failure if all requests would fail."""
    report = examine(server.command(), environment, IMPORT_PATIENCE)
    findings = [finding for found in report.findings.values() for finding in found]
    for text in dict.fromkeys(f"{finding['severity']}: {finding['text']}" for finding in findings):
        print(f"mod_python serve: {text}", file=sys.stderr)
    for text in hints(report):
        print(f"mod_python serve: hint: {text}", file=sys.stderr)
    if report.count("error") and not goes_on:
        raise Failure(f"{what} cannot be served", os.EX_DATAERR)


def _announce(what: str, options: Options) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    if options.host in ("0.0.0.0", "::"):
        host = "localhost"
    print(f"Serving {what} at http://{host}:{options.port}/ (Ctrl-C ends it)", file=sys.stderr)


def _port(host: str, port: int) -> int:
    """`port`, or a free one for 0. Failure if it cannot be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
            return int(probe.getsockname()[1])
    except socket.gaierror as error:
        raise Failure(f"{host} is no address to listen on: {error.strerror}", os.EX_NOHOST) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(
                f"port {port} is in use by another program: choose another one with --port", os.EX_TEMPFAIL
            ) from error
        if error.errno == errno.EACCES:
            raise Failure(f"port {port} is for root only: choose one above 1023 with --port", os.EX_NOPERM) from error
        raise Failure(f"{host} port {port} cannot be listened on: {error.strerror}", os.EX_NOHOST) from error
