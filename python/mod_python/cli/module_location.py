"""`mod_python module-location`: where the mod_python.so is that goes with this command."""

from __future__ import annotations

import os

from .. import installation
from ..installation import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser("module-location", help="say where mod_python.so is", allow_abbrev=False)
    parser.set_defaults(run=run, parser=parser)


def run(_arguments: argparse.Namespace) -> int:
    print(location())
    return 0


def location(environment: Mapping[str, str] = os.environ) -> str:
    """The path. NotFoundError if there is none; there need not be any httpd."""
    try:
        modules = installation.find(environment).modules
    except NotFoundError:
        modules = ""
    return installation.find_mod_python(modules, environment)
