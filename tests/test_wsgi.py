"""WSGI applications under `PythonHandler mod_python.wsgi`: what PEP 3333 promises, and what is refused by name."""

import re
import textwrap

import pytest

from client import receive, status_of
from httpd import wait_until

CONFIG = """
    SetHandler mod_python
    PythonHandler mod_python.wsgi
    PythonOption mod_python.wsgi.application app
"""


@pytest.fixture
def wsgi(httpd):
    """A function that starts an httpd with an application: the site's `app.py`."""

    def start(application, config="", **options):
        return httpd(handler=application, config=CONFIG + textwrap.dedent(config), **options)

    return start


@pytest.mark.every_mpm
def test_hello(wsgi):
    site = wsgi("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("X-One", "1"), ("X-One", "2")])
            return [b"hello"]
    """)
    response = site.get("/page")
    assert (response.status, response.reason, response.body) == (200, "OK", b"hello")
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["Content-Length"] == "5"
    assert response.headers.get_all("X-One") == ["1", "2"]


@pytest.mark.every_mpm
def test_wsgiref_validate(wsgi):
    site = wsgi("""
        from wsgiref.validate import validator

        @validator
        def application(environ, start_response):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            write = start_response("201 Created", [("Content-Type", "text/plain")])
            environ["wsgi.errors"].write("seen\\n")
            write(b"<")
            return iter([body, b">"])
    """)
    assert site.get("/").body == b"<>"
    response = site.post("/a/b?c=d", b"x" * 100_000)
    assert (response.status, response.body) == (201, b"<" + b"x" * 100_000 + b">")
    site.expect_log("seen$")
