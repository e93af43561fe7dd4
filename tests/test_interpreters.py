"""Interpreters: which one serves a request, that there is one of each name, and what they do not share."""

import sys

import pytest

NAMES = """
    from mod_python import apache

    def report(req):
        req.notes["seen"] = (req.notes.get("seen", "") + " " + apache.interpreter).strip()
        assert apache.interpreter == req.interpreter
        return 0

    def handler(req):
        report(req)
        req.write(req.notes["seen"])
        return 0
"""


@pytest.mark.every_mpm
def test_names(httpd):
    site = httpd(
        handler=NAMES,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonPostReadRequestHandler app::report
            <Directory "${docroot}/per-directory">
                PythonInterpPerDirectory On
            </Directory>
            <Directory "${docroot}/per-directive">
                PythonInterpPerDirective On
            </Directory>
            <Directory "${docroot}/per-directive/own">
                PythonHandler app
            </Directory>
            <Directory "${docroot}/named">
                PythonInterpreter Some-Name
                PythonInterpPerDirectory On
            </Directory>
            <Directory "${docroot}/off">
                PythonInterpPerDirectory Off
            </Directory>
            <Location /location>
                SetHandler mod_python
                PythonInterpPerDirective On
                PythonHandler app
            </Location>
            <VirtualHost *:${port}>
                ServerName localhost
            </VirtualHost>
            <VirtualHost *:${port}>
                ServerName Other.Example:8080
                ServerAlias alias.example
            </VirtualHost>
        """,
        config="SetHandler mod_python\nPythonHandler app\n",
        files={f"{name}/x": "" for name in ("per-directory/deep", "per-directive/deep", "per-directive/own/deep", "named", "off")},
        children=1,
    )
    root = site.docroot
    assert site.get("/x").text == "localhost localhost"
    assert site.get("/x", host="alias.example").text == "Other.Example Other.Example"
    assert site.get("/per-directory/deep/x").text == f"localhost {root}/per-directory/deep/"
    assert site.get("/per-directory/deep").text == f"localhost {root}/per-directory/deep/"
    assert site.get("/per-directive/deep/x").text == f"localhost {root}/"
    assert site.get("/per-directive/own/deep/x").text == f"localhost {root}/per-directive/own/"
    assert site.get("/named/x").text == "localhost Some-Name"
    assert site.get("/off/x").text == "localhost localhost"
    assert site.get("/location/x").text == "localhost /location"


def test_interpreter_while_the_file_is_unknown(httpd):
    site = httpd(
        handler=NAMES,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonPostReadRequestHandler app::report
            PythonInterpPerDirectory On
        """,
    )
    assert site.get("/x").text == f"main_interpreter {site.docroot}/"


def test_a_list_runs_where_its_first_handler_does(httpd):
    site = httpd(
        functions="""
            def append(req):
                req.add_handler("PythonHandler", "app::late", "/elsewhere")
                req.write(apache.interpreter + " ")
                return 0

            def late(req):
                req.write(apache.interpreter)
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app::append\nPythonInterpPerDirective On\n",
    )
    assert site.get("/x").text == f"{site.docroot}/ {site.docroot}/"


def test_isolation(httpd):
    site = httpd(
        functions="""
            import builtins
            import json
            import sys

            state = []

            def change(req):
                state.append(apache.interpreter)
                sys.own = apache.interpreter
                builtins.own = apache.interpreter
                json.own = apache.interpreter
                return state, len(sys.path) > 0

            def seen(req):
                return (state, getattr(sys, "own", None), getattr(builtins, "own", None), getattr(json, "own", None),
                        req.hlist.directory in sys.path)
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            <If "%{QUERY_STRING} == 'other'">
                PythonInterpreter other
            </If>
        """,
    )
    assert site.call("change") == (["localhost"], True)
    assert site.call("seen") == (["localhost"], "localhost", "localhost", "localhost", True)
    assert site.call("seen", query="?other") == ([], None, None, None, True)
    assert site.call("change", query="?other") == (["other"], True)
    assert site.call("seen") == (["localhost"], "localhost", "localhost", "localhost", True)


def test_exceptions_and_tables_between_interpreters(httpd):
    """A request goes through several interpreters; each can use it, and notes carry what one leaves for the next."""
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                req.notes["from"] = apache.interpreter
                return apache.OK

            def handler(req):
                assert isinstance(req.notes, apache.table)
                req.write(req.notes["from"] + " " + apache.interpreter)
                raise apache.SERVER_RETURN(apache.DONE)
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonAccessHandler app
        """,
        server="""
            <Location /x>
                PythonInterpreter second
            </Location>
        """,
    )
    assert site.get("/x").text == "second second"
    assert site.get("/y").text == "localhost localhost"


