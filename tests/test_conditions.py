"""Conditional requests and HEAD: a handler that describes its file is answered for as httpd's own handler of files is."""

import os

import pytest

from real_site import certificate as certificate
from transports import TRANSPORTS, Transports

HANDLER = """
    from mod_python import apache

    def handler(req):
        path = req.document_root() + "/file.txt"
        req.content_type = "text/plain"
        req.filename = path
        req.finfo = apache.stat(path, apache.APR_FINFO_NORM)
        req.update_mtime(req.finfo.mtime)
        req.set_last_modified()
        req.set_etag()
        result = req.meets_conditions()
        if result != apache.OK:
            return result
        req.set_content_length(req.finfo.size)
        if req.method != "HEAD":
            try:
                req.sendfile(path)
            except OSError:
                pass  # the client has all of it, and is gone
        return apache.OK
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    <Location /handler>
        SetHandler mod_python
        PythonHandler app
    </Location>
"""
EARLIER, THEN, LATER = "Sat, 08 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:40 GMT", "Mon, 10 Sep 2001 01:46:40 GMT"


def conditions(etag):
    """Headers of requests, by what decides about them."""
    weak = f"W/{etag}"
    return [
        {},
        {"If-None-Match": etag},
        {"If-None-Match": weak},
        {"If-None-Match": '"other"'},
        {"If-None-Match": f'"other", {etag}'},
        {"If-None-Match": "*"},
        {"If-None-Match": etag.strip('"')},
        {"If-Match": etag},
        {"If-Match": weak},
        {"If-Match": '"other"'},
        {"If-Match": "*"},
        {"If-Match": f'"other", {etag}'},
        {"If-Modified-Since": THEN},
        {"If-Modified-Since": EARLIER},
        {"If-Modified-Since": LATER},
        {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"If-Modified-Since": "no date"},
        {"If-Modified-Since": "Sunday, 09-Sep-01 01:46:40 GMT"},
        {"If-Unmodified-Since": THEN},
        {"If-Unmodified-Since": EARLIER},
        {"If-Unmodified-Since": LATER},
        # An entity tag says more than a date (RFC 9110, 13.2.2).
        {"If-None-Match": '"other"', "If-Modified-Since": THEN},
        {"If-None-Match": etag, "If-Modified-Since": EARLIER},
        {"If-Match": etag, "If-Unmodified-Since": EARLIER},
        {"If-Match": '"other"', "If-Unmodified-Since": LATER},
    ]


@pytest.fixture
def transports(httpd, certificate):
    transports = Transports(
        httpd, certificate, handler=HANDLER, config="", server=SERVER, files={"file.txt": "some text\n" * 100}, modules=("mime",)
    )
    os.utime(transports.site.docroot / "file.txt", (1000000000, 1000000000))
    return transports


def facts(answer):
    # For 412 httpd sends its page for that status, but to one that asks for a file.
    if answer.status == 412:
        return (412,)
    return (
        answer.status,
        answer["ETag"],
        answer["Last-Modified"],
        answer["Content-Length"],
        answer.body if answer.status == 200 else b"",
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_conditions(transports, transport):
    first = transports.ask(transport, "/file.txt")
    assert first["Last-Modified"] == THEN
    statuses = set()
    for headers in conditions(first["ETag"]):
        for options in ((), ("--head",)):
            expected = transports.ask(transport, "/file.txt", *options, headers=headers)
            found = transports.ask(transport, "/handler", *options, headers=headers)
            assert facts(found) == facts(expected), (headers, options)
        statuses.add(expected.status)
    assert statuses == {200, 304, 412}
