"""mod_python.Session: what a session is to a handler, and its cookie. Where it is kept is in test_session_stores.py."""

import ast
import re

import pytest

from session_stores import cookie_of
from test_real_site import certificate, curl, tls  # noqa: F401 (a fixture)

APP = """
    from mod_python import Cookie, Session
    import ast, time

    def facts(req):
        session = Session.Session(req)
        session.save()
        return type(session).__name__, session.id(), session.is_new(), session.timeout(), isinstance(session, dict)
"""
HANDLER = "SetHandler mod_python\nPythonHandler app\n"


def facts(site, **options):
    return site.call("facts", **options)


# Which class


@pytest.mark.parametrize("name", ["MemorySession", "FileSession", "DbmSession", "SqliteSession"])
@pytest.mark.parametrize("option", ["mod_python.session.session_type", "session"])
def test_the_option_names_the_class(httpd, name, option):
    site = httpd(functions=APP, config=f"{HANDLER}PythonOption {option} {name}")
    assert facts(site)[0] == name


def test_default_class(httpd):
    assert facts(httpd(functions=APP, server="ServerLimit 1\n"))[0] == "MemorySession"
    assert facts(httpd(functions=APP, children=2))[0] == "FileSession"
    assert facts(httpd(functions=APP, mpm="prefork"))[0] == "FileSession"


def test_an_unknown_class(httpd):
    site = httpd(functions=APP, config=f"{HANDLER}PythonOption mod_python.session.session_type filesession")
    assert site.get("/facts").status == 500
    site.expect_traceback("unknown session type 'filesession'")


def test_memory_of_several_processes_is_warned_of(httpd):
    site = httpd(functions=APP, config=f"{HANDLER}PythonOption session MemorySession", mpm="prefork", children=1)
    for _ in range(3):
        facts(site)
    assert site.error_log.count("MemorySession in a server of several processes") == 1


# Ids


def test_ids(httpd):
    site = httpd(
        functions=APP
        + """
    def given(req):
        try:
            return Session.Session(req, sid=ast.literal_eval(req.read().decode())).is_new()
        except (TypeError, ValueError) as error:
            return type(error).__name__
"""
    )
    answer = site.get("/facts")
    _, sid, is_new, timeout, is_dict = ast.literal_eval(answer.text)
    assert re.fullmatch("[0-9a-f]{32}", sid) and is_new and timeout == 1800 and is_dict
    assert facts(site, headers={"Cookie": f"pysid={sid}"})[1:3] == (sid, False)

    def given(value):
        return site.call("given", method="POST", body=ascii(value))

    assert given(sid) is False
    # What is offered is taken if it is known, and never adopted.
    unknown = "0123456789abcdef" * 2
    assert given(unknown) is True
    assert facts(site, headers={"Cookie": f"pysid={unknown}"})[1] != unknown
    for bad in (sid + "\n", sid.upper().replace("0", "A"), sid[:-1], "../../../../../../../../etc/passwd", "g" * 32, "\u0661" * 32):
        assert given(bad) == "ValueError", bad
        answer = site.get("/facts", headers={"Cookie": f"pysid={bad.strip()}x".encode()})
        assert answer.status == 200 and ast.literal_eval(answer.text)[2] is True
    assert given(5) == "TypeError"
    assert given(b"0" * 32) == "TypeError"
    assert given("") is given(0) is given(None) is True


def test_many_ids_differ(httpd):
    site = httpd(functions=APP)
    assert len({facts(site)[1] for _ in range(100)}) == 100


# The cookie


def test_cookie(httpd):
    site = httpd(functions=APP)
    answer = site.get("/facts")
    sid = ast.literal_eval(answer.text)[1]
    assert answer.headers.get_all("Set-Cookie") == [f"pysid={sid}; path=/; SameSite=Lax; HttpOnly"]
    assert answer.headers["Cache-Control"] == 'no-cache="set-cookie"'
    again = site.get("/facts", headers=cookie_of(answer))
    assert again.headers["Set-Cookie"] is None


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("mod_python.session.cookie_name own", "own=SID; path=/; SameSite=Lax; HttpOnly"),
        ("session_cookie_name own", "own=SID; path=/; SameSite=Lax; HttpOnly"),
        ("mod_python.session.application_path /x", "pysid=SID; path=/x; SameSite=Lax; HttpOnly"),
        ("ApplicationPath /x", "pysid=SID; path=/x; SameSite=Lax; HttpOnly"),
        ("mod_python.session.application_domain d.example", "pysid=SID; path=/; domain=d.example; SameSite=Lax; HttpOnly"),
        ("mod_python.session.cookie_httponly off", "pysid=SID; path=/; SameSite=Lax"),
        ("mod_python.session.cookie_samesite strict", "pysid=SID; path=/; SameSite=Strict; HttpOnly"),
        ("mod_python.session.cookie_samesite none", "pysid=SID; path=/; Secure; SameSite=None; HttpOnly"),
        ("mod_python.session.cookie_samesite off", "pysid=SID; path=/; HttpOnly"),
        ("mod_python.session.cookie_secure on", "pysid=SID; path=/; Secure; SameSite=Lax; HttpOnly"),
        ("mod_python.session.cookie_secure off", "pysid=SID; path=/; SameSite=Lax; HttpOnly"),
    ],
)
def test_options_of_the_cookie(httpd, option, expected):
    site = httpd(functions=APP, config=f"{HANDLER}PythonOption {option}")
    answer = site.get("/facts")
    assert answer.headers["Set-Cookie"] == expected.replace("SID", ast.literal_eval(answer.text)[1])
    assert facts(site, headers=cookie_of(answer))[2] is False


