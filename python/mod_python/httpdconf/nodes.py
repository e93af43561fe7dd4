"""The four kinds of which a configuration is made: directive, container, section and comment."""

from __future__ import annotations

import sys

from .quoting import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

STEP = 2
"""Spaces by which what is inside a section stands further in, in httpd's text."""
SOURCE_STEP = 4
"""The same in Python source."""


class Directive:
    """One directive. `val` is all that follows its name, just as httpd is to read it; see `quote`.

    With `flipslash` backslashes become slashes, as in names of files on Windows.
    """

    def __init__(self, name: str, val: object, flipslash: int = 1) -> None:
        self.name = name
        self.val = val
        self.indent = 0
        self.flipslash = flipslash

    def __str__(self) -> str:
        return _line(self.indent, f"{self.name} {_flipped(self.val, self.flipslash)}")

    def __repr__(self) -> str:
        return f"{' ' * self.indent}{self.name}({_flipped(self.val, self.flipslash)!r})"


class Container:
    """Several nodes, side by side.

    `only_if` is a Python expression, evaluated with the names of `mod_python.httpdconf` whenever the container is
    written as httpd's text: nothing is written if it is false. It is code: take it from nobody you do not trust.
    """

    def __init__(self, *args: Node, only_if: str | None = None, **_ignored: object) -> None:
        self.args = list(args)
        self.indent = 0
        self.only_if = only_if

    def append(self, value: Node) -> None:
        """Add a node at the end; TypeError for anything else."""
        if not isinstance(value, (Directive, Container, ContainerTag, Comment)):
            raise TypeError(
                f"a container holds Directive, Container, ContainerTag and Comment, not {type(value).__name__}"
            )
        self.args.append(value)

    def __str__(self) -> str:
        if self.only_if and not eval(self.only_if, vars(sys.modules[__package__])):
            return ""
        return "".join(_written(arg, self.indent) for arg in self.args)

    def __repr__(self) -> str:
        pad = " " * self.indent
        end = f"{pad})" if self.only_if is None else f"{pad}{' ' * SOURCE_STEP}only_if={self.only_if!r})"
        return f"{pad}Container(\n{_sources(self.args, self.indent)}{end}"


class ContainerTag:
    """A section: `<tag attr>`, the nodes `args`, `</tag>`. An empty `attr` is none."""

    def __init__(self, tag: str, attr: object, args: Sequence[Node], flipslash: int = 1) -> None:
        self.tag = tag
        self.attr = attr
        self.args = args
        self.indent = 0
        self.flipslash = flipslash

    def __str__(self) -> str:
        inside = "".join(_written(arg, self.indent + STEP) for arg in self.args)
        attr = _flipped(self.attr, self.flipslash)
        first = _line(self.indent, f"<{self.tag}>" if attr == "" else f"<{self.tag} {attr}>")
        return first + inside + _line(self.indent, f"</{self.tag}>")

    def __repr__(self) -> str:
        pad = " " * self.indent
        attr = "" if self.attr == "" else f"{_flipped(self.attr, self.flipslash)!r},"
        return f"{pad}{self.tag}({attr}\n{_sources(self.args, self.indent)}{pad})"


class Comment:
    """Text of one or more lines that httpd passes over."""

    def __init__(self, comment: str) -> None:
        self.comment = comment
        self.indent = 0

    def __str__(self) -> str:
        return "".join(_line(self.indent, f"# {line}") for line in self.comment.splitlines())

    def __repr__(self) -> str:
        pad = " " * self.indent
        lines = [repr(line + "\n") for line in self.comment.splitlines()] or ["''"]
        return f"{pad}Comment(" + f"\n{pad}{' ' * len('Comment(')}".join(lines) + ")"


Node = Directive | Container | ContainerTag | Comment


def _flipped(value: object, flipslash: int) -> object:
    return value.replace("\\", "/") if flipslash and isinstance(value, str) else value


def _line(indent: int, text: str) -> str:
    """A line that ends where it says: a backslash at its end would draw in the next one."""
    return f"{' ' * indent}{one_line(text)}{' ' if text.endswith(chr(92)) else ''}\n"


def _written(node: Node, indent: int) -> str:
    node.indent = indent
    return str(node)


def _sources(nodes: Sequence[Node], indent: int) -> str:
    lines = []
    for node in nodes:
        node.indent = indent + SOURCE_STEP
        lines.append(f"{node!r},\n")
    return "".join(lines)
