"""Commands and files of the pages in docs/, as they stand there: the block after `<!-- test: NAME -->` or `<!-- FILE -->`."""

from __future__ import annotations

import pathlib
import re

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def block(name: str, page: str = "install.md") -> str:
    """The shell commands of one block. LookupError if there is none of that name."""
    return _below(f"test: {name}", page)


def file(path: str, page: str) -> str:
    """A file of examples/, as the page shows it. LookupError if it does not."""
    return _below(path, page)


def _below(comment: str, page: str) -> str:
    pattern = rf"<!-- {re.escape(comment)} -->\n```\w+\n(.*?)^```"
    match = re.search(pattern, (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    if match is None:
        raise LookupError(f"docs/{page} has no block after <!-- {comment} -->")
    return match[1]
