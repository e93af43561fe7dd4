"""The original's defects that cost it memory or its child (S and C in the list of them): absent under load too."""

import pathlib
import re

import pytest

from crowd import crowd
from test_quirks import HERE

# Entries of which something is asked by many clients elsewhere, or nothing can be: file and test.
ELSEWHERE = {
    15: ("includes", "q15_q78_under_load"),
    16: ("filter_load", "filters_under_load"),
    26: ("wsgi", None),
    61: ("quirks", "q61_nothing_is_offered_to_other_modules"),
}
SERIOUS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 23, 25, 26, 30, 33, 55, 56, 61, 67, 73}

# Each function is asked for by its name and must get through; those that must not are in STATUSES.
HANDLER = """
    import _apache
    from mod_python import apache
    import os

    kept = []

    def raises(error, act, *arguments):
        try:
            act(*arguments)
        except error:
            return
        raise AssertionError(f"no {error} of {act}")

    def q02_q05_text(req):
        assert req.headers_in["X-Byte"] == "caf\\udce9"
        req.headers_out["X-Back"] = req.headers_in["X-Byte"]

    def q03_q04_forms(req):
        assert _apache.parse_qs("a=%e9&b=1") == {"a": ["\\udce9"], "b": ["1"]}
        assert _apache.parse_qsl("a=1&b=2") == [("a", "1"), ("b", "2")]
        assert len(_apache.parse_qsl("a=1&" * 300)) == 300

    def q06_deletion(req):
        for name in ("filename", "uri", "user", "finfo", "chunked", "content_type", "status_line", "handler"):
            raises((AttributeError, TypeError), delattr, req, name)

    def q07_kept(req):
        kept.append((req, req.headers_in, req.connection, req.finfo, req.notes))
        if len(kept) > 40:
            for item in kept[0][:2] + kept[0][4:]:
                raises(RuntimeError, lambda: item.method if item is kept[0][0] else len(item))
            del kept[0]

    def q08_cleanup(req):
        req.register_cleanup(lambda _: req.add_handler("PythonHandler", "app"))

    def q09_list(req):
        while req.hlist.handler is not None:
            req.hlist.next()
        req.hlist.next()
        repr(req.hlist)
        assert req.connection.hlist is None

    def q10_redirect(req):
        raises(TypeError, req.internal_redirect, None)

    def q11_q27_q30_q33_tables(req):
        t = apache.table({"a b": "1"})
        assert t.setdefault("new", "x") == "x" and t != 5 and "ab" not in t
        raises(KeyError, t.__getitem__, "ab")
        raises(ValueError, t.__setitem__, "k", "a\\0b")
        raises(ValueError, setattr, req, "filename", "a\\0.txt")
        assert t.popitem() == ("new", "x")

    def q12_locks(req):
        _apache._global_lock(req.server, "a key")
        _apache._global_unlock(req.server, "a key")

    def q13_q14_questions(req):
        assert req.get_addhandler_exts() == "" and apache.mpm_query(12345) == 0

    def q16_cycles(req):
        req.me = req
        req.table = req.headers_in
        req.generator = (item for item in [req])
        next(req.generator)

    def q17_errors(req):
        raise ValueError("on purpose")

    def q18_files(req):
        path = req.document_root() + "/data"
        for arguments in ((-1,), (0, -2), (11,)):
            raises(ValueError, req.sendfile, path, *arguments)
        assert req.sendfile(path, 3, 100) == 7

    def q19_body(req):
        assert req.readline(2) == b"on" and req.read() == b"e\\ntwo"

    def q67_views(req):
        req.get_options()[f"of {id(req)}"] = "x"
        req.get_config()["PythonDebug"] = "1"
        assert [name for name in req.get_options() if name.startswith("of ")] == [f"of {id(req)}"]
        apache.main_server.get_options()["shared"] = req.uri

    def q73_injection(req):
        raises(ValueError, req.headers_out.__setitem__, "X", "a\\r\\nb")
        raises(ValueError, setattr, req, "content_type", "a\\nb")

    def filtered(req, output):
        req.register_output_filter("own", output)
        req.add_output_filter("own")

    def q01_copies(req):
        def temporaries(filter):
            for number in range(200):
                filter.write("%d " % number)
                filter.write(str(number).encode() + b" ")
                print(number, file=filter, end=" ")
            filter.pass_on()
        filtered(req, temporaries)

    def q08_filter(req):
        def adds(filter):
            filter.req.add_handler("PythonLogHandler", "app::nothing")
            filter.pass_on()
        filtered(req, adds)

    def nothing(req):
        return apache.OK

    def q17_status(req):
        req.write("x" * 10, 0)
        raise ValueError("on purpose")

    def q22_input(req):
        def fails(filter):
            filter.write(filter.read(2))
            raise ValueError("on purpose")
        req.register_input_filter("own", fails)
        req.add_input_filter("own")
        raises(OSError, req.read)

    def q22_output(req):
        def fails(filter):
            raise ValueError("on purpose")
        filtered(req, fails)

    def q22_refused(req):
        def refuses(filter):
            raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
        filtered(req, refuses)

    def q23_owner(req):
        def looks(filter):
            raises(AttributeError, setattr, filter, "req", None)
            raises(AttributeError, delattr, filter, "req")
            filter.pass_on()
        filtered(req, looks)

    def q25_redirect(req):
        def upper(filter):
            filter.write(filter.read().upper())
            filter.close()
        filtered(req, upper)
        req.internal_redirect("/q25_target")

    def q25_target(req):
        req.write("target ")

    def q56_queries(req):
        for text in ("%", "%%", "=%", "&" * 500, "=" * 500, "+" * 500, "%00=%00", "a=b%", ";&=;", "a" * 5000):
            for keep in (0, 1):
                _apache.parse_qs(text, keep)
                _apache.parse_qsl(text.encode(), keep)

    ASKED = sorted(name for name in globals() if name[:2] in ("q0", "q1", "q2", "q3", "q5", "q6", "q7"))

    def handler(req):
        name = req.uri[1:]
        if name == "names":
            req.write(" ".join(ASKED))
            return apache.OK
        globals()[name](req)
        req.write("done", 0)
        return apache.OK
"""
STATUSES = {"q17_errors": 500, "q17_status": 500, "q22_output": 500, "q22_refused": 403}
COPIES = "".join(f"{number} {number} {number} " for number in range(200))
BODIES = {"q01_copies": COPIES + "done", "q25_redirect": "target done"}


