"""`PythonHandler mod_python.publisher`: a URL names an object of a Python module, and what the object is, is the page.

The last part of the file name says which module, the rest of the URL which object in it. Functions are called with
the fields of the form that have the names of their parameters (arguments.py). `__auth__`, `__access__` and
`__auth_realm__` of whatever is on the way say who may (guards.py).
"""

from __future__ import annotations

import re
import types
from functools import lru_cache
from types import FunctionType, GeneratorType, MethodType, ModuleType

from . import apache, guards
from .arguments import MissingArgumentError, arguments_for
from .pages import PageCache, file_stamp
from .util import FieldStorage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._apache import mp_request
    from .generations import Stamp

Rule = tuple[bool, bool]

default_tp_rule: Rule = (True, True)
"""Whether objects of a type may be stepped into, and whether they may be published."""
default_builtins_tp_rule: Rule = (False, True)
_NEVER: Rule = (False, False)

tp_rules: dict[type, Rule] = {
    value: default_builtins_tp_rule for value in vars(types).values() if isinstance(value, type)
}
"""Rules by exact type; a site may add its own."""
tp_rules.update(
    dict.fromkeys(
        (
            ModuleType,
            type,
            types.BuiltinFunctionType,
            types.ClassMethodDescriptorType,
            types.CodeType,
            types.FrameType,
            types.GenericAlias,
            types.GetSetDescriptorType,
            types.MemberDescriptorType,
            types.MethodDescriptorType,
            types.MethodWrapperType,
            types.TracebackType,
            types.WrapperDescriptorType,
        ),
        _NEVER,
    )
)
_NEVER_WITH_SUBTYPES = (ModuleType, type)

re_html = re.compile(r"</html\s*>\s*\Z", re.IGNORECASE)
re_charset = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)
_HTML_TAIL = 100
"""Characters at the end of a page in which the closing tag of HTML is looked for."""
_METHODS = ("GET", "POST", "HEAD")

page_cache = PageCache()
_known_names: dict[tuple[str | None, str | None], tuple[str, list[str]]] = {}
"""By file name and path info of requests, what `_path_and_names` gave."""
_MOST_KNOWN = 1000


def handler(req: mp_request) -> int:
    """Publish what the URL names."""
    if req.method not in _METHODS:
        req.allow_methods(_METHODS, 1)
        return apache.HTTP_METHOD_NOT_ALLOWED
    stamp, names, file_parts = _file_and_names(req)
    module = page_cache.module(req, stamp)
    realm, user, passwd = guards.check(req, module, "unknown", None, None)
    found = _resolve(req, module, names, file_parts, realm, user, passwd)
    if not publish_object(req, found) and req.get_config().get("PythonDebug") == "1" and not req._bytes_queued:
        req.log_error(
            f"MP0303: mod_python.publisher: {'.'.join(names)} of {stamp[0]} returned None and wrote nothing",
            apache.APLOG_NOTICE,
        )
    return apache.OK


def _file_and_names(req: mp_request) -> tuple[Stamp, list[str], int]:
    """The module's file, the names that lead to the object, and how many of these are parts of the name of a file."""
    filename, path_info = req.filename, req.path_info
    path, names = _known_names.get((filename, path_info)) or _path_and_names(req, filename or "", path_info or "")
    stamp = file_stamp(req, path)
    file_parts = 0
    if stamp is None:
        directory, _, name = path.removesuffix(".py").rpartition("/")
        path = f"{directory}/index.py"
        stamp = file_stamp(req, path)
        if stamp is None:
            raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
        names = name.split(".") + (names if path_info and path_info != "/" else [])
        file_parts = name.count(".")
    req.filename = path
    return stamp, names, file_parts


def _path_and_names(req: mp_request, filename: str, path_info: str) -> tuple[str, list[str]]:
    """The file that a URL names, if it exists, and the names that lead to the object in it."""
    directory, _, name = filename.rpartition("/")
    stem = _without_suffix(req, name) if "." in name else name
    path = f"{directory}/{stem or 'index'}.py"
    names = (path_info.removeprefix("/").removesuffix("/") or "index").replace("/", ".").split(".")
    if "." not in name or name.endswith(".py"):
        if len(_known_names) >= _MOST_KNOWN:
            _known_names.clear()
        _known_names[filename, path_info] = path, names
    return path, names


def _without_suffix(req: mp_request, name: str) -> str:
    """The name without `.py`, or the extension for which the server chose this handler."""
    if name.endswith(".py") and name != ".py":
        return name[:-3]
    suffixes = [f".{extension}" for extension in req.get_addhandler_exts().split()]
    if req.extension:
        suffixes.append(req.extension)
    for suffix in sorted(suffixes, key=len, reverse=True):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def resolve_object(
    req: mp_request,
    obj: Any,
    object_str: str,
    realm: str | None = None,
    user: str | None = None,
    passwd: str | None = None,
) -> Any:
    """The object that the dotted path `object_str` leads to from `obj`, if all on the way allow it.

    Raises SERVER_RETURN with 403 or 404, and what `process_auth` raises.
    """
    return _resolve(req, obj, object_str.split("."), 0, realm, user, passwd)


