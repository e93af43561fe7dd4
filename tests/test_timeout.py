"""PythonTimeout: code that runs too long is interrupted, wherever it runs, and nothing else is."""

import re

import pytest

import valgrind

SPIN = """
    from mod_python import apache

    def spin():
        while True:
            pass

    def handler(req):
        if req.args == "stuck":
            spin()
        req.write("hello")
        return apache.OK
"""
LIMIT = "SetHandler mod_python\nPythonHandler app\nPythonTimeout 0.3\n"


def expect_timeout(site, name):
    """The log must tell of an interrupted call: where it was, and where the exception went.

    More than once where the machine is too busy to run the code that is interrupted.
    """
    site.expect_log(rf"{name}: not done after 0.3 seconds \(PythonTimeout\): GET /\S*, thread \d+ is at")
    site.expected.append((re.compile(""), re.compile(rf"{name}: not done after \S+ seconds \(PythonTimeout\): GET /")))
    site.expect_log(rf"\[client 127.0.0.1:\d+\] {name}:.*File .*, line \d+, in ")
    site.expect_log(rf"{name}:.*mod_python.apache.RequestTimeout")
    site.expect_log(rf"{name}: Traceback")


@pytest.mark.every_mpm
def test_a_handler_that_spins(httpd):
    site = httpd(handler=SPIN, config=LIMIT, children=1)
    expect_timeout(site, "PythonHandler app")
    site.expect_log(r'PythonHandler app:   File ".*/app.py", line \d+, in spin\\n    (while True:|pass)')
    for _ in range(3):
        assert site.get("/?stuck").status == 504
        assert site.get("/").text == "hello"
    assert len(site.child_pids()) == 1 or site.mpm != "prefork"
    assert site.error_log.count("MP0140") >= 3


def test_what_has_gone_out_does_not_pass_for_the_whole(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.content_type = "text/plain"
                if req.args == "length":
                    req.set_content_length(100)
                req.write("beginning")
                req.flush()
                while True:
                    pass
        """,
        config=LIMIT,
    )
    expect_timeout(site, "PythonHandler app")
    answer = site.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"beginning" in answer and b"\r\n0\r\n" not in answer and b"504" not in answer
    answer = site.raw(b"GET /?length HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nbeginning")


def test_an_exception_of_its_own(httpd):
    """`except Exception` does not catch it; code that does may clean up, and `finally` runs."""
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                assert not issubclass(apache.RequestTimeout, Exception)
                try:
                    if req.args == "caught":
                        try:
                            while True:
                                try:
                                    while True:
                                        pass
                                except Exception:
                                    pass
                        except apache.RequestTimeout:
                            req.write("caught ")
                            return apache.OK
                    while True:
                        pass
                finally:
                    req.log_error("finally", apache.APLOG_NOTICE)
        """,
        config=LIMIT,
    )
    expect_timeout(site, "PythonHandler app")
    assert site.get("/?caught").text == "caught "
    assert "Traceback" not in site.error_log
    assert site.get("/").status == 504
    assert site.error_log.count("finally") >= 2


