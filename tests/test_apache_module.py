"""The module `mod_python.apache`: what its functions do."""

import os

import pytest

pytestmark = pytest.mark.threads_and_processes


def test_server_return(httpd):
    site = httpd(
        functions="""
            import _apache

            def name(req):
                raised = apache.SERVER_RETURN
                return str(raised), raised.__bases__ == (Exception,), raised is _apache.SERVER_RETURN, apache.table is _apache.table
        """
    )
    assert site.call("name") == ("<class '_apache.SERVER_RETURN'>", True, True, True)


def test_facts_of_the_server(httpd):
    site = httpd(
        functions="""
            import sys
            import mod_python

            def facts(req):
                return {
                    "root": apache.server_root(),
                    "defined": apache.exists_config_define("TESTING"),
                    "undefined": apache.exists_config_define("NOT_TESTING"),
                    "argv": sys.argv,
                    "interpreter": apache.interpreter,
                    "main": apache.main_server.server_hostname,
                    "version": mod_python.version.version == mod_python.mp_version,
                    "packages": sorted(mod_python.__all__),
                }

            def tree(req):
                return apache.config_tree()
        """,
        defines=("TESTING",),
        server="""
            <Location /some>
                PythonOption a "b c"
            </Location>
        """,
    )
    facts = site.call("facts")
    assert facts.pop("packages")
    assert facts == {
        "root": str(site.root),
        "defined": True,
        "undefined": False,
        "argv": ["mod_python"],
        "interpreter": "localhost",
        "main": "localhost",
        "version": True,
    }
    tree = site.call("tree")
    assert ("DocumentRoot", f'"{site.docroot}"') in tree
    location = tree.index(("<Location", "/some>"))
    assert tree[location + 1] == [("PythonOption", 'a "b c"')]


def test_forms_in_query_strings(httpd):
    site = httpd(
        functions="""
            import _apache

            def pairs(req):
                text = "a=1&b=2&a=3&empty=&=value&plus=a+b&c=x%3Dy=z&bad=%zz%e9&slash=%2F"
                return _apache.parse_qsl(text), _apache.parse_qsl(text, 1)[3], _apache.parse_qs(text)["a"]

            def kinds(req):
                return _apache.parse_qsl(b"a=%ff&b=2"), _apache.parse_qs("k=%c3%a9"), _apache.parse_qsl("a=1;b=2"), _apache.parse_qs("")

            def refused(req):
                answer = []
                for wrong in (None, 5, [b"x"]):
                    for function in (_apache.parse_qs, _apache.parse_qsl):
                        try:
                            function(wrong)
                            answer.append(wrong)
                        except TypeError:
                            pass
                return answer
        """
    )
    pairs, empty, values = site.call("pairs")
    assert pairs == [
        ("a", "1"),
        ("b", "2"),
        ("a", "3"),
        ("", "value"),
        ("plus", "a b"),
        ("c", "x=y=z"),
        ("bad", "%zz\udce9"),
        ("slash", "/"),
    ]
    assert empty == ("empty", "")
    assert values == ["1", "3"]
    kinds = site.call("kinds")
    assert kinds == ([(b"a", b"\xff"), (b"b", b"2")], {"k": ["\u00e9"]}, [("a", "1;b=2")], {})
    assert site.call("refused") == []


def test_resolving_objects(httpd):
    site = httpd(
        functions="""
            class K:
                def __init__(self, arg):
                    self.arg = arg

                def method(self):
                    return self.arg

            def resolve(req):
                import app
                answer = [apache.resolve_object(app, "resolve") is resolve, apache.resolve_object(app, "K.method", 5)()]
                answer.append(apache.resolve_object(app, "missing", None, 1))
                try:
                    apache.resolve_object(app, "missing")
                except AttributeError as error:
                    answer.append("contains no 'missing'" in str(error) and app.__file__ in str(error))
                return answer

            def mtime(req):
                import app, os
                return apache.module_mtime(app) == os.path.getmtime(app.__file__), apache.module_mtime(apache.sys)
        """
    )
    assert site.call("resolve") == [True, 5, None, True]
    assert site.call("mtime") == (True, 0)


def test_root_is_no_place_for_python(httpd):
    """The parent stays without Python: it runs as root where the children do not."""
    site = httpd(
        functions="""
            import os

            def user(req):
                return os.geteuid(), os.getpid()
        """
    )
    uid, pid = site.call("user")
    assert (uid != 0 or os.geteuid() != 0) and pid != site.pid and pid in site.child_pids()


