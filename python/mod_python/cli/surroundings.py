"""What the command takes from the outside: numbers of its arguments, variables of its environment."""

from __future__ import annotations

import argparse
import os

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def number(least: int, most: int) -> Callable[[str], int]:
    """A reader of numbers for argparse."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not from {least} to {most}")
        return value

    return read


def clean_environment(wanted: list[str]) -> dict[str, str]:
    """What httpd needs, and what the user asks for. Nothing that would change which Python runs, or where it looks."""
    names = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for entry in wanted:
        name, equals, value = entry.partition("=")
        if not equals and name not in os.environ:
            raise Failure(f"--env {name}: there is no such variable; give it a value: --env {name}=VALUE", os.EX_USAGE)
        environment[name] = value if equals else os.environ[name]
    return environment