def test_who_goes_on_is_interrupted_again(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                for number in range(3):
                    try:
                        while True:
                            pass
                    except apache.RequestTimeout:
                        pass
                while True:
                    pass
        """,
        config=LIMIT,
    )
    site.expect_log(r"not done after 0.3 seconds \(PythonTimeout\)")
    site.expect_log(r"not done after 0.6 seconds \(PythonTimeout\)")
    site.expect_log("PythonHandler app:")
    assert site.get("/").status == 504
    assert site.error_log.count("MP0140") >= 4


def test_c_code_is_interrupted_when_it_returns(httpd):
    site = httpd(
        handler="""
            import time
            from mod_python import apache

            def handler(req):
                time.sleep(0.8)
                req.log_error("went on", apache.APLOG_NOTICE)
                return apache.OK
        """,
        config=LIMIT,
    )
    expect_timeout(site, "PythonHandler app")
    site.expect_log("PythonHandler app: not done after 0.6 seconds")
    assert site.get("/").status == 504
    assert "went on" not in site.error_log
    assert r"in handler\n    time.sleep(0.8)" in site.error_log
    # At the deadline, and again while it slept.
    assert site.error_log.count("MP0140") >= 2


def test_c_code_that_keeps_pythons_lock(httpd):
    site = httpd(
        handler="""
            import ctypes
            from mod_python import apache

            def handler(req):
                ctypes.PyDLL(None).usleep(4_500_000)
                return apache.OK
        """,
        config=LIMIT,
    )
    site.expect_log("PythonHandler app:.*cannot be interrupted yet: C code keeps Python's lock")
    site.expect_log("PythonHandler app: ")
    # It returns at last, to code that ends at once.
    assert site.get("/").status in (200, 504)


PHASES = {
    "PythonPostReadRequestHandler": "postreadrequesthandler",
    "PythonTransHandler": "transhandler",
    "PythonMapToStorageHandler": "maptostoragehandler",
    "PythonQuickHandler": "quickhandler",
    "PythonHeaderParserHandler": "headerparserhandler",
    "PythonInitHandler": "inithandler",
    "PythonAccessHandler": "accesshandler",
    "PythonTypeHandler": "typehandler",
    "PythonFixupHandler": "fixuphandler",
}


def test_every_phase(httpd):
    functions = "".join(f"\n{name} = phase\n" for name in PHASES.values())
    site = httpd(
        handler=f"""
from mod_python import apache

def phase(req):
    while req.args == req.phase:
        pass
    return apache.DECLINED
{functions}
def handler(req):
    req.write("hello")
    return apache.OK

def loghandler(req):
    while req.args == req.phase:
        pass
    return apache.OK

cleanuphandler = loghandler
""",
        server="PythonPath \"sys.path + ['${docroot}']\"\nPythonTimeout 0.3\n" + "".join(f"{phase} app\n" for phase in PHASES),
        config="SetHandler mod_python\nPythonHandler app\nPythonLogHandler app\nPythonCleanupHandler app",
    )
    for phase in PHASES:
        expect_timeout(site, f"{phase} app")
        assert site.get(f"/?{phase}").status == 504, phase
    for phase in ("PythonLogHandler", "PythonCleanupHandler"):
        expect_timeout(site, f"{phase} app")
        assert site.get(f"/?{phase}").text == "hello"
        site.wait_log(f"{phase} app: .*RequestTimeout")
    assert site.get("/").text == "hello"


def test_filters(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def stuck(filter):
                while True:
                    pass

            def handler(req):
                body = req.read()
                req.write("answer")
                return apache.OK
        """,
        config=LIMIT
        + """
            PythonOutputFilter app::stuck OUT
            PythonInputFilter app::stuck IN
            <If "%{QUERY_STRING} == 'out'">
                SetOutputFilter OUT
            </If>
            <If "%{QUERY_STRING} == 'in'">
                SetInputFilter IN
            </If>
        """,
    )
    # The time of the handler, which called the filter, is over first.
    site.expect_log("PythonHandler app: not done after 0.3 seconds")
    for name in ("PythonHandler app", "in app::stuck", "out app::stuck"):
        site.expect_log(f"{name}: ")
    assert site.get("/?out").status == 504
    assert site.post("/?in", b"body").status in (500, 504)
    assert site.get("/").text == "answer"


def test_cleanups_of_a_request(httpd):
    site = httpd(
        handler="""
            def stuck(data):
                while True:
                    pass

            def handler(req):
                req.register_cleanup(stuck)
                req.write("hello")
                return 0
        """,
        config=LIMIT,
    )
    site.expect_log(r"the cleanup <function stuck at \w+>: ")
    site.expect_log("mod_python: error in the cleanup <function stuck")
    site.expect_log("    RequestTimeout")
    assert site.get("/").text == "hello"
    site.wait_log("    RequestTimeout")


