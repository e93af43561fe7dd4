from html import escape

import users
from mod_python import Session, apache, util

FORM = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Log in</title>
<form method="post">
  <label>Name <input name="name" autocomplete="username"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button>Log in</button>
</form>
</html>
"""


def check(req):
    """The access handler: who has not logged in is sent to the form."""
    req.session = Session.Session(req)
    if "user" not in req.session:
        util.redirect(req, req.get_options()["login.page"])
    req.user = req.session["user"]
    return apache.OK


def page(req):
    req.content_type = "text/html; charset=utf-8"
    req.write(f"<p>Hello, {escape(req.user)}!</p>\n")
    return apache.OK


def form(req):
    if req.method == "POST":
        fields = util.FieldStorage(req)
        name, password = fields.getfirst("name", ""), fields.getfirst("password", "")
        if users.check(req, name, password) is True:
            session = Session.Session(req)
            session.renew()  # a new id: nobody can have planted the old one
            session["user"] = name
            session.save()
            util.redirect(req, "/account")
        req.status = apache.HTTP_FORBIDDEN
    req.content_type = "text/html; charset=utf-8"
    req.write(FORM)
    return apache.OK
