"""Parts of what a handler sends: httpd cuts them out of a file that is sent as of one that it serves itself."""

import os

import pytest

from filters import PASSING
from real_site import certificate as certificate
from transports import TRANSPORTS, Transports

DATA = bytes(range(256)) * 400
HANDLER = """
    import os
    from mod_python import apache

    def handler(req):
        path = req.document_root() + "/file.bin"
        what = req.uri.split("/")[-1]
        req.content_type = "application/octet-stream"
        req.finfo = apache.stat(path, apache.APR_FINFO_NORM)
        req.update_mtime(req.finfo.mtime)
        req.set_last_modified()
        req.set_etag()
        size = os.path.getsize(path)
        if what == "file":
            req.set_content_length(size)
            req.sendfile(path)
        elif what == "parts":
            # Pieces of one file, and some of it from memory.
            req.sendfile(path, 0, 1000)
            with open(path, "rb") as file:
                file.seek(1000)
                req.write(file.read(1000), 0)
            req.sendfile(path, 2000, 3000)
            req.sendfile(path, 5000)
        elif what == "flushed":
            req.sendfile(path, 0, 1000)
            req.flush()
            req.sendfile(path, 1000)
        elif what == "much":
            req.sendfile(path, 0, 1000)
            with open(path, "rb") as file:
                file.seek(1000)
                while data := file.read(10000):
                    req.write(data, 0)
        elif what == "raises":
            req.sendfile(path)
            1/0
        elif what == "status":
            req.status = 404
            req.sendfile(path)
        return apache.OK

    def application(environ, start_response):
        path = environ["DOCUMENT_ROOT"] + "/file.bin"
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("ETag", ETAG), ("Last-Modified", MODIFIED),
                                  ("Content-Length", str(os.path.getsize(path)))])
        return environ["wsgi.file_wrapper"](open(path, "rb"))
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    PythonOutputFilter app::passing PASSING
    AddType application/octet-stream .bin
    <LocationMatch "^/(handler|filtered)/">
        SetHandler mod_python
        PythonHandler app
    </LocationMatch>
    <Location /filtered>
        SetOutputFilter PASSING
    </Location>
    <Location /wsgi>
        SetHandler mod_python
        PythonHandler mod_python.wsgi
        PythonOption mod_python.wsgi.application app
    </Location>
"""
MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"
ETAG = '"19000-38d7ea4c68000"'
RANGES = (
    "bytes=0-0",
    "bytes=0-99",
    "bytes=100000-999999",
    "bytes=-5",
    "bytes=-999999",
    "bytes=0-",
    "bytes=102399-",
    "bytes=102400-",
    "bytes=-0",
    "bytes=0-1,5-9",
    "bytes=0-1,102300-,-3",
    "bytes=0-1,200000-",
    "bytes=200000-,300000-",
    "bytes=9-5",
    "bytes=x",
    "bytes=",
    "bytes=0-1,1-2,2-3,0-9",
    "lines=0-1",
)


@pytest.fixture
def transports(httpd, certificate):
    transports = Transports(
        httpd,
        certificate,
        handler=HANDLER + PASSING + f"\n    ETAG, MODIFIED = {ETAG!r}, {MODIFIED!r}\n",
        config="",
        server=SERVER,
        files={"file.bin": DATA},
        modules=("mime", "filter"),
    )
    os.utime(transports.site.docroot / "file.bin", (1000000000, 1000000000))
    return transports


def facts(answer):
    """What must be alike: of a body in several parts all but the boundary, which is made up for each."""
    kind = answer["Content-Type"] or ""
    boundary = kind.partition("boundary=")[2].encode()
    body = answer.body.replace(boundary, b"BOUNDARY") if boundary else answer.body
    if answer.status == 416:
        body = b""
    return answer.status, answer["Content-Range"], kind.partition(";")[0] if answer.status == 206 else None, body


def ask(transports, transport, path, headers):
    return facts(transports.ask(transport, path, headers=headers))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ranges(transports, transport):
    assert transports.ask(transport, "/file.bin")["ETag"] == ETAG
    statuses = set()
    for wanted in RANGES if transport == "HTTP/1.1" else RANGES[6:11]:
        expected = ask(transports, transport, "/file.bin", {"Range": wanted})
        statuses.add(expected[0])
        for path in ("/handler/file", "/handler/parts", "/wsgi"):
            found = ask(transports, transport, path, {"Range": wanted})
            assert found == expected, (wanted, path)
    assert statuses == {200, 206, 416}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_if_range(transports, transport):
    for condition in (ETAG, f"W/{ETAG}", '"other"', MODIFIED, "Sat, 08 Sep 2001 01:46:40 GMT", "x"):
        headers = {"Range": "bytes=10-19", "If-Range": condition}
        expected = ask(transports, transport, "/file.bin", headers)
        assert expected[0] == (206 if condition in (ETAG, MODIFIED) else 200)
        for path in ("/handler/file", "/handler/parts", "/wsgi"):
            assert ask(transports, transport, path, headers) == expected, (condition, path)


def test_what_is_not_held_back(transports):
    """A body that is flushed, or large in memory, is sent whole, as HTTP allows; and so is an error."""
    for path in ("/handler/flushed", "/handler/much"):
        answer = transports.ask("HTTP/1.1", path, headers={"Range": "bytes=10-19"})
        assert (answer.status, answer.body) == (200, DATA), path
    answer = transports.ask("HTTP/1.1", "/handler/status", headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.body) == (404, DATA)


def test_a_filter_in_python(transports):
    answer = transports.ask("HTTP/1.1", "/filtered/file", headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.body) == (200, DATA)


def test_a_handler_that_fails_after_the_file(transports):
    transports.site.expect_log("ZeroDivisionError")
    transports.site.expect_log("PythonHandler app: ")
    answer = transports.ask("HTTP/1.1", "/handler/raises", headers={"Range": "bytes=10-19"})
    assert answer.status == 500
