"""What watches over interpreters that have a GIL each: PythonTimeout, the stacks of threads, the status page.

What one interpreter does may not hold up what is said or done about another one.
"""

import os
import signal
import sys

import pytest

from crowd import crowd
from scrape import SERVER, scrape, wait_for
from test_own_gil import HOSTS
from test_stacks import Waiting

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="Python 3.13 is the first with a ctypes that knows own GILs")

LIMIT = "SetHandler mod_python\nPythonHandler app\nPythonTimeout 0.8\n"
# More than once where the machine is too busy for the code that is interrupted.
NOT_DONE = r"not done after \S+ seconds \(PythonTimeout\): "
# /spin runs until the test is over, in Python; /keep in C code that keeps the GIL meanwhile; /wait lets go of it.
HANDLER = """
    import ctypes
    import os
    import time

    def spin_here(path):
        while not os.path.exists(path):
            for _ in range(10_000):
                pass

    def keep_here(path):
        file = os.open(path + "-fifo", os.O_RDWR)
        ctypes.PyDLL(None).read(file, ctypes.create_string_buffer(1), 1)
        os.close(file)

    def wait_here(path):
        while not os.path.exists(path):
            time.sleep(0.01)

    def handler(req):
        path = os.path.dirname(req.document_root()) + "/scratch/over"
        busy = {"/spin": spin_here, "/keep": keep_here, "/wait": wait_here}.get(req.uri)
        if busy:
            req.log_error("waiting" if req.uri == "/keep" else "busy", 5)
            busy(path)
        if req.uri == "/outer":
            req.internal_redirect("/stuck")
        while req.uri == "/stuck":
            pass
        req.write(req.interpreter, 0)
        return 0
"""


class Keeping(Waiting):
    """A request whose C code keeps the GIL of the host `one`."""

    def __init__(self, site):
        super().__init__(site, "/keep")
        self.fifo = site.scratch / "over-fifo"
        os.mkfifo(self.fifo)
        self.fifo.chmod(0o666)

    def ask(self, path):
        self.answer = self.site.get(path, host="one")

    def __exit__(self, *raised):
        with open(self.fifo, "wb") as fifo:
            fifo.write(b"x")
        super().__exit__(*raised)


# PythonTimeout


def test_both_are_interrupted(httpd):
    """Each with an exception of its own class, and the stack of its own thread in the log."""
    site = httpd(handler=HANDLER, server=HOSTS, config=LIMIT)
    site.expect_log("PythonHandler app: " + NOT_DONE)
    site.expect_log("PythonHandler app: ")
    turns = 2

    def talk(ask, number):
        host = ("one", "two")[number % 2]
        for _ in range(turns):
            assert ask("GET", "/stuck", host=host).status == 504
            assert ask("GET", "/", host=host).text == host

    crowd(site, talk, clients=4)
    assert len(site.child_pids()) == 1
    assert site.error_log.count("MP0140") >= 4 * turns
    assert site.error_log.count("RequestTimeout") >= 4 * turns


def test_one_is_interrupted_and_the_other_is_not(httpd):
    config = "SetHandler mod_python\nPythonHandler app\n<If \"%{HTTP_HOST} == 'one'\">\nPythonTimeout 0.8\n</If>"
    site = httpd(handler=HANDLER, server=HOSTS, config=config)
    site.expect_log("PythonHandler app: " + NOT_DONE + "GET /stuck")
    site.expect_log("PythonHandler app: ")

    def talk(ask, number):
        if number == 0:
            try:
                return [ask("GET", "/stuck", host="one").status for _ in range(2)]
            finally:
                (site.scratch / "over").touch()
        return ask("GET", "/spin", host="two").text

    assert crowd(site, talk, clients=2) == [[504, 504], "two"]
    assert site.error_log.count("MP0140") >= 2 and "GET /spin, thread" not in site.error_log


