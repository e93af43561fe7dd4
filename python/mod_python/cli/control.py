"""`mod_python start`, `stop` and `restart`: httpd's own words for them, for a given configuration."""

from __future__ import annotations

import os

from .. import installation
from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


class Control:
    """One of the three. The process becomes httpd, so that the exit status is httpd's."""

    def __init__(self, name: str, signal: str, help: str) -> None:
        self.name = name
        self.signal = signal
        self.help = help

    def describe(self, subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        parser = subcommands.add_parser(self.name, help=self.help, allow_abbrev=False)
        parser.add_argument("file", metavar="HTTPD.CONF", help="httpd's configuration")
        parser.set_defaults(run=self.run, parser=parser)

    def run(self, arguments: argparse.Namespace) -> int:
        # httpd would look for a relative name in its own directory.
        file = os.path.abspath(arguments.file)
        httpd = installation.find_httpd()
        try:
            os.execv(httpd, [httpd, "-f", file, "-k", self.signal])
        except OSError as error:
            raise Failure(f"{httpd} cannot be run: {error.strerror}", os.EX_UNAVAILABLE) from error


START = Control("start", "start", "start httpd in the background")
STOP = Control("stop", "graceful-stop", "stop it, when the requests under way are answered")
RESTART = Control("restart", "graceful", "have it read its configuration anew, when the requests under way are over")
