"""What every store of sessions must do: lose no update, outlive a killed process, forget what has expired, refuse what was altered."""

import ast
import concurrent.futures
import contextlib
import dbm
import itertools
import os
import sqlite3
import stat

import pytest

from httpd import wait_until
from session_stores import SHARED, STORES, cookie_of, options, redis_url  # noqa: F401 (fixtures)

APP = """
    import os, time, threading
    from mod_python import Session

    def count(req):
        session = Session.Session(req)
        session["count"] = session.get("count", 0) + 1
        session.save()
        return session["count"], os.getpid(), session.is_new()

    def look(req):
        session = Session.Session(req, lock=0)
        return dict(session), session.is_new()

    def hold(req):
        session = Session.Session(req)
        session["count"] += 1
        session.save()
        with open(req.get_options()["scratch"] + "/held", "w") as file:
            file.write(str(os.getpid()))
        threading.Event().wait(60)

    def set(req):
        session = Session.Session(req, timeout=int(req.args))
        session["text"] = "\\xe9" * 10
        session.save()
        return session.timeout(), session.id()

    def age(req):
        "Saves the session as if it had been used an hour ago."
        session = Session.Session(req)
        session._accessed -= 3600
        session.save()
        return session.id()

    def sweep(req):
        Session.Session(req).cleanup()

    def names(req):
        "Those of the records of a DbmSession, while nobody else has the database open."
        with Session.Session(req, lock=0)._database.opened() as database:
            return [key.decode() for key in database.keys()]

    def raw(req):
        "What is kept under the id."
        session = Session.Session(req)
        return session.do_load() is not None
"""


