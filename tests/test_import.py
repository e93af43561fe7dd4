"""Importing: reloading at the next request, same names in two directories, paths, and what cannot be imported."""

import textwrap
import threading

import pytest

from crowd import CLIENTS, crowd
from httpd import wait_until


def module(value):
    return f"""
        VALUE = "{value}"

        def handler(req):
            req.write(VALUE)
            return 0
    """


def test_a_changed_module_is_reloaded_at_the_next_request(httpd):
    site = httpd(handler=module("one"))
    assert site.get("/").text == "one"
    # The same size, within the same second.
    for value in ("two", "six", "ten", "two"):
        site.write("app.py", module(value))
        assert site.get("/").text == value


def test_reloading_where_python_may_write_its_caches(httpd):
    site = httpd(handler=module("one"))
    site.docroot.chmod(0o777)
    for value in ("two", "six", "ten"):
        site.write("app.py", module(value))
        assert site.get("/").text == value


def test_who_changes_a_module_and_asks_then_has_the_new_one(httpd):
    """Also while others ask all the time, whose looks at its file requests of the same moment share."""
    site = httpd(handler=module(0))
    is_over = threading.Event()

    def talk(ask, number):
        if number:
            while not is_over.is_set():
                assert ask("GET", "/").status == 200
            return
        try:
            for value in range(1, 151):
                site.write("app.py", module(value))
                assert ask("GET", "/").text == str(value)
        finally:
            is_over.set()

    crowd(site, talk, clients=5)


def test_a_module_that_changes_while_it_is_executed(httpd):
    """Who asks after the change waits for the other thread, and does not get what that one has made."""
    site = httpd(
        handler="""
            import pathlib
            import time

            pathlib.Path(__file__).with_name("began").touch()
            time.sleep(0.5)

            def handler(req):
                req.write("first")
                return 0
        """
    )
    site.docroot.chmod(0o777)
    with site.connection() as early:
        early.request("GET", "/")
        wait_until((site.docroot / "began").exists, "the module is being executed")
        site.write("app.py", module("second"))
        assert site.get("/").text == "second"
        assert early.getresponse().read() in (b"first", b"second")


def test_what_a_module_imports_changes_while_another_thread_executes_it(httpd):
    """Who asks after the change has it, also by a handler of its own."""
    user = """
        import near

        def handler(req):
            req.write(near.VALUE)
            return 0
    """
    site = httpd(
        server="""
            <Location /one>
                SetHandler mod_python
                PythonHandler one
            </Location>
            <Location /two>
                SetHandler mod_python
                PythonHandler two
            </Location>
            PythonPath "sys.path + ['${docroot}']"
        """,
        files={
            "one.py": user,
            "two.py": user,
            "near.py": """
                import pathlib
                import time

                pathlib.Path(__file__).with_name("began").touch()
                time.sleep(0.5)
                VALUE = "first"
            """,
        },
    )
    site.docroot.chmod(0o777)
    with site.connection() as early:
        early.request("GET", "/one")
        wait_until((site.docroot / "began").exists, "the imported module is being executed")
        site.write("near.py", "VALUE = 'second'\n")
        assert site.get("/two").text == "second"
        assert early.getresponse().read() in (b"first", b"second")


def test_more_modules_than_a_thread_remembers_the_files_of(httpd):
    names = [f"module{number}" for number in range(12)]
    sections = [f'<Location "/{name}">\nSetHandler mod_python\nPythonHandler {name}\n</Location>' for name in names]
    path = "PythonPath \"sys.path + ['${docroot}']\""
    site = httpd(server="\n".join([path, *sections]), files={f"{name}.py": module(name) for name in names})
    for version in ("", "!", "?"):
        for name in names:
            site.write(f"{name}.py", module(name + version))
        for name in names * 2:
            assert site.get(f"/{name}").text == name + version


def test_autoreload_off(httpd):
    site = httpd(handler=module("one"), config="SetHandler mod_python\nPythonHandler app\nPythonAutoReload Off")
    assert site.get("/").text == "one"
    site.write("app.py", module("two"))
    assert site.get("/").text == "one"


def test_a_failing_reload_until_it_is_mended(httpd):
    site = httpd(handler=module("one"))
    site.expect_log("SyntaxError")
    site.expect_traceback("RuntimeError: at import")
    assert site.get("/").text == "one"
    site.write("app.py", "def handler(req:\n")
    assert [site.get("/").status for _ in range(3)] == [500] * 3
    site.write("app.py", "raise RuntimeError('at import')\n")
    assert [site.get("/").status for _ in range(3)] == [500] * 3
    site.write("app.py", module("mended"))
    assert site.get("/").text == "mended"


def test_a_module_that_comes_later(httpd):
    site = httpd(config="SetHandler mod_python\nPythonHandler late")
    site.expect_traceback("ModuleNotFoundError", handler="late")
    assert site.get("/").status == 500
    site.write("late.py", module("came"))
    assert site.get("/").text == "came"


