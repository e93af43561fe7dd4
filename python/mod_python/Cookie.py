"""Cookies (RFC 6265): plain ones, signed ones, and signed ones that hold Python data.

One object is one cookie. What clients send is read as they wrote it; what is sent to them is checked when it becomes a
header, so that no name, value or attribute can add something that its author did not mean.
"""

from __future__ import annotations

import re
import time
from _operator import _compare_digest as compare_digest  # that of `hmac`, without OpenSSL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime
    from typing import Any, ClassVar

    from ._apache import cookie_pair, hmac_sha256, mp_request, parse_cookies
else:
    from _apache import cookie_pair, hmac_sha256, parse_cookies

DIGEST_LENGTH = 64
"""Hex digits of HMAC-SHA-256 before the value of a signed cookie."""
LARGEST = 4096
"""Characters that browsers keep of a cookie (RFC 6265, 6.1). A MarshalCookie that is longer is not looked into."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IS_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
"""A token (RFC 9110, 5.6.2)."""
_IS_LENIENT_VALUE = re.compile(r"[^;\x00-\x08\x0a-\x1f\x7f]*").fullmatch
"""What no browser takes for the end of the value. Without NUL, CR and LF, as is every header."""
_IS_ATTRIBUTE = re.compile(r"[^;\x00-\x1f\x7f]*").fullmatch
_IS_DATE = re.compile(
    rf"(?:{'|'.join(_DAYS)}), [0-3]\d([- ])(?:{'|'.join(_MONTHS)})\1\d{{4}} [0-2]\d:[0-5]\d:[0-6]\d GMT"
).fullmatch
_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None"}
_FLAGS = {"secure": "Secure", "discard": "discard", "httponly": "HttpOnly", "partitioned": "Partitioned"}
_NAMES_ON_THE_WIRE = {"max_age": "Max-Age"}


class CookieError(ValueError):
    """A cookie that cannot be sent, or whose signature is wrong."""


class metaCookie(type):  # noqa: N801
    """Classes whose instances have the attributes of a cookie and no others, unless they say so themselves."""

    def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> metaCookie:
        members.setdefault("__slots__", ())
        return super().__new__(mcs, name, bases, members)


class _Attribute:
    """An attribute that a cookie may have. Most have few, so those that are set are kept in a dict."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, cookie: Cookie | None, owner: type[Cookie]) -> Any:
        if cookie is None:
            return self
        try:
            return cookie._attributes[self.name]
        except KeyError:
            raise AttributeError(self.name) from None

    def __set__(self, cookie: Cookie, value: Any) -> None:
        cookie._attributes[self.name] = value

    def __delete__(self, cookie: Cookie) -> None:
        if self.name not in cookie._attributes:
            raise AttributeError(self.name)
        del cookie._attributes[self.name]


class _Expires(_Attribute):
    """When the client forgets the cookie.

    Set it to a date of HTTP (`Fri, 13-Feb-2009 23:31:30 GMT`, with dashes or blanks), to seconds since 1970, to a
    datetime (one without zone is UTC), or to None. Raises ValueError for another text.
    """

    __slots__ = ()

    def __set__(self, cookie: Cookie, value: str | float | datetime | None) -> None:
        cookie._attributes[self.name] = None if value is None else _date(value)