def counted(site, number, cookie):
    """Ask `number` times at once in 16 threads."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda _: site.call("count", headers=cookie), range(number)))


@pytest.mark.parametrize("store", SHARED)
def test_two_processes_with_threads_lose_no_update(httpd, options):  # noqa: F811
    site = httpd(functions=APP, config=options, children=2, threads=8)
    cookie = cookie_of(site.get("/count"))
    answers = counted(site, 240, cookie)
    assert sorted(count for count, _, _ in answers) == list(range(2, 242))
    assert not any(is_new for _, _, is_new in answers)
    assert len({pid for _, pid, _ in answers}) == 2


@pytest.mark.parametrize("store", ["FileSession"])
@pytest.mark.every_mpm
def test_every_mpm_loses_no_update(httpd, options):  # noqa: F811
    site = httpd(functions=APP, config=options)
    cookie = cookie_of(site.get("/count"))
    assert sorted(count for count, _, _ in counted(site, 100, cookie)) == list(range(2, 102))


@pytest.mark.parametrize("store", ["MemorySession"])
def test_threads_lose_no_update_in_memory(httpd, options):  # noqa: F811
    site = httpd(functions=APP, config=options, children=1, threads=16)
    cookie = cookie_of(site.get("/count"))
    assert sorted(count for count, _, _ in counted(site, 240, cookie)) == list(range(2, 242))


@pytest.mark.parametrize("store", SHARED)
def test_two_generations_lose_no_update(httpd, options):  # noqa: F811
    """Children of the last generation and of the next one agree about locks."""
    site = httpd(functions=APP, config=options, children=2, threads=8)
    cookie = cookie_of(site.get("/count"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(site.call, "count", headers=cookie) for _ in range(60)]
        site.graceful()
        asked += [pool.submit(site.call, "count", headers=cookie) for _ in range(60)]
        assert sorted(one.result()[0] for one in asked) == list(range(2, 122))


@pytest.mark.parametrize("store", SHARED)
def test_a_killed_child_leaves_session_and_lock(httpd, options):  # noqa: F811
    site = httpd(functions=APP, config=f"{options}\nPythonOption scratch ${{scratch}}", children=2, threads=4)
    cookie = cookie_of(site.get("/count"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        holder = pool.submit(site.raw, f"GET /hold HTTP/1.0\r\nCookie: {cookie['Cookie']}\r\n\r\n".encode())
        held = site.scratch / "held"
        pid = int(wait_until(lambda: held.exists() and held.read_text(), "a held session"))
        others = [pool.submit(site.raw, f"GET /count HTTP/1.0\r\nCookie: {cookie['Cookie']}\r\n\r\n".encode()) for _ in range(6)]
        site.kill_child(pid)
        assert holder.result() == b""
        # Some of these died with the child.
        counts = [ast.literal_eval(answer.partition(b"\r\n\r\n")[2].decode())[0] for one in others if (answer := one.result())]
    last = site.call("count", headers=cookie)[0]
    assert sorted([*counts, last]) == list(range(3, 4 + len(counts)))


@pytest.mark.parametrize("store", STORES)
def test_what_has_expired_is_forgotten_and_deleted(httpd, options):  # noqa: F811
    site = httpd(functions=APP, config=f"{options}\nPythonOption mod_python.file_session.cleanup_grace_period 0")
    old = site.get("/set?60")
    timeout, old_id = ast.literal_eval(old.text)
    assert timeout == 60
    kept = site.get("/set?7200")
    before = records(site)
    assert site.call("look", headers=cookie_of(kept)) == ({"text": "\xe9" * 10}, False)
    for answer in (old, kept):
        assert site.call("age", headers=cookie_of(answer)) == ast.literal_eval(answer.text)[1]
    # Expired: not found, and its id is not used again.
    found = site.get("/look", headers=cookie_of(old))
    assert ast.literal_eval(found.text) == ({}, True)
    assert cookie_of(found) != cookie_of(old)
    assert site.call("look", headers=cookie_of(kept)) == ({"text": "\xe9" * 10}, False)
    site.call("sweep")
    if before is not None:
        age_files(site)

        def names_after_a_sweep():
            site.call("sweep")  # which does nothing while another one is under way
            names = records(site)
            return names if old_id not in names else None

        names = wait_until(names_after_a_sweep, "a clean-up")
        assert ast.literal_eval(kept.text)[1] in names
    assert site.call("look", headers=cookie_of(kept)) == ({"text": "\xe9" * 10}, False)


def records(site):
    """The names of the records on disk, for the stores of which they can be told."""
    directory = site.root / "run/mod_python"
    files = {path.name for path in directory.glob("mp_sess/*/*")}
    if files:
        return files
    if (directory / "mp_sess.sqlite").exists():
        with contextlib.closing(sqlite3.connect(directory / "mp_sess.sqlite")) as database, database:
            return {row[0] for row in database.execute("SELECT sid FROM session")}
    if dbm.whichdb(str(directory / "mp_sess.dbm")):
        # Not from outside: dbm.sqlite3 makes files beside it, which are the reader's for a moment, and keep httpd's child out.
        return set(site.call("names"))
    return None


def age_files(site):
    """Files of sessions become an hour old: the clean-up looks into old ones only."""
    for path in (site.root / "run/mod_python").glob("mp_sess/*/*"):
        was = path.stat().st_mtime
        os.utime(path, (was - 3600, was - 3600))


@pytest.mark.parametrize("store", SHARED)
def test_nobody_else_can_read_what_is_kept(httpd, options):  # noqa: F811
    site = httpd(functions=APP, config=options)
    site.call("count")
    modes = {}
    for path in itertools.chain([site.root / "run/mod_python"], (site.root / "run/mod_python").rglob("*")):
        found = path.lstat()
        modes[path.name] = stat.S_IMODE(found.st_mode)
        assert found.st_mode & 0o077 == 0, path
        assert found.st_uid == os.stat(f"/proc/{site.child_pids()[0]}").st_uid
    assert modes["mod_python"] == 0o700
    assert modes["mp_sess.key"] == 0o600


ALTER = """
    def alter(req):
        "Changes one byte of what is kept."
        session = Session.Session(req)
        record = bytearray(session.read_record())
        record[int(req.args)] ^= 1
        session.write_record(bytes(record), session._accessed + session._timeout)
        return len(record)

    def move(req):
        "Puts what is kept under another id."
        session = Session.Session(req)
        record = session.read_record()
        session._sid = req.args
        session.write_record(record, session._accessed + session._timeout)

    class Evil:
        def __reduce__(self):
            return (os.mkdir, ("evil",))

    def replace(req):
        import pickle
        from mod_python import session_record
        session = Session.Session(req)
        stored = {"_data": {"evil": Evil()}, "_created": 0, "_accessed": time.time(), "_timeout": 60}
        sealed = session_record.seal(session.server_key(), session.id(), session_record.PICKLE, stored)
        record = {"plain": pickle.dumps(Evil()), "sealed": sealed, "short": b"MPS9", "json": b"MPS1J" + b"\\0" * 44 + b"{}"}[req.args]
        session.write_record(record, session._accessed + session._timeout)
