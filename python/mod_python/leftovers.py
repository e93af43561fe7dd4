"""What programs for mod_python on Python 2 have in them that Python 3 does not take, or takes to mean something else.

Text to findings: nothing is imported or executed.
"""

from __future__ import annotations

import ast
import builtins
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SYNTAX = (
    (r"Missing parentheses in call to 'print'", r"", "a print statement of Python 2; in Python 3 it is print(...)"),
    (r"Missing parentheses in call to 'exec'", r"", "an exec statement of Python 2; in Python 3 it is exec(...)"),
    (r"exception types must be parenthesized", r"", "`except X, e` of Python 2; in Python 3 it is `except X as e`"),
    (r"", r"^\s*except\s+[\w.]+\s*,\s*\w+\s*:", "`except X, e` of Python 2; in Python 3 it is `except X as e`"),
    (
        r"",
        r"^\s*raise\s+(apache\.)?SERVER_RETURN\s*,",
        "a raise statement of Python 2; in Python 3 it is `raise apache.SERVER_RETURN(status)`",
    ),
    (r"", r"^\s*raise\s+[\w.]+\s*,", "a raise statement of Python 2; in Python 3 it is `raise X(value)`"),
    (r"leading zeros in decimal integer", r"", "an octal number of Python 2; in Python 3 it is written 0o..."),
    (r"", r"\b(\d+|0[xX][\da-fA-F]+)[lL]\b", "a long number of Python 2; in Python 3 it has no L"),
    (r"", r"<>", "`<>` of Python 2; in Python 3 it is `!=`"),
    (r"", r"`[^`]+`", "backquotes of Python 2; in Python 3 it is repr(...)"),
    (r"", r"\b[uU][rR]['\"]", "a ur'...' text of Python 2; in Python 3 it is r'...'"),
    (r"inconsistent use of tabs", r"", "tabs and spaces are mixed, which Python 2 accepted: use spaces"),
    (r"", r"(def\s+\w+|lambda)\s*\(?[^):]*\([\w\s,]+\)", "a parameter that is a tuple, as in Python 2; take it apart"),
    (r"", r"^\s*(print|exec)\s+\S", "a print or exec statement of Python 2; in Python 3 they are functions"),
)
"""Patterns of a SyntaxError's message and of the line, and what that line has."""

NAMES = {
    "unicode": "str",
    "basestring": "str",
    "unichr": "chr",
    "long": "int",
    "xrange": "range",
    "raw_input": "input",
    "reduce": "functools.reduce",
    "reload": "importlib.reload, or apache.import_module",
    "execfile": "exec(open(...).read())",
    "file": "open",
    "apply": "f(*args)",
    "cmp": "comparisons, or a key function",
    "coerce": "nothing",
    "intern": "sys.intern",
    "StandardError": "Exception",
}
"""Builtin names that are gone, and what to write instead."""

MODULES = {
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "httplib": "http.client",
    "cookielib": "http.cookiejar",
    "Cookie": "http.cookies, or mod_python.Cookie",
    "Session": "mod_python.Session",
    "StringIO": "io",
    "cStringIO": "io",
    "cPickle": "pickle",
    "Queue": "queue",
    "ConfigParser": "configparser",
    "HTMLParser": "html.parser",
    "SocketServer": "socketserver",
    "BaseHTTPServer": "http.server",
    "SimpleHTTPServer": "http.server",
    "xmlrpclib": "xmlrpc.client",
    "md5": "hashlib",
    "sha": "hashlib",
    "sets": "the built-in set",
    "commands": "subprocess",
    "popen2": "subprocess",
    "thread": "threading",
    "dummy_threading": "threading",
    "anydbm": "dbm",
    "dbhash": "dbm",
    "whichdb": "dbm",
    "gdbm": "dbm.gnu",
    "exceptions": "nothing: they are built in",
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "repr": "reprlib",
    "new": "types",
    "rfc822": "email",
    "mimetools": "email",
    "htmlentitydefs": "html.entities",
    "cgi": "mod_python.util, or urllib.parse and html",
    "imp": "importlib, or apache.import_module",
    "MySQLdb": "a driver for Python 3, such as mysqlclient or PyMySQL",
}
"""Modules that are gone or have moved, and where what they had is now."""

GONE = {"cgi": "3.13", "imp": "3.12"}
"""Those that Python 3 had until some version."""

METHODS = {
    "has_key": "`key in mapping`",
    "iteritems": "items()",
    "iterkeys": "keys()",
    "itervalues": "values()",
}
"""Methods that a dict has no more. mod_python's tables still have them."""

STRING_FUNCTIONS = re.compile(
    r"ato[fil]|count|find|index|join|joinfields|letters|[lr]just|(lower|upper)(case)?|[lr]?strip|maketrans|replace|rfind|"
    r"split|splitfields|swapcase|translate|zfill"
)
"""What was in the module `string`, and is a method of str, or gone."""

