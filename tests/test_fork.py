"""Python code that forks: the new process does what it was made for, and never goes on as a server."""

import pytest

from httpd import wait_until

MAIN = "SetHandler mod_python\nPythonHandler app\nPythonInterpreter main_interpreter\n"
FORKS = """
    import multiprocessing
    import os
    import signal
    import sys
    import time

    def exits(req):
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def returns(req):
        pid = os.fork()
        if pid == 0:
            raise apache.SERVER_RETURN(apache.DONE)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def leaves(req):
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def double(number):
        return number * 2

    def pool(req):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(double, range(5))

    def terminated(req):
        pid = os.fork()
        if pid == 0:
            while True:
                time.sleep(60)
        os.kill(pid, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def program(req):
        import subprocess
        return subprocess.run(["/bin/echo", "text"], capture_output=True).stdout

    def try_it(req):
        wrong = []
        for function in (os.fork, os.forkpty, multiprocessing.get_context("fork").Process(target=print).start):
            try:
                wrong.append(function())
            except RuntimeError as error:
                if "several Python interpreters" not in str(error):
                    wrong.append(str(error))
        return wrong
"""


@pytest.mark.every_mpm
def test_in_the_main_interpreter(httpd):
    site = httpd(functions=FORKS, config=MAIN, children=1)
    with site.connection() as connection:

        def call(name):
            return eval(site.ask(connection, "GET", f"/{name}").text)

        for _ in range(3):
            assert call("exits") == 3
            assert call("program") == b"text\n"
            assert call("terminated") == -15
            assert call("pool") == [0, 2, 4, 6, 8]
            # One answer for each request, and none of the copy's.
            assert call("returns") == 1
            assert call("leaves") == 1
    site.expect_log("MP0050: ")
    site.expect_log("SystemExit: 0|PythonHandler app: ")
    wait_until(lambda: len(site.child_pids()) == 1, "one child")


@pytest.mark.every_mpm
def test_in_another_interpreter(httpd):
    site = httpd(functions=FORKS, children=1)
    assert site.call("try_it") == []
    assert site.call("program") == b"text\n"


def test_in_the_main_interpreter_beside_others(httpd):
    site = httpd(
        functions=FORKS, config=MAIN + """<If "%{QUERY_STRING} == 'second'">\nPythonInterpreter second\n</If>""", children=1
    )
    assert site.call("exits") == 3
    assert site.call("try_it", query="?second") == []
    assert site.call("try_it") == []


def test_on_a_connection(httpd):
    site = httpd(
        handler="""
            import os

            def connectionhandler(conn):
                pid = os.fork()
                if pid:
                    os.waitpid(pid, 0)
                    conn.write("the handler")
                return 0
        """,
        server="AcceptFilter http none\nPythonPath \"sys.path + ['${docroot}']\"\nPythonConnectionHandler app\nPythonInterpreter main_interpreter\n",
        config="",
        children=1,
    )
    site.expect_log("MP0050: ")
    assert [site.raw(b"") for _ in range(3)] == [b"the handler"] * 3
