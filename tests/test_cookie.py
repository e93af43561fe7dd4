"""mod_python.Cookie inside a real httpd: what is read from clients, what is sent to them, and what is refused."""

import hmac

import pytest

PARSE = """
    from mod_python import Cookie
    import ast

    def parse(req):
        Class, string, keywords = ast.literal_eval(req.read().decode())
        try:
            found = getattr(Cookie, Class).parse(string, **keywords)
        except Exception as error:
            return type(error).__name__
        return {name: (type(cookie).__name__, cookie.value) for name, cookie in found.items()}

    def show(req):
        Class, arguments, keywords, later = ast.literal_eval(req.read().decode())
        try:
            cookie = getattr(Cookie, Class)(*arguments, **keywords)
            for name, value in later.items():
                setattr(cookie, name, value)
            return str(cookie)
        except (Cookie.CookieError, AttributeError, TypeError) as error:
            return type(error).__name__
        except ValueError as error:
            return "ValueError"
"""


@pytest.fixture
def site(httpd):
    return httpd(functions=PARSE)


def parse(site, string, Class="Cookie", **keywords):
    return site.call("parse", method="POST", body=ascii((Class, string, keywords)))


def show(site, *arguments, Class="Cookie", later=None, **keywords):
    return site.call("show", method="POST", body=ascii((Class, arguments, keywords, later or {})))


# Reading


def test_parse(site):
    rows = {
        "a=1; b=2": {"a": "1", "b": "2"},
        "a=1;b=2": {"a": "1", "b": "2"},
        "a=1;;b=2": {"a": "1", "b": "2"},
        "a=1, b=2": {"a": "1, b=2"},
        "a": {"a": ""},
        "=x": {"x": ""},
        "a=b=c": {"a": "b=c"},
        r'a="q;uo\"ted"; b=2': {"a": r'"q;uo\"ted"', "b": "2"},
        'a="x" y; b=2': {"a": '"x"', "y": "", "b": "2"},
        "a = 1 ; b = 2": {"a": "1 ", "b": "2"},
        "$Version=1; a=1; $Path=/": {"a": "1"},
        "a=1; a=2": {"a": "2"},
        "A=1; a=2; path=/x": {"A": "1", "a": "2", "path": "/x"},
        "a=%41\udce9": {"a": "%41\udce9"},
    }
    for string, expected in rows.items():
        assert parse(site, string) == {name: ("Cookie", value) for name, value in expected.items()}, string
    assert parse(site, "a=1; b=2; c=3", names=["a", "c"]) == {"a": ("Cookie", "1"), "c": ("Cookie", "3")}
    assert parse(site, "aa=1; a=2", names=("a",)) == {"a": ("Cookie", "2")}
    assert parse(site, b"a=1") == "TypeError"


GET = """
    from mod_python import Cookie

    class Own(Cookie.Cookie):
        @classmethod
        def parse(cls, string, names=None):
            return {"all": cls("all", string)}

    def all(req):
        return {name: cookie.value for name, cookie in Cookie.get_cookies(req).items()}

    def one(req):
        cookie = Cookie.get_cookie(req, "a")
        return cookie and (cookie.name, cookie.value)

    def own(req):
        return Cookie.get_cookies(req, Own)["all"].value

    def several(req):
        req.headers_in.add("Cookie", "z=26")
        return Cookie.get_cookie(req, "z").value, len(Cookie.get_cookies(req))
"""


def test_get_cookies(httpd):
    site = httpd(functions=GET)
    assert site.call("all") == {}
    assert site.call("one") is None
    header = {"Cookie": "a=1; aa=2; b="}
    assert site.call("all", headers=header) == {"a": "1", "aa": "2", "b": ""}
    assert site.call("one", headers=header) == ("a", "1")
    assert site.call("own", headers=header) == "a=1; aa=2; b="
    assert site.call("several", headers=header) == ("26", 4)
    assert b"{'a': '1', 'b': '2', 'c': '3, 4'}" in site.raw(b"GET /all HTTP/1.0\r\nCookie: a=1; b=2\r\nCookie: c=3, 4\r\n\r\n")


# Writing


def test_attributes(site):
    every = {"path": "/x", "domain": ".d", "secure": 1, "httponly": True, "max_age": 30, "version": 1}
    every |= {"comment": "c", "samesite": "lax", "discard": 1, "port": 80, "commentURL": "u", "partitioned": True}
    assert show(site, "sid", "abc", later={"expires": 0}, **every) == (
        "sid=abc; version=1; path=/x; domain=.d; Secure; comment=c; expires=Thu, 01-Jan-1970 00:00:00 GMT; Max-Age=30; "
        "SameSite=Lax; commentURL=u; discard; port=80; HttpOnly; Partitioned"
    )
    assert show(site, "a", "b", PATH="/") == "a=b; path=/"
    assert show(site, "a", "b", max_age=0) == "a=b; Max-Age=0"
    assert show(site, "a", "b", secure=False, httponly=0, path=None, expires=None) == "a=b"
    assert show(site, "a", "b", samesite="none") == "a=b; Secure; SameSite=None"
    assert show(site, "a", 5) == "a=5"
    assert show(site, "a", b"5") == "a=5"
    assert show(site, "a", '"quoted"') == 'a="quoted"'
    assert show(site, "a", "b", samesite="any") == "CookieError"
    for unknown in ("nonsense", "__class", "secret"):
        assert show(site, "a", "b", **{unknown: 1}) == "AttributeError"


