"""Trailers: headers that come after a body in chunks, which httpd merges into those of the request or keeps from handlers."""

import ast

import pytest

pytestmark = pytest.mark.threads_and_processes

HANDLER = """
    def told(*facts):
        return ascii(facts) + "\\n"

    def handler(req):
        before = req.headers_in.get("X-Trailer")
        try:
            body = req.read(3) if req.args == "half" else b"".join(req.readlines()) if req.args == "lines" else req.read()
        except OSError:
            return 400
        after = req.headers_in.get("X-Trailer")
        req.write(told(before, body, after, req.headers_in.get("X-Header")), 0)
        return 0

    def application(environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [told(None, body, environ.get("HTTP_X_TRAILER"), environ["HTTP_X_HEADER"]).encode()]
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    SetHandler mod_python
    <LocationMatch "^/(?!wsgi)">
        PythonHandler app
    </LocationMatch>
    <Location /wsgi>
        PythonHandler mod_python.wsgi
        PythonOption mod_python.wsgi.application app
    </Location>
"""
HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nX-Header: first\r\nTransfer-Encoding: chunked\r\n"
BODY = b"4\r\nbody\r\n0\r\nX-Trailer: told\r\nContent-Length: 99\r\nX-Header: second\r\nHost: elsewhere\r\n\r\n"


def ask(site, path):
    """What a request with trailers comes to, and that the next one on its connection is its own."""
    next_one = b"POST /next HTTP/1.1\r\nHost: localhost\r\nX-Header: next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answers = site.raw(HEAD % path.encode() + b"\r\n" + BODY + next_one)
    told = [line for line in answers.decode().splitlines() if line.startswith("(")]
    assert ast.literal_eval(told[1]) == (None, b"", None, "next")
    return ast.literal_eval(told[0])


def test_trailers_are_kept_from_handlers(httpd):
    site = httpd(handler=HANDLER, server=SERVER, config="")
    for path in ("/x", "/x?lines", "/wsgi"):
        assert ask(site, path) == (None, b"body", None, "first"), path
    assert ask(site, "/x?half") == (None, b"bod", None, "first")


def test_merged_trailers(httpd):
    """MergeTrailers On: they are there when the body has been read to its end."""
    site = httpd(handler=HANDLER, server=SERVER + "MergeTrailers On\n", config="")
    for path in ("/x", "/x?lines"):
        assert ask(site, path) == (None, b"body", "told", "first"), path
    assert ask(site, "/x?half") == (None, b"bod", None, "first")
    # Its environment is made before the body is read.
    assert ask(site, "/wsgi")[2] is None


def test_trailers_that_are_none(httpd):
    """They are refused where the body ends, and nothing comes behind them."""
    site = httpd(handler=HANDLER, server=SERVER, config="")
    second = b"GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for trailer in (
        b"no colon\r\n",
        b"X: y\rz\r\n",
        b"X : y\r\n",
        b"X: \x00\r\n",
        b"X: " + b"y" * 10000 + b"\r\n",
        b"X: y\r\n" * 200,
    ):
        answer = site.raw(HEAD % b"/x" + b"\r\n4\r\nbody\r\n0\r\n" + trailer + b"\r\n" + second, half_close=True)
        assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1, trailer[:10]
