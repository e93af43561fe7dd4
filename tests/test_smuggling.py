"""Requests whose end two servers might see in two places: what a handler gets of them is what C code in the same httpd gets.

The C code is mod_cgi, whose script sends a body back. Each row of the table is sent there and to Python handlers that read the body
in their ways. The answers must be the same, in number and to the last byte, and no handler may have seen another request.
"""

import http.client
import io
import re

import pytest

from filters import PASSING

CODE = """
    import io
    from mod_python import apache, util

    def read(req):
        return req.read()

    def pieces(req):
        return b"".join(iter(lambda: req.read(2), b""))

    def lines(req):
        return b"".join(iter(req.readline, b""))

    def listed(req):
        return b"".join(req.readlines())

    def form(req):
        fields = util.FieldStorage(req, keep_blank_values=True)
        return "&".join(f"{field.name}={field.value}" for field in fields.list).encode()

    def ignored(req):
        return b""

    def handler(req):
        way = req.uri.split("/")[1]
        req.log_error(f"SEEN {req.method} {req.uri}", apache.APLOG_NOTICE)
        try:
            body = globals()[way](req)
        except OSError:
            return apache.HTTP_BAD_REQUEST
        req.set_content_length(len(body))
        req.write(body)
        return apache.OK

    def application(environ, start_response):
        environ["wsgi.errors"].write(f"SEEN {environ['REQUEST_METHOD']} {environ['REQUEST_URI']}\\n")
        environ["wsgi.errors"].flush()
        try:
            body = environ["wsgi.input"].read()
        except OSError:
            start_response("400 Bad Request", [])
            return []
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
"""
ECHO = """#!/bin/sh
body=$(cat)
printf 'Content-Type: text/plain\\nContent-Length: %d\\n\\n%s' ${#body} "$body"
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    PythonInputFilter app::passing PASSING
    ScriptAliasMatch "^/(c|filtered)/" "${docroot}/echo"
    <Location /filtered>
        SetInputFilter PASSING
    </Location>
    <Location /wsgi>
        SetHandler mod_python
        PythonHandler mod_python.wsgi
        PythonOption mod_python.wsgi.application app
    </Location>
    <LocationMatch "^/(read|pieces|lines|listed|form|ignored)/">
        SetHandler mod_python
        PythonHandler app
    </LocationMatch>
"""
WAYS = ("read", "pieces", "lines", "listed", "form", "wsgi", "filtered")

# What is meant to be seen as a request of its own by whoever mistakes the end of the one before.
SECOND = b"POST /@/second HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nb=2"
LENGTH = b"Content-Length: %d\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def post(headers, body=b"", line=b"POST /@/first HTTP/1.1\r\n"):
    head = line + b"Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Before: y\r\n"
    return head + headers + b"\r\n" + body


