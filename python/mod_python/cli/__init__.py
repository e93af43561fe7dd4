"""The command `mod_python`. Each subcommand is a module here: `describe` its arguments, `run` does its work."""

from __future__ import annotations

import argparse
import io
import os
import sys

from ..installation import NotFoundError
from . import check, control, create, genconfig, install_module, module_location, serve, version
from .failure import Failure
from .signals import Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    *(create, genconfig, control.START, control.STOP, control.RESTART, version, serve, check),
    *(install_module, module_location),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. Wrong arguments end with status 2, as argparse has it."""
    parser = argparse.ArgumentParser(
        prog="mod_python", description="Python in httpd: make, run and check servers.", allow_abbrev=False
    )
    subcommands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.describe(subcommands)
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown and not getattr(parsed, "ignores_arguments", False):
        parsed.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    try:
        return int(parsed.run(parsed))
    except Ended as ended:
        return ended.status
    except Failure as failure:
        print(f"mod_python {parsed.command}: {failure}", file=sys.stderr)
        return failure.status
    except NotFoundError as error:
        print(f"mod_python {parsed.command}: {error}", file=sys.stderr)
        return os.EX_UNAVAILABLE
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is to be said at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
