"""A form, by GET and by POST: both are in `util.FieldStorage`."""

import html

from mod_python import apache, util

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


def handler(req):
    if req.method not in ("GET", "HEAD", "POST"):
        req.allow_methods(["GET", "HEAD", "POST"])
        return apache.HTTP_METHOD_NOT_ALLOWED
    fields = util.FieldStorage(req)
    name, message = (fields.getfirst(field, "") for field in ("name", "message"))
    greeting = (
        f"<p>Hello, <strong>{escaped(name)}</strong>! You sent {len(message)} characters by {req.method}.</p>" if name else ""
    )
    req.content_type = "text/html; charset=utf-8"
    page = PAGE.format(greeting=greeting, name=escaped(name), message=escaped(message))
    req.write(page)
    return apache.OK


def escaped(text):
    """Safe in HTML, whatever the client sent; what was no UTF-8 is shown as question marks."""
    return html.escape(text.encode("utf-8", "replace").decode())