def test_every_serious_entry_is_asked_of(httpd):
    site = httpd(handler=HANDLER)
    asked = {int(number) for number in re.findall(r"q(\d\d)", site.get("/names").text)}
    here = {int(number) for number in re.findall(r"\ndef test_q(\d\d)_", pathlib.Path(__file__).read_text())}
    assert asked | here | set(ELSEWHERE) >= SERIOUS
    for entry, (file, name) in ELSEWHERE.items():
        assert name is None or f"\ndef test_{name}(" in (HERE / f"test_{file}.py").read_text(), entry


@pytest.mark.every_mpm
def test_serious_ones_under_load(httpd, mpm):
    site = httpd(
        handler=HANDLER,
        files={"data": "0123456789"},
        children=16 if mpm == "prefork" else 1,
        server="MaxKeepAliveRequests 0\n",
    )
    site.expect_log("ValueError: on purpose")
    site.expect_log("PythonHandler app: |mod_python app::")
    names = site.get("/names").text.split()
    pids = set(site.child_pids())

    def talk(ask, number):
        wrong = []
        for turn in range(len(names) * 4):
            name = names[(turn + number) % len(names)]
            response = ask("POST", f"/{name}", b"one\ntwo", {"X-Byte": b"caf\xe9"})
            expected = (STATUSES.get(name, 200), BODIES.get(name, "done"))
            if response.status != expected[0] or (response.status == 200 and not response.text.endswith(expected[1])):
                wrong.append((name, response.status, response.text[-20:]))
        return wrong

    assert [wrong for wrong in crowd(site, talk) if wrong] == []
    if mpm != "prefork":
        assert set(site.child_pids()) == pids


@pytest.mark.every_mpm
def test_q17_under_load(httpd, mpm):
    """Errors after the end of a response leave nothing on the connection: each answer is that of its own request."""
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.write(f"answer to {req.args}", 0)
                if req.args.endswith("7"):
                    raise ValueError("on purpose")
                return apache.OK

            def loghandler(req):
                raise ValueError("in the log")

            def cleanuphandler(req):
                raise ValueError("in the cleanup")
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonLogHandler app\nPythonCleanupHandler app\nPythonDebug On\n",
        server="MaxKeepAliveRequests 0\n",
        children=16 if mpm == "prefork" else 1,
    )
    site.expect_log("in the log")
    site.expect_log("in the cleanup")
    site.expect_log("Python(Log|Cleanup|)Handler app: ")

    def talk(ask, number):
        for turn in range(40):
            response = ask("GET", f"/?{number}-{turn}")
            if turn % 10 == 7:
                assert response.status == 500 and "ValueError: on purpose" in response.text
            else:
                assert (response.status, response.text) == (200, f"answer to {number}-{turn}")

    crowd(site, talk)


@pytest.mark.every_mpm
def test_q55_under_load(httpd, mpm):
    """What is switched off in .htaccess is so for each of many who ask at once."""
    site = httpd(
        server="PythonAllowHtaccess Off\nMaxKeepAliveRequests 0\n",
        config="AllowOverride All\n",
        files={
            "sub/.htaccess": "PythonHandler app\nSetHandler mod_python\n",
            "sub/app.py": "raise SystemError\n",
            "plain": "plain",
        },
        children=16 if mpm == "prefork" else 1,
    )
    site.expect_log("PythonHandler")

    def talk(ask, number):
        for _ in range(20):
            assert ask("GET", "/sub/").status == 500
            assert ask("GET", "/plain").text == "plain"

    crowd(site, talk)
