"""A form, by GET and by POST: the query is in `req.args`, the body is read with `req.read()`."""

import html

import _apache
from mod_python import apache

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A form</title>
<link rel="stylesheet" href="/style.css">
<nav><a href="/">All examples</a></nav>
<h1>A form</h1>
{greeting}
<form method="post" action="/form/">
  <label for="name">Your name</label>
  <input id="name" name="name" value="{name}" required>
  <label for="message">A message</label>
  <textarea id="message" name="message" rows="4">{message}</textarea>
  <button>Send</button>
</form>
</html>
"""
LIMIT = 64 * 1024


def handler(req):
    if req.method not in ("GET", "HEAD", "POST"):
        req.allow_methods(["GET", "HEAD", "POST"])
        return apache.HTTP_METHOD_NOT_ALLOWED
    fields = posted(req) if req.method == "POST" else _apache.parse_qs(req.args or "")
    name, message = (fields.get(field, [""])[0] for field in ("name", "message"))
    greeting = (
        f"<p>Hello, <strong>{escaped(name)}</strong>! You sent {len(message)} characters by {req.method}.</p>" if name else ""
    )
    req.content_type = "text/html; charset=utf-8"
    page = PAGE.format(greeting=greeting, name=escaped(name), message=escaped(message))
    req.write(page)
    return apache.OK


def posted(req):
    """The fields of a urlencoded body, of which no more is read than a form like this one needs."""
    kind = req.headers_in.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise apache.SERVER_RETURN(apache.HTTP_UNSUPPORTED_MEDIA_TYPE)
    body = req.read(LIMIT + 1)
    if len(body) > LIMIT:
        raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE)
    return _apache.parse_qs(body.decode("utf-8", "replace"))


def escaped(text):
    """Safe in HTML, whatever the client sent; what was no UTF-8 is shown as question marks."""
    return html.escape(text.encode("utf-8", "replace").decode())