def _resolve(
    req: mp_request,
    found: Any,
    names: list[str],
    file_parts: int,
    realm: str | None,
    user: str | None,
    passwd: str | None,
) -> Any:
    for count, name in enumerate(names):
        if not name:
            raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
        if name[0] == "_":
            raise _forbidden(req, f"{'.'.join(names)}: names with a leading underscore are private")
        if count == 0:
            if type(found) is ModuleType and "__published__" in found.__dict__ and name not in found.__published__:
                raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
        elif not _rule(found)[0]:
            if count <= file_parts:  # index.html, where there is a function `index`
                raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
            raise _forbidden(req, f"{'.'.join(names)}: there is no way into {_described(found)}")
        try:
            found = getattr(found, name)
        except AttributeError:
            raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND) from None
        realm, user, passwd = guards.check(req, found, realm or "unknown", user, passwd)
    if not (tp_rules.get(type(found)) or _rule(found))[1]:
        raise _forbidden(req, f"{'.'.join(names)}: {_described(found)} is not published")
    return found


def _rule(found: Any) -> Rule:
    kind = type(found)
    rule = tp_rules.get(kind)
    if rule is not None:
        return rule
    return _NEVER if issubclass(kind, _NEVER_WITH_SUBTYPES) else default_tp_rule


def _described(found: Any) -> str:
    return f"an object of type {type(found).__name__}"


def _forbidden(req: mp_request, why: str) -> BaseException:
    req.log_error(f"MP0304: mod_python.publisher: {why}", apache.APLOG_WARNING)
    return apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def process_auth(
    req: mp_request,
    object: Any,
    realm: str | None = "unknown",
    user: str | None = None,
    passwd: str | None = None,
) -> tuple[str, str | None, str | None]:
    """Ask `__auth__` and `__access__` of an object; returns realm, user and password for what lies deeper.

    Raises SERVER_RETURN with 401, 403, or with 400 for credentials that cannot be read.
    """
    return guards.check(req, object, realm or "unknown", user, passwd)


def publish_object(req: mp_request, obj: Any) -> bool:
    """Write what an object is, or what it returns if it can be called; False if that is None.

    Text is sent in the charset of `req.content_type`, or as UTF-8. Raises TypeError for a coroutine.
    """
    if callable(obj):
        obj = _call(req, obj)
        if type(obj) is not str:
            _check_result(req, obj)
            return publish_object(req, obj)
    if type(obj) is str:
        _write_text(req, obj)
    elif obj is None:
        return False
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        data = bytes(obj)
        if not req._content_type_set:
            is_html = re_html.search(data[-_HTML_TAIL:].decode("latin-1"))
            req.content_type = "text/html" if is_html else "text/plain"
        req.write(data, 0)
    elif isinstance(obj, GeneratorType):
        _stream(req, obj)
    elif isinstance(obj, (types.CoroutineType, types.AsyncGeneratorType)):
        raise _is_async(obj)
    else:
        _write_text(req, str(obj))
    return True


def _call(req: mp_request, function: Any) -> Any:
    form = getattr(req, "form", None)
    if form is None:
        form = req.form = FieldStorage(req, keep_blank_values=1)
    try:
        positional, keywords = arguments_for(function, form, {"req": req})
    except MissingArgumentError as error:
        req.notes["error-notes"] = f"The argument {error.name} is missing.".encode("ascii", "xmlcharrefreplace")
        req.log_error(f"MP0305: mod_python.publisher: {error}", apache.APLOG_INFO)
        raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST) from None
    return function(*positional, **keywords)


def _check_result(req: mp_request, result: Any) -> None:
    """The rules for what a URL names hold for what it returns, too."""
    if callable(result):
        process_auth(req, result)
    if not _rule(result)[1]:
        raise _forbidden(req, f"{req.uri} returned {_described(result)}, which is not published")


def _write_text(req: mp_request, text: str) -> None:
    if not req._content_type_set:
        tail = text[-_HTML_TAIL:]
        is_html = tail.endswith("</html>") or ("<" in tail and re_html.search(tail))
        req.content_type = "text/html; charset=utf-8" if is_html else "text/plain; charset=utf-8"
        req.write(text, 0)
        return
    charset = _declare_charset(req)
    req.write(text if charset is None else text.encode(charset), 0)


def _declare_charset(req: mp_request) -> str | None:
    """The charset to encode text with, other than UTF-8; where there is none, UTF-8 is declared."""
    content_type = req.content_type or "text/plain"
    declared = _charset_in(content_type)
    if declared is None:
        req.content_type = f"{content_type}; charset=utf-8"
        return None
    return None if declared.lower() in ("utf-8", "utf8") else declared


@lru_cache(maxsize=100)
def _charset_in(content_type: str) -> str | None:
    declared = re_charset.search(content_type)
    return None if declared is None else declared[1]


def _stream(req: mp_request, generator: types.GeneratorType[Any, Any, Any]) -> None:
    """Send the items of a generator as they come."""
    try:
        charset = None
        for count, item in enumerate(generator):
            if not isinstance(item, (str, bytes)):
                raise TypeError(f"{req.uri}: a generator must yield str or bytes, not {type(item).__name__}")
            if count == 0:
                if not req._content_type_set:
                    req.content_type = "text/plain"
                charset = _declare_charset(req) if isinstance(item, str) else None
            req.write(item.encode(charset) if charset and isinstance(item, str) else item)
    finally:
        generator.close()


def _is_async(result: Any) -> TypeError:
    close = getattr(result, "close", None)
    if close:
        close()
    name = getattr(result, "__qualname__", "the function")
    return TypeError(f"{name} is asynchronous, and the publisher does not run coroutines: define it with `def`")


_callable = callable

__all__ = [
    "FunctionType",
    "MethodType",
    "PageCache",
    "default_builtins_tp_rule",
    "default_tp_rule",
    "handler",
    "page_cache",
    "process_auth",
    "publish_object",
    "resolve_object",
    "tp_rules",
]
