"""An output filter: `{{word}}` in a page becomes the word with its explanation from glossary.txt."""

import os
import re
from html import escape

WORD = re.compile(rb"\{\{([^{}]+)\}\}")
LONGEST = 100
"""Bytes of `{{word}}` at the most: so much at the end of a piece may be the beginning of one."""


def outputfilter(filter):
    """Called for each piece of the page; what is left over waits in the request for the next."""
    req = filter.req
    if not hasattr(req, "glossary"):
        req.glossary, req.waiting = glossary(), b""
        # The page will be longer than the file, and changes with the glossary too.
        for name in ("Content-Length", "ETag", "Last-Modified", "Accept-Ranges"):
            req.headers_out.pop(name, None)
    piece = filter.read()
    while piece:
        text = WORD.sub(lambda found: explained(found[1], req.glossary), req.waiting + piece)
        start = text.rfind(b"{{")
        is_cut = start >= max(len(text) - LONGEST, 0)
        text, req.waiting = (text[:start], text[start:]) if is_cut else (text, b"")
        filter.write(text)
        piece = filter.read()
    if piece is None:  # the end of the page
        filter.write(req.waiting)
        filter.close()


def explained(word, glossary):
    name = word.decode("utf-8", "replace").strip()
    meaning = glossary.get(name.lower())
    if meaning is None:
        return escape(name).encode()
    return f'<dfn title="{escape(meaning)}" tabindex="0">{escape(name)}</dfn>'.encode()


def glossary():
    """Word and meaning of each line of glossary.txt."""
    with open(os.path.join(os.path.dirname(__file__), "glossary.txt"), encoding="utf-8") as file:
        lines = (line.partition(":") for line in file if ":" in line)
        return {word.strip().lower(): meaning.strip() for word, _, meaning in lines}
