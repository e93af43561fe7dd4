"""A page for members: httpd has asked who the client is before this is called."""

from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Inside</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">All examples</a></nav>
<h1>Inside</h1>
<p>Only members see this page, and you are <strong id="who">{name}</strong>.</p>
</body>
</html>
"""


def index(req):
    return PAGE.format(name=escape(req.user))
