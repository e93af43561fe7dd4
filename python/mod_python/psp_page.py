"""Compiled templates of Python Server Pages: from a file or a string to code, and from its lines back to theirs."""

from __future__ import annotations

import os
from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from symtable import SymbolTable
    from types import CodeType, TracebackType

    from . import _apache as _apache
else:
    import _apache

STRING_NAME = "__psp__"
"""The file name of a template that is no file."""

DOCUMENTED, DIRECT, ANY_REQUEST = 0, 1, 2
"""Styles of the source: as `psp.parse` gives it; for pages of an mp_request; for pages that write with `req.write`."""

_RELOCATED = -1
"""In place of an instruction in a traceback: without one there are no columns, which would be those of the source."""
_DYNAMIC = {"eval", "exec", "globals", "locals", "vars", "dir"}
"""What may look up any name."""
_NEEDED = {"session", "form", "psp", "__mp_info__", "__mp_path__"}
"""What is made only for pages that mention it."""


class Page:
    """A template as code. It is never changed.

    `is_direct` says that it writes by a function of its request, `is_plain` that it needs nothing but that.
    """

    __slots__ = ("code", "files", "is_direct", "is_plain", "mentions", "name", "names", "segments", "source")

    def __init__(self, name: str, source: bytes | None, directory: str | None, style: int) -> None:
        text, self.files, self.segments = _apache._psp_source(name, source, directory, style)
        self.name = name
        self.source = source
        self.names = [file[0] for file in self.files] if source is None else [name, *(file[0] for file in self.files)]
        self.is_direct = style == DIRECT
        try:
            self.code = compile(text, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            self._relocate_syntax_error(error)
            raise
        self.mentions = frozenset(_names_in(self.code))
        if self.is_direct and "req" in text:
            from symtable import symtable

            self.is_direct = not _binds_req(symtable(text, name, "exec"))
        self.is_plain = self.is_direct and not self.mentions & (_DYNAMIC | _NEEDED)

    @property
    def is_dynamic(self) -> bool:
        """Whether names may be looked up that are not mentioned."""
        return not self.mentions.isdisjoint(_DYNAMIC)

    def is_current(self) -> bool:
        """Whether no file of it has changed."""
        for path, modified, size, inode in self.files:
            try:
                now = os.stat(path)
            except OSError:
                return False
            if (now.st_mtime_ns, now.st_size, now.st_ino) != (modified, size, inode):
                return False
        return True

    def place(self, line: int) -> tuple[str, int]:
        """File and line of the template that a line of the source came from."""
        index = bisect_right(self.segments, line, key=lambda segment: segment[0]) - 1
        if index < 0:
            return self.name, line
        start, file, first = self.segments[index]
        return self.names[file], first + line - start

    def _relocate_syntax_error(self, error: SyntaxError) -> None:
        file, line = self.place(error.lineno or 1)
        error.filename, error.lineno, error.text = file, line, self.line(file, line)
        error.offset = error.end_lineno = error.end_offset = None  # columns are those of the source
        if _begins_block(error.text):
            error.msg += ": a compound statement must begin on a line of its own below '<%'"

    def line(self, file: str, line: int) -> str | None:
        """A line of a template."""
        import linecache

        self.tell_linecache()
        linecache.checkcache(file)
        return linecache.getline(file, line) or None

    def tell_linecache(self) -> None:
        """Let tracebacks show the lines of a template that is no file."""
        import linecache

        if self.source is not None:
            text = self.source.decode("utf-8-sig", "replace")
            linecache.cache[self.name] = (len(self.source), None, text.splitlines(keepends=True), self.name)


_has_told = False


def load(path: str, any_request: bool = False, database: bool = False) -> Page:
    """Compile the template in a file. `database` says that an option asks for a cache that there is no more.

    Raises OSError, and SyntaxError with the template's own file and line.
    """
    global _has_told
    if database and not _has_told:
        _has_told = True
        _apache.log_error(
            "MP0307: mod_python.psp: mod_python.psp.cache_database_filename has no effect: pages are kept in memory",
            _apache.APLOG_NOTICE,
        )
    return _loaded(path, None, os.path.join(os.path.dirname(path), ""), any_request)


def load_string(source: str | bytes, directory: str | None, any_request: bool = False) -> Page:
    """Compile a template; fragments are looked for in `directory`."""
    data = source.encode() if isinstance(source, str) else source
    return _loaded(STRING_NAME, data, directory and os.path.join(directory, ""), any_request)


def _loaded(name: str, source: bytes | None, directory: str | None, any_request: bool) -> Page:
    page = Page(name, source, directory, ANY_REQUEST if any_request else DIRECT)
    if not any_request and not page.is_direct:
        page = Page(name, source, directory, ANY_REQUEST)
    from . import psp

    psp.provide(page)
    return page


def _names_in(code: CodeType) -> set[str]:
    """All global names and attributes that the code and its functions use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            names |= _names_in(constant)
    return names


def _binds_req(table: SymbolTable) -> bool:
    """Whether `req` may be something else than the request of the page."""
    try:
        symbol = table.lookup("req")
    except KeyError:
        pass
    else:
        if symbol.is_assigned() or symbol.is_parameter():
            return True
    return any(map(_binds_req, table.get_children()))


def _begins_block(line: str | None) -> bool:
    import re

    keywords = "if|for|while|with|try|def|class|async|match"
    return bool(line and re.search(rf"<%\s*({keywords})\b[^%]*:\s*(#[^%]*)?%>", line))


def relocate(page: Page, error: BaseException) -> BaseException:
    """Have the traceback of an exception, and those of the ones before it, name the templates' own files and lines."""
    page.tell_linecache()
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            current.__traceback__ = _relocated(page, current.__traceback__)
            pending += [current.__cause__, current.__context__]
    return error


def _relocated(page: Page, traceback: TracebackType | None) -> TracebackType | None:
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    following = None
    for entry in reversed(entries):
        if entry.tb_frame.f_code.co_filename == page.name and entry.tb_lasti != _RELOCATED:
            entry = _own_entry(entry, page.place(entry.tb_lineno), following)
        else:
            entry.tb_next = following
        following = entry
    return following


def _own_entry(entry: TracebackType, place: tuple[str, int], following: TracebackType | None) -> TracebackType:
    """An entry at `place`."""
    code = entry.tb_frame.f_code
    frame, (file, line) = entry.tb_frame, place
    if file != code.co_filename:
        stand_in = compile("\n" * (line - 1) + "raise error", file, "exec").replace(co_name=code.co_name)
        try:
            exec(stand_in, {"error": StopIteration()})
        except StopIteration as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                frame = error.__traceback__.tb_next.tb_frame
    return type(entry)(following, frame, _RELOCATED, line)