def test_expires(site):
    assert show(site, "a", "b", expires=1234567890) == "a=b; expires=Fri, 13-Feb-2009 23:31:30 GMT"
    assert show(site, "a", "b", expires=1234567890.9) == "a=b; expires=Fri, 13-Feb-2009 23:31:30 GMT"
    for date in ("Fri, 13-Feb-2009 23:31:30 GMT", "Fri, 13 Feb 2009 23:31:30 GMT"):
        assert show(site, "a", "b", expires=date) == f"a=b; expires={date}"
    for wrong in ("tomorrow", "Fri, 13-Feb 2009 23:31:30 GMT", "Fri, 13-Feb-2009 23:31:30 GMT\n", "Fri, 13-Feb-2009 23:31:30 CET"):
        assert show(site, "a", "b", expires=wrong) == "ValueError", wrong
    assert show(site, "a", "b", expires=b"x") == "TypeError"


HOSTILE = ["x\r\nSet-Cookie: y=1", "x\n", "x\r", "x\0", "x; domain=evil", "x;", "\x7f", "\x1b"]


@pytest.mark.parametrize("bad", HOSTILE)
def test_nothing_is_injected(site, bad):
    assert show(site, "a", bad) == "CookieError"
    assert show(site, bad, "b") == "CookieError"
    assert show(site, "a", bad, secret="s", Class="SignedCookie") == "CookieError"
    for attribute in ("path", "domain", "comment", "samesite", "max_age", "version", "port", "commentURL"):
        assert show(site, "a", "b", **{attribute: bad}) == "CookieError"


def test_names_and_values_of_the_rfc(site):
    for value in ("a b", "a,b", 'a"b', "a\\b", "\xe9", "\t", '"a', 'a"'):
        assert show(site, "a", value) == "CookieError", value
    for name in ("", "a b", "a=b", "a,b", '"a"', "\xe9", None, 5):
        assert show(site, name, "b") == "CookieError", name
    every = "".join(map(chr, range(0x21, 0x7F)))
    octets = "".join(char for char in every if char not in '",;\\')
    assert show(site, "a", octets) == f"a={octets}"


def test_lenient_values(httpd):
    site = httpd(
        functions="""
            from mod_python import Cookie

            class Loose(Cookie.Cookie):
                lenient = True

            def send(req):
                Cookie.add_cookie(req, Loose("a", "one, \\xe9"))
                try:
                    Cookie.add_cookie(req, Loose("b", "one;two"))
                except ValueError as error:
                    return str(error)
        """
    )
    answer = site.get("/send")
    assert answer.headers["Set-Cookie"].encode("latin-1").decode() == "a=one, \xe9"
    assert "semicolon" in answer.text


def test_add_cookie(httpd):
    site = httpd(
        functions="""
            from mod_python import Cookie
            import datetime

            def send(req):
                req.headers_out["Cache-Control"] = "private"
                Cookie.add_cookie(req, "a", "1", path="/")
                Cookie.add_cookie(req, Cookie.Cookie("b", "2", expires=datetime.datetime(2009, 2, 13, 23, 31, 30)), "ignored", path="/i")
                Cookie.add_cookie(req, "c")

            def wrong(req):
                cookie = Cookie.Cookie("a", "b")
                return [name for name in ("path", "expires", "secure") if hasattr(cookie, name)], cookie.__data__, repr(cookie)

            def late(req):
                class Own(Cookie.Cookie):
                    pass
                try:
                    Own("a", "b").other = 1
                except AttributeError:
                    return repr(Own("a", "b\\n")), Own.DOWNGRADE, Own.IGNORE, Own.EXCEPTION, issubclass(Cookie.CookieError, Exception)
        """
    )
    answer = site.get("/send")
    expected = ["a=1; path=/", "b=2; expires=Fri, 13-Feb-2009 23:31:30 GMT", "c="]
    assert answer.headers.get_all("Set-Cookie") == expected
    assert answer.headers.get_all("Cache-Control") == ["private", 'no-cache="set-cookie"']
    assert site.call("wrong") == ([], {}, "<Cookie: a=b>")
    assert site.call("late") == ("<Own: 'a' that cannot be sent>", 0, 1, 3, True)


# Signatures


def signed(value, name="user", secret=b"k3y", purpose=b"SignedCookie"):
    return hmac.digest(secret, b"\0".join((purpose, name.encode(), value.encode())), "sha256").hex() + value


