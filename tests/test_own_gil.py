"""`PythonInterpreterGIL`: interpreters that run beside each other, what they refuse, and where the directive is refused."""

import os
import subprocess
import sys
import sysconfig
import textwrap

import pytest

import httpd as real
from crowd import CLIENTS, crowd
from memory import memory

RAISES = int(os.environ.get("HTTPD_TEST_RAISES", "4000"))
own = pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 is the first that can")

HOSTS = """
    PythonInterpreterGIL own
    <VirtualHost *:${port}>
        ServerName one
        DocumentRoot "${docroot}"
    </VirtualHost>
    <VirtualHost *:${port}>
        ServerName two
        DocumentRoot "${docroot}"
    </VirtualHost>
"""


@pytest.fixture
def syntax(tmp_path):
    """What `httpd -t` says of lines of configuration: None if it takes them, else its message."""
    modules = [real.load_module(name) for name in ("mpm_event", "unixd", "log_config", "authz_core")]
    head = "\n".join([*modules, f'LoadModule python_module "{real.MODULE}"', f"ServerRoot {tmp_path}", "ServerName localhost", ""])

    def check(text):
        (tmp_path / "httpd.conf").write_text(f"{head}ErrorLog {tmp_path}/error_log\n{text}\n")
        command = [str(real.program()), "-t", "-f", str(tmp_path / "httpd.conf")]
        answer = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60)
        return None if answer.returncode == 0 else answer.stderr

    return check


# Where it is refused


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("PythonInterpreterGIL", "takes own or shared"),
        ("PythonInterpreterGIL mine", "mine is not understood: PythonInterpreterGIL takes own or shared"),
        ("PythonInterpreterGIL own one main_interpreter", "main_interpreter cannot have a GIL of its own"),
        ("<VirtualHost *:80>\nPythonInterpreterGIL own one\n</VirtualHost>", "is for the whole server"),
        ("<Directory />\nPythonInterpreterGIL own one\n</Directory>", "not allowed in <Directory>"),
    ],
)
def test_what_is_refused(syntax, line, sentence):
    assert sentence in syntax(line)


def test_sharing_can_always_be_asked_for(syntax):
    assert syntax("PythonInterpreterGIL shared\nPythonInterpreterGIL shared main_interpreter a") is None
    assert syntax("PythonInterpreterGIL own\nPythonInterpreterGIL shared") is None


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python can")
@pytest.mark.parametrize("line", ["PythonInterpreterGIL own", "PythonInterpreterGIL own one"])
def test_an_older_python_is_named(httpd, syntax, line):
    version = f"needs Python 3.12 or later, but mod_python runs Python 3.{sys.version_info.minor} (/"
    assert version in syntax(line)
    with pytest.raises(RuntimeError, match=r"needs Python 3\.12 or later"):
        httpd(handler="def handler(req): return 0", server=line)


# What it gives


@own
def test_two_hosts_run_beside_each_other(httpd):
    """Each waits for the other, and never lets go of its GIL: under a shared one neither would come to an end."""
    site = httpd(
        handler="""
            import mmap
            import sys

            def handler(req):
                place = {"one": 0, "two": 1}[req.interpreter]
                sys.setswitchinterval(1_000_000)
                with open(req.document_root() + "/../scratch/meeting", "r+b") as file, mmap.mmap(file.fileno(), 2) as met:
                    met[place] = 1
                    while not met[1 - place]:
                        pass
                req.write(req.interpreter)
                return 0
        """,
        server=HOSTS,
    )
    meeting = site.scratch / "meeting"
    meeting.write_bytes(b"\0\0")
    meeting.chmod(0o666)
    names = ("one", "two")
    assert crowd(site, lambda ask, number: ask("GET", "/", host=names[number]).text, clients=2) == ["one", "two"]


@own
def test_names_choose(httpd):
    """`sys.setswitchinterval` belongs to a GIL: who shares one sees what another interpreter has set."""
    sections = "\n".join(
        f"<Location /{name}>\nPythonInterpreter {name}\n</Location>" for name in ("a", "b", "c", "main_interpreter")
    )
    site = httpd(
        functions="""
            import sys

            def a(req):
                sys.setswitchinterval(7)

            def b(req):
                return sys.getswitchinterval()

            c = main_interpreter = b
        """,
        server="PythonInterpreterGIL own\nPythonInterpreterGIL shared a b\n" + sections,
    )
    site.call("a")
    assert [site.call(name) for name in ("b", "main_interpreter")] == [7.0, 7.0]
    assert site.call("c") < 1


