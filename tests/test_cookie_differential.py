"""The same cookies and sessions under Debian's mod_python and under ours: the same answer.

What Debian's cannot do on Python 3 (signatures, clean-up) has no row here, nor has what ours says on purpose in another way.
"""

import re

import pytest

import httpd as real
from test_differential import MODULE, OTHER, answers, indented

HEADERS = ["a=1; b=2", "a=1;b=2", "a=1;;b=2", "a", "=x", "a=b=c", 'a="q;uo\\"ted"; b=2', 'a="x" y; b=2', "a = 1 ; b = 2", "a b=2"]
HEADERS += [
    "$Version=1; a=1; $Path=/",
    "a=1; a=2",
    "a=;b",
    ";;;",
    "a==1",
    ',a=1; ,b="2',
    "a=%20\t; B=2 ",
    'a="\\\\"; b="\\"',
    "a=1,b=2",
]

# Name: (what the body of the handler does, what is asked).
HANDLERS = {
    "parse": (
        """
            from mod_python import Cookie
            for header in HEADERS:
                for found in (Cookie.Cookie.parse(header), Cookie.Cookie.parse(header, names=["a", "y"])):
                    req.write(repr(sorted((name, cookie.value, str(type(cookie))) for name, cookie in found.items())) + "\\n")
        """.replace("HEADERS", repr(HEADERS)),
        [("GET", "/", {})],
    ),
    "get": (
        """
            from mod_python import Cookie
            found = Cookie.get_cookies(req)
            one = Cookie.get_cookie(req, "a")
            req.write(repr([sorted((name, cookie.value) for name, cookie in found.items()), one and one.value]))
        """,
        [("GET", "/", {}), *(("GET", "/", {"Cookie": header}) for header in HEADERS if header.strip())],
    ),
    "add": (
        """
            from mod_python import Cookie
            Cookie.add_cookie(req, "a", "1")
            Cookie.add_cookie(req, "b", "2", path="/x", domain=".d", version=1, comment="c", port=80)
            Cookie.add_cookie(req, Cookie.Cookie("c", "3", expires=1234567890.5, discard=1), "not", path="/not")
            cookie = Cookie.Cookie("d", "")
            cookie.expires = "Thu, 01-Jan-1970 00:00:00 GMT"
            cookie.commentURL = "u"
            Cookie.add_cookie(req, cookie)
            req.write(repr([str(cookie), repr(cookie), cookie.name, cookie.value, cookie.expires, cookie.__data__]))
        """,
        [("GET", "/", {})],
    ),
    "attributes": (
        """
            from mod_python import Cookie
            found = []
            cookie = Cookie.Cookie("a", "b")
            for act in (lambda: cookie.path, lambda: cookie.expires, lambda: setattr(cookie, "other", 1), lambda: Cookie.Cookie("a", "b", x=1),
                        lambda: Cookie.Cookie("a", "b", expires="soon"), lambda: Cookie.Cookie.parse(b"a=1"), lambda: Cookie.Cookie("a")):
                try:
                    found.append(repr(act()))
                except Exception as error:
                    found.append(type(error).__name__)
            req.write(repr([found, Cookie.Cookie.DOWNGRADE, Cookie.Cookie.IGNORE, Cookie.Cookie.EXCEPTION]))
        """,
        [("GET", "/", {})],
    ),
    "session": (
        """
            from mod_python import Session
            one = Session.FileSession(req)
            found = [one.is_new(), len(one.id()), one.timeout(), one.load(), dict(one), one.created() > 0, isinstance(one, dict)]
            one["a"] = [1, {"b": (2, 3)}]
            one.set_timeout(50)
            one.save()
            one.unlock()
            two = Session.FileSession(req, sid=one.id(), timeout=70)
            found += [two.is_new(), two.timeout(), dict(two), two.created() == one.created(), two.id() == one.id()]
            two.delete()
            found += [dict(two), two.load()]
            two.invalidate()
            two.save()
            found += [two.load()]
            for sid in ("x" * 32, "0" * 31, 5):
                try:
                    Session.FileSession(req, sid=sid)
                except (ValueError, TypeError) as error:
                    found.append(type(error).__name__)
            del req.headers_out["Set-Cookie"]  # the ids differ
            req.write(repr(found))
        """,
        [("GET", "/", {}), ("GET", "/sub/x", {"Cookie": "pysid=none"})],
    ),
    "session cookie": (
        """
            from mod_python import Session
            session = Session.Session(req)
            cookie = session.make_cookie()
            found = [type(session).__name__, cookie.name, str(cookie).replace(session.id(), "ID"), cookie.path]
            del req.headers_out["Set-Cookie"]
            req.write(repr(found))
        """,
        [("GET", "/", {}), ("GET", "/sub/x", {})],
    ),
}
# It logs a traceback for each session that it does not find.
DEBIANS_TRACEBACKS = re.compile(""), re.compile("session|Session|Traceback|FileNotFound")
OPTIONS = """
    SetHandler mod_python
    PythonHandler app
    PythonOption mod_python.session.session_type FileSession
    PythonOption mod_python.session.database_directory ${scratch}
    PythonOption mod_python.session.cookie_name own
    PythonOption mod_python.session.application_domain d.example
    PythonOption mod_python.session.cookie_httponly off
    PythonOption mod_python.session.cookie_samesite off
    PythonOption mod_python.session.cookie_secure off
"""


@pytest.mark.parametrize("name", HANDLERS)
def test_both_answer_the_same(httpd, name):
    if not OTHER.exists():
        pytest.skip(f"{OTHER} is not installed")
    body, requests = HANDLERS[name]
    told = []
    for module in (OTHER, real.MODULE):
        site = httpd(module=module, handler=MODULE.format(body=indented(body)), config=OPTIONS, files={"sub/x": ""}, threads=4)
        site.scratch.chmod(0o1777)
        if module == OTHER:
            site.expected.append(DEBIANS_TRACEBACKS)
        told.append(list(answers(site, requests)))
        site.stop()
    theirs, ours = told
    assert ours == theirs