@pytest.mark.parametrize(
    "statement", ["import near", "from near import far", "from mod_python import apache; near = apache.import_module('near')"]
)
def test_what_a_module_imports_is_watched(httpd, statement):
    through = "far.VALUE" if statement.startswith("from near") else "near.far.VALUE"
    site = httpd(
        handler=f"""
            {statement}

            VALUE = {through}

            def handler(req):
                req.write(VALUE)
                return 0
        """,
        files={"near.py": "import far\n", "far.py": "VALUE = 'one'\n"},
    )
    site.expect_log("RuntimeError: far")
    site.expect_traceback("RuntimeError: far")
    assert site.get("/").text == "one"
    site.write("far.py", "VALUE = 'two'\n")
    assert site.get("/").text == "two"
    site.write("far.py", "raise RuntimeError('far')\n")
    assert site.get("/").status == 500
    assert site.get("/").status == 500
    site.write("far.py", "VALUE = 'three'\n")
    assert site.get("/").text == "three"


def test_modules_of_one_name_in_two_directories(httpd):
    site = httpd(
        server="""
            <Directory "${docroot}/one">
                SetHandler mod_python
                PythonHandler app
            </Directory>
            <Directory "${docroot}/two">
                SetHandler mod_python
                PythonHandler app
            </Directory>
        """,
        files={"one/app.py": module("one"), "two/app.py": module("two")},
    )
    for _ in range(2):
        assert site.get("/one/x").text == "one"
        assert site.get("/two/x").text == "two"
    site.write("one/app.py", module("new"))
    assert (site.get("/one/x").text, site.get("/two/x").text) == ("new", "two")


def test_import_module(httpd):
    site = httpd(
        functions="""
            import os.path

            HERE = os.path.dirname(__file__)

            def found(req):
                one = apache.import_module("same", path=[HERE + "/one"])
                two = apache.import_module("same", path=[HERE + "/two"])
                return one.VALUE, two.VALUE, one is apache.import_module("same", path=[HERE + "/one"])

            def ordinary(req):
                import json
                answer = [apache.import_module("json") is json, apache.import_module("os.path") is os.path]
                try:
                    apache.import_module("no_such_module")
                except ModuleNotFoundError as error:
                    answer.append(error.name)
                return answer

            def positional(req):
                return apache.import_module("same", 1, 0, [HERE + "/two"]).VALUE, apache.import_module("same", autoreload=1, log=0,
                                                                                                    path=[HERE + "/one"]).VALUE

            def absolute(req):
                return apache.import_module(HERE + "/one/same.py").VALUE
        """,
        files={"one/same.py": "VALUE = 1\n", "two/same.py": "VALUE = 2\n"},
    )
    assert site.call("found") == (1, 2, True)
    assert site.call("ordinary") == [True, True, "no_such_module"]
    assert site.call("positional") == (2, 1)
    assert site.call("absolute") == 1
    site.write("one/same.py", "VALUE = 3\n")
    assert site.call("absolute") == 3
    assert site.call("found") == (3, 2, True)


def test_modules_named_by_a_path(httpd):
    site = httpd(
        server="""
            <Directory "${docroot}/sub">
                SetHandler mod_python
                <Files absolute>
                    PythonHandler ${docroot}/lib/named.py
                </Files>
                <Files object>
                    PythonHandler ${docroot}/lib/named.py::other
                </Files>
                <Files here>
                    PythonHandler ./near
                </Files>
                <Files up>
                    PythonHandler ../lib/named
                </Files>
                <Files home>
                    PythonHandler ~/near
                </Files>
            </Directory>
        """,
        files={
            "lib/named.py": """
                def handler(req):
                    req.write("named")
                    return 0

                def other(req):
                    req.write("other")
                    return 0
            """,
            "sub/near.py": module("near"),
        },
    )
    assert site.get("/sub/absolute").text == "named"
    assert site.get("/sub/object").text == "other"
    assert site.get("/sub/here").text == "near"
    assert site.get("/sub/up").text == "named"
    assert site.get("/sub/home").text == "near"


def test_python_path(httpd):
    site = httpd(
        server="""
            <Directory "${docroot}/one">
                SetHandler mod_python
                PythonHandler probe
                PythonPath "sys.path+['${docroot}/lib', '/one']"
            </Directory>
            <Directory "${docroot}/two">
                SetHandler mod_python
                PythonHandler probe
                PythonPath "['${docroot}/lib', '/two'] + sys.path"
            </Directory>
        """,
        files={
            "lib/probe.py": """
                import sys

                def handler(req):
                    interesting = [item for item in sys.path if item in ("/one", "/two") or "htdocs" in item]
                    req.write(" ".join(item.replace(req.document_root(), "") for item in interesting))
                    return 0
            """,
            "one/x": "",
            "two/x": "",
        },
    )
    for _ in range(3):
        # Each expression starts from the interpreter's own path, and is the path whenever it is in effect.
        assert site.get("/one/x").text == "/lib /one"
        assert site.get("/two/x").text == "/lib /two"