@pytest.mark.parametrize(("option", "is_secure"), [("", True), ("PythonOption mod_python.session.cookie_secure off", False)])
def test_cookies_over_tls_are_for_tls_only(httpd, certificate, option, is_secure):  # noqa: F811
    site = httpd(functions=APP, config=HANDLER + option, server=tls(certificate), modules=["ssl", "socache_shmcb"])
    answer = curl(site, certificate, "/facts", "--include", "--http1.1")[2]
    assert (b"path=/; Secure; SameSite=Lax; HttpOnly" in answer) is is_secure
    assert (b"path=/; SameSite=Lax; HttpOnly" in answer) is not is_secure


def test_path_of_the_cookie(httpd):
    app = """
        from mod_python import Session
        def handler(req):
            Session.Session(req)
            return 0
    """
    site = httpd(
        files={"run/app.py": app, "alias/app.py": app},
        config="",
        server="""
            <Directory ${docroot}/run>
                SetHandler mod_python
                PythonHandler app
            </Directory>
            <Location /loc>
                SetHandler mod_python
                PythonHandler app
                PythonPath "sys.path + ['${docroot}/run']"
            </Location>
            Alias /other ${docroot}/alias
            <Directory ${docroot}/alias>
                SetHandler mod_python
                PythonHandler app
            </Directory>
        """,
        modules=["alias"],
    )
    for path, expected in {"/run/x": "/run/", "/run/x/y": "/run/", "/loc/x": "/", "/other/x": "/", "/alias/x": "/alias/"}.items():
        assert f"; path={expected}; " in site.get(path).headers["Set-Cookie"], path


def test_signed_cookie(httpd):
    site = httpd(
        functions=APP
        + """
    def signed(req):
        session = Session.Session(req, secret="k3y")
        session.save()
        return session.id(), session.is_new()
"""
    )
    answer = site.get("/signed")
    sid = ast.literal_eval(answer.text)[0]
    cookie = cookie_of(answer)
    assert re.fullmatch(f"pysid=[0-9a-f]{{64}}{sid}", cookie["Cookie"])
    assert site.call("signed", headers=cookie) == (sid, False)
    changed = cookie["Cookie"].replace(sid, sid[1:] + sid[0])
    for text in (f"pysid={sid}", changed, "pysid=" + "0" * 64 + sid):
        assert site.call("signed", headers={"Cookie": text})[1] is True


# Life


LIFE = (
    APP
    + """
    def begin(req):
        session = Session.Session(req, timeout=77)
        session["a"] = [1, {2}]
        session.save()
        return session.created() <= session.last_accessed() <= time.time(), session.timeout()

    def read(req):
        session = Session.Session(req)
        return dict(session), session.is_new(), session.timeout()

    def unsaved(req):
        Session.Session(req)["b"] = 1

    def delete(req):
        session = Session.Session(req)
        session.delete()
        found = dict(session)
        if req.args:
            session["c"] = 3
            session.save()
        return found

    def invalidate(req):
        session = Session.Session(req)
        session.invalidate()
        session["d"] = 4
        session.save()

    def timeout(req):
        session = Session.Session(req, timeout=5)
        session.set_timeout(99)
        session.save()

    def renew(req):
        session = Session.Session(req)
        session.renew()
        session["user"] = "alice"
        session.save()
        return session.id()

    def twice(req):
        req.headers_out.add("Set-Cookie", "other=1")
        session = Session.Session(req)
        session.renew()
        session.invalidate()
        return session.id()
"""
)


