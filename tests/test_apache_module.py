"""The module `mod_python.apache`: what its functions do."""

import os


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

            def mpm(req):
                wrong = []
                for code in ("x", None, 1.5):
                    try:
                        apache.mpm_query(code)
                        wrong.append(code)
                    except TypeError:
                        pass
                return (apache.mpm_query(apache.AP_MPMQ_IS_THREADED), apache.mpm_query(apache.AP_MPMQ_MAX_THREADS),
                        apache.mpm_query(999), apache.mpm_query(-7), wrong)

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
    assert site.call("mpm") == (1, 16, 0, 0, [])
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


def test_locks_between_processes(httpd):
    site = httpd(
        functions="""
            import _apache

            def locks(req):
                server = req.server
                _apache._global_lock(server, "key")
                _apache._global_unlock(server, "key")
                answer = [_apache._global_trylock(server, "key")]
                _apache._global_unlock(server, "key")
                wrong = []
                for act in (lambda: _apache._global_lock(5, "key"), lambda: _apache._global_lock(server, []),
                            lambda: _apache._global_unlock(server, "never locked")):
                    try:
                        act()
                        wrong.append(None)
                    except (TypeError, ValueError) as error:
                        wrong.append(type(error).__name__)
                return answer, wrong
        """
    )
    assert site.call("locks") == ([True], ["TypeError", "TypeError", "ValueError"])


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