def test_a_python_path_that_fails(httpd):
    site = httpd(
        handler=module("one"),
        server="""
            <Location /fails>
                PythonPath "1/0"
            </Location>
            <Location /number>
                PythonPath "5"
            </Location>
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    site.expect_log("ZeroDivisionError")
    site.expect_traceback("TypeError")
    for _ in range(2):
        assert site.get("/fails").status == 500
        assert site.get("/number").status == 500
    assert site.get("/works").text == "one"


def test_the_directory_is_on_the_path_once(httpd):
    site = httpd(
        functions="""
            import sys

            def path(req):
                return sys.path.count(req.hlist.directory), sys.path[0] == req.hlist.directory, req.hlist.directory.endswith("/")
        """
    )
    for _ in range(3):
        assert site.call("path") == (1, True, True)


def test_a_foreign_mod_python_is_not_picked_up(httpd, tmp_path_factory):
    foreign = {
        "mod_python/__init__.py": "FOREIGN = True\n",
        "mod_python/apache.py": "raise ImportError('a foreign mod_python')\n",
        "mod_python/importer.py": "raise ImportError('a foreign mod_python')\n",
        "_apache.py": "raise ImportError('a foreign _apache')\n",
    }
    site = httpd(
        functions="""
            import sys
            import mod_python
            import mod_python.apache as again

            def origin(req):
                return hasattr(mod_python, "FOREIGN"), again is apache, str(type(req)), "PYTHONPATH" in __import__("os").environ

            def source(req):
                import inspect
                return "def init" in inspect.getsource(apache)
        """,
        files={f"lib/{name}": text for name, text in foreign.items()} | foreign,
        server="PythonPath \"['${docroot}/lib', '${docroot}'] + sys.path\"",
    )
    assert site.call("origin") == (False, True, "<class 'mp_request'>", False)
    assert site.call("source") is True


def test_a_foreign_mod_python_in_the_environment(httpd, tmp_path):
    elsewhere = tmp_path / "mod_python"
    elsewhere.mkdir()
    for directory in (elsewhere, *list(elsewhere.parents)[:3]):
        if directory.stat().st_uid != 0 or directory.name.startswith(("pytest", "test_", "mod_python")):
            directory.chmod(0o755)
    (elsewhere / "__init__.py").write_text("raise ImportError('a foreign mod_python')\n")
    site = httpd(handler=module("ours"), env={"PYTHONPATH": str(tmp_path)})
    assert site.get("/").text == "ours"


def test_nobody_sees_half_a_module(httpd):
    """While a module is reloaded under load, each answer is wholly of one version."""
    version = """
        import time

        ONE = "{value}"
        time.sleep(0.02)

        def handler(req):
            req.write(ONE + TWO)
            return 0

        time.sleep(0.02)
        TWO = "{value}"
    """
    site = httpd(handler=version.format(value="a"))
    assert site.get("/").text == "aa"
    for value in "bcd":
        site.write("app.py", version.format(value=value))
        connections = [site.connection() for _ in range(8)]
        for connection in connections:
            connection.request("GET", "/")
        assert {connection.getresponse().read().decode() for connection in connections} == {value * 2}
        for connection in connections:
            connection.close()


def test_logging_of_imports(httpd):
    site = httpd(handler=module("one"), config="SetHandler mod_python\nPythonHandler app\nPythonDebug On")
    site.get("/")
    site.wait_log(r":notice\].*[Ii]mport.*app")


def test_paths_of_many_sections_at_once(httpd):
    """Each section has a PythonPath of its own, and all of them one interpreter, whose `sys.path` is one list."""
    names = [f"place{number}" for number in range(CLIENTS)]
    handler = """
        import {name}_part

        def handler(req):
            req.write({name}_part.TEXT)
            return 0
    """
    files = {f"{name}/{name}.py": textwrap.dedent(handler).format(name=name) for name in names}
    files |= {f"parts/{name}/{name}_part.py": f"TEXT = {name!r}" for name in names}
    section = """
        <Directory "${{docroot}}/{name}">
            SetHandler mod_python
            PythonHandler {name}
            PythonPath "sys.path + ['${{docroot}}/{name}', '${{docroot}}/parts/{name}']"
        </Directory>
    """
    site = httpd(files=files, server="".join(section.format(name=name) for name in names), children=1)
    for _ in range(5):
        answers = crowd(site, lambda ask, number: ask("GET", f"/{names[number]}/x").text)
        assert answers == names
        site.restart()
