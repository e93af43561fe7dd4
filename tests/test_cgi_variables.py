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


def test_the_table_of_cgi_variables(httpd):
    """A copy, with what the original added; the request's own table has CGI's variables afterwards."""
    site = httpd(
        functions="""
            def table(req):
                req.subprocess_env["OWN"] = "1"
                env = apache.build_cgi_env(req)
                env["LATER"] = "x"
                names = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "GATEWAY_INTERFACE", "HTTP_AUTHORIZATION", "REQUEST_METHOD", "OWN")
                own = (req.subprocess_env.get("LATER"), req.subprocess_env["GATEWAY_INTERFACE"], "HTTP_AUTHORIZATION" in req.subprocess_env)
                return {name: env[name] if name in env else None for name in names}, own
        """
    )
    env, own = site.call("table", query="/in/fo", headers={"Authorization": "Basic eDp5"})
    assert env == {
        "SCRIPT_NAME": "/table",
        "PATH_INFO": "/in/fo",
        "QUERY_STRING": "",
        "GATEWAY_INTERFACE": "Python-CGI/1.1",
        "HTTP_AUTHORIZATION": "Basic eDp5",
        "REQUEST_METHOD": "GET",
        "OWN": "1",
    }
    assert own == (None, "CGI/1.1", False)
    assert site.call("table")[0]["PATH_INFO"] is None


def test_a_file_that_is_none(httpd):
    site = httpd(
        functions="""
            def null(req):
                file = apache.NullIO()
                done = [file.close(), file.detach(), file.flush(), file.seek(5), file.write("x"), file.writelines(["x"])]
                return done, file.isatty(), file.read(5), file.readline(), file.readlines(), file.tell()
        """
    )
    assert site.call("null") == ([None] * 6, 0, "", "", [], 0)


def test_the_header_that_a_program_writes(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                out = apache.CGIStdout(req)
                end = "\\r\\n" if req.args == "crlf" else "\\n"
                for part in (f"Status: 404 Gone For Lunch{end}Content-Ty", f"pe: text/x-own{end}X-Own: one{end}X-Own: two{end}", end, "the body"):
                    out.write(part)
                count = out.tell()
                out.write(" and more")
                out.flush()
                req.write(f" {count}")
                return apache.OK
        """
    )
    for query, end in (("", "\n"), ("crlf", "\r\n")):
        response = site.get(f"/?{query}")
        header = end.join(("Status: 404 Gone For Lunch", "Content-Type: text/x-own", "X-Own: one", "X-Own: two", "", ""))
        assert (response.status, response.headers["Content-Type"]) == (404, "text/x-own")
        assert response.headers.get_all("X-Own") == ["one", "two"]
        assert response.text == f"the body and more {len(header) + len('the body')}"


def test_the_body_that_a_program_reads(httpd):
    site = httpd(
        functions="""
            def body(req):
                stdin = apache.CGIStdin(req)
                return stdin.readline(), stdin.read(3), stdin.readlines(), stdin.read(), stdin.buffer.read()
        """
    )
    body = "caf\u00e9\nab\nline\nlast".encode()
    assert site.call("body", method="POST", body=body) == ("caf\u00e9\n", "ab\n", ["line\n", "last"], "", b"")
    assert site.call("body") == ("", "", [], "", b"")
