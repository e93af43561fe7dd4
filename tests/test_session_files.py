"""How a session's file is written: whole or not at all."""

import ast
import stat

import pytest

from crowd import crowd
from session_stores import cookie_of

APP = """
    from mod_python import Session
    import resource

    def text(req):
        return Session.FileSession(req).get("text")

    def save(req):
        session = Session.FileSession(req, lock=int(req.args[0]))
        session["text"] = req.args[1:]
        session.save()
        return session.id()

    def read(req):
        text = Session.FileSession(req, lock=0)["text"]
        return len(text), "".join(sorted(set(text)))

    def write(req):
        letter, length = req.args.split("=")
        session = Session.FileSession(req)
        session["text"] = letter * int(length)
        session.save()

    def delete(req):
        Session.FileSession(req).delete()

    def cut(req):
        "The disk is full in the middle of the record."
        session = Session.FileSession(req, lock=int(req.args[0]))
        session["text"] = "x" * 2000
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            session.save()
        except OSError as error:
            return error.errno
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def begin(req):
        "The disk is full already when the first session is saved."
        session = Session.FileSession(req)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))  # the key has 32 bytes
        try:
            session.save()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
"""
CONFIG = "SetHandler mod_python\nPythonHandler app\n"


@pytest.mark.parametrize("lock", [1, 0])
def test_a_write_that_stops_half_way(httpd, lock):
    """Who reads it then finds what was saved before."""
    site = httpd(functions=APP, config=CONFIG, children=1)
    answer = site.get(f"/save?{lock}zero")
    for text in ("one", "two", "three"):
        site.get(f"/cut?{lock}", headers=cookie_of(answer))
        site.get(f"/save?{lock}{text}", headers=cookie_of(answer))
        assert site.call("cut", query=f"?{lock}", headers=cookie_of(answer)) == 27  # EFBIG
        assert site.call("text", headers=cookie_of(answer)) == text


def test_a_first_write_that_stops_half_way(httpd):
    """What is said is that the disk is full, not that there is no directory yet."""
    site = httpd(functions=APP, config=CONFIG, children=1)
    assert site.get("/begin").status == 500
    site.expect_traceback("OSError: \\[Errno 27\\] .* could not be written: File too large")
    site.wait_log("File too large")
    assert "FileNotFoundError" not in site.error_log


def test_readers_beside_writers(httpd):
    """Without a lock they see one record or another, whatever the sizes."""
    site = httpd(functions=APP, config=CONFIG, children=2, threads=8)
    cookie = cookie_of(site.get("/save?1abc"))
    site.call("write", query="?z=1", headers=cookie)
    lengths = {"a": 10, "b": 5000, "c": 100000, "z": 1}

    def talk(ask, number):
        for letter in list("abc") * 10:
            if number < 4:
                assert ask("GET", f"/write?{letter}={lengths[letter]}", headers=cookie).text == "None"
            else:
                length, letters = ast.literal_eval(ask("GET", "/read", headers=cookie).text)
                assert lengths[letters] == length

    crowd(site, talk, clients=8)


def test_files_of_a_session(httpd):
    """The one that counts, and the one before it to be written over; both are for the server's user alone, and go together."""
    site = httpd(functions=APP, config=CONFIG)
    answer = site.get("/save?1" + "x" * 3000)
    sid = ast.literal_eval(answer.text)
    directory = site.root / "run/mod_python/mp_sess" / sid[:2]

    def files():
        return {path.name.removeprefix(sid): path.stat() for path in directory.iterdir()}

    assert [*files()] == [""]
    for text in ("y" * 2000, "z" * 10, "short"):
        site.get(f"/save?1{text}", headers=cookie_of(answer))
        assert site.call("text", headers=cookie_of(answer)) == text
        assert files().keys() == {"", ".spare"}
        assert {stat.S_IMODE(found.st_mode) for found in files().values()} == {0o600}
        assert files()[""].st_size < len(text) + 300
    site.get("/save?0unlocked", headers=cookie_of(answer))
    assert site.call("text", headers=cookie_of(answer)) == "unlocked"
    assert files().keys() == {"", ".spare"}
    site.call("delete", headers=cookie_of(answer))
    assert not files()
