"""A guestbook: everybody may read it, and whoever has logged in may write."""

import sqlite3
import time
from contextlib import closing
from html import escape

from mod_python import Session, apache, util

# What a URL may name; the other functions are ours.
__published__ = ["index", "login", "logout", "write"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A guestbook</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">All examples</a></nav>
<h1>A guestbook</h1>
{form}
<h2>{count} so far</h2>
{entries}
</body>
</html>
"""
LOGIN = """<form method="post" action="login">
  <label for="name">Your name</label>
  <input id="name" name="name" required maxlength="40" autocomplete="name">
  <button>Log in</button>
</form>
"""
WRITE = """<form method="post" action="logout" class="line">
  <p>Logged in as <strong id="who">{name}</strong></p>
  <button class="quiet">Log out</button>
</form>
<form method="post" action="write">
  <label for="text">Your entry</label>
  <textarea id="text" name="text" rows="3" required maxlength="1000"></textarea>
  <button>Sign the guestbook</button>
</form>
"""
ENTRY = """<article>
  <p>{text}</p>
  <footer>{name}, {when}</footer>
</article>
"""


def index(req):
    """The page itself: /guestbook/"""
    name = Session.Session(req).get("name")
    rows = entries(req)
    req.headers_out["Cache-Control"] = "no-store"
    return PAGE.format(
        form=WRITE.format(name=escape(name)) if name else LOGIN,
        count=f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}",
        entries="".join(
            ENTRY.format(
                text=escape(text).replace("\n", "<br>"),
                name=escape(author),
                when=time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(written)),
            )
            for author, text, written in rows
        ),
    )


def login(req, name):
    only_by_post(req)
    session = Session.Session(req)
    session.renew()  # a new id: nobody can have planted the old one
    session["name"] = readable(name)[:40] or "Somebody"
    session.save()
    util.redirect(req, "/guestbook/")


def logout(req):
    only_by_post(req)
    Session.Session(req).invalidate()
    util.redirect(req, "/guestbook/")


def write(req, text):
    only_by_post(req)
    name = Session.Session(req).get("name")
    if name is None:
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    text = readable(text).replace("\r\n", "\n")[:1000]
    if text:
        with closing(database(req)) as connection, connection:
            connection.execute("INSERT INTO entry (name, text, written) VALUES (?, ?, ?)", (name, text, int(time.time())))
    util.redirect(req, "/guestbook/")


def entries(req):
    """The last hundred as (name, text, time), the newest first."""
    with closing(database(req)) as connection:
        return connection.execute("SELECT name, text, written FROM entry ORDER BY id DESC LIMIT 100").fetchall()


def database(req):
    connection = sqlite3.connect(req.get_options()["guestbook.database"], timeout=10)
    connection.execute("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT, text TEXT, written INTEGER)")
    return connection


def only_by_post(req):
    """A link, or an image on another site, can make a browser send a GET, and must not change anything."""
    if req.method != "POST":
        req.allow_methods(["POST"], 1)
        raise apache.SERVER_RETURN(apache.HTTP_METHOD_NOT_ALLOWED)


def readable(text):
    """Text without blanks around it; what was no UTF-8 becomes question marks."""
    return text.encode("utf-8", "replace").decode().strip()