def test_a_lock_that_c_code_keeps_holds_up_no_other(httpd):
    site = httpd(handler=HANDLER, server=HOSTS, config=LIMIT)
    site.expect_log("PythonHandler app: " + NOT_DONE + "GET /stuck")
    site.expect_log(r"PythonHandler app: not done after \S+ seconds \(PythonTimeout\), and cannot be interrupted yet: C code")
    site.expect_log("PythonHandler app: ")
    with Keeping(site) as keeping:
        for _ in range(2):
            assert site.get("/stuck", host="two").status == 504
        assert site.get("/", host="two").text == "two"
        site.wait_log("MP0141")
    # What C code comes back to is interrupted, or done at once.
    assert keeping.answer.status in (200, 504)
    assert site.get("/", host="one").text == "one"


def test_a_call_from_one_into_the_other(httpd):
    """The time of the outer call goes on while its thread is in the other interpreter, and meets it when it is back."""
    site = httpd(
        handler=HANDLER,
        server="PythonInterpreterGIL own",
        config=LIMIT + "<If \"%{REQUEST_URI} == '/stuck'\">\nPythonInterpreter other\n</If>",
    )
    site.expect_log("PythonHandler app: " + NOT_DONE)
    site.expect_log("PythonHandler app: ")
    for _ in range(2):
        assert site.get("/outer").status == 504
        assert site.get("/stuck").status == 504
        assert site.get("/").text == "localhost"


# SIGUSR2


def test_stacks_of_both(httpd):
    site = httpd(handler=HANDLER, server=HOSTS)

    def talk(_ask, number):
        if number < 2:
            return site.get(("/spin?one", "/wait?two")[number], host=("one", "two")[number]).text
        site.wait_log("busy[^$]*busy")
        os.kill(site.child_pids()[0], signal.SIGUSR2)
        try:
            site.wait_log("stacks of all Python threads: 2 interpreters")
            site.wait_log(r"interpreter 'one': 1 threads in Python\n.*thread \d+, serving GET /spin\?one\n(.*\n)*.*in spin_here")
            site.wait_log(r"interpreter 'two': 1 threads in Python\n.*thread \d+, serving GET /wait\?two\n(.*\n)*.*in wait_here")
        finally:
            (site.scratch / "over").touch()
        return None

    assert crowd(site, talk, clients=3) == ["one", "two", None]


def test_stacks_of_one_while_c_code_keeps_the_others_lock(httpd):
    site = httpd(handler=HANDLER, server=HOSTS)
    assert site.get("/", host="two").text == "two"
    with Keeping(site) as keeping:
        os.kill(site.child_pids()[0], signal.SIGUSR2)
        site.wait_log("interpreter 'one': C code keeps Python's lock, its threads cannot be shown")
        site.wait_log(r"mod_python: thread \d+ serves GET /keep")
        site.wait_log("interpreter 'two': 0 threads in Python")
        assert site.get("/", host="two").text == "two"
    assert keeping.answer.text == "one"


def test_signals_under_load(httpd):
    site = httpd(handler=HANDLER, server=HOSTS)

    def talk(ask, number):
        host = ("one", "two")[number % 2]
        for _ in range(100):
            assert ask("GET", "/", host=host).text == host
            if number == 0:
                os.kill(site.child_pids()[0], signal.SIGUSR2)

    for host in ("one", "two"):
        assert site.get("/", host=host).text == host
    (child,) = site.child_pids()
    crowd(site, talk, clients=4)
    site.wait_log("stacks of all Python threads: 2 interpreters")
    assert site.child_pids() == [child]


# The status page


def test_the_status_page(httpd):
    """It needs nobody's GIL, and tells whom requests wait for."""
    site = httpd(handler=HANDLER, server=HOSTS + SERVER)
    for host, times in (("one", 2), ("two", 3)):
        for _ in range(times):
            assert site.get("/", host=host).text == host
    wait_for(site, {"one": 2, "two": 3}, "requests_total", "interpreter", status="2xx")
    with Keeping(site) as keeping:
        assert scrape(site).by("busy_threads", "interpreter") == {"one": 1}
        for _ in range(3):
            assert site.get("/", host="two").text == "two"
        wait_for(site, {"one": 2, "two": 6}, "requests_total", "interpreter", status="2xx")
    assert keeping.answer.text == "one"
    wait_for(site, {"one": 3, "two": 6}, "requests_total", "interpreter", status="2xx")
    assert scrape(site).sum("busy_threads") == 0
