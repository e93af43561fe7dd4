"""Where a WSGI application stands: its environment, its base among the URIs, its name, its interpreter."""

import ast

import pytest

from client import status_of
from wsgi_applications import CONFIG


def test_environ(httpd):
    site = httpd(
        modules=("env",),
        handler="""
            def application(environ, start_response):
                start_response("200 OK", [("Content-Type", "text/plain")])
                assert type(environ) is dict
                strings = {key: value for key, value in environ.items() if not key.startswith("wsgi.")}
                assert all(type(value) is str for value in strings.values()), strings
                keys = ("wsgi.version", "wsgi.url_scheme", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once",
                        "wsgi.input_terminated")
                return [ascii({**strings, **{key: environ[key] for key in keys}}).encode()]
        """,
        config=CONFIG + "SetEnv SITE_OPTION some\n",
    )
    answer = site.raw(
        b"GET /a%20b/%E9%C3%A9?x=%20&y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-High: \xe9\r\nX-Two: a\r\n"
        b"X-Two: b\r\nAuthorization: Basic eDp5\r\nContent-Type: text/x\r\nProxy: evil\r\n\r\n"
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(head) == 200, answer
    environ = ast.literal_eval(body.decode())
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xe9\xc3\xa9",
        "QUERY_STRING": "x=%20&y",
        "REQUEST_URI": "/a%20b/%E9%C3%A9?x=%20&y",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/x",
        "HTTP_HOST": "localhost",
        "HTTP_X_HIGH": "\xe9",
        "HTTP_X_TWO": "a, b",
        "HTTP_AUTHORIZATION": "Basic eDp5",
        "SITE_OPTION": "some",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    assert {key: environ.get(key) for key in expected} == {**expected, "SERVER_PORT": environ["SERVER_PORT"]}
    assert "HTTP_PROXY" not in environ and "CONTENT_LENGTH" not in environ


def test_nothing_of_one_request_is_in_the_next(httpd):
    """What most requests have in common is kept from one to the next: not what a request lacks, or its application changed."""
    site = httpd(
        modules=("env",),
        handler="""
            def application(environ, start_response):
                start_response("200 OK", [])
                strings = {key: value for key, value in environ.items() if type(value) is str}
                environ["SERVER_NAME"] = environ["HTTP_X"] = "changed"
                environ["REMOTE_USER"] = "made up"
                del environ["SERVER_SOFTWARE"], environ["wsgi.version"]
                return [ascii(strings).encode()]
        """,
        config=CONFIG,
    )

    def environ(request):
        answer = site.raw(request + b"\r\n\r\n")
        found = ast.literal_eval(answer.partition(b"\r\n\r\n")[2].decode())
        del found["REMOTE_PORT"]
        return found

    plain = environ(b"GET / HTTP/1.0")
    assert "HTTP_HOST" not in plain and "SERVER_SOFTWARE" in plain
    rich = environ(b"POST /x?y HTTP/1.1\r\nHost: other\r\nConnection: close\r\nX: 1\r\nContent-Length: 0")
    assert (rich["HTTP_HOST"], rich["HTTP_X"], rich["REQUEST_METHOD"]) == ("other", "1", "POST")
    assert environ(b"GET / HTTP/1.0") == plain
    again = environ(b"POST /x?y HTTP/1.1\r\nHost: other\r\nConnection: close\r\nX: 1\r\nContent-Length: 0")
    assert again == rich
    hosts = [environ(b"GET / HTTP/1.0\r\nHost: " + host)["HTTP_HOST"] for host in (b"a", b"b", b"a")]
    assert hosts == ["a", "b", "a"]


def test_https_by_a_variable(httpd):
    site = httpd(
        modules=("env",),
        handler="""
            def application(environ, start_response):
                start_response("200 OK", [])
                return [environ["wsgi.url_scheme"].encode()]
        """,
        config=CONFIG + "SetEnvIf X-Forwarded-Proto (.+) HTTPS=$1\n",
        late_modules=("setenvif",),
    )
    answers = [site.get("/", headers={"X-Forwarded-Proto": value}).text for value in ("on", "off", "OFF")]
    assert answers == ["https", "http", "http"]


@pytest.mark.parametrize(
    ("section", "option", "answers"),
    [
        ("Location /app", "", {"/app": "/app|", "/app/a%20b": "/app|/a b", "/app/": "/app|/"}),
        ("Location /app/", "", {"/app/x": "/app|/x"}),
        ("Location /app", "/app/base", {"/app/base/x": "/app/base|/x", "/app/x": None, "/app/basex": None}),
        ("LocationMatch ^/a.p", "", {"/app/x": "|/app/x"}),
        ("Directory ${docroot}", "", {"/wdir/foo": "|/wdir/foo"}),
        ("Directory ${docroot}", "/wdir", {"/wdir/foo": "/wdir|/foo", "/wdirs": None}),
    ],
)
def test_base(httpd, section, option, answers):
    name = section.split()[0]
    site = httpd(
        handler="""
            def application(environ, start_response):
                start_response("200 OK", [])
                return ["|".join((environ["SCRIPT_NAME"], environ["PATH_INFO"])).encode()]
        """,
        server=f"""
            <{section}>
                {CONFIG}
                PythonPath "['${{docroot}}'] + sys.path"
                {f"PythonOption mod_python.wsgi.base_uri {option}" if option else ""}
            </{name}>
        """,
        config="",
    )
    for path, answer in answers.items():
        response = site.get(path)
        assert (response.status, response.text) == (200, answer) if answer else response.status == 404, path


@pytest.mark.parametrize(
    ("config", "status", "line"),
    [
        ("PythonOption mod_python.wsgi.application", 500, "KeyError: 'mod_python.wsgi.application'"),
        ("PythonOption mod_python.wsgi.application missing", 500, "ModuleNotFoundError: No module named 'missing'"),
        ("PythonOption mod_python.wsgi.application app::other", 404, "there is no application 'app::other'"),
        ("PythonOption mod_python.wsgi.application app::nothing", 404, "there is no application 'app::nothing'"),
        ("PythonOption mod_python.wsgi.base_uri /x/", 500, "must not end in '/'"),
    ],
)
def test_wrong_options(wsgi, config, status, line):
    site = wsgi("nothing = None\n", config)
    assert site.get("/").status == status
    assert line in site.error_log
    if status == 500:
        site.expect_log(r"PythonHandler mod_python\.wsgi: ")


def test_callable_by_name_and_attributes(wsgi):
    site = wsgi(
        """
        class Site:
            def run(self, environ, start_response):
                start_response("200 OK", [])
                return [b"run"]
        site = Site()
        """,
        "PythonOption mod_python.wsgi.application app::site.run",
    )
    assert site.get("/").text == "run"


@pytest.mark.every_mpm
def test_interpreter(httpd):
    """The main one by default, since many C extensions refuse others."""
    site = httpd(
        handler="""
            import _apache
            def application(environ, start_response):
                start_response("200 OK", [])
                return [_apache.interpreter.encode()]
        """,
        config=CONFIG,
        server="<Location /named>\nPythonInterpreter other\n</Location>",
    )
    assert site.get("/").text == "main_interpreter"
    assert site.get("/named").text == "other"


def test_from_a_stack_and_from_python(httpd):
    site = httpd(
        handler="""
            from mod_python import apache, wsgi

            def first(req):
                req.headers_out["X-First"] = "1"
                return apache.OK

            def handler(req):
                return wsgi.handler(req)

            def application(environ, start_response):
                start_response("200 OK", [("Content-Type", "text/plain")])
                yield environ["PATH_INFO"].encode()
        """,
        config="""
            SetHandler mod_python
            PythonHandler app::first mod_python.wsgi
            PythonOption mod_python.wsgi.application app
        """,
        server="""
            <Location /own>
                SetHandler mod_python
                PythonHandler app
                PythonPath "['${docroot}'] + sys.path"
                PythonOption mod_python.wsgi.application app
            </Location>
        """,
    )
    response = site.get("/x")
    assert (response.text, response.headers["X-First"]) == ("/x", "1")
    assert site.get("/own/x").text == "/x"


def test_q26(httpd):
    """Status, one Content-Type, exc_info=None, a second call, run_once, lines of input, Latin-1, whole segments: also by `req`."""
    site = httpd(
        handler="""
            from mod_python import apache

            def application(environ, start_response):
                start_response("302 Found", [("Location", "/x"), ("Content-Type", "text/x")], None)
                try:
                    start_response("200 OK", [])
                    second = "accepted"
                except RuntimeError:
                    second = "refused"
                told = [second, environ["wsgi.run_once"], list(environ["wsgi.input"]), ascii(environ["PATH_INFO"])]
                return [repr(told).encode()]

            def handler(req):
                environ = req.build_wsgi_env()
                if environ is None:
                    return apache.DECLINED
                for part in application(environ, req.wsgi_start_response):
                    req.write(part)
                return apache.OK
        """,
        server="".join(
            f"""
            <Location /{name}>
                SetHandler mod_python
                PythonHandler {handler}
                PythonPath "['${{docroot}}'] + sys.path"
                PythonOption mod_python.wsgi.application app
                PythonOption mod_python.wsgi.base_uri /{name}
            </Location>
            """
            for name, handler in {"native": "mod_python.wsgi", "gateway": "app"}.items()
        ),
        config="",
    )
    for name in ("native", "gateway"):
        response = site.post(f"/{name}/%C3%A9", b"a\nb")
        assert (response.status, response.headers["Location"]) == (302, "/x")
        assert response.headers.get_all("Content-Type") == ["text/x"]
        assert response.text == str(["refused", False, [b"a\n", b"b"], ascii("/\xc3\xa9")]), name
        assert site.get(f"/{name}s/x").status == 404
