"""Where sessions are kept on disk: directories, files and keys that nobody else may have made or may read, and the clean-up."""

import ast
import os
import pwd
import re
import shutil
import stat

from httpd import child_user, wait_until
from session_stores import cookie_of

APP = """
    from mod_python import Cookie, Session
    import ast, time

    def facts(req):
        session = Session.Session(req)
        session.save()
        return type(session).__name__, session.id(), session.is_new(), session.timeout(), isinstance(session, dict)
"""
HANDLER = "SetHandler mod_python\nPythonHandler app\n"


def facts(site, **options):
    return site.call("facts", **options)


# Where files may be


def file_site(httpd, option, prepare=lambda site: None):
    site = httpd(
        functions=APP,
        config=f"{HANDLER}PythonOption session FileSession\nPythonOption {option}",
        files={"place/hold": "", "target/hold": ""},
    )
    prepare(site)
    return site


def test_a_directory_of_the_site(httpd):
    site = file_site(httpd, "mod_python.session.database_directory ${scratch}")
    site.scratch.chmod(0o1777)
    sid = facts(site)[1]
    found = site.scratch / "mp_sess" / sid[:2] / sid
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.parent.stat().st_mode) == stat.S_IMODE(found.parent.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((site.scratch / "mp_sess.key").stat().st_mode) == 0o600
    assert len((site.scratch / "mp_sess.key").read_bytes()) == 32


def test_a_directory_that_is_cleaned_up_from_outside(httpd):
    site = file_site(httpd, "own value")
    directory = site.root / "run/mod_python/mp_sess"
    for _ in range(3):
        answer = site.get("/facts")
        assert facts(site, headers=cookie_of(answer))[2] is False
        shutil.rmtree(directory)
        assert facts(site, headers=cookie_of(answer))[2] is True


def test_places_that_are_not_safe(httpd):
    site = file_site(httpd, "mod_python.session.database_directory ${scratch}")

    def refused(told):
        assert site.get("/facts").status == 500
        site.expect_traceback(told)
        assert told.replace("\\", "") in site.error_log or re.search(told, site.error_log)

    refused("is open to all users")  # 0777, and not sticky
    site.scratch.chmod(0o1777)
    sessions = site.scratch / "mp_sess"
    sessions.symlink_to(site.docroot)
    refused("mp_sess is not a directory")
    sessions.unlink()
    if os.geteuid() == 0:
        sessions.mkdir()  # somebody else was first
        refused("belongs to user 0")
        sessions.rmdir()
        key = site.scratch / "mp_sess.key"
        key.write_bytes(b"k" * 32)
        refused("mp_sess.key belongs to user 0")
        key.unlink()
    site.scratch.chmod(0o1777)
    assert facts(site)[0] == "FileSession"


def test_a_directory_that_is_not_there(httpd):
    site = file_site(httpd, "mod_python.session.database_directory ${scratch}/nowhere")
    assert site.get("/facts").status == 500
    site.expect_traceback("the directory for sessions cannot be used")


def test_no_directory_at_all(httpd):
    site = httpd(functions=APP, config=f"{HANDLER}PythonOption session FileSession")
    site.stop()
    private = site.root / "run/mod_python"
    private.rmdir()
    private.symlink_to(site.scratch)
    site.start()
    assert site.get("/facts").status == 500
    site.expect_traceback("there is no directory for sessions .*database_directory")
    assert not any(site.scratch.iterdir())


def test_sessions_outlive_a_restart(httpd):
    site = httpd(functions=APP, config=f"{HANDLER}PythonOption session FileSession")
    answer = site.get("/facts")
    sid = ast.literal_eval(answer.text)[1]
    site.restart()
    assert facts(site, headers=cookie_of(answer))[1:3] == (sid, False)
    site.stop()
    site.start()
    assert facts(site, headers=cookie_of(answer))[1:3] == (sid, False)


def test_key_file(httpd):
    config = f"{HANDLER}PythonOption session FileSession\nPythonOption mod_python.session.key_file ${{scratch}}/own.key"
    site = httpd(functions=APP, config=config)
    assert site.get("/facts").status == 500  # it is not made
    site.expect_traceback("No such file")
    key = site.scratch / "own.key"
    user = os.stat(f"/proc/{site.child_pids()[0]}")

    def write(data, mode):
        key.write_bytes(data)
        key.chmod(mode)
        if os.geteuid() == 0:
            os.chown(key, user.st_uid, user.st_gid)

    write(b"short", 0o600)
    assert site.get("/facts").status == 500
    site.expect_traceback("is too short")
    write(b"k" * 32, 0o644)
    assert site.get("/facts").status == 500
    site.expect_traceback("is open to other users")
    write(b"k" * 32, 0o640)
    answer = site.get("/facts")
    assert facts(site, headers=cookie_of(answer))[2] is False
    assert not (site.root / "run/mod_python/mp_sess.key").exists()
    write(b"other" * 8, 0o600)
    site.restart()
    assert facts(site, headers=cookie_of(answer))[2] is True
    assert "its signature is wrong" in site.error_log


def test_directory_of_httpd(httpd):
    """The children have a directory in the runtime directory, made at the start; nobody else may enter it."""
    site = httpd(functions=APP)
    private = site.root / "run/mod_python"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    is_root = os.geteuid() == 0
    assert private.stat().st_uid == (pwd.getpwnam(child_user()[0]).pw_uid if is_root else os.geteuid())
    private.chmod(0o755)
    site.graceful()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


# The clean-up of files


CLEAN = (
    APP
    + """
    def sweep(req):
        session = Session.FileSession(req, fast_cleanup=int(req.args[0]), verify_cleanup=int(req.args[1]))
        session.cleanup()

    def long(req):
        session = Session.FileSession(req, timeout=100000)
        session.save()
        return session.id()
"""
)


def test_clean_up_of_files(httpd):
    """What expired is deleted; what is old but good is kept, unless the age of the file is to be enough; litter goes."""
    site = httpd(functions=CLEAN, config=f"{HANDLER}PythonOption session FileSession", server="LogLevel python:info\n")
    expired, good, fresh = facts(site)[1], site.call("long"), facts(site)[1]
    directory = site.root / "run/mod_python/mp_sess"
    litter = directory / expired[:2] / f"{expired}.0011223344556677"
    litter.write_bytes(b"half")
    if os.geteuid() == 0:
        os.chown(litter, (directory / expired[:2]).stat().st_uid, -1)

    def age(*names):
        for path in directory.glob("*/*"):
            if path.name.partition(".")[0] in names:
                os.utime(path, (path.stat().st_mtime - 5000,) * 2)

    def names():
        return {path.name for path in directory.glob("*/*")}

    def sweep(how):
        before = site.error_log.count("session clean-up of")
        site.call("sweep", query=f"?{how}")
        wait_until(lambda: site.error_log.count("session clean-up of") > before, "a clean-up")

    age(expired, good)
    sweep("11")
    assert {expired, good, fresh} <= names() and litter.name not in names()  # not expired by their own words
    sweep("01")
    assert {expired, good, fresh} <= names()
    sweep("10")
    assert names() == {fresh}
