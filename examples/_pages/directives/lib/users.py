from mod_python import apache

PASSWORDS = {"ada": "countess"}


def check(req, user, password):
    return PASSWORDS.get(user) == password


def is_member(req, arguments):
    return req.user in arguments.split()


def authenhandler(req):
    password = req.get_basic_auth_pw()  # and now req.user is known
    if password is not None and PASSWORDS.get(req.user) == password:
        return apache.OK
    req.err_headers_out["WWW-Authenticate"] = f'Basic realm="{req.auth_name()}"'
    return apache.HTTP_UNAUTHORIZED


def authzhandler(req):
    return apache.OK if req.user in PASSWORDS else apache.HTTP_FORBIDDEN
