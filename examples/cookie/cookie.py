"""Two cookies: a colour that the client may choose, and a count of visits that it can read but not change."""

from mod_python import Cookie, apache

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Cookies</title>
<link rel="stylesheet" href="/style.css">
<nav><a href="/">All examples</a></nav>
<h1>Cookies</h1>
<p style="color: {colour}">You like {colour}. This is your visit number {visits}.</p>
<p>Choose <a href="?red">red</a>, <a href="?green">green</a> or <a href="?blue">blue</a>.</p>
</html>
"""
COLOURS = ("red", "green", "blue")
YEAR = 365 * 24 * 3600


def handler(req):
    req.content_type = "text/html; charset=utf-8"
    req.write(PAGE.format(colour=colour(req), visits=visits(req)))
    return apache.OK


def colour(req):
    if req.args in COLOURS:
        Cookie.add_cookie(req, "colour", req.args, path="/cookie/", max_age=YEAR, samesite="Lax")
        return req.args
    known = Cookie.get_cookie(req, "colour")
    # A client may send whatever it likes.
    return known.value if known and known.value in COLOURS else COLOURS[0]


def visits(req):
    secret = req.get_options()["secret"]
    known = Cookie.get_cookie(req, "visits", Cookie.SignedCookie, secret=secret, mismatch=Cookie.Cookie.IGNORE)
    count = int(known.value) + 1 if known else 1
    cookie = Cookie.SignedCookie("visits", count, secret, path="/cookie/", httponly=True, samesite="Lax", secure=req.is_https())
    Cookie.add_cookie(req, cookie)
    return count