def test_sixteen_threads_create_an_interpreter_once(httpd):
    site = httpd(
        handler="""
            import os
            import threading
            import time

            with open(os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch", "imports"), "a") as file:
                file.write("imported\\n")
            identity = object()
            barrier = threading.Barrier(16, timeout=20)
            complete = True

            def handler(req):
                assert complete
                barrier.wait()
                req.write(f"{id(identity)}")
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonInterpreter fresh\n",
    )
    connections = [site.connection() for _ in range(16)]
    for connection in connections:
        connection.request("GET", "/")
    bodies = {connection.getresponse().read() for connection in connections}
    for connection in connections:
        connection.close()
    assert len(bodies) == 1
    assert (site.scratch / "imports").read_text() == "imported\n"


def test_threads_keep_their_state(httpd):
    """One thread state per thread and interpreter: what a thread stores it finds again, and no other does."""
    site = httpd(
        functions="""
            import threading

            local = threading.local()
            seen = {}

            def count(req):
                local.count = getattr(local, "count", 0) + 1
                identity = threading.get_ident()
                seen[identity] = seen.get(identity, 0) + 1
                return local.count == seen[identity], threading.get_ident() == threading.current_thread().ident
        """
    )
    for _ in range(40):
        assert site.call("count") == (True, True)


ENCODINGS = """
    import os
    import sys

    def encodings(req):
        with open(req.filename) as file:
            return sys.getfilesystemencoding(), sys.flags.utf8_mode, file.read(), os.path.basename(req.filename)
"""


@pytest.mark.parametrize(
    ("env", "utf8_mode"),
    [({}, 1), ({"LANG": "C"}, 1), ({"LANG": "de_DE", "LC_ALL": "POSIX"}, 1), ({"LANG": "C", "LC_ALL": "C.UTF-8"}, 0)],
)
def test_files_are_utf8_where_the_locale_names_no_encoding(httpd, env, utf8_mode):
    """From CPython 3.15 on they are wherever nobody says otherwise (PEP 686)."""
    utf8_mode = 1 if sys.version_info >= (3, 15) else utf8_mode
    site = httpd(functions=ENCODINGS, files={"encodings/\u00e9": "caf\u00e9"}, env=env)
    assert site.call("encodings", query="/%C3%A9") == ("utf-8", utf8_mode, "caf\u00e9", "\u00e9")


def test_imports_at_child_start(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def note(text):
                with open(os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch", "order"), "a") as file:
                    file.write(f"{text} {apache.interpreter}\\n")

            def first():
                note("first")
                apache.main_server.get_options()["imported"] = apache.interpreter

            def second():
                note("second")

            def fail():
                raise ValueError("at child start")

            def handler(req):
                req.write(apache.main_server.get_options()["imported"])
                return 0

            note("module")
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonImport app::first one
            PythonImport app::fail one
            PythonImport nowhere one
            PythonImport app::second main_interpreter
            <VirtualHost *:${port}>
                ServerName localhost
                PythonImport app::second one
            </VirtualHost>
        """,
    )
    site.expect_log("ValueError: at child start")
    site.expect_log("ModuleNotFoundError.*nowhere")
    site.expect_log("app::fail")
    site.expect_log("PythonImport|Python.*mport|Traceback|nowhere|app::fail|File")
    assert site.get("/").text == "one"
    assert (site.scratch / "order").read_text().splitlines()[:5] == [
        "module one",
        "first one",
        "module main_interpreter",
        "second main_interpreter",
        "second one",
    ]


def test_exit_of_a_child_is_prompt(httpd):
    site = httpd(
        functions="""
            import threading

            def leave(req):
                threading.Thread(target=threading.Event().wait, daemon=True).start()
                return threading.active_count() > 1
        """
    )
    assert site.call("leave") is True


def test_an_import_given_twice_calls_twice(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            SCRATCH = os.path.dirname(os.path.dirname(__file__)) + "/scratch"

            def note():
                with open(f"{SCRATCH}/{os.getpid()}", "a") as file:
                    file.write(f"{apache.interpreter} ")

            def handler(req):
                with open(f"{SCRATCH}/{os.getpid()}") as file:
                    req.write(file.read())
                return apache.OK
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonImport app::note one
            PythonImport app::note one
            PythonImport app::note two
        """,
    )
    assert site.get("/").text == "one one two "


def test_the_directory_of_an_added_handler_names_its_interpreter(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def fixuphandler(req):
                req.handler = "mod_python"
                req.add_handler("PythonHandler", "app::added", req.document_root() + "/sub")
                return apache.OK
        """,
        files={"sub/app.py": "def added(req):\n    req.write(req.interpreter)\n    return 0\n"},
        config="PythonFixupHandler app\nPythonInterpPerDirective On\n",
    )
    assert site.get("/page").text == f"{site.docroot}/sub/"
