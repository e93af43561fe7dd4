import hmac

from mod_python import apache

TOKENS = {"robot": "a long random text"}


def authenhandler(req):
    kind, _, token = req.headers_in.get("Authorization", "").partition(" ")
    for user, known in TOKENS.items():
        if kind == "Bearer" and hmac.compare_digest(token.encode(), known.encode()):
            req.user = user
            return apache.OK
    req.err_headers_out["WWW-Authenticate"] = f'Bearer realm="{req.auth_name()}"'
    return apache.HTTP_UNAUTHORIZED
