"""What goes wrong in handlers: the error log, the client's answer, the page of PythonDebug."""

import re

import pytest

pytestmark = pytest.mark.threads_and_processes

RAISING = """
    from mod_python import apache

    def deep():
        raise ValueError("boom <&> \\u00e9")

    def handler(req):
        try:
            deep()
        except ValueError as error:
            raise LookupError("outer") from error
"""


@pytest.mark.every_mpm
def test_traceback_in_the_log_of_the_request(httpd):
    site = httpd(handler=RAISING)
    site.expect_traceback("LookupError: outer")
    response = site.get("/")
    assert response.status == 500
    assert "LookupError" not in response.text
    lines = [line for line in site.error_log.splitlines() if "PythonHandler app: " in line]
    assert all(re.search(r"\[client 127\.0\.0\.1:\d+\]", line) for line in lines)
    text = "\n".join(lines)
    # The whole chain, each element a line, with the source of the user's module.
    assert text.index("ValueError: boom <&>") < text.index("The above exception was the direct cause") < text.index("LookupError")
    assert f'File "{site.docroot}/app.py", line 5, in deep' in text
    assert "Traceback (most recent call last):" in lines[0]


@pytest.mark.parametrize("statement", ["raise ValueError('x')", "1/0", "int('x')", "undefined", "{}[0]"])
def test_the_line_that_raised_is_in_the_traceback(httpd, statement):
    """Whether Python code raised the exception or C code did."""
    site = httpd(handler=f"def handler(req):\n    {statement}")
    site.expect_log("PythonHandler app: ")
    assert site.get("/").status == 500
    heading, place, _ = [line.partition("PythonHandler app: ")[2] for line in site.error_log.splitlines() if "Handler app" in line]
    assert heading == "Traceback (most recent call last):"
    assert place.startswith(f'  File "{site.docroot}/app.py", line 2, in handler\\n    {statement}')


def test_page_of_python_debug(httpd):
    site = httpd(handler=RAISING, config="SetHandler mod_python\nPythonHandler app\nPythonDebug On")
    site.expect_traceback("LookupError: outer")
    response = site.get("/")
    assert response.status == 500
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text.startswith('\n<pre>\nMod_python error: "PythonHandler app"\n\nTraceback')
    assert "ValueError: boom &lt;&amp;&gt; \u00e9" in response.text
    assert "LookupError: outer" in response.text
    assert response.text.endswith("</pre>\n")


def test_page_of_python_debug_after_output(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.content_type = "text/plain"
                req.write("already sent ")
                raise ValueError("late")
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonDebug On",
    )
    site.expect_traceback("ValueError: late")
    response = site.get("/")
    assert response.status == 200
    assert response.text.startswith("already sent ")
    assert "ValueError: late" in response.text


def test_no_page_once_the_response_is_over(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write("whole")
                return 0

            def loghandler(req):
                raise ValueError("in the log phase")

            def cleanuphandler(req):
                raise ValueError("in the cleanup phase")
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonLogHandler app\nPythonCleanupHandler app\nPythonDebug On",
    )
    site.expect_traceback("in the log phase", phase="PythonLogHandler")
    site.expect_traceback("in the cleanup phase", phase="PythonCleanupHandler")
    with site.connection() as connection:
        for _ in range(3):
            assert site.ask(connection, "GET", "/").text == "whole"


