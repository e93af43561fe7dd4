"""`mod_python genconfig`: run a configuration script with the Python of this command."""

from __future__ import annotations

import os
import runpy

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "genconfig", help="run a configuration script, which prints httpd's configuration", allow_abbrev=False
    )
    parser.add_argument("script", metavar="SCRIPT")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    if not os.path.isfile(arguments.script):
        raise Failure(f"there is no file {arguments.script}")
    runpy.run_path(arguments.script, run_name="__main__")
    return 0
