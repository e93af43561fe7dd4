"""CGI's variables of a request, and the streams of CGI programs."""

import pytest

pytestmark = pytest.mark.threads_and_processes


def test_cgi_variables(httpd):
    site = httpd(
        functions="""
            def variables(req):
                before = len(req.subprocess_env)
                req.add_common_vars()
                common = dict(req.subprocess_env)
                req.add_cgi_vars()
                assert len(req.subprocess_env) > before
                return common, dict(req.subprocess_env)
        """
    )
    common, cgi = site.call("variables", query="/info?q=a%20b", headers={"X-Own": "v", "Authorization": "Basic eDp5"})
    assert common["HTTP_X_OWN"] == "v"
    assert "HTTP_AUTHORIZATION" not in common
    assert common["SERVER_NAME"] == "localhost"
    assert common["SERVER_PORT"] == str(site.port)
    assert common["DOCUMENT_ROOT"] == str(site.docroot)
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "q=a%20b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "/variables",
        "PATH_INFO": "/info",
        # The raw URI with its query, as CGI users expect.
        "REQUEST_URI": "/variables/info?q=a%20b",
    }
    assert {name: cgi.get(name) for name in expected} == expected


def test_script_filename_may_be_unknown(httpd):
    site = httpd(
        handler="""
            def postreadrequesthandler(req):
                req.add_common_vars()
                req.notes["seen"] = repr(req.subprocess_env.get("SCRIPT_FILENAME", None))
                return 0

            def handler(req):
                req.write(req.notes["seen"])
                return 0
        """,
        server="PythonPath \"sys.path+['${docroot}']\"\nPythonPostReadRequestHandler app",
    )
    assert site.get("/").text == "None"


def test_streams_of_cgi_programs(httpd):
    site = httpd(
        handler="""
            import os
            import sys
            import threading
            from mod_python import apache

            lock = threading.Lock()

            def handler(req):
                with lock:
                    before = apache.setup_cgi(req)
                    try:
                        body = sys.stdin.buffer.read() if req.args == "bytes" else sys.stdin.read()
                        print("Content-Type: text/x-cgi")
                        print("Status: 201 Made")
                        print()
                        print(ascii(body), os.environ["QUERY_STRING"], end=" ")
                    finally:
                        apache.restore_nocgi(*before)
                assert "QUERY_STRING" not in os.environ and sys.argv == ["mod_python"]
                return apache.OK
        """
    )
    for query, expected in (("bytes", r"b'caf\xc3\xa9\xff'"), ("text", r"'caf\xe9\udcff'")):
        response = site.post(f"/?{query}", "caf\u00e9".encode() + b"\xff")
        assert (response.status, response.text) == (201, f"{expected} {query} ")
        assert response.headers["Content-Type"] == "text/x-cgi"
