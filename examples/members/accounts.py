"""Accounts in an SQLite database, and the handler that asks it who a client is."""

import hashlib
import hmac
import os
import sqlite3
from contextlib import closing

from mod_python import apache

__published__ = []  # nothing here is a page

UNKNOWN = b"-" * 16, b"-" * 32


def authenhandler(req):
    """Called by httpd for what `Require valid-user` protects."""
    password = req.get_basic_auth_pw()  # and now req.user is known
    if password is not None and is_right(req, req.user, password):
        return apache.OK
    req.err_headers_out["WWW-Authenticate"] = f'Basic realm="{req.auth_name()}"'
    return apache.HTTP_UNAUTHORIZED


def is_right(req, name, password):
    with closing(database(req)) as connection:
        row = connection.execute("SELECT salt, hash FROM account WHERE name = ?", (name,)).fetchone()
    # An unknown name takes as long as a wrong password: nobody learns who is a member.
    salt, known = row or UNKNOWN
    return hmac.compare_digest(hashed(password, salt), known) and row is not None


def create(req, name, password):
    """Open an account; False if the name is taken."""
    salt = os.urandom(16)
    try:
        with closing(database(req)) as connection, connection:
            connection.execute("INSERT INTO account VALUES (?, ?, ?)", (name, salt, hashed(password, salt)))
    except sqlite3.IntegrityError:
        return False
    return True


def hashed(password, salt):
    """Slow on purpose (RFC 7914): a stolen database is not a list of passwords."""
    return hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, n=2**14, r=8, p=1, dklen=32)


def database(req):
    connection = sqlite3.connect(req.get_options()["members.database"], timeout=10)
    connection.execute("CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, salt BLOB, hash BLOB)")
    return connection