def test_the_processing_model(httpd, mpm):
    site = httpd(
        functions="""
            def codes(req):
                return {name.removeprefix("AP_MPMQ_"): apache.mpm_query(getattr(apache, name)) for name in dir(apache)
                        if name.startswith("AP_MPMQ_") and name.rpartition("_")[2] not in ("SUPPORTED", "STATIC", "DYNAMIC")}

            def others(req):
                refused = 0
                for code in ("x", None, 1.5):
                    try:
                        apache.mpm_query(code)
                    except TypeError:
                        refused += 1
                return apache.mpm_query(999), apache.mpm_query(-7), apache.mpm_query(True) == apache.mpm_query(1), refused
        """,
        server="MaxConnectionsPerChild 100000\n",
    )
    codes = site.call("codes")
    threaded = mpm != "prefork"
    expected = {
        "IS_THREADED": 1 if threaded else 0,
        "IS_FORKED": 2,
        "MAX_THREADS": 16 if threaded else 1,
        "MAX_DAEMONS": 1 if threaded else 4,
        "MAX_REQUESTS_DAEMON": 100000,
        "HARD_LIMIT_THREADS": 16 if threaded else 1,
        "MIN_SPARE_DAEMONS": 0 if threaded else 1,
    }
    assert {name: codes[name] for name in expected} == expected
    assert set(codes) == {
        "MAX_DAEMON_USED", "IS_THREADED", "IS_FORKED", "HARD_LIMIT_DAEMONS", "HARD_LIMIT_THREADS", "MAX_THREADS", "MIN_SPARE_DAEMONS",
        "MIN_SPARE_THREADS", "MAX_SPARE_DAEMONS", "MAX_SPARE_THREADS", "MAX_REQUESTS_DAEMON", "MAX_DAEMONS",
    }  # fmt: skip
    assert codes["MAX_DAEMON_USED"] >= 1 and codes["HARD_LIMIT_DAEMONS"] >= 2
    assert site.call("others") == (0, 0, True, 3)


def test_the_configuration_as_a_tree(httpd):
    """A copy of what httpd has parsed: without what it consumed on the way, and without .htaccess."""
    site = httpd(
        functions="""
            def tree(req):
                tree = apache.config_tree()
                tree.clear()
                return apache.config_tree()
        """,
        config="SetHandler mod_python\nPythonHandler app\nAllowOverride All",
        files={".htaccess": "PythonOption of htaccess\n"},
        server="""
            Define consumed
            <IfModule python_module>
                PythonOption inside yes
            </IfModule>
            <Location /empty>
            </Location>
            <Location /outer>
                PythonOption a "b c"
                <If "true">
                    PythonOption deep 1
                </If>
            </Location>
        """,
    )
    tree = site.call("tree")
    assert ("PythonOption", "inside yes") in tree
    names = {entry[0] for entry in tree if isinstance(entry, tuple)}
    assert not names & {"LoadModule", "Define", "<IfModule"} and ("PythonOption", "of htaccess") not in tree
    empty, outer = tree.index(("<Location", "/empty>")), tree.index(("<Location", "/outer>"))
    assert outer == empty + 1
    assert tree[outer + 1] == [("PythonOption", 'a "b c"'), ("<If", '"true">'), [("PythonOption", "deep 1")]]


def test_init(httpd):
    """What the server calls once in each interpreter may be called again."""
    site = httpd(
        functions="""
            import sys

            def again(req):
                before = (apache.interpreter, apache.main_server)
                sys.argv = ["changed"]
                callback = apache.init(*before)
                return isinstance(callback, apache.CallBack), sys.argv, (apache.interpreter, apache.main_server) == before

            def report(req):
                try:
                    1 / 0
                except ZeroDivisionError as error:
                    status = apache.CallBack().ReportError(type(error), error, error.__traceback__, req=req, phase="Phase", hname="name")
                    other = apache.CallBack().ReportError(type(error), error, error.__traceback__, srv=req.server)
                return status, other
        """
    )
    site.expect_log("Phase name: ZeroDivisionError")
    site.expect_log("N/A N/A: ZeroDivisionError")
    site.expect_log("Phase name: |N/A N/A: ")
    assert site.call("again") == (True, ["mod_python"], True)
    assert site.call("report") == (500, 500)


def test_a_report_on_a_page(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                try:
                    raise ValueError("<shown>")
                except ValueError as error:
                    return apache.CallBack().ReportError(type(error), error, error.__traceback__, req, debug=1, phase="P", hname="h")
        """
    )
    site.expect_log("P h: ")
    response = site.get("/")
    assert (response.status, response.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert (
        response.text.startswith('\n<pre>\nMod_python error: "P h"\n\nTraceback') and "ValueError: &lt;shown&gt;" in response.text
    )


def test_the_package(httpd):
    site = httpd(
        functions="""
            import site
            import sys

            def package(req):
                from mod_python import python22, version
                namespace = {}
                exec("from mod_python.python22 import *", namespace)
                same = version.version == __import__("mod_python").mp_version
                return same, site.ENABLE_USER_SITE, sys.argv, "/usr/share/nowhere" in sys.path
        """,
        env={"PYTHONPATH": "/usr/share/nowhere"},
    )
    assert site.call("package") == (True, False, ["mod_python"], True)