@pytest.fixture(params=["MemorySession", "FileSession", "DbmSession", "SqliteSession"])
def life(httpd, request):
    return httpd(functions=LIFE, config=f"{HANDLER}PythonOption mod_python.session.session_type {request.param}")


def test_life(life):
    begun = life.get("/begin")
    assert ast.literal_eval(begun.text) == (True, 77)
    cookie = cookie_of(begun)
    assert life.call("read", headers=cookie) == ({"a": [1, {2}]}, False, 77)
    life.call("unsaved", headers=cookie)
    assert life.call("read", headers=cookie) == ({"a": [1, {2}]}, False, 77)
    life.call("timeout", headers=cookie)
    assert life.call("read", headers=cookie) == ({"a": [1, {2}]}, False, 99)
    assert life.call("delete", headers=cookie, query="?save") == {}
    assert life.call("read", headers=cookie) == ({"c": 3}, False, 99)
    assert life.call("delete", headers=cookie) == {}
    assert life.call("read", headers=cookie) == ({}, True, 1800)


def test_invalidate(life):
    cookie = cookie_of(life.get("/begin"))
    answer = life.get("/invalidate", headers=cookie)
    assert "expires=Thu, 01-Jan-1970 00:00:00 GMT" in answer.headers["Set-Cookie"]
    assert life.call("read", headers=cookie)[:2] == ({}, True)


def test_renew(life):
    cookie = cookie_of(life.get("/begin"))
    answer = life.get("/renew", headers=cookie)
    renewed = cookie_of(answer)
    assert renewed != cookie and renewed["Cookie"] == f"pysid={ast.literal_eval(answer.text)}"
    assert life.call("read", headers=renewed) == ({"a": [1, {2}], "user": "alice"}, False, 77)
    assert life.call("read", headers=cookie)[1] is True


def test_a_renewal_that_fails_changes_nothing(httpd):
    site = httpd(
        functions=LIFE
        + """
    def unsaveable(req):
        session = Session.Session(req)
        session["b"] = lambda: None
        try:
            session.renew()
        except Exception as error:
            return session.id()
""",
        config=f"{HANDLER}PythonOption session FileSession",
    )
    cookie = cookie_of(site.get("/begin"))
    answer = site.get("/unsaveable", headers=cookie)
    assert cookie["Cookie"] == f"pysid={ast.literal_eval(answer.text)}"
    assert answer.headers["Set-Cookie"] is None
    assert site.call("read", headers=cookie)[:2] == ({"a": [1, {2}]}, False)


def test_one_cookie_of_a_name(life):
    answer = life.get("/twice")
    other, own = answer.headers.get_all("Set-Cookie")
    assert other == "other=1"
    assert own.startswith(f"pysid={ast.literal_eval(answer.text)}; ") and "1970" in own


# A class of one's own


def test_own_class(httpd):
    site = httpd(
        functions="""
            from mod_python import Session

            store = {}
            called = []

            class Own(Session.BaseSession):
                def do_load(self):
                    called.append("load")
                    return store.get(self.id())

                def do_save(self, dict):
                    called.append("save")
                    store[self.id()] = dict

                def do_delete(self):
                    called.append("delete")
                    store.pop(self.id(), None)

                def do_cleanup(self):
                    called.append("cleanup")

                def init_lock(self):
                    called.append("init_lock")

            def count(req):
                called.clear()
                Session.CLEANUP_CHANCE = 1
                session = Own(req, None, None, 55, 1)
                session["n"] = session.get("n", 0) + 1
                session.save()
                stored = store[session.id()]
                return session["n"], called, sorted(stored), type(stored["_data"]) is dict, stored["_timeout"], session.timeout()

            def base(req):
                session = Session.BaseSession(req)
                session["n"] = 1
                session.save()
                session.delete()
                return session.is_new(), session.load(), dict(session)
        """
    )
    answer = site.get("/count")
    keys = ["_accessed", "_created", "_data", "_timeout"]
    assert ast.literal_eval(answer.text) == (1, ["init_lock", "cleanup", "save"], keys, True, 55, 55)
    assert site.call("count", headers=cookie_of(answer)) == (2, ["init_lock", "load", "cleanup", "save"], keys, True, 55, 55)
    assert site.call("base") == (True, 0, {})


def test_booleans(httpd):
    site = httpd(
        functions="""
            from mod_python.Session import true_or_false

            def say(req):
                try:
                    true_or_false("perhaps")
                except ValueError as error:
                    return [true_or_false(word) for word in "yes True ON 1 no False off 0".split()], str(error)
        """
    )
    assert site.call("say") == ([True] * 4 + [False] * 4, "'perhaps' is neither on (yes, true, 1) nor off (no, false, 0)")
