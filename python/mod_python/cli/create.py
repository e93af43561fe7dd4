"""`mod_python create`: the directories of a server, and its configuration as Python."""

from __future__ import annotations

import os
import shlex
import sys

from ..httpdconf import write_basic_config
from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

WSGI_COMMENTS = (
    "The application: PythonOption mod_python.wsgi.application package.module::callable\n"
    "Where it is: PythonOption mod_python.wsgi.base_uri /path",
)


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "create", help="make the directories and the configuration of a server", allow_abbrev=False
    )
    parser.add_argument("directory", metavar="DIRECTORY", help="where; made if need be, but not its parents")
    parser.add_argument(
        "--listen", default="8888", metavar="[ADDRESS:]PORT", help="default: 8888 on all addresses of the machine"
    )
    parser.add_argument("--pythonpath", default="", metavar="P1:P2", help="directories to add to sys.path")
    parser.add_argument("--pythonhandler", required=True, metavar="NAME", help="module[::object] that answers requests")
    parser.add_argument(
        "--pythonoption", action="append", default=[], metavar='"KEY VALUE"', help="a PythonOption; may be repeated"
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    wsgi = arguments.pythonhandler.partition("::")[0] == "mod_python.wsgi"
    try:
        script = write_basic_config(
            arguments.directory,
            listen=arguments.listen,
            pythonhandler=arguments.pythonhandler,
            pythonpath=[os.path.abspath(entry) for entry in arguments.pythonpath.split(":") if entry],
            pythonoptions=arguments.pythonoption,
            mp_comments=WSGI_COMMENTS if wsgi else (),
        )
    except (OSError, ValueError) as error:
        raise Failure(f"{error}") from error
    if script is None:
        return 1
    if ":" not in arguments.listen:
        local = f"--listen=127.0.0.1:{arguments.listen}"
        print(f"Port {arguments.listen} is open to other machines; {local} is for this one.", file=sys.stderr)
    conf = os.path.join(os.path.dirname(script), "httpd.conf")
    print(f"The configuration is {script}. Change it to your liking, then make httpd's own of it, and start:")
    print()
    print(f"  mod_python genconfig {shlex.quote(script)} > {shlex.quote(conf)}")
    print(f"  mod_python start {shlex.quote(conf)}")
    return 0
