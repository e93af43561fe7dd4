"""Where accounts are opened."""

import re
from html import escape

import accounts
from mod_python import apache

__published__ = ["index", "join"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Members</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">All examples</a></nav>
<h1>Members</h1>
{message}
<p><a href="inside/">Go inside</a>: the browser asks for name and password, the server asks the database.</p>
<h2>Open an account</h2>
<form method="post" action="join">
  <label for="name">A name, of letters and digits</label>
  <input id="name" name="name" required pattern="[A-Za-z0-9]+" maxlength="30" autocomplete="username">
  <label for="password">A password, of eight characters or more</label>
  <input id="password" name="password" type="password" required minlength="8" autocomplete="new-password">
  <button>Open it</button>
</form>
</body>
</html>
"""


def index():
    return PAGE.format(message="")


def join(req, name, password):
    if req.method != "POST":
        req.allow_methods(["POST"], 1)
        raise apache.SERVER_RETURN(apache.HTTP_METHOD_NOT_ALLOWED)
    if not re.fullmatch("[A-Za-z0-9]{1,30}", name) or len(password) < 8:
        return answer(req, apache.HTTP_BAD_REQUEST, "A name has letters and digits, a password eight characters or more.")
    if not accounts.create(req, name, password):
        return answer(req, apache.HTTP_CONFLICT, f"The name {name} is taken.")
    return answer(req, apache.HTTP_CREATED, f"Welcome, {name}! Now go inside.")


def answer(req, status, text):
    req.status = status
    return PAGE.format(message=f'<p class="message">{escape(text)}</p>')