HOOKS = {
    "__nonzero__": "__bool__",
    "__unicode__": "__str__",
    "__getslice__": "__getitem__",
    "__setslice__": "__setitem__",
    "__delslice__": "__delitem__",
    "__div__": "__truediv__",
    "__cmp__": "__eq__ and __lt__",
    "__coerce__": "nothing",
}
"""Special methods that Python 3 does not call."""

_LOOKED_AT = (
    *(ast.Assign, ast.Attribute, ast.BinOp, ast.Call, ast.ExceptHandler, ast.Expr),
    *(ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Name, ast.Raise),
)

CODECS = frozenset(["hex", "base64", "rot13", "zip", "bz2", "string_escape"])


def of_syntax_error(error: SyntaxError) -> str | None:
    """What of Python 2 stands in the line that could not be compiled, if it looks like something."""
    message, line = str(error.msg or ""), str(error.text or "")
    for message_pattern, line_pattern, hint in SYNTAX:
        if re.search(message_pattern, message) and re.search(line_pattern, line):
            return hint
    return None


def of_import(name: str) -> str | None:
    """Where a module has gone and what took its place, to follow `it is`; None if it is not known to have gone."""
    top = name.partition(".")[0]
    if top not in MODULES:
        return None
    since = f"gone since Python {GONE[top]}" if top in GONE else "of Python 2"
    return f"{since}: use {MODULES[top]}"


def of_source(source: str | bytes, filename: str) -> list[tuple[int, str]]:
    """(line, what is there) for each remnant of Python 2 in a source that compiles, else SyntaxError."""
    tree = ast.parse(source, filename)
    bound = _bound(tree)
    found = {finding for node in ast.walk(tree) if isinstance(node, _LOOKED_AT) for finding in _of_node(node, bound)}
    return sorted(found)


def _bound(tree: ast.AST) -> set[str]:
    """Names that the source gives a meaning of its own, anywhere."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name="string", asname=None):
                continue  # the module
            case ast.alias(name=name, asname=asname):
                names.add(asname or name.partition(".")[0])
            case _:
                continue
    return names


def _of_node(node: ast.AST, bound: set[str]) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Name(id="unicode", ctx=ast.Load()) if "unicode" not in bound:
            yield node.lineno, "unicode is of Python 2; write str, which req.write sends as UTF-8"
        case ast.Name(id=name, ctx=ast.Load()) if name in NAMES and name not in bound:
            yield node.lineno, f"{name} is of Python 2; write {NAMES[name]}"
        case ast.Import(names=aliases):
            for alias in aliases:
                if instead := of_import(alias.name):
                    yield node.lineno, f"the module {alias.name} is {instead}"
        case ast.ImportFrom(module=str(module), level=0) if instead := of_import(module):
            yield node.lineno, f"the module {module} is {instead}"
        case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS and name not in bound:
            yield node.lineno, f"{name}(): mod_python's tables have it, a dict has not; write {METHODS[name]}"
        case _:
            yield from _of_rarer_node(node, bound)


def _of_rarer_node(node: ast.AST, bound: set[str]) -> Iterator[tuple[int, str]]:
    match node:
        case ast.BinOp(left=ast.Name(id="print"), op=ast.RShift()):
            yield node.lineno, "`print >>file, ...` of Python 2; write print(..., file=file)"
        case ast.Expr(value=ast.Name(id="print")):
            yield node.lineno, "a print statement of Python 2 that prints nothing now; write print()"
        case ast.Raise(exc=ast.Constant(value=str())):
            yield node.lineno, "a text cannot be raised; raise an exception"
        case ast.FunctionDef(name=name) if name in HOOKS:
            yield node.lineno, f"Python 3 does not call {name}; write {HOOKS[name]}"
        case ast.Assign(targets=[ast.Name(id="__metaclass__")]):
            yield node.lineno, "__metaclass__ means nothing now; write class X(metaclass=...)"
        case ast.ExceptHandler(type=ast.Tuple(elts=[first, ast.Name(id=name)]) as both, name=None) if (
            # Without parentheses Python 3.14 takes it, as two exceptions (PEP 758).
            both.col_offset == first.col_offset and name not in bound and not hasattr(builtins, name)
        ):
            yield node.lineno, f"{name} would have to be an exception; Python 2's `except X, e` is `except X as e`"
        case ast.Attribute(value=ast.Name(id="string"), attr=name) if (
            "string" not in bound and STRING_FUNCTIONS.fullmatch(name)
        ):
            yield node.lineno, f"string.{name} is of Python 2; use the methods of str"
        case ast.Call(
            func=ast.Attribute(attr="sort", value=ast.Call(func=ast.Attribute(attr="keys" | "values" | "items")))
        ):
            yield node.lineno, "keys(), values() and items() are no lists any more; write sorted(...)"
        case ast.Call(func=ast.Attribute(attr="encode" | "decode"), args=[ast.Constant(value=str(codec)), *_]):
            if codec.lower().replace("-", "_") in CODECS:
                yield node.lineno, f"{codec!r} is no encoding of text; use binascii, base64 or codecs.encode"
        case ast.Call(func=ast.Attribute(attr="requires", value=ast.Name(id="req"))):
            yield node.lineno, "req.requires() does not exist with httpd 2.4"
        case _:
            return
