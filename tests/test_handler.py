"""Content handlers: what they return and what the client then sees."""

import pytest


@pytest.mark.every_mpm
def test_hello(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.content_type = "text/plain"
                req.write("Hello, world\\n")
                return apache.OK
        """
    )
    response = site.get("/")
    assert (response.status, response.text) == (200, "Hello, world\n")
    assert response.headers["Content-Type"] == "text/plain"


def test_access_handler_may_forbid(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                return apache.HTTP_FORBIDDEN
        """,
        config="PythonAccessHandler app",
    )
    assert site.get("/").status == 403
