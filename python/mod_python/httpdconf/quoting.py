"""Arguments of directives as httpd reads them: in quotes where they need them."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[^\s\"'\\<>#$]+\Z")
_REPLACED = re.compile(r"\$\{[^}:]*\}")


def quote(argument: object) -> str:
    """One argument of a directive, in quotes.

    Backslashes, and quotes of both kinds, are escaped with backslashes, which survive only in a directive whose
    `flipslash` is off. ValueError for what no quotes help: a line end or NUL, and `${...}`, which httpd replaces
    wherever it stands.
    """
    text = one_line(argument)
    if _REPLACED.search(text):
        raise ValueError(f"httpd would replace the ${{...}} in {text!r}: it cannot stand in a configuration")
    if '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_if_space(s: object) -> str:
    """The argument as it is if that is how httpd reads it, else in quotes. An empty one stays empty."""
    text = one_line(s)
    return text if not text or _PLAIN.match(text) else quote(text)


def one_line(value: object) -> str:
    """`value` as text of one line; ValueError for a line end or a NUL, which would begin or end something else."""
    text = str(value)
    for character, name in (("\n", "line end"), ("\r", "carriage return"), ("\0", "NUL")):
        if character in text:
            raise ValueError(f"a directive cannot hold a {name}: {text!r}")
    return text