"""


@pytest.mark.parametrize("store", SHARED)
def test_altered_records_are_refused_and_said_once(httpd, options):  # noqa: F811
    site = httpd(functions=APP + ALTER, config=options)
    length = None
    for refused, place in enumerate(("0", "4", "5", "36", "37", "44", "48", "49", "-1", "plain", "short", "json"), 1):
        cookie = cookie_of(site.get("/count"))
        if place.lstrip("-").isdigit():
            length = site.call("alter", query=f"?{place}", headers=cookie)
        else:
            site.call("replace", query=f"?{place}", headers=cookie)
        for _ in range(3):
            answer = site.get("/count", headers=cookie)
            assert ast.literal_eval(answer.text)[0] == 1, place
            assert cookie_of(answer) != cookie
        assert site.error_log.count("is deleted from") == refused, place
    assert length > 49
    # Somebody else's session is none either.
    one, two = site.get("/count"), site.get("/count")
    site.call("move", query="?" + cookie_of(two)["Cookie"].partition("=")[2], headers=cookie_of(one))
    assert site.call("count", headers=cookie_of(two))[0] == 1
    assert site.call("count", headers=cookie_of(one))[0] == 2
    assert not (site.docroot / "evil").exists()


@pytest.mark.parametrize("store", SHARED)
def test_json(httpd, options):  # noqa: F811
    json = f"{options}\nPythonOption mod_python.session.serializer json"
    site = httpd(functions=APP + ALTER, config=f"PythonOption mod_python.session.serializer pickle\n{json}")
    cookie = cookie_of(site.get("/set?500"))
    assert site.call("look", headers=cookie) == ({"text": "\xe9" * 10}, False)
    assert site.call("count", headers=cookie)[0] == 1
    # Even a pickle with the right signature is not read.
    site.call("replace", query="?sealed", headers=cookie)
    assert site.call("count", headers=cookie)[0] == 1
    assert "it is a pickle, and PythonOption mod_python.session.serializer says otherwise" in site.error_log
    assert not (site.docroot / "evil").exists()


@pytest.mark.parametrize("store", STORES)
def test_large_sessions(httpd, options):  # noqa: F811
    site = httpd(
        functions=APP
        + """
    def grow(req):
        session = Session.Session(req)
        length = int(req.args)
        before = len(session.get("text", ""))
        session["text"] = "x" * length
        session.save()
        return before
""",
        config=options,
    )
    cookie = cookie_of(site.get("/grow?10"))
    lengths = [10, 3000, 4000, 5000, 1000000, 20, 4096, 3, 100000, 0]
    for before, length in itertools.pairwise(lengths):
        assert site.call("grow", query=f"?{length}", headers=cookie) == before


@pytest.mark.parametrize("store", STORES)
def test_sub_interpreters(httpd, options):  # noqa: F811
    """Two interpreters of one process; what is in memory is in the memory of one of them."""
    site = httpd(
        files={"one/app.py": "", "two/app.py": ""},
        config=f"{options}\nPythonInterpPerDirectory On",
        handler="""
            from mod_python import Session

            def handler(req):
                session = Session.Session(req)
                session.setdefault("seen", []).append(req.interpreter.rstrip("/").rpartition("/")[2])
                session.save()
                req.write(repr(session["seen"]))
                return 0
        """,
    )
    cookie = cookie_of(site.get("/one/"))
    site.get("/two/", headers=cookie)
    expected = ["one", "one"] if "MemorySession" in options else ["one", "two", "one"]
    assert ast.literal_eval(site.get("/one/", headers=cookie).text) == expected


def test_what_can_no_longer_be_unpickled_is_kept(httpd):
    """A class may be back tomorrow."""
    app = """
        from mod_python import Session

        class {name}:
            pass

        def handler(req):
            session = Session.FileSession(req)
            session.setdefault("object", {name}())
            if session.is_new():
                session.save()
            req.write(repr(session.is_new()))
            return 0
    """
    site = httpd(handler=app.format(name="First"))
    cookie = cookie_of(site.get("/"))
    assert site.get("/", headers=cookie).text == "False"
    site.write("app.py", app.format(name="Second"))
    assert site.get("/", headers=cookie).text == "True"
    site.expect_log("session .* cannot be read: AttributeError")
    site.write("app.py", app.format(name="First") + "\n")
    assert site.get("/", headers=cookie).text == "False"