WHOLE = b"3\r\na=1\r\n0\r\n\r\n"
CASES = {
    "nothing wrong": post(LENGTH % 3, b"a=1"),
    "nothing wrong, chunked": post(CHUNKED, WHOLE),
    "chunks and extensions": post(CHUNKED, b'1;x=y\r\na\r\n2; "z"\r\n=1\r\n0;last\r\n\r\n'),
    "chunk sizes with zeros": post(CHUNKED, b"0003\r\na=1\r\n000\r\n\r\n"),
    "trailers": post(CHUNKED, b"3\r\na=1\r\n0\r\nContent-Length: 90\r\nX: y\r\n\r\n"),
    "both, chunks first": post(CHUNKED + LENGTH % 3, WHOLE),
    "both, length first": post(LENGTH % 3 + CHUNKED, WHOLE),
    "both, a length that holds the second": post(LENGTH % (len(WHOLE) + len(SECOND)) + CHUNKED, WHOLE),
    "two lengths that differ": post(LENGTH % 3 + LENGTH % (3 + len(SECOND)), b"a=1"),
    "two lengths that differ, the other way round": post(LENGTH % (3 + len(SECOND)) + LENGTH % 3, b"a=1"),
    "two lengths that are the same": post(LENGTH % 3 * 2, b"a=1"),
    "a list of lengths": post(b"Content-Length: 3, 3\r\n", b"a=1"),
    "a list of lengths that differ": post(b"Content-Length: 3, 90\r\n", b"a=1"),
    "a negative length": post(b"Content-Length: -3\r\n", b"a=1"),
    "a length with a plus": post(b"Content-Length: +3\r\n", b"a=1"),
    "a length with a word": post(b"Content-Length: 3x\r\n", b"a=1"),
    "a length in hexadecimal": post(b"Content-Length: 0x3\r\n", b"a=1"),
    "a length that is a fraction": post(b"Content-Length: 3.0\r\n", b"a=1"),
    "a length past 64 bits": post(b"Content-Length: 18446744073709551619\r\n", b"a=1"),
    "an empty length": post(b"Content-Length:\r\n", b"a=1"),
    "a length with spaces": post(b"Content-Length: \t 3 \t \r\n", b"a=1"),
    "a length and a NUL": post(b"Content-Length: 3\x000\r\n", b"a=1"),
    "a length and a vertical tab": post(b"Content-Length: \x0b3\r\n", b"a=1"),
    "a space before the colon": post(b"Content-Length : 3\r\n", b"a=1"),
    "a space before the colon, chunked": post(b"Transfer-Encoding : chunked\r\n" + LENGTH % 3, b"a=1"),
    "a tab before the name": post(b"\tContent-Length: 3\r\n", b"a=1"),
    "a folded length": post(b"Content-Length:\r\n 3\r\n", b"a=1"),
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked\r\n", WHOLE),
    "a length in a folded line": post(b"X: y\r\n Content-Length: 90\r\n" + LENGTH % 3, b"a=1"),
    "a coding in a folded line": post(b"X: y\r\n\tTransfer-Encoding: chunked\r\n" + LENGTH % 3, b"a=1"),
    "lines that end with LF": post(LENGTH % 3, b"a=1").replace(b"\r\n", b"\n"),
    "one line that ends with LF": post(b"X: y\nContent-Length: 3\r\n", b"a=1"),
    "one line that ends with CR": post(b"X: y\rContent-Length: 3\r\n", b"a=1"),
    "a CR in a value": post(b"X: y\rz\r\n" + LENGTH % 3, b"a=1"),
    "two CRs": post(b"X: y\r\r\n" + LENGTH % 3, b"a=1"),
    "a NUL in a value": post(b"X: y\x00z\r\n" + LENGTH % 3, b"a=1"),
    "a NUL in a name": post(b"X\x00: y\r\n" + LENGTH % 3, b"a=1"),
    "a name with a space": post(b"X Y: z\r\n" + LENGTH % 3, b"a=1"),
    "a name without colon": post(b"X\r\n" + LENGTH % 3, b"a=1"),
    "no name": post(b": y\r\n" + LENGTH % 3, b"a=1"),
    "an underscore for the hyphen": post(b"Content_Length: 90\r\n" + LENGTH % 3, b"a=1"),
    "an underscore in the coding's name": post(b"Transfer_Encoding: chunked\r\n" + LENGTH % 3, b"a=1"),
    "another coding": post(b"Transfer-Encoding: xchunked\r\n", WHOLE),
    "another coding, and a length": post(b"Transfer-Encoding: xchunked\r\n" + LENGTH % 3, b"a=1"),
    "identity": post(b"Transfer-Encoding: identity\r\n" + LENGTH % 3, b"a=1"),
    "chunked, then identity": post(b"Transfer-Encoding: chunked, identity\r\n", WHOLE),
    "identity, then chunked": post(b"Transfer-Encoding: identity, chunked\r\n", WHOLE),
    "gzip, then chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", WHOLE),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", WHOLE),
    "chunked in two lines": post(CHUNKED * 2, WHOLE),
    "chunked and another line": post(CHUNKED + b"Transfer-Encoding: x\r\n", WHOLE),
    "another line and chunked": post(b"Transfer-Encoding: x\r\n" + CHUNKED, WHOLE),
    "chunked in capitals": post(b"TRANSFER-ENCODING: CHUNKED\r\n", WHOLE),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;x=y\r\n", WHOLE),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"\r\n', WHOLE),
    "chunked and a comma": post(b"Transfer-Encoding: chunked,\r\n", WHOLE),
    "chunked after a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n" + LENGTH % 3, b"a=1"),
    "chunked and a NUL": post(b"Transfer-Encoding: chunked\x00\r\n" + LENGTH % 3, b"a=1"),
    "an empty coding": post(b"Transfer-Encoding:\r\n" + LENGTH % 3, b"a=1"),
    "a chunk size that is no number": post(CHUNKED, b"g\r\na=1\r\n0\r\n\r\n"),
    "a negative chunk size": post(CHUNKED, b"-3\r\na=1\r\n0\r\n\r\n"),
    "a chunk size with a plus": post(CHUNKED, b"+3\r\na=1\r\n0\r\n\r\n"),
    "a chunk size with 0x": post(CHUNKED, b"0x3\r\na=1\r\n0\r\n\r\n"),
    "a chunk size past 64 bits": post(CHUNKED, b"10000000000000003\r\na=1\r\n0\r\n\r\n"),
    "a chunk size of 63 bits and more": post(CHUNKED, b"ffffffffffffffff\r\na=1\r\n0\r\n\r\n"),
    "a chunk size with many zeros": post(CHUNKED, b"0" * 400 + b"3\r\na=1\r\n0\r\n\r\n"),
    "a space before the chunk size": post(CHUNKED, b" 3\r\na=1\r\n0\r\n\r\n"),
    "a space after the chunk size": post(CHUNKED, b"3 \r\na=1\r\n0 \r\n\r\n"),
    "a chunk size and a word": post(CHUNKED, b"3 x\r\na=1\r\n0\r\n\r\n"),
    "an empty chunk size": post(CHUNKED, b"\r\na=1\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": post(CHUNKED, b"3\r\na=1234\r\n0\r\n\r\n"),
    "a chunk that is shorter than it says": post(CHUNKED, b"5\r\na=1\r\n0\r\n\r\n"),
    "chunk lines that end with LF": post(CHUNKED, b"3\na=1\n0\n\n"),
    "a chunk size that ends with CR": post(CHUNKED, b"3\ra=1\r\n0\r\n\r\n"),
    "a chunk extension with LF": post(CHUNKED, b"3;x\n\r\na=1\r\n0\r\n\r\n"),
    "a chunk extension with NUL": post(CHUNKED, b"3;\x00\r\na=1\r\n0\r\n\r\n"),
    "a long chunk extension": post(CHUNKED, b"3;" + b"x" * 20000 + b"\r\na=1\r\n0\r\n\r\n"),
    "no end of the last chunk": post(CHUNKED, b"3\r\na=1\r\n0\r\n"),
    "HTTP/1.0, chunked": post(CHUNKED, WHOLE, b"POST /@/first HTTP/1.0\r\nConnection: keep-alive\r\n"),
    "HTTP/1.0, both": post(CHUNKED + LENGTH % 3, WHOLE, b"POST /@/first HTTP/1.0\r\nConnection: keep-alive\r\n"),
    "HTTP/0.9": b"POST /@/first\r\n" + SECOND,
    "HTTP/2.0 in a line of HTTP/1": post(LENGTH % 3, b"a=1", b"POST /@/first HTTP/2.0\r\n"),
    "a line with two spaces": post(LENGTH % 3, b"a=1", b"POST  /@/first HTTP/1.1\r\n"),
    "a line with a tab": post(LENGTH % 3, b"a=1", b"POST\t/@/first HTTP/1.1\r\n"),
    "a line with words after": post(LENGTH % 3, b"a=1", b"POST /@/first HTTP/1.1 x\r\n"),
    "an empty line first": b"\r\n" + post(LENGTH % 3, b"a=1"),
    "two hosts": post(b"Host: y\r\n" + LENGTH % 3, b"a=1"),
    "a GET with a body": post(LENGTH % 3, b"a=1", b"GET /@/first HTTP/1.1\r\n"),
    "no length": post(b""),
    "Expect, and the body at once": post(b"Expect: 100-continue\r\n" + LENGTH % 3, b"a=1"),
    "Expect, chunked": post(b"Expect: 100-continue\r\n" + CHUNKED, WHOLE),
    "Upgrade to h2c": post(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" + LENGTH % 3, b"a=1"),
    "a length that Connection names": post(b"Connection: Content-Length\r\n" + LENGTH % 3, b"a=1"),
    "a coding that Connection names": post(b"Connection: Transfer-Encoding\r\n" + CHUNKED, WHOLE),
}  # fmt: skip


class Received(io.BytesIO):
    """What HTTPResponse takes for a socket: each response takes its part of one stream."""

    def makefile(self, _mode):
        return self

    def close(self):
        pass


def answers(data):
    """(status, body) of each response in what came back. The pages of errors tell the path, and are left out."""
    found = []
    stream = Received(data)
    while stream.tell() < len(data):
        response = http.client.HTTPResponse(stream, method="POST")
        try:
            response.begin()
        except http.client.BadStatusLine:
            return [*found, (None, None)]
        body = response.read()
        found.append((response.status, body if response.status == 200 else None))
    return found


# httpd's functions for bodies, which handlers read by, know no coding but `chunked` alone.
UNKNOWN_CODINGS = {
    "identity, then chunked",
    "gzip, then chunked",
    "chunked twice",
    "chunked in two lines",
    "another line and chunked",
}


class Table:
    """A site, and what it makes of the rows."""

    def __init__(self, site):
        self.site = site

    def ask(self, way, request):
        """The answers to a row, and which requests Python saw."""
        before = len(self.site.error_log)
        data = (request + SECOND).replace(b"@", way.encode())
        found = answers(self.site.raw(data, half_close=True))
        return found, re.findall(r"SEEN \S+ /\S+?/(\S+)", self.site.error_log[before:])


@pytest.fixture
def table(httpd):
    site = httpd(handler=CODE + PASSING, config="", server=SERVER, modules=("alias", "cgi"), files={"echo": ECHO})
    (site.docroot / "echo").chmod(0o755)
    return Table(site)


def as_read(way, name, expected):
    """The answers of the C code as this way of reading has them."""
    if name in UNKNOWN_CODINGS and way != "filtered":
        return [(501, None)]
    if name == "a GET with a body" and way == "form":
        return [(200, b""), *expected[1:]]
    return expected


def alike(name, found, expected):
    """Whether these are the same answers. To HTTP/1.0 httpd sends a length or closes, as the script is quick or slow."""
    if name.startswith("HTTP/1.0"):
        return found[0] == expected[0] and found[1:] in ([], expected[1:], [(200, b"b=2")])
    return found == expected


@pytest.mark.threads_and_processes
def test_handlers_get_what_httpd_accepted(table):
    site = table.site
    site.expect_log("python:error.*SEEN (GET|POST) /wsgi/")
    site.expect_log("passing app::passing: OSError: Filter read error")
    site.expect_log("passing app::passing: ")
    site.expect_log("cgi:error.*Error reading request entity data")
    wrong = []
    for name, request in CASES.items():
        expected, _ = table.ask("c", request)
        for way in WAYS:
            found, seen = table.ask(way, request)
            if not alike(name, found, as_read(way, name, expected)) or len(seen) > len(found):
                wrong.append((name, way, found, expected, seen))
    assert wrong == []


@pytest.mark.threads_and_processes
def test_a_body_that_nobody_reads(table):
    """The next request begins where httpd says that the body ends, or is never seen."""
    table.site.expect_log("cgi:error.*Error reading request entity data")
    wrong = []
    for name, request in CASES.items():
        expected, _ = table.ask("c", request)
        found, seen = table.ask("ignored", request)
        expected = [(status, b"" if status == 200 else None) for status, _ in expected]
        same = found == expected or name.startswith("HTTP/1.0")
        if not same or seen != ["first", "second"][: len(seen)] or len(seen) > len(found):
            wrong.append((name, found, expected, seen))
    assert wrong == []


def test_the_table_has_teeth(table):
    """What httpd answers to some rows, so that those tests do not compare nothing with nothing."""
    table.site.expect_log("cgi:error.*Error reading request entity data")
    both = [(200, b"a=1"), (200, b"b=2")]
    for name, expected in {
        "nothing wrong": both,
        "trailers": both,
        # One that could be meant in two ways is the last of its connection (RFC 9112, 6.1).
        "both, chunks first": both[:1],
        "both, a length that holds the second": both[:1],
        "two lengths that differ": [(400, None)],
        "a length in a folded line": both,
        "another coding": [(400, None)],
        "a chunk size past 64 bits": [(413, None)],
        "a chunk that is longer than it says": [(400, None)],
    }.items():
        assert table.ask("c", CASES[name])[0] == expected, name
        assert table.ask("read", CASES[name])[0] == expected, name
