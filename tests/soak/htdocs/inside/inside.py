"""Providers of users and of what they may, and what they guard."""

from mod_python import apache


def check(req, user, password):
    if not user.startswith("user"):
        return apache.AUTH_USER_NOT_FOUND
    return password == f"secret of {user}"


def team(req, arguments):
    if req.user is None:
        return apache.AUTHZ_DENIED_NO_USER
    return req.user[-1] in arguments.split()


def handler(req):
    req.content_type = "text/plain"
    req.write(f"{req.user} {req.args}")
    return apache.OK
