import hashlib
import hmac

from mod_python import apache


def hashed(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


# A real site has them in a database: see the tutorial on accounts.
USERS = {"ada": (b"salt of ada", hashed("countess", b"salt of ada"))}
TEAMS = {"ada": "red"}


def check(req, user, password):
    """A provider that checks passwords, for Basic and forms."""
    if user not in USERS:
        return apache.AUTH_USER_NOT_FOUND  # httpd asks the next provider
    salt, known = USERS[user]
    return hmac.compare_digest(hashed(password, salt), known)


class Digest:
    """A provider for Digest: it never sees a password, but must know this hash."""

    def __init__(self, req):
        pass

    def get_realm_hash(self, req, user, realm):
        if user != "ada":
            return None
        return hashlib.md5(f"{user}:{realm}:countess".encode()).hexdigest()


def is_member(req, arguments):
    """`Require team red blue`"""
    if req.user is None:
        return apache.AUTHZ_DENIED_NO_USER
    return TEAMS.get(req.user) in arguments.split()