def test_signed_cookies(site):
    assert show(site, "user", "alice", "k3y", Class="SignedCookie", path="/") == f"user={signed('alice')}; path=/"
    assert show(site, "user", "alice", b"k3y", Class="SignedCookie") == f"user={signed('alice')}"
    for secret in (None, "", b""):
        assert show(site, "user", "alice", secret, Class="SignedCookie") == "CookieError"
    header = f"user={signed('alice')}; plain=text"
    found = {"user": ("SignedCookie", "alice"), "plain": ("Cookie", "text")}
    assert parse(site, header, "SignedCookie", secret="k3y") == found
    assert parse(site, header, "SignedCookie", secret=b"k3y", mismatch=1) == {"user": found["user"]}
    assert parse(site, header, "SignedCookie", secret="k3y", mismatch=3) == "CookieError"
    assert parse(site, header, "SignedCookie", secret="k3y", mismatch=3, names=("user",)) == {"user": found["user"]}
    assert parse(site, header, "SignedCookie") == "TypeError"
    assert parse(site, header, "SignedCookie", secret="") == {"user": ("Cookie", signed("alice")), "plain": ("Cookie", "text")}


@pytest.mark.parametrize("Class", ["SignedCookie", "MarshalCookie"])
def test_altered_cookies(site, Class):
    value = "Wyd4JywgMV0=" if Class == "MarshalCookie" else "alice"
    right = signed(value, purpose=Class.encode())
    assert parse(site, f"user={right}", Class, secret="k3y")["user"][0] == Class
    altered = [
        right[:-1],
        right + "x",
        right[1:],
        right.upper(),
        right[:64] + "z" + right[65:],
        value,
        "",
        right[:64],
        "0" * 64 + value,
    ]
    altered += [chr(ord(right[0]) ^ 1) + right[1:], right[:63], "\udce9" * 80]
    for text in altered:
        assert parse(site, f"user={text}", Class, secret="k3y") == {"user": ("Cookie", text)}, text
        assert parse(site, f"user={text}", Class, secret="k3y", mismatch=1) == {}
    for header in (f"use={right}", f"userx={right}", f"User={right}"):
        assert parse(site, header, Class, secret="k3y", mismatch=1) == {}
    assert parse(site, f"user={right}", Class, secret="other", mismatch=1) == {}


def test_a_signature_is_for_one_name_value_and_class(site):
    assert signed("bc", name="a") != signed("c", name="ab")
    assert parse(site, f"ab={signed('bc', name='a')[:64]}c", "SignedCookie", secret="k3y", mismatch=1) == {}
    data = "Wyd4JywgMV0="
    assert parse(site, f"user={signed(data)}", "MarshalCookie", secret="k3y", mismatch=1) == {}


DATA = [None, True, 5, -1.5, 2j, "text \xe9", b"\0\xff", (1, [2, {"k": {3, 4}}]), [], {}, "\udce9", 10**30]


def test_marshal_cookies(site):
    for value in DATA:
        text = show(site, "user", value, "k3y", Class="MarshalCookie")
        assert text.startswith("user=") and ";" not in text
        assert parse(site, text, "MarshalCookie", secret="k3y", mismatch=3) == {"user": ("MarshalCookie", value)}


def test_marshal_cookies_hold_data_only(httpd):
    site = httpd(
        functions="""
            from mod_python import Cookie
            import collections, enum, hmac

            class Number(enum.IntEnum):
                ONE = 1

            def refused(req):
                wrong = []
                for value in (object(), float("nan"), float("inf"), frozenset([1]), collections.OrderedDict(a=1), Number.ONE, len, [object], "x" * 4096):
                    try:
                        wrong.append(str(Cookie.MarshalCookie("a", value, "s")))
                    except Cookie.CookieError:
                        pass
                return wrong

            def payload(req):
                "What has the right signature, but is no data."
                found = []
                for payload in ("!!!", "YQ", "X19pbXBvcnRfXygnb3MnKQ==", "KCg=", "a" * 5000):
                    message = b"MarshalCookie\\0a\\0" + payload.encode()
                    header = "a=" + hmac.digest(b"s", message, "sha256").hex() + payload
                    cookie = Cookie.MarshalCookie.parse(header, "s")["a"]
                    found.append((type(cookie).__name__, cookie.value == payload))
                return found
        """
    )
    assert site.call("refused") == []
    assert site.call("payload") == [("Cookie", True)] * 5


def test_unsign(httpd):
    site = httpd(
        functions="""
            from mod_python import Cookie

            def back(req):
                cookie = Cookie.SignedCookie("user", "alice", "k3y")
                there = Cookie.SignedCookie("user", str(cookie).partition("=")[2])
                try:
                    there.unsign("wrong")
                except Cookie.CookieError:
                    assert there.__data__["secret"] is None and len(there.value) == 69
                there.unsign("k3y")
                return there.value, str(there) == str(cookie), len(there.hexdigest("x"))

            def get(req):
                return Cookie.get_cookie(req, "user", Cookie.SignedCookie, secret="k3y").value
        """
    )
    assert site.call("back") == ("alice", True, 64)
    assert site.call("get", headers={"Cookie": f"user={signed('alice')}"}) == "alice"
