"""`mod_python install-module`: mod_python.so where httpd keeps its modules, and the lines that load it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile

from .. import httpdconf as h
from .. import installation, libpython
from ..httpdconf.quoting import quote
from .failure import Failure
from .module_location import location

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

DESCRIPTION = """
Copies mod_python.so to where httpd keeps its modules, and prints the lines for httpd's configuration that load it, and
the Python that this command runs with. Nothing else of the configuration is changed.
"""


def describe(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "install-module",
        help="copy mod_python.so to httpd's modules, and print the lines that load it",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("--directory", help="where to copy it; by default, where httpd keeps its modules")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    source = location()
    directory = os.path.abspath(arguments.directory or installation.find().modules)
    target = os.path.join(directory, "mod_python.so")
    lines = load_lines(source, target)
    try:
        if not (os.path.exists(target) and os.path.samefile(source, target)):
            _copy(source, target)
    except OSError as error:
        hint = " (only root may: sudo)" if isinstance(error, PermissionError) else ""
        raise Failure(f"{target} cannot be written: {error.strerror}{hint}", os.EX_CANTCREAT) from error
    print(f"Installed {target}. httpd loads it with:", file=sys.stderr)
    print(lines, end="")
    if sys.prefix != sys.base_prefix:
        print(f"To have found what is installed here: PythonHome {quote(sys.prefix)}", file=sys.stderr)
    return 0


def load_lines(source: str, target: str) -> h.Container:
    """The directives that load `target`, a copy of the module `source`. NotFoundError without a libpython for it."""
    lines = h.Container()
    if library := libpython.load_file(source):
        lines.append(h.LoadFile(quote(library)))
    lines.append(h.LoadModule(f"python_module {quote(target)}"))
    return lines


def _copy(source: str, target: str) -> None:
    """A new file in place of the old one, which an httpd that runs goes on using."""
    handle, partial = tempfile.mkstemp(prefix=".mod_python-", dir=os.path.dirname(target))
    os.close(handle)
    try:
        shutil.copyfile(source, partial)
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