@pytest.mark.every_mpm
def test_a_wsgi_application(wsgi):
    site = wsgi(
        """
            import itertools

            def application(environ, start_response):
                path = environ["PATH_INFO"]
                if path == "/early":
                    for _ in itertools.count():
                        try:
                            pass
                        except Exception:
                            pass
                start_response("200 OK", [("Content-Type", "text/plain")])
                return body(path)

            def body(path):
                yield b"beginning"
                while path == "/late":
                    pass
        """,
        config="PythonTimeout 0.3",
        children=1,
    )
    name = "PythonHandler mod_python.wsgi"
    expect_timeout(site, name)
    assert site.get("/early").status == 504
    answer = site.raw(b"GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"beginning" in answer and b"\r\n0\r\n" not in answer
    assert site.get("/").text == "beginning"


@valgrind.has_little_time
def test_the_publisher_and_server_pages(httpd):
    site = httpd(
        files={
            "page.psp": "page<%\nwhile req.args == 'stuck':\n    pass\n%>",
            "site.py": "def stuck(req):\n    while True:\n        pass\n\ndef fine(req):\n    return 'fine'\n",
        },
        config="""
            <FilesMatch "\\.psp$">
                SetHandler mod_python
                PythonHandler mod_python.psp
            </FilesMatch>
            <FilesMatch "site">
                SetHandler mod_python
                PythonHandler mod_python.publisher
            </FilesMatch>
            PythonTimeout 0.3
        """,
    )
    site.expect_log(r"PythonHandler mod_python.psp: +File \".*page.psp\", line [234]")
    site.expect_log(r"PythonHandler mod_python.publisher: +File \".*site.py\", line [23], in stuck")
    site.expect_log(r"PythonHandler mod_python\.\w+: ")
    assert site.get("/page.psp?stuck").status == 504
    assert site.get("/page.psp").text.strip() == "page"
    assert site.get("/site/stuck").status == 504
    assert site.get("/site/fine").text == "fine"


def test_a_module_that_is_being_imported(httpd):
    """It can be imported again."""
    site = httpd(
        handler="""
            import os
            while os.path.exists(os.path.dirname(__file__) + "/stuck"):
                pass

            def handler(req):
                req.write("hello")
                return 0
        """,
        files={"stuck": ""},
        config=LIMIT,
    )
    expect_timeout(site, "PythonHandler app")
    assert site.get("/").status == 504
    (site.docroot / "stuck").unlink()
    assert site.get("/").text == "hello"


def test_another_request_is_never_hit(httpd):
    """Calls that end about when their time is over: whoever comes next on the same thread runs in peace."""
    site = httpd(
        handler="""
            import time
            from mod_python import apache

            def handler(req):
                if req.args:
                    end = time.monotonic() + 0.1 + int(req.args) / 10000
                    while time.monotonic() < end:
                        pass
                    return apache.OK
                for _ in range(2000):
                    pass
                req.write("hello")
                return apache.OK
        """,
        config='SetHandler mod_python\nPythonHandler app\n<If "-n %{QUERY_STRING}">\nPythonTimeout 0.1\n</If>',
        mpm="prefork",
        children=1,
    )
    # Each of them may be interrupted or not.
    site.expected.append((re.compile(""), re.compile("PythonHandler app: ")))
    with site.connection() as connection:
        for number in range(-20, 20):
            assert site.ask(connection, "GET", f"/?{number}").status in (200, 504)
            assert site.ask(connection, "GET", "/").text == "hello"


def test_two_interpreters(httpd):
    """A call in one interpreter inside of one in another: each has its own time."""
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                if req.uri == "/outer":
                    req.internal_redirect("/inner")
                    return apache.OK
                while True:
                    pass
        """,
        config=LIMIT + "<If \"%{REQUEST_URI} == '/inner'\">\nPythonInterpreter other\n</If>",
    )
    expect_timeout(site, "PythonHandler app")
    assert site.get("/outer").status == 504
    assert site.get("/inner").status == 504


def test_where_it_may_stand(httpd):
    site = httpd(
        functions="""
            def config(req):
                return dict(req.get_config())
        """,
        server="PythonTimeout 60",
        config="SetHandler mod_python\nPythonHandler app\nAllowOverride All\n",
        files={"inner/.htaccess": "PythonTimeout 0\n"},
    )
    assert site.call("config")["PythonTimeout"] == "60"


@pytest.mark.parametrize("wrong", ["", "-1", "1s", "90000", "1 2"])
def test_what_is_no_time(httpd, wrong):
    with pytest.raises(RuntimeError, match="PythonTimeout"):
        httpd(server=f"PythonTimeout {wrong}")
