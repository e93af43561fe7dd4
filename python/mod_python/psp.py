"""Python Server Pages: templates with Python in them, and the content handler that runs them."""

from __future__ import annotations

import builtins
import os
import sys

from . import apache
from .psp_page import STRING_NAME, relocate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from html import escape as escape
    from types import CodeType
    from typing import Any

    from . import Session as Session
    from . import _apache as _apache
    from . import util as util
    from .psp_page import Page
else:
    import _apache

__all__ = ["PSP", "PSPInterface", "handler", "parse", "parsestring", "raw"]

CONTENT_TYPE = "text/html; charset=utf-8"
LAZY = {"Session": "mod_python.Session", "escape": "html:escape", "util": "mod_python.util"}
"""Names that pages find when they mention them: modules, and names of modules."""

handler = _apache.psp_handler


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, _, attribute = LAZY[name].partition(":")
    __import__(module_name)
    module = sys.modules[module_name]
    value = globals()[name] = getattr(module, attribute) if attribute else module
    return value


def parse(filename: str, dir: str | None = None) -> str:
    """Python source of the template in the file `dir` + `filename`.

    Fragments are looked for in `dir`, to the name of which theirs is appended. Raises OSError for a file that cannot be
    read, SyntaxError for a broken template.
    """
    return _apache._psp_source((dir or "") + filename, None, dir, 0)[0]


def parsestring(string: str | bytes) -> str:
    """Python source of a template."""
    source = string.encode() if isinstance(string, str) else string
    return _apache._psp_source(STRING_NAME, source, None, 0)[0]


class Raw(str):
    """Text that is HTML already."""

    __slots__ = ()

    def __html__(self) -> Raw:
        return self


def raw(value: object) -> Raw:
    """`str(value)`, not to be escaped where expressions are."""
    return Raw(value)


_strings: Any = None


class PSP:
    """A template, compiled, for one request."""

    dbmcache = None

    def __init__(
        self,
        req: apache.mp_request,
        filename: str | None = None,
        string: str | bytes | None = None,
        vars: Mapping[str, Any] | None = None,
    ) -> None:
        """The template in a file, by default the one the request was mapped to, or in `string`.

        A relative name starts from the directory of `req.filename`; `vars` are names the template finds. Raises
        ValueError for both, SERVER_RETURN with HTTP_NOT_FOUND where there is no such file, OSError, and SyntaxError for
        a broken template.
        """
        if filename and string is not None:
            raise ValueError("PSP takes a filename or a string, not both")
        if string is None:
            filename = os.path.join(os.path.dirname(req.filename or ""), filename) if filename else req.filename
        else:
            filename = None
        self.req = req
        self.filename = filename
        self.string = string
        self.vars = vars or {}
        self._page = self._loaded(filename, string, not isinstance(req, apache.mp_request))

    @classmethod
    def of_page(cls, req: apache.mp_request, page: Page) -> PSP:
        """The template that the request was mapped to, compiled already."""
        self = cls.__new__(cls)
        self.req, self.filename, self.string, self.vars, self._page = req, req.filename, None, {}, page
        return self

    def _loaded(self, filename: str | None, string: str | bytes | None, any_request: bool) -> Page:
        if string is None:
            return _apache._psp_page(filename or "", any_request)
        global _strings
        if _strings is None:
            from .psp_source import StringPages

            _strings = StringPages(512)
        return _strings[string, os.path.dirname(self.req.filename or "") or None, any_request]  # type: ignore[no-any-return]

    @property
    def code(self) -> CodeType:
        return self._page.code

    def __str__(self) -> str:
        """Run the template. For a page that is an expression of another one."""
        if not getattr(self.req, "_content_type_set", 0):
            self.req.content_type = CONTENT_TYPE
        self.run()
        return ""

    def run(self, vars: Mapping[str, Any] | None = None, flush: int = 0) -> None:
        """Run the template; with `flush`, send what it wrote.

        A page that mentions `session` or `form` gets `req.session` and `req.form`, made if need be; `req.session` is
        saved at the end. Raises what the template raises, unless it has set an error page.
        """
        req: Any = self.req
        created = "session" in self._page.mentions and not hasattr(req, "session")
        if created:
            from . import Session

            req.session = Session.Session(req)
        try:
            self._run(vars or {}, flush)
        finally:
            if created:
                req.session.unlock()
                del req.session

    def _run(self, vars: Mapping[str, Any], flush: int) -> None:
        req: Any = self.req
        form = _form_of(req) if "form" in self._page.mentions else None
        interface = PSPInterface(req, self.filename, form)
        names = {
            **page_globals,
            "req": req,
            "form": form,
            "psp": interface,
            "session": getattr(req, "session", None) if "session" in self._page.mentions else None,
            **self.vars,
            **vars,
            "__file__": req.filename,
            "__mp_info__": _ModuleInfo(req.filename),
            "__mp_path__": [],
        }
        try:
            self._execute(names)
            if flush:
                req.flush()
        except apache.SERVER_RETURN as planned:
            if planned.args and planned.args[0] in (apache.OK, apache.DONE):
                self._save_session()
            raise
        except Exception as error:
            relocate(self._page, error)
            if interface.error_page is None:
                raise
            interface.error_page.run({"exception": sys.exc_info()}, flush)
        else:
            self._save_session()

    def _execute(self, names: dict[str, Any]) -> None:
        page, req = self._page, names["req"]
        is_native = isinstance(req, apache.mp_request)
        if page.is_direct and not is_native:
            page = self._loaded(self.filename, self.string, True)
        if not page.is_direct:
            names["__str__"] = _html_of if is_native and _escapes(req) else str
        if is_native:
            _apache._psp_run(req, page.code, names)
        else:
            exec(page.code, names)

    def _save_session(self) -> None:
        session = getattr(self.req, "session", None)
        if session is not None:
            session.save()

    def display_code(self) -> None:
        """Write a table of the template and of the Python source made of it, line by line."""
        from .psp_source import write_table

        write_table(self.req, self.filename, self.string)


