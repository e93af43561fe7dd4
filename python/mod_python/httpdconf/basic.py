"""A first configuration for a server of one's own: what `mod_python create` writes."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

from . import directives as d
from .nodes import Comment, Container
from .quoting import one_line, quote, quote_if_space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..installation import Installation
    from .nodes import Node

MODULES = (
    *("authn_file", "authn_core", "authz_host", "authz_groupfile", "authz_user", "authz_core", "access_compat"),
    *("auth_basic", "reqtimeout", "include", "filter", "mime", "log_config", "env", "headers", "setenvif", "version"),
    *("unixd", "status", "autoindex", "dir", "alias"),
)
"""The modules that are loaded, where httpd has them."""

COMBINED = r'"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined'

HEADER = """
This was made by mod_python: a configuration for httpd, as Python.
Change it to your liking, then write httpd's own file with

    {command}

This server is meant to be run by an unprivileged user, so that there is no
User or Group. Nothing restricts who may ask it for what: see Require.
"""

SCRIPT = """\
#!{python}

# A configuration for httpd. Printed, it is the text that httpd reads:
#
#   {command}

from mod_python.httpdconf import *

config = {config!r}

print(config)
"""


def write_basic_config(
    server_root: str,
    listen: str = "0.0.0.0:8888",
    conf: str = "conf",
    logs: str = "logs",
    htdocs: str = "public",
    pythonhandler: str = "mod_python.publisher",
    pythonpath: Sequence[str] = (),
    pythonoptions: Sequence[str] = (),
    mp_comments: Sequence[str] = (),
    conf_name: str = "httpd_conf.py",
    createdirs: bool = True,
    replace_config: bool = False,
) -> str | None:
    """Write a Python configuration script, and make the directories of the server.

    Returns the script's path, or None if there is one already and it is not to be replaced. What is done is told on
    stderr. ValueError for an argument that cannot stand in a configuration, OSError if a directory cannot be made,
    `installation.NotFoundError` without httpd.
    """
    from .. import installation, libpython

    root = os.path.abspath(server_root)
    config_dir, log_dir, document_root = (os.path.join(root, name) for name in (conf, logs, htdocs))
    script = os.path.join(config_dir, conf_name)
    if os.path.exists(script) and not replace_config:
        _tell(f"{script} exists already: nothing is changed.")
        return None
    found = installation.find()
    so = installation.find_mod_python(found.modules)
    names = (shlex.quote(name) for name in (script, os.path.join(config_dir, "httpd.conf")))
    command = "mod_python genconfig {} > {}".format(*names)
    config = Container(
        Comment(HEADER.format(command=command)),
        _modules(found),
        *_server(root, conf, logs, document_root, listen),
        _python(so, libpython.load_file(so), pythonhandler, pythonpath, pythonoptions, mp_comments),
    )
    str(config)  # raises what cannot be written
    if createdirs:
        for directory in (root, document_root, config_dir, log_dir):
            _make_directory(directory)
    _copy_mime_types(os.path.join(config_dir, "mime.types"), found)
    with open(script, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(SCRIPT.format(python=sys.executable, command=command, config=config))
    return script


def _modules(found: Installation) -> Container:
    """LoadModule lines, each for the case that httpd has not got the module without it."""
    lines = Container(Comment("\nModules of httpd\n"))
    mpm = found.mpm
    for name in [mpm, *MODULES] if mpm else MODULES:
        if file := found.file_of(name):
            lines.append(d.IfModule(f"!{name}_module", d.LoadModule(f"{name}_module {quote_if_space(file)}")))
    return lines


def _server(root: str, conf: str, logs: str, document_root: str, listen: str) -> list[Node]:
    return [
        Comment("\nThe server\n"),
        d.ServerRoot(quote(root)),
        d.MaxConnectionsPerChild(65536),
        d.LogFormat(COMBINED),
        d.CustomLog(f"{quote_if_space(os.path.join(logs, 'access_log'))} combined"),
        d.ErrorLog(quote_if_space(os.path.join(logs, "error_log"))),
        d.LogLevel("warn"),
        d.DefaultRuntimeDir(quote_if_space(logs)),
        d.PidFile(quote_if_space(os.path.join(logs, "httpd.pid"))),
        d.IfModule("mime_module", d.TypesConfig(quote_if_space(os.path.join(conf, "mime.types")))),
        Comment("The name decides which interpreter handlers run in"),
        d.ServerName("127.0.0.1"),
        d.Listen(one_line(listen)),
        d.DocumentRoot(quote(document_root)),
    ]


def _python(
    so: str,
    library: str | None,
    handler: str,
    path: Sequence[str],
    options: Sequence[str],
    comments: Sequence[str],
) -> Container:
    found = Container(
        Comment("\nmod_python\n"),
        *([d.LoadFile(quote_if_space(library))] if library else []),
        d.LoadModule(f"python_module {quote_if_space(so)}"),
        d.SetHandler("mod_python"),
        Comment("Tracebacks as pages: PythonDebug On"),
        d.PythonHandler(one_line(handler)),
    )
    entries = [entry for entry in path if entry]
    if entries:
        found.append(d.PythonPath(quote(f"sys.path+{entries!r}")))
    for option in options:
        found.append(d.PythonOption(one_line(option)))
    for comment in comments:
        found.append(Comment(comment))
    return found


def _make_directory(directory: str) -> None:
    if os.path.isdir(directory):
        _tell(f"{directory} exists already.")
    else:
        os.mkdir(directory)
        _tell(f"Made {directory}.")


def _copy_mime_types(target: str, found: Installation) -> None:
    if os.path.exists(target):
        return
    for directory in (os.path.dirname(found.configuration_file), "/etc", "/etc/httpd/conf"):
        source = os.path.join(directory, "mime.types")
        if os.path.isfile(source):
            shutil.copyfile(source, target)
            return
    with open(target, "w", encoding="ascii") as file:
        file.write("text/html html htm\ntext/plain txt\ntext/css css\ntext/javascript js\n")
        file.write("image/png png\nimage/jpeg jpg jpeg\n")
    _tell(f"No mime.types was found on this machine: {target} has a few types only.")


def _tell(message: str) -> None:
    print(message, file=sys.stderr)