class Cookie(metaclass=metaCookie):
    """One cookie.

    `str()` of it is the value of a Set-Cookie header. Attributes that were never set raise AttributeError; None is the
    same as not set. `str()` raises CookieError for what may not be sent.
    """

    DOWNGRADE = 0
    IGNORE = 1
    EXCEPTION = 3
    lenient: ClassVar[bool] = False
    """Whether values may hold what RFC 6265 forbids and browsers let pass: blanks, quotes, commas, all of Unicode."""

    _valid_attr = (
        "version",
        "path",
        "domain",
        "secure",
        "comment",
        "expires",
        "max_age",
        "samesite",
        "commentURL",
        "discard",
        "port",
        "httponly",
        "partitioned",
    )
    __slots__ = ("__data__", "_attributes", "name", "value")
    version = _Attribute("version")
    path = _Attribute("path")
    domain = _Attribute("domain")
    secure = _Attribute("secure")
    comment = _Attribute("comment")
    expires = _Expires("expires")
    max_age = _Attribute("max_age")
    samesite = _Attribute("samesite")
    commentURL = _Attribute("commentURL")  # noqa: N815
    discard = _Attribute("discard")
    port = _Attribute("port")
    httponly = _Attribute("httponly")
    partitioned = _Attribute("partitioned")
    if TYPE_CHECKING:
        name: str
        value: Any
        _attributes: dict[str, Any]
        __data__: dict[str, Any]

    def __init__(self, name: str, value: Any, **attributes: Any) -> None:
        self.name, self.value = name, value
        self.__data__ = {}
        self._attributes = {}
        for attribute, content in attributes.items():
            lower = attribute.lower()
            setattr(self, "commentURL" if lower == "commenturl" else lower, content)

    @classmethod
    def parse(cls, string: str, names: Container[str] | None = None) -> dict[str, Any]:
        """The cookies of a Cookie header, by name; of several with one name the last.

        `names` restricts them. Values stay as they came: quotes, backslashes and all.
        """
        return {name: cls(name, value) for name, value in _pairs(string, names)}

    def __str__(self) -> str:
        return self._header(_text(self.value))

    def _header(self, value: str) -> str:
        """The header with `value` in it."""
        pair = cookie_pair(self.name, value)
        if pair is None:
            self._refuse(self.name, value)
            pair = f"{self.name}={value}"
        attributes = self._attributes
        if not attributes:
            return pair
        parts = [pair]
        for attribute in self._valid_attr:
            if attribute in attributes and attributes[attribute] is not None:
                self._add_attribute(parts, attribute, attributes[attribute])
        return "; ".join(parts)

    def _refuse(self, name: object, value: str) -> None:
        """Raise CookieError for what is not even lenient."""
        if not isinstance(name, str) or not _IS_NAME(name):
            raise CookieError(f"a cookie's name must be a token (RFC 6265, 4.1.1), not {name!r}")
        if not _IS_LENIENT_VALUE(value):
            raise CookieError(f"the value of cookie {name!r} holds a semicolon or a control character: {value!r}")
        if not self.lenient:
            raise CookieError(
                f"the value of cookie {name!r} holds a blank, quote, comma, backslash or something that is not ASCII, "
                f"which RFC 6265 forbids (encode it, or derive a class that is `lenient`): {value!r}"
            )

    def _add_attribute(self, parts: list[str], attribute: str, content: Any) -> None:
        if attribute in _FLAGS:
            if content and _FLAGS[attribute] not in parts:
                parts.append(_FLAGS[attribute])
            return
        text = _text(content)
        if attribute == "samesite":
            if text.lower() not in _SAME_SITE:
                raise CookieError(f"samesite must be 'Strict', 'Lax' or 'None', not {text!r}")
            text = _SAME_SITE[text.lower()]
            # Browsers drop the cookie otherwise.
            if text == "None" and "Secure" not in parts:
                parts.append("Secure")
            attribute = "SameSite"
        elif (";" in text or not text.isprintable()) and not _IS_ATTRIBUTE(text):
            raise CookieError(f"{attribute} of cookie {self.name!r} holds ; or a control character: {text!r}")
        parts.append(f"{_NAMES_ON_THE_WIRE.get(attribute, attribute)}={text}")

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__}: {self}>"
        except CookieError:
            return f"<{type(self).__name__}: {self.name!r} that cannot be sent>"


class SignedCookie(Cookie):
    """A cookie that only who knows `secret` can make or change; anybody can read it.

    The signature is HMAC-SHA-256 over class, name and value. It binds neither path nor time: who has a cookie can send
    it for ever, so put into the value until when it is good.
    """

    _purpose: ClassVar[str] = "SignedCookie"

    def __init__(self, name: str, value: Any, secret: str | bytes | None = None, **attributes: Any) -> None:
        super().__init__(name, value, **attributes)
        self.__data__["secret"] = secret

    @classmethod
    def parse(  # type: ignore[override]
        cls, string: str, secret: str | bytes, mismatch: int = Cookie.DOWNGRADE, names: Container[str] | None = None
    ) -> dict[str, Any]:
        """The cookies of a Cookie header, by name.

        Those whose signature is wrong become a plain Cookie (DOWNGRADE), are left out (IGNORE), or raise CookieError
        (EXCEPTION).
        """
        found: dict[str, Any] = {}
        for name, value in dict(_pairs(string, names)).items():
            cookie = cls(name, value)
            try:
                cookie._reveal(secret)
            except CookieError:
                if mismatch == Cookie.EXCEPTION:
                    raise
                if mismatch == Cookie.DOWNGRADE:
                    found[name] = Cookie(name, cookie.value)
            else:
                found[name] = cookie
        return found

    def hexdigest(self, str: str | bytes) -> str:
        """64 hex digits over the name and this text. Raises CookieError without a secret."""
        return self._hexdigest(self.__data__.get("secret"), _text(str))

    def _hexdigest(self, secret: str | bytes | None, text: str) -> str:
        if not secret:
            raise CookieError(f"cookie {self.name!r} cannot be signed: its secret is missing or empty")
        return hmac_sha256(secret, f"{self._purpose}\0{self.name}\0{text}").hex()

    def __str__(self) -> str:
        return self._signed(_text(self.value))

    def _signed(self, value: str) -> str:
        return self._header(self.hexdigest(value) + value)

    def unsign(self, secret: str | bytes) -> None:
        """Take the signature off the value and remember the secret.

        Raises CookieError, and changes nothing, if the signature is wrong.
        """
        signed = _text(self.value)
        signature, value = signed[:DIGEST_LENGTH], signed[DIGEST_LENGTH:]
        right = self._hexdigest(secret, value)
        if "\0" in self.name or not signature.isascii() or not compare_digest(signature, right):
            raise CookieError(f"the signature of cookie {self.name!r} is wrong")
        self.value = value
        self.__data__["secret"] = secret

    def _reveal(self, secret: str | bytes) -> None:
        self.unsign(secret)


