from mod_python import Cookie


def index(req):
    Cookie.add_cookie(req, "colour", "blue", path="/", max_age=86400, samesite="Lax")
    known = Cookie.get_cookie(req, "colour")  # a Cookie, or None
    return known.value if known else "none"


class Loose(Cookie.Cookie):
    lenient = True


def loose(req):
    Cookie.add_cookie(req, Loose("note", "blanks, and commas", path="/"))
    return str(Cookie.get_cookie(req, "note", Loose))


def user(req):
    secret = req.get_options()["secret"]
    Cookie.add_cookie(req, Cookie.SignedCookie("user", "alice", secret, path="/", httponly=True))
    known = Cookie.get_cookie(req, "user", Cookie.SignedCookie, secret=secret, mismatch=Cookie.Cookie.IGNORE)
    return known.value if known else "none"
