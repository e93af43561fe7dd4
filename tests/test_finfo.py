"""File information: `req.finfo` and `apache.stat`."""

import os
import socket

import pytest

pytestmark = pytest.mark.threads_and_processes


def test_of_a_file(httpd):
    site = httpd(
        functions="""
            NAMES = "protection inode device nlink user group size atime mtime ctime fname name filetype valid".split()

            def file(req):
                finfo = req.finfo
                values = {name: getattr(finfo, name) for name in NAMES}
                assert tuple(finfo) == tuple(values[name] for name in NAMES[:13])
                assert [finfo[index] for index in range(13)] == list(finfo)
                assert len(finfo) == 13 and finfo == req.finfo and not finfo != req.finfo
                assert finfo[apache.FINFO_FILETYPE] == finfo.filetype == apache.APR_REG
                assert finfo[apache.FINFO_SIZE] == finfo.size
                return values

            def stat(req):
                finfo = apache.stat(req.filename, apache.APR_FINFO_NORM)
                other = apache.stat(req.document_root(), apache.APR_FINFO_MIN)
                return finfo.size, other.filetype == apache.APR_DIR, finfo.fname

            def missing(req):
                finfo = apache.stat(req.document_root() + "/nowhere", apache.APR_FINFO_MIN)
                return finfo.filetype == apache.APR_NOFILE, finfo.size, finfo.mtime, finfo.fname, finfo.name

            def refused(req):
                answer = []
                for act in (
                    lambda: apache.stat(req.filename),
                    lambda: apache.stat(5, 1),
                    lambda: apache.stat(req.filename + "/below", apache.APR_FINFO_MIN),
                    lambda: apache.stat("a\\0b", apache.APR_FINFO_MIN),
                    lambda: setattr(req, "finfo", 5),
                    lambda: setattr(req.finfo, "size", 5),
                    lambda: req.finfo.nothing,
                    lambda: req.finfo[13],
                ):
                    try:
                        act()
                        answer.append(None)
                    except Exception as error:
                        answer.append(type(error).__name__)
                return answer

            def assigned(req):
                req.finfo = apache.stat(req.document_root(), apache.APR_FINFO_NORM)
                return req.finfo.filetype == apache.APR_DIR, "filetype" in repr(req.finfo)
        """,
        files={"file": "12345", "stat": "123", "refused": ""},
    )
    (site.docroot / "file").chmod(0o640)
    (site.docroot / "file").chmod(0o644)
    found = os.stat(site.docroot / "file")
    values = site.call("file")
    assert values["protection"] == 0x644
    assert (values["inode"], values["nlink"], values["size"]) == (found.st_ino, 1, 5)
    assert (values["user"], values["group"], int(values["mtime"])) == (found.st_uid, found.st_gid, int(found.st_mtime))
    assert values["fname"] == f"{site.docroot}/file"
    assert values["filetype"] == 1 and values["valid"] != 0
    assert site.call("stat") == (3, True, f"{site.docroot}/stat")
    assert site.call("missing") == (True, None, None, f"{site.docroot}/nowhere", None)
    expected = [
        "TypeError",
        "TypeError",
        "NotADirectoryError",
        "ValueError",
        "TypeError",
        "AttributeError",
        "AttributeError",
        "IndexError",
    ]
    assert site.call("refused") == expected
    assert site.call("assigned") == (True, True)


def test_of_a_missing_file(httpd):
    site = httpd(
        functions="""
            def nothing(req):
                finfo = req.finfo
                return finfo.filetype == apache.APR_NOFILE, finfo.size, finfo.fname, finfo[apache.FINFO_MTIME]
        """
    )
    assert site.call("nothing") == (True, None, f"{site.docroot}/nothing", None)


def test_kinds_of_files(httpd):
    site = httpd(
        functions="""
            def kinds(req):
                root = req.document_root()
                names = ("app.py", ".", "link", "pipe", "socket")
                return [apache.stat(f"{root}/{name}", apache.APR_FINFO_MIN).filetype for name in names] + [
                    apache.stat("/dev/null", apache.APR_FINFO_NORM).filetype, apache.stat(f"{root}/link", apache.APR_FINFO_LINK).filetype]

            def wanted(req):
                finfo = apache.stat(req.filename, apache.APR_FINFO_MIN)
                bits = finfo.valid & apache.APR_FINFO_MIN
                return bits == apache.APR_FINFO_MIN, finfo.user is not None, finfo.ctime > 0

            def denied(req):
                answer = []
                for path in ("/root/x", "/proc/1/fd/0", "x" * 5000):
                    try:
                        answer.append(apache.stat(path, apache.APR_FINFO_MIN).filetype)
                    except OSError as error:
                        answer.append((type(error).__name__, error.errno > 0))
                return answer
        """,
        files={"wanted": "x"},
    )
    (site.docroot / "link").symlink_to("app.py")
    os.mkfifo(site.docroot / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(site.docroot / "socket"))
        assert site.call("kinds") == [1, 2, 1, 5, 7, 3, 6]
    assert site.call("wanted") == (True, True, True)
    answers = site.call("denied")
    assert answers[2] == ("OSError", True)
    if os.geteuid() == 0:
        assert answers[0] == ("PermissionError", True)


def test_as_a_sequence_and_as_text(httpd):
    site = httpd(
        functions="""
            ORDER = "fname filetype valid protection user group size inode device nlink atime mtime ctime name".split()

            def sequence(req):
                finfo = req.finfo
                return (finfo[-1] == finfo[12] == finfo.filetype, list(finfo) == list(finfo[:]), finfo == apache.stat(req.filename,
                        apache.APR_FINFO_NORM), finfo == apache.stat("/", apache.APR_FINFO_NORM), finfo != 5)

            def text(req):
                return eval(repr(req.finfo)) == {name: getattr(req.finfo, name) for name in ORDER}, list(eval(repr(req.finfo))) == ORDER

            def copied(req):
                mine = apache.stat(req.document_root(), apache.APR_FINFO_NORM)
                req.finfo = mine
                req.finfo = req.finfo
                return req.finfo == mine, req.finfo is mine
        """,
        files={"sequence": "x", "text": "x"},
    )
    assert site.call("sequence") == (True, True, True, False, True)
    assert site.call("text") == (True, True)
    assert site.call("copied") == (True, False)