EXCEPTIONS = {
    "SystemExit": "raise SystemExit(3)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "RecursionError": "return handler(req)",
    "Own": "raise type('Own', (BaseException,), {})('text')",
    "ZeroDivisionError": "1 / 0",
    "UnicodeEncodeError": "req.write('\\udce9\\ud800')",
    "ModuleNotFoundError": "import no_such_module",
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_any_exception_is_a_500_and_the_child_lives(httpd, name):
    site = httpd(
        handler=f"""
            import os

            def handler(req):
                if req.args:
                    req.write(str(os.getpid()))
                    return 0
                {EXCEPTIONS[name]}
        """,
        children=1,
    )
    site.expect_traceback(name)
    before = site.get("/?pid").text
    assert site.get("/").status == 500
    assert site.get("/?pid").text == before


CONFIGURED = {
    "a missing module": ("nowhere", "ModuleNotFoundError"),
    "a missing object": ("app::nothing", r"contains no 'nothing'"),
    "a missing attribute": ("app::Space.nothing", "AttributeError"),
    "None": ("app::none", "PythonHandler app::none"),
    "no callable": ("app::number", "PythonHandler app::number"),
    "a class": ("app::Space", "PythonHandler app::Space"),
    "an empty object name": ("app::", "PythonHandler app::"),
    "two separators": ("app::a::b", "PythonHandler app::a::b"),
    "an empty module name": ("::handler", "PythonHandler ::handler"),
    "quotes": ('"app"', "PythonHandler"),
    "a syntax error": ("broken", "SyntaxError"),
    "an exception at import": ("failing", "RuntimeError: at import"),
}


@pytest.mark.parametrize("what", CONFIGURED)
def test_handlers_that_cannot_be_called(httpd, what):
    handler, logged = CONFIGURED[what]
    site = httpd(
        handler="""
            none = None
            number = 5

            class Space:
                def __init__(self, req):
                    pass
        """,
        config=f"SetHandler mod_python\nPythonHandler {handler}",
        files={"broken.py": "def handler(req:\n", "failing.py": "raise RuntimeError('at import')\n"},
    )
    site.expect_log(logged)
    site.expect_log(f"PythonHandler {re.escape(handler)}")
    for _ in range(2):
        assert site.get("/").status == 500


def test_errors_in_other_phases(httpd):
    site = httpd(
        handler="""
            def accesshandler(req):
                raise ValueError("in access")

            def fixuphandler(req):
                return None
        """,
        config="""
            <Files access>
                PythonAccessHandler app
            </Files>
            <Files fixup>
                PythonFixupHandler app
            </Files>
        """,
        files={"access": "x", "fixup": "x"},
    )
    site.expect_traceback("ValueError: in access", phase="PythonAccessHandler")
    site.expect_log("PythonFixupHandler app")
    assert site.get("/access").status == 500
    assert site.get("/fixup").status == 500


def test_error_document_of_a_failing_handler(httpd):
    site = httpd(
        handler="""
            def handler(req):
                if req.uri == "/sorry":
                    req.write(f"sorry for {req.prev.uri} {req.prev.status}")
                    return 0
                raise ValueError("boom")
        """,
        server="ErrorDocument 500 /sorry",
    )
    site.expect_traceback("ValueError: boom")
    response = site.get("/page")
    assert (response.status, response.text) == (500, "sorry for /page 500")


def test_read_timeout_names_its_exception(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.read()
                return 0
        """,
        server="Timeout 1",
        config="SetHandler mod_python\nPythonHandler app\nPythonDebug On",
    )
    site.expect_traceback("OSError")
    answer = site.raw(b"POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nhalf")
    assert b"OSError" in answer


def test_log_levels(httpd):
    site = httpd(
        functions="""
            def log(req):
                apache.log_error("plain error")
                apache.log_error("a notice", apache.APLOG_NOTICE)
                apache.log_error("quiet", apache.APLOG_DEBUG, req.server)
                apache.log_error("of the server", apache.APLOG_WARNING, req.server)
                req.log_error("of the request")
                req.log_error("an alert", apache.APLOG_ALERT)
                req.server.log_error("server method", apache.APLOG_INFO)
                req.connection.log_error("connection method", apache.APLOG_WARNING)
                apache.log_error(None)
                apache.log_error("two\\nlines \\x07 \\u00e9", apache.APLOG_ERR)
                refused = []
                for arguments in ((5,), ("x", "y"), ("x", 3, "server"), ()):
                    try:
                        apache.log_error(*arguments)
                    except TypeError:
                        refused.append(len(arguments))
                return refused
        """
    )
    for text in ("plain error", "of the request", "an alert", r"two\\nlines"):
        site.expect_log(text)
    assert site.call("log") == [1, 2, 3, 0]
    log = site.error_log
    assert re.search(r":notice\].* a notice", log)
    assert re.search(r":warn\].* of the server", log)
    assert re.search(r":error\].*\[client 127\.0\.0\.1:\d+\] of the request", log)
    assert re.search(r":alert\].*\[client .*an alert", log)
    assert re.search(r":warn\].*\[client .*connection method", log)
    assert "quiet" not in log
    assert "server method" not in log
    # Ours is a module of its own for LogLevel and ErrorLogFormat.
    assert "[python:error]" in log
