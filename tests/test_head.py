"""HEAD: the head that GET has, and no body, whatever wrote it."""

import pytest

from real_site import certificate as certificate
from transports import TRANSPORTS, Transports

HANDLER = """
    import os
    from mod_python import apache

    def handler(req):
        try:
            return answer(req)
        except OSError:
            return apache.OK  # the client has all of it, and is gone

    def answer(req):
        what = req.uri.split("/")[-1]
        req.content_type = "text/plain"
        req.headers_out["X-Own"] = "kept"
        if what == "written":
            req.write("some text")
        elif what == "gathered":
            req.write("some text", 0)
            req.write(" and more", 0)
        elif what == "announced":
            req.set_content_length(9)
            req.write("some text")
        elif what == "large":
            for _ in range(100):
                req.write("x" * 10000, 0)
        elif what == "file":
            req.sendfile(req.document_root() + "/file.txt")
        elif what == "missing":
            return apache.HTTP_NOT_FOUND
        elif what == "own_page":
            req.status = 404
            req.write("own page")
        elif what == "redirect":
            req.internal_redirect("/handler/written")
        elif what == "raises":
            raise apache.SERVER_RETURN(apache.HTTP_GONE)
        return apache.OK

    def outputfilter(filter):
        data = filter.read()
        while data:
            filter.write(data.upper() + b"!")
            data = filter.read()
        if data is None:
            filter.close()

    def application(environ, start_response):
        what = environ["PATH_INFO"].strip("/")
        headers = [("Content-Type", "text/plain"), ("X-Own", "kept")]
        if what == "announced":
            headers.append(("Content-Length", "9"))
        write = start_response("404 Own" if what == "missing" else "200 OK", headers)
        if what == "written":
            write(b"some text")
            return []
        if what == "file":
            return environ["wsgi.file_wrapper"](open(environ["DOCUMENT_ROOT"] + "/file.txt", "rb"))
        if what == "pieces":
            return (b"x" for _ in range(100))
        return [b"some text"]
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    PythonOutputFilter app LOUD
    <LocationMatch "^/(handler|filtered)/">
        SetHandler mod_python
        PythonHandler app
    </LocationMatch>
    <Location /filtered>
        SetOutputFilter LOUD
    </Location>
    <Location /wsgi>
        SetHandler mod_python
        PythonHandler mod_python.wsgi
        PythonOption mod_python.wsgi.application app
        PythonOption mod_python.wsgi.base_uri /wsgi
    </Location>
"""
PATHS = (
    *(
        f"/handler/{what}"
        for what in ["written", "gathered", "announced", "large", "file", "missing", "own_page", "redirect", "raises", "nothing"]
    ),
    *(f"/filtered/{what}" for what in ["written", "gathered", "file"]),
    *(f"/wsgi/{what}" for what in ["written", "announced", "missing", "file", "pieces", "list"]),
)
# What says how a body is sent may be left out of the answer to HEAD (RFC 9110, 9.3.2); and times pass.
FRAMING = {"content-length", "transfer-encoding", "date", "keep-alive", "connection"}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_head(httpd, certificate, transport):
    transports = Transports(
        httpd, certificate, handler=HANDLER, config="", server=SERVER, files={"file.txt": "a file"}, modules=("filter",)
    )
    # mod_http2 resets a stream when much is written in answer to HEAD, by a CGI script too.
    for path in PATHS if transport.startswith("HTTP/1") else [path for path in PATHS if "large" not in path]:
        get = transports.ask(transport, path)
        head = transports.ask(transport, path, "--head")
        assert (head.status, head.body) == (get.status, b""), path
        assert {name for name in head.headers if name not in FRAMING} == {name for name in get.headers if name not in FRAMING}, path
        for name in head.headers.keys() & get.headers.keys() - (FRAMING - {"content-length"}):
            assert head[name] == get[name], (path, name)
