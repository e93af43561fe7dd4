"""Commands of docs/install.md, as they stand there: the block after `<!-- test: NAME -->`."""

from __future__ import annotations

import pathlib
import re

INSTALL = pathlib.Path(__file__).parents[2] / "docs" / "install.md"


def block(name: str) -> str:
    """The shell commands of one block. LookupError if there is none of that name."""
    match = re.search(rf"<!-- test: {re.escape(name)} -->\n```console\n(.*?)^```", INSTALL.read_text(), re.MULTILINE | re.DOTALL)
    if match is None:
        raise LookupError(f"{INSTALL} has no block of commands called {name}")
    return match[1]
