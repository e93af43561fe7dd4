"""`mod_python version`: what is installed."""

from __future__ import annotations

import os
import platform
import sys

from .. import installation
from .. import version as package_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser("version", help="say what is installed", allow_abbrev=False)
    parser.set_defaults(run=run, parser=parser, ignores_arguments=True)


def run(_arguments: argparse.Namespace) -> int:
    for name, version, place in rows():
        print(f"{name + ':':<12} {version:<24} {place}".rstrip())
    return 0


def rows() -> list[tuple[str, str, str]]:
    """(what, version, where) for each part. What is not found is said to be missing."""
    package = os.path.dirname(os.path.abspath(package_version.__file__))
    found = [("mod_python", package_version.version, package)]
    found.append(("Python", platform.python_version(), sys.executable))
    try:
        httpd = installation.find()
    except installation.NotFoundError as error:
        found.append(("httpd", "not found", str(error)))
    else:
        try:
            found.insert(1, ("module", "", installation.find_mod_python(httpd.modules)))
        except installation.NotFoundError as error:
            found.insert(1, ("module", "not found", str(error)))
        found.append(("httpd", httpd.version, httpd.httpd))
        found.append(("APR", httpd.built_with.get("APR", ""), ""))
    found.append(("platform", platform.platform(), ""))
    return found
