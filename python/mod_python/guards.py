"""Who may use a published object: its `__auth__`, `__access__` and `__auth_realm__`.

They are attributes of the object (of a module, an instance or its class, a function), or bound in the body of a
function (nested.py). If several functions make up what is called, each wrapped by another, all must allow. Whatever
cannot be told for certain denies.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Set
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType, MethodType, ModuleType
from weakref import ref

from . import apache
from .nested import NAMES, Binding, UncertainError, bindings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn

    from ._apache import mp_request

_AUTH, _ACCESS, _REALM = NAMES
_OF_MODULES = frozenset((*NAMES, "__getattr__"))
"""What makes a module more than one that declares nothing."""
_ABSENT: Any = object()
_PLAIN = frozenset((str, bytes, int, float, bool, list, tuple, dict, set, frozenset, type(None)))
"""Types whose objects have no attributes of ours."""
_MOST_FUNCTIONS = 100

_nested: dict[ref[FunctionType], tuple[Binding, ...]] = {}
"""What a function, and those that it wraps, bind in their bodies. As a WeakKeyDictionary, at less cost for a look."""


def check(
    req: mp_request, found: Any, realm: str, user: str | None, password: str | None
) -> tuple[str, str | None, str | None]:
    """Realm and credentials for what lies deeper; SERVER_RETURN with 400, 401 or 403 if the object is not for them."""
    # A quick look first: most objects declare nothing.
    kind = type(found)
    if kind is FunctionType:
        if _nested.get(ref(found)) == () and not found.__dict__:
            return realm, user, password
    elif kind is ModuleType:
        if found.__dict__.keys().isdisjoint(_OF_MODULES):
            return realm, user, password
    elif kind in _PLAIN:
        return realm, user, password
    try:
        declared = _declared(found)
        if not declared:
            return realm, user, password
        realms = [str(value) for name, value in declared if name == _REALM]
        realm = realms[-1] if realms else realm
        if user is None and any(name != _REALM for name, _ in declared):
            user, password = _credentials(req)
        for name, value in declared:
            if name == _AUTH and not (user and _authenticates(req, value, user, password or "")):
                _ask_for_credentials(req, realm)
        for name, value in declared:
            if name == _ACCESS and not _allows(req, value, user):
                raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    except UncertainError as error:
        req.log_error(f"MP0306: mod_python.publisher: access is denied: {error}", apache.APLOG_ERR)
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN) from None
    return realm, user, password


# What is declared


def _declared(found: Any) -> list[tuple[str, Any]]:
    """Names and values of all guards of an object, of what it wraps before its own."""
    declared = [(binding.name, binding.value()) for binding in _bindings(found)]
    for name in NAMES:
        value = getattr(found, name, _ABSENT)
        if value is not _ABSENT:
            declared.append((name, value))
    return declared


def _bindings(found: Any) -> tuple[Binding, ...]:
    function = found.__func__ if type(found) is MethodType else found
    if type(function) is FunctionType:
        known = _nested.get(ref(function))
        if known is None:
            known = _nested[ref(function, _nested.pop)] = _all_bindings(function)
        return known
    if type(found) is ModuleType or isinstance(found, type) or not callable(found):
        return ()
    return _all_bindings(found)


def _all_bindings(found: Any) -> tuple[Binding, ...]:
    functions = list(_functions(found))
    return tuple(binding for function in reversed(functions) for binding in bindings(function))


def _functions(found: Any) -> Iterator[FunctionType]:
    """The Python functions that a call may run: an object's own, what that wraps, what its closure holds."""
    pending, seen = [found], set()
    while pending:
        item = pending.pop(0)
        if id(item) in seen:
            continue
        seen.add(id(item))
        if len(seen) > _MOST_FUNCTIONS:
            raise UncertainError(f"{found!r} wraps more functions than can be followed")
        if isinstance(item, functools.partial):
            pending.append(item.func)
        elif isinstance(item, (MethodType, staticmethod, classmethod)):
            pending.append(item.__func__)
        elif isinstance(item, FunctionType):
            yield item
            pending += _in_closure(item)
        else:
            pending.append(getattr(type(item), "__call__", None))  # noqa: B004
        pending.append(getattr(item, "__dict__", {}).get("__wrapped__"))


def _in_closure(function: FunctionType) -> list[Any]:
    held = []
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        if isinstance(value, (FunctionType, MethodType, functools.partial)):
            held.append(value)
    return held


# What it says


def _authenticates(req: mp_request, auth: Any, user: str, password: str) -> bool:
    if callable(auth):
        return _verdict(auth(req, user, password), _AUTH)
    if isinstance(auth, Mapping):
        expected = auth.get(user, _ABSENT)
        # An unknown name takes as long as a wrong password.
        is_equal = _equal(password if expected is _ABSENT else expected, password)
        return is_equal and expected is not _ABSENT
    return bool(auth)


def _equal(expected: Any, password: str) -> bool:
    import hmac

    if not isinstance(expected, (str, bytes)):
        return False
    known = expected if isinstance(expected, bytes) else expected.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(known, password.encode("utf-8", "surrogatepass"))


def _allows(req: mp_request, access: Any, user: str | None) -> bool:
    if callable(access):
        return _verdict(access(req, user), _ACCESS)
    if isinstance(access, (list, tuple, Set, Mapping)):
        return user in access
    return bool(access)


def _verdict(result: Any, name: str) -> bool:
    if isinstance(result, (GeneratorType, CoroutineType, AsyncGeneratorType)):
        if not isinstance(result, AsyncGeneratorType):
            result.close()
        raise UncertainError(f"{name} is a generator or coroutine, which says neither yes nor no when it is called")
    return bool(result)


# Credentials


def _credentials(req: mp_request) -> tuple[str | None, str | None]:
    """User name and password of Basic authentication (RFC 7617), which clients send as UTF-8 or as Latin-1."""
    import base64
    import binascii

    header = req.headers_in.get("Authorization")
    scheme, _, encoded = (header or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        decoded = base64.b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST) from None
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    user, colon, password = text.partition(":")
    if not colon:
        raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
    return user, password


def _ask_for_credentials(req: mp_request, realm: str) -> NoReturn:
    printable = "".join(character for character in realm if character.isprintable())
    quoted = printable.replace("\\", "\\\\").replace('"', '\\"')
    req.err_headers_out["WWW-Authenticate"] = f'Basic realm="{quoted}"'
    raise apache.SERVER_RETURN(apache.HTTP_UNAUTHORIZED)