@own
def test_load_on_two_hosts(httpd):
    site = httpd(
        handler="""
            import json
            import threading

            lock, seen = threading.Lock(), 0

            def handler(req):
                global seen
                with lock:
                    seen += 1
                    mine = seen
                body = req.read()
                req.headers_out["X-Number"] = str(mine)
                req.content_type = "application/json"
                req.write(json.dumps([req.interpreter, len(body), req.headers_in["X-Sent"], dict(req.subprocess_env.items())["MINE"]]))
                return 0

            def fixuphandler(req):
                req.subprocess_env["MINE"] = req.headers_in["X-Sent"]
                return 0
        """,
        server=HOSTS,
        config="SetHandler mod_python\nPythonHandler app\nPythonFixupHandler app",
    )
    rounds = 150

    def talk(ask, number):
        host = ("one", "two")[number % 2]
        numbers = []
        for turn in range(rounds):
            sent = f"{number}-{turn}"
            answer = ask("POST", "/", body=b"x" * turn, headers={"X-Sent": sent}, host=host)
            assert answer.json() == [host, turn, sent, sent]
            numbers.append(int(answer.headers["X-Number"]))
        return numbers

    answers = crowd(site, talk)
    for host in (0, 1):
        numbers = sorted(number for answer in answers[host::2] for number in answer)
        assert numbers == list(range(1, CLIENTS // 2 * rounds + 1))


@own
def test_errors_leave_nothing(httpd):
    site = httpd(
        functions="""
            import gc
            import sys

            def raises(req):
                local = [req, *(object() for _ in range(10))]
                try:
                    req.headers_out["X"] = "a" + chr(10)
                except ValueError as error:
                    raise KeyError(local) from error

            def late(req):
                req.own = [req, req.headers_in, req.connection, req.server, req.finfo]
                req.register_cleanup(lambda data: None, req.own)
                raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)

            def blocks(req):
                for _ in range(3):
                    gc.collect()
                return sys.getallocatedblocks()
        """,
        server=HOSTS,
    )
    site.expect_traceback("KeyError: ")

    def raise_often(times, clients=4):
        def talk(ask, number):
            host = ("one", "two")[number % 2]
            statuses = {ask("GET", ("/raises", "/late")[turn % 2], host=host).status for turn in range(times)}
            assert statuses == {500, 404}

        crowd(site, talk, clients)

    def state():
        [child] = site.child_pids()
        return [site.call("blocks", host=host) for host in ("one", "two")], memory(child)

    # All threads of the child have been in both interpreters then.
    raise_often(100, CLIENTS)
    (one, two), before = state()
    raise_often(RAISES // 4)
    (one_later, two_later), after = state()
    assert one_later - one < 2000 and two_later - two < 2000, (one, one_later, two, two_later)
    assert after - before < 8 * 1024, f"{before} KiB, then {after} KiB"


@own
def test_one_request_in_interpreters_of_three_locks(httpd):
    site = httpd(
        handler="""
            import threading

            def accesshandler(req):
                req.notes["way"] = req.interpreter
                req.add_common_vars()
                return 0

            def handler(req):
                req.notes["way"] += " " + req.interpreter
                said = []
                other = threading.Thread(target=lambda: said.append(req.notes["way"]))
                other.start()
                other.join()
                req.write(said[0])
                if req.main is None and not req.args:
                    req.subprocess_env["x"] = "y"
                    req.internal_redirect("/second/again?done")
                return 0

            def outputfilter(filter):
                data = filter.read()
                while data:
                    filter.write(data.replace(b"first", b"1st") + filter.name.encode())
                    data = filter.read()
                if data is None:
                    filter.close()
        """,
        server="""
            PythonInterpreterGIL own first second
            PythonPath "sys.path + ['${docroot}']"
            <Location />
                PythonAccessHandler app
            </Location>
            <Location /first>
                PythonInterpreter first
            </Location>
            <Location /second>
                PythonInterpreter second
                PythonOutputFilter app::outputfilter F
                SetOutputFilter F
            </Location>
        """,
    )
    [expected] = {site.get("/first/x").text for _ in range(50)}
    assert expected == "first firstsecond secondf"
    assert site.get("/x?1").text == "localhost localhost"


@own
def test_sessions_pages_publisher_and_wsgi(httpd):
    site = httpd(
        files={
            "page.psp": "<% import sys %><%= req.interpreter %> <%= 6 * 7 %>",
            "published.py": """
                from mod_python import Session

                def index(req, name="nobody"):
                    return f"{req.interpreter} {name}"

                def count(req):
                    session = Session.FileSession(req)
                    session["n"] = session.get("n", 0) + 1
                    session.save()
                    return f"{session['n']}"

                def remembered(req):
                    session = Session.MemorySession(req)
                    session["n"] = session.get("n", 0) + 1
                    session.save()
                    return f"{session['n']}"
            """,
            "site_application.py": """
                from mod_python import apache

                def application(environ, start_response):
                    start_response("200 OK", [("Content-Type", "text/plain")])
                    yield apache.interpreter.encode()
                    yield environ["wsgi.input"].read()
            """,
        },
        modules=("mime",),
        server=f"""
            {textwrap.dedent(HOSTS)}
            PythonPath "sys.path + ['${{docroot}}']"
            PythonWSGIAlias /wsgi site_application:application interpreter=wsgi
        """,
        config="""
            AddHandler mod_python .py .psp
            PythonHandler mod_python.publisher | .py
            PythonHandler mod_python.psp | .psp
        """,
    )
    assert site.get("/page.psp", host="one").text == "one 42"
    assert (
        site.post("/published.py", b"name=x", headers={"Content-Type": "application/x-www-form-urlencoded"}, host="two").text
        == "two x"
    )
    for kind in ("count", "remembered"):
        first = site.get(f"/published.py/{kind}", host="one")
        cookie = {"Cookie": first.headers["Set-Cookie"].split(";")[0]}
        counts = [site.get(f"/published.py/{kind}", headers=cookie, host="one").text for _ in range(3)]
        assert (first.text, counts) == ("1", ["2", "3", "4"])
    assert site.post("/wsgi", b"sent", host="two").text == "wsgisent"


@own
def test_the_end_of_a_child(httpd):
    site = httpd(
        handler="""
            import atexit
            from mod_python import apache

            def told(text):
                apache.log_error(f"told {text} {apache.interpreter}", apache.APLOG_NOTICE)

            def handler(req):
                req.server.register_cleanup(req, told, "cleanup")
                atexit.register(told, "atexit")
                return 0
        """,
        server=HOSTS,
    )
    for host in ("one", "two"):
        assert site.get("/", host=host).status == 200
    site.graceful()
    for text in ("cleanup one", "cleanup two", "atexit one", "atexit two"):
        site.wait_log(f"told {text}")
    assert site.get("/", host="one").status == 200


# What it refuses

EXTENSION = """
    #include <Python.h>
    #if %(phases)d == 2
    static PyModuleDef_Slot slots[] = {{0, NULL}};
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "%(name)s", NULL, 0, NULL, slots};
    PyMODINIT_FUNC PyInit_%(name)s(void) { return PyModuleDef_Init(&module); }
    #else
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "%(name)s", NULL, -1, NULL};
    PyMODINIT_FUNC PyInit_%(name)s(void) { return PyModule_Create(&module); }
    #endif
"""


@own
@pytest.mark.parametrize("phases", [1, 2])
def test_an_extension_that_refuses_names_the_directive(httpd, tmp_path, phases):
    name = f"refusing_{phases}"
    (tmp_path / "module.c").write_text(textwrap.dedent(EXTENSION) % {"name": name, "phases": phases})
    library = tmp_path / f"{name}.so"
    include = sysconfig.get_path("include")
    subprocess.run(["cc", "-shared", "-fPIC", f"-I{include}", "-o", str(library), str(tmp_path / "module.c")], check=True)
    site = httpd(
        handler=f"""
            def handler(req):
                import {name}
                req.write({name}.__name__)
                return 0
        """,
        server="""
            PythonInterpreterGIL own
            PythonInterpreterGIL shared beside
            <Location /beside>
                PythonInterpreter beside
            </Location>
            <Location /named>
                PythonInterpreter "with a space"
            </Location>
        """,
        files={f"{name}.so": library.read_bytes()},
        config="SetHandler mod_python\nPythonHandler app\nPythonPath \"sys.path + ['${docroot}']\"",
    )
    site.expect_traceback(f"ImportError: module {name} does not support loading in subinterpreters")
    site.expect_traceback("The interpreter localhost has a GIL of its own, .*: PythonInterpreterGIL shared localhost")
    site.expect_traceback('PythonInterpreterGIL shared "with a space"')
    assert site.get("/").status == 500
    assert site.get("/named").status == 500
    assert site.get("/beside").text == name


def test_the_library_keeps_no_python_object_for_all_interpreters():
    """PyO3 keeps some in statics of its own, when what uses them is compiled in."""
    names = subprocess.run(["nm", "-C", str(real.MODULE)], capture_output=True, text=True, check=True).stdout.splitlines()
    statics = [line.split(" ", 2)[2] for line in names if "pyo3" in line and line.split(" ", 2)[1] in "bBdD"]
    counts_only = ("pyo3::interpreter_lifecycle::START", "pyo3::internal::state::ATTACH_COUNT")
    # For a panic that reaches PyO3, which none does (python/boundary.rs).
    of_panics = ("PanicException as", "PyTracebackMethods>::format::INTERNED")
    kept = [name for name in statics if not name.startswith(counts_only) and not any(part in name for part in of_panics)]
    assert statics and kept == []
