"""SIGUSR2: a child tells what its Python threads do, and goes on."""

import os
import signal
import threading

import pytest

from httpd import wait_until

WAITING = """
    import os, threading, time
    from mod_python import apache

    def wait_here(path):
        while not os.path.exists(path):
            time.sleep(0.01)

    def handler(req):
        path = os.path.dirname(req.document_root()) + "/scratch/over"
        if req.uri == "/wait":
            req.log_error("waiting", apache.APLOG_NOTICE)
            wait_here(path)
        elif req.uri == "/thread":
            threading.Thread(target=wait_here, args=(path,), name="the clerk", daemon=True).start()
        req.write("hello")
        return apache.OK
"""


class Waiting:
    """A request that is under way."""

    def __init__(self, site, path):
        self.site, self.answer = site, None
        self.thread = threading.Thread(target=self.ask, args=(path,))

    def ask(self, path):
        self.answer = self.site.get(path)

    def __enter__(self):
        self.thread.start()
        self.site.wait_log("waiting")
        return self

    def __exit__(self, *_):
        (self.site.scratch / "over").touch()
        self.thread.join()


@pytest.mark.every_mpm
def test_what_threads_do(httpd):
    site = httpd(handler=WAITING, children=1)
    assert site.get("/thread").text == "hello"
    with Waiting(site, "/wait?a=b") as waiting:
        (child,) = site.child_pids()
        os.kill(child, signal.SIGUSR2)
        site.wait_log("mod_python: stacks of all Python threads: 1 interpreter")
        site.wait_log(r"mod_python: interpreter 'localhost': 2 threads in Python")
        site.wait_log(r"mod_python: thread \d+, serving GET /wait\?a=b")
        site.wait_log(r'mod_python:   File ".*/app.py", line \d+, in handler\\n    wait_here\(path\)')
        site.wait_log(r"mod_python: thread 'the clerk'")
        site.wait_log(r'mod_python:   File ".*/app.py", line 7, in wait_here\\n    time.sleep\(0.01\)')
    assert waiting.answer.text == "hello"
    assert site.get("/").text == "hello"
    assert site.child_pids() == [child]


@pytest.mark.every_mpm
def test_a_child_without_python_lives(httpd):
    site = httpd(handler=WAITING, children=1)
    (child,) = wait_until(site.child_pids, "a child")
    os.kill(child, signal.SIGUSR2)
    os.kill(site.pid, signal.SIGUSR2)
    assert site.get("/").text == "hello"
    assert site.child_pids() == [child]


def test_two_interpreters_of_which_one_spins(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def handler(req):
                path = os.path.dirname(req.document_root()) + "/scratch/over"
                if req.uri == "/spin":
                    req.log_error("waiting", apache.APLOG_NOTICE)
                    while not os.path.exists(path):
                        for _ in range(10000):
                            pass
                req.write("hello")
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app\n<If \"%{REQUEST_URI} == '/other'\">\nPythonInterpreter other\n</If>",
    )
    assert site.get("/other").text == "hello"
    with Waiting(site, "/spin") as waiting:
        os.kill(site.child_pids()[0], signal.SIGUSR2)
        site.wait_log("interpreter 'other': 0 threads in Python")
        site.wait_log("interpreter 'localhost': 1 threads in Python")
        site.wait_log(r"thread \d+, serving GET /spin")
    assert waiting.answer.text == "hello"


def test_c_code_that_keeps_pythons_lock(httpd):
    site = httpd(
        handler="""
            import ctypes
            from mod_python import apache

            def handler(req):
                if req.uri == "/wait":
                    req.log_error("waiting", apache.APLOG_NOTICE)
                    ctypes.PyDLL(None).usleep(5_000_000)
                req.write("hello")
                return apache.OK
        """
    )
    assert site.get("/").text == "hello"
    with Waiting(site, "/wait") as waiting:
        os.kill(site.child_pids()[0], signal.SIGUSR2)
        site.wait_log("interpreter 'localhost': C code keeps Python's lock, its threads cannot be shown")
        site.wait_log(r"mod_python: thread \d+ serves GET /wait")
    assert waiting.answer.text == "hello"


def test_many_at_once(httpd):
    """Signals while requests come and go."""
    site = httpd(handler=WAITING)
    assert site.get("/").text == "hello"
    (child,) = site.child_pids()
    for _ in range(30):
        os.kill(child, signal.SIGUSR2)
        assert site.get("/").text == "hello"
    wait_until(lambda: site.error_log.count("stacks of all Python threads") >= 1, "a dump")
    assert site.child_pids() == [child]
