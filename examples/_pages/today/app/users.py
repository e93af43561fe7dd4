from mod_python import apache

PASSWORDS = {"ada": "countess", "eve": "apple"}
TEAMS = {"ada": "red", "eve": "green"}


def check(req, user, password):
    if user not in PASSWORDS:
        return apache.AUTH_USER_NOT_FOUND  # httpd asks the next provider
    return PASSWORDS[user] == password


def is_member(req, arguments):
    if req.user is None:
        return apache.AUTHZ_DENIED_NO_USER
    return TEAMS.get(req.user) in arguments.split()