class PSPInterface:
    """What pages know as `psp`."""

    def __init__(self, req: apache.mp_request, filename: str | None, form: Any) -> None:
        self.req = req
        self.filename = filename
        self.form = form
        self.error_page: PSP | None = None

    def set_error_page(self, filename: str) -> None:
        """Have exceptions shown by another page, which finds `exception`, a tuple as of sys.exc_info().

        A name with a leading slash starts from DocumentRoot, another one from the page's directory. Raises
        SERVER_RETURN with HTTP_NOT_FOUND where there is no such file.
        """
        if filename.startswith("/"):
            path = self.req.document_root().rstrip("/") + filename
        else:
            path = os.path.join(os.path.dirname(self.filename or self.req.filename or ""), filename)
        self.error_page = PSP(self.req, path)

    def apply_data(self, object: Any, **kw: Any) -> Any:
        """Call `object` with the form's fields that it takes as arguments, and `kw`."""
        from . import util

        if self.form is None:
            self.form = _form_of(self.req)
        return util.apply_fs_data(object, self.form, **{"req": self.req, **kw})

    def redirect(self, location: str, permanent: int = 0) -> None:
        """Answer with a redirect, and end the page. Raises OSError when something has been sent already."""
        from . import util

        util.redirect(self.req, location, permanent)


def serve(req: apache.mp_request, page: Page | None = None) -> int:
    """The handler, for pages that need more than their request."""
    if page is None:
        req.content_type = CONTENT_TYPE
        PSP(req).run()
    else:
        PSP.of_page(req, page).run()
    return apache.OK


def show_source(req: apache.mp_request) -> int:
    """The handler of `page.psp_` where PythonDebug is on: the source of `page.psp`."""
    from .psp_source import write_table

    path = (req.filename or "")[:-1]
    if not os.path.isfile(path):
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    req.content_type = CONTENT_TYPE
    write_table(req, path, None)
    return apache.OK


def provide(page: Page) -> None:
    """Have the names there that a page may look up."""
    for name in LAZY:
        if name not in page_globals and (name in page.mentions or page.is_dynamic):
            page_globals[name] = getattr(sys.modules[__name__], name)


def _form_of(req: Any) -> Any:
    if not hasattr(req, "form"):
        from . import util

        req.form = util.FieldStorage(req, keep_blank_values=1)
    return req.form


def _escapes(req: apache.mp_request) -> bool:
    return req.get_options().get("mod_python.psp.escape") == "html"


def _html_of(*value: Any) -> str:
    from html import escape

    if len(value) == 1 and hasattr(value[0], "__html__"):
        return str(value[0].__html__())
    return escape(str(*value))


def _value(*arguments: Any, **keywords: Any) -> Any:
    """What an expression is that would be several arguments of str(), or none."""
    return arguments[0] if len(arguments) == 1 and not keywords else str(*arguments, **keywords)


class _ModuleInfo:
    """As modules of the importer of old had."""

    def __init__(self, file: str | None) -> None:
        self.label = None
        self.file = file
        self.cache = None
        self.children: dict[str, Any] = {}


page_globals: dict[str, Any] = {
    "__name__": __name__,
    "__builtins__": builtins,
    "PSP": PSP,
    "PSPInterface": PSPInterface,
    "apache": apache,
    "os": os,
    "raw": raw,
    "sys": sys,
    "__value__": _value,
    **dict.fromkeys(("req", "form", "psp", "session", "__file__", "__write__")),
}
"""The globals of every page, but for what differs from request to request."""
