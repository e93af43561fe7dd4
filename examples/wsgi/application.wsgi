"""A WSGI application (PEP 3333) with nothing but the standard library: a page, an upload, a stream and a file."""

import hashlib
from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>WSGI</title><link rel="stylesheet" href="/style.css"></head><body>
<nav><a href="/">All examples</a></nav>
<h1>WSGI</h1>
<p>This page is a WSGI application's. SCRIPT_NAME is <code>{script}</code>, PATH_INFO is <code>{path}</code>.</p>
<form action="{script}/digest" method="post" enctype="text/plain">
<p><label for="text">A text, of which the application makes a digest</label>
<textarea id="text" name="text" rows="4" cols="60">Something to send</textarea></p>
<p><button>Send</button></p>
</form>
<p><a href="{script}/stream">A stream</a>, <a href="{script}/source">this script's source</a></p>
</body></html>
"""


def application(environ, start_response):
    view = VIEWS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    if view is None:
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"There is no such page.\n"]
    return view(environ, start_response)


def page(environ, start_response):
    shown = {"script": escape(environ["SCRIPT_NAME"]), "path": escape(environ["PATH_INFO"])}
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE.format_map(shown).encode()]


def digest(environ, start_response):
    """The body of the request, piece by piece, however large it is and whether its length was announced or not."""
    size, sha256 = 0, hashlib.sha256()
    while block := environ["wsgi.input"].read(65536):
        size += len(block)
        sha256.update(block)
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{size} bytes, SHA-256 {sha256.hexdigest()}\n".encode()]


def stream(environ, start_response):
    """Each piece goes to the client as soon as it is there."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    for number in range(1, 11):
        yield f"{number}\n".encode()


def source(environ, start_response):
    """httpd sends the file, with sendfile(2) where EnableSendfile is On."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


VIEWS = {
    ("GET", ""): page,
    ("GET", "/"): page,
    ("POST", "/digest"): digest,
    ("GET", "/stream"): stream,
    ("GET", "/source"): source,
}
