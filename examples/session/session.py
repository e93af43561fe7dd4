"""A session: it counts a client's visits, and knows the name that it came in with until it leaves."""

import html

from mod_python import Session, apache, util

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A session</title>
<link rel="stylesheet" href="/style.css">
<nav><a href="/">All examples</a></nav>
<h1>A session</h1>
<p>{greeting} This is your visit number {visits}.</p>
<form method="post" action="/session/">{fields}</form>
</html>
"""
COME_IN = '<label for="name">Your name</label> <input id="name" name="name" required> <button>Come in</button>'
LEAVE = '<button name="leave" value="yes">Leave</button>'


def handler(req):
    session = Session.Session(req)
    if req.method == "POST":
        change(req, session)
        util.redirect(req, "/session/")
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    name = session.get("name")
    req.content_type = "text/html; charset=utf-8"
    greeting = f"Hello, <strong>{html.escape(name)}</strong>!" if name else "Nobody has come in."
    req.write(PAGE.format(greeting=greeting, visits=session["visits"], fields=LEAVE if name else COME_IN))
    return apache.OK


def change(req, session):
    form = util.FieldStorage(req)
    if "leave" in form:
        session.invalidate()
        return
    # An id that somebody may have planted before is worth nothing from here on.
    session.renew()
    session["name"] = str(form.getfirst("name", ""))[:100]
    session.save()