class MarshalCookie(SignedCookie):
    """A signed cookie whose value is plain data: None, bools, numbers, str, bytes; tuples, lists, dicts, sets of them.

    The data goes as a Python literal in Base64. Nothing is decoded before the signature has been found right, and
    decoding can make nothing but such data.
    """

    _purpose = "MarshalCookie"

    def __str__(self) -> str:
        from base64 import b64encode

        literal = repr(self.value)
        if not _same(_evaluated(literal), self.value):
            raise CookieError(f"cookie {self.name!r} can hold plain data only, not {literal[:80]}")
        payload = b64encode(_bytes(literal)).decode("ascii")
        if len(payload) > LARGEST:
            raise CookieError(f"cookie {self.name!r} cannot hold data of {len(payload)} characters")
        return self._signed(payload)

    def unmarshal(self, secret: str | bytes) -> None:
        """`unsign`, then make the data from the value. Raises CookieError."""
        self.unsign(secret)
        from base64 import b64decode

        try:
            if len(self.value) > LARGEST:
                raise ValueError("it is too long")
            literal = b64decode(self.value, validate=True).decode("utf-8", "surrogateescape")
        except ValueError as error:
            raise CookieError(f"the value of cookie {self.name!r} is no data: {error}") from error
        value = _evaluated(literal)
        if value is _NO_LITERAL:
            raise CookieError(f"the value of cookie {self.name!r} is no data")
        self.value = value

    def _reveal(self, secret: str | bytes) -> None:
        self.unmarshal(secret)


def add_cookie(req: mp_request, cookie: Cookie | str, value: Any = "", **attributes: Any) -> None:
    """Send a cookie with the response: a Cookie object, or one of this name, value and attributes.

    It goes into `headers_out`, which error responses and redirects by status leave out:
    `req.err_headers_out.add('Set-Cookie', str(cookie))` goes with these too. Caches are told not to keep it.
    """
    if not isinstance(cookie, Cookie):
        cookie = Cookie(cookie, value, **attributes)
    text = str(cookie)
    headers = req.headers_out
    if "Set-Cookie" not in headers:
        headers.add("Cache-Control", 'no-cache="set-cookie"')
    headers.add("Set-Cookie", text)


def get_cookies(req: mp_request, Class: type[Cookie] = Cookie, **kw: Any) -> dict[str, Any]:  # noqa: N803
    """The request's cookies by name. `Class` and the further arguments are those of `Class.parse`."""
    headers = req.headers_in
    if "Cookie" not in headers:
        return {}
    header = headers["Cookie"]
    if isinstance(header, list):
        header = "; ".join(header)
    if ", " in header:
        # httpd joins headers of one name so.
        header = "; ".join(f"{name}={value}" for name, value in parse_cookies(header, None, 1))
    return Class.parse(header, **kw)


def get_cookie(req: mp_request, name: str, Class: type[Cookie] = Cookie, **kw: Any) -> Any:  # noqa: N803
    """The request's cookie of this name, or None."""
    return get_cookies(req, Class, names=(name,), **kw).get(name)


def _pairs(string: str, names: Container[str] | None) -> list[tuple[str, str]]:
    if names is None:
        return parse_cookies(string)
    if isinstance(names, tuple) and len(names) == 1:
        return parse_cookies(string, names[0])
    return [pair for pair in parse_cookies(string) if pair[0] in names]


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _date(value: str | float | datetime) -> str:
    if isinstance(value, str):
        if not _IS_DATE(value):
            raise ValueError(f"a date must look like 'Fri, 13-Feb-2009 23:31:30 GMT', not {value!r}")
        return value
    if isinstance(value, (int, float)):
        moment = time.gmtime(value)
    elif hasattr(value, "utctimetuple"):
        moment = value.utctimetuple()
    else:
        raise TypeError(f"expires must be str, seconds since 1970 or a datetime, not {type(value).__name__}")
    # strftime would use the names of the locale.
    return (
        f"{_DAYS[moment.tm_wday]}, {moment.tm_mday:02}-{_MONTHS[moment.tm_mon - 1]}-{moment.tm_year:04} "
        f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} GMT"
    )


_NO_LITERAL: Any = object()


def _evaluated(literal: str) -> Any:
    """The value of a Python literal, or _NO_LITERAL."""
    from ast import literal_eval

    try:
        return literal_eval(literal)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NO_LITERAL


def _same(one: Any, other: Any) -> bool:
    """Equal and of equal types, as far as `repr` can tell."""
    return one is not _NO_LITERAL and one == other and repr(one) == repr(other)
