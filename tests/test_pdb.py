"""PythonEnablePdb: handlers under Python's debugger, when httpd was started with -D ONE_PROCESS."""

import pytest

import httpd as real

COMMANDS = "next\n!word = 'debugged'\ncontinue\n"
HANDLER = """
    import os
    from mod_python import apache

    os.environ["HOME"] = os.path.dirname(__file__)

    def handler(req):
        word = "unseen"
        req.write(f"{word}")
        return apache.OK

    def connectionhandler(conn):
        word = "unseen"
        conn.write(word)
        return apache.OK
"""
DEBUGGED = "SetHandler mod_python\nPythonHandler app\nPythonEnablePdb On"


def debugged(httpd, commands="", **options):
    """A site in one process. The debugger reads its commands from a file, then from the terminal, which is at its end."""
    options = {"handler": HANDLER, "config": DEBUGGED, "defines": ("ONE_PROCESS",), **options}
    return httpd(files={".pdbrc": commands}, **options)


@pytest.mark.every_mpm
def test_a_handler_runs_under_the_debugger(httpd):
    site = debugged(httpd, COMMANDS)
    assert site.get("/").text == "debugged"
    assert "(Pdb)" not in site.error_log


def test_leaving_the_debugger_is_an_error_as_any_other(httpd):
    site = debugged(httpd)
    site.expect_traceback("BdbQuit")
    assert site.get("/").status == 500
    # What the debugger says goes to the terminal.
    assert "(Pdb)" in (site.root / "stderr").read_text()


def test_a_connection_handler_runs_under_the_debugger(httpd):
    port = real.free_port()
    site = debugged(
        httpd,
        COMMANDS,
        server=f"""
            AcceptFilter http none
            Listen 127.0.0.1:{port}
            <VirtualHost 127.0.0.1:{port}>
                PythonPath "sys.path + ['${{docroot}}']"
                PythonConnectionHandler app
                PythonEnablePdb On
            </VirtualHost>
        """,
    )
    site.port, port = port, site.port
    assert site.raw(b"") == b"debugged"
    site.port = port


def test_without_the_define_the_directive_does_nothing(httpd):
    site = httpd(handler=HANDLER, config=DEBUGGED)
    assert site.get("/").text == "unseen"


def test_without_the_directive_the_define_does_nothing(httpd):
    site = debugged(httpd, config="SetHandler mod_python\nPythonHandler app")
    assert site.get("/").text == "unseen"
