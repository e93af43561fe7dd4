"""The end of a child, whatever its Python code does just then: clean-ups and `atexit` run, and httpd need not kill it."""

import contextlib
import http.client
import os
import signal
import threading
import time

import pytest

import valgrind
from httpd import open_connections, wait_until

pytestmark = pytest.mark.threads_and_processes

HANDLER = """
    import atexit, ctypes, os, threading, time
    from mod_python import apache

    def note(text):
        with open(os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch", "ended"), "a") as file:
            file.write(f"{os.getpid()} {apache.interpreter} {text}\\n")

    def spin():
        while True:
            pass

    def sleep():
        while True:
            time.sleep(3600)

    def keep_the_lock():
        ctypes.PyDLL(None).sleep(3600)

    def wait_in_c():
        ctypes.CDLL(None).pause()

    def wait_for_go():
        while not os.path.exists(os.path.dirname(__file__) + "/go"):
            time.sleep(0.01)

    def daemon():
        threading.Thread(target=spin, daemon=True).start()
        threading.Thread(target=sleep, daemon=True).start()

    def thread():
        threading.Thread(target=sleep).start()
        threading.Thread(target=spin).start()

    def pool():
        from concurrent.futures import ThreadPoolExecutor
        global workers
        workers = ThreadPoolExecutor(4)
        for _ in range(8):
            workers.submit(time.sleep, 0.01)

    def nothing():
        pass

    def handler(req):
        if not hasattr(apache, "registered"):
            apache.registered = True
            atexit.register(note, "atexit")
            apache.register_cleanup(note, "cleanup")
        if req.args:
            req.log_error(f"begun by {os.getpid()}", apache.APLOG_NOTICE)
            globals()[req.args]()
        req.write(str(os.getpid()))
        return apache.OK
"""
OTHER = """
    SetHandler mod_python
    PythonHandler app
    <If "%{REQUEST_URI} == '/other'">
        PythonInterpreter other
    </If>
"""
ENDED = ["cleanup", "atexit"]


def ended(site, pid):
    """What ran at the end of a child, by interpreter."""
    found = {}
    path = site.scratch / "ended"
    for line in path.read_text().splitlines() if path.exists() else ():
        number, interpreter, what = line.split()
        if int(number) == pid:
            found.setdefault(interpreter, []).append(what)
    return found


@contextlib.contextmanager
def under_way(site, path):
    """A request that does not come to its end; the child that serves it."""

    def ask():
        with contextlib.suppress(OSError, http.client.HTTPException):
            site.get(path)

    before = len(site.error_log)
    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: "begun by" in site.error_log[before:], "the beginning")
    yield int(site.error_log[before:].split("begun by ")[1].split()[0])
    thread.join()


def ask_to_end(site, number, child):
    """Stops or restarts httpd, and waits for the end of the child."""
    site.process.send_signal(number)
    if number in (signal.SIGTERM, signal.SIGWINCH):
        site.process.wait(60)
    else:
        wait_until(lambda: child not in site.child_pids(), "the end of the child", 60)


def check_the_end(site, child, stuck):
    """httpd must not have had to kill the child."""
    assert "AH00046" not in site.error_log
    assert ended(site, child) == {"localhost": ENDED}
    late = f"MP0054: mod_python: the process ends while Python code serves GET /?{stuck}"
    assert (late in site.error_log) is (site.mpm != "prefork")


# SIGWINCH stops gracefully, up to GracefulShutdownTimeout.
STOPS = {"SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP, "SIGWINCH": signal.SIGWINCH}


@pytest.mark.parametrize(
    ("stuck", "stop"),
    [("sleep", "SIGTERM"), ("sleep", "SIGHUP"), ("sleep", "SIGWINCH"), ("spin", "SIGTERM"), ("wait_in_c", "SIGTERM")],
)
def test_a_handler_that_does_not_return(httpd, stop, stuck):
    site = httpd(handler=HANDLER, children=1, server="GracefulShutdownTimeout 1")
    with under_way(site, f"/?{stuck}") as child:
        ask_to_end(site, STOPS[stop], child)
    check_the_end(site, child, stuck)


def test_a_handler_that_keeps_pythons_lock(httpd):
    """Nothing can be run where the system does not interrupt the C code, and the end is not waited for."""
    site = httpd(handler=HANDLER, children=1)
    with under_way(site, "/?keep_the_lock") as child:
        ask_to_end(site, signal.SIGTERM, child)
    assert "AH00046" not in site.error_log
    if site.mpm == "prefork":
        assert ended(site, child) == {"localhost": ENDED}
    else:
        assert ended(site, child) == {}
        site.expect_log("MP0011: ")


@valgrind.has_little_time  # httpd kills at a hard restart what is not gone in ten seconds
@pytest.mark.parametrize("busy", ["nothing", "daemon", "thread", "pool"])
@pytest.mark.parametrize("stop", [*STOPS, "SIGUSR1"])
def test_threads_of_python(httpd, stop, busy):
    """Neither a daemon nor one that is none keeps a child alive."""
    site = httpd(handler=HANDLER, children=1)
    child = int(site.get(f"/?{busy}").text)
    site.settle()
    ask_to_end(site, getattr(signal, stop), child)
    assert ended(site, child) == {"localhost": ENDED}
    assert "AH00045" not in site.error_log


def test_a_graceful_restart_waits(httpd, mpm):
    site = httpd(handler=HANDLER, children=2 if mpm == "prefork" else 1)
    go = site.docroot / "go"
    with under_way(site, "/?wait_for_go") as child:
        site.graceful()
        wait_until(lambda: site.get("/").text != str(child), "an answer of the next generation")
        assert ended(site, child) == {}
        go.touch()
        wait_until(lambda: child not in site.child_pids(), "the end of the child")
    assert ended(site, child) == {"localhost": ENDED}
    assert "AH00045" not in site.error_log


def test_sub_interpreters(httpd):
    """A handler that waits in one does not keep others from their ends. (In CPython 3.11 one that spins may: it lets no others in.)"""
    site = httpd(handler=HANDLER, config=OTHER, children=1)
    site.get("/other")
    with under_way(site, "/?sleep") as child:
        ask_to_end(site, signal.SIGTERM, child)
    assert ended(site, child) == {"localhost": ENDED, "other": ENDED}
    assert "AH00046" not in site.error_log


def test_a_child_of_a_graceful_restart(httpd, mpm):
    """The last generation's child, which still serves somebody, ends with httpd."""
    site = httpd(handler=HANDLER, children=2 if mpm == "prefork" else 1)
    with under_way(site, "/?sleep") as child:
        site.graceful()
        wait_until(lambda: site.get("/").text != str(child), "an answer of the next generation")
        assert child in site.child_pids()
        assert ended(site, child) == {}
        # The event of httpd 2.4 may crash by itself when it is ended while it closes a connection (apr_os_sock_get).
        wait_until(lambda: open_connections(site.port) == 1, "the end of all connections but the one under way")
        ask_to_end(site, signal.SIGTERM, child)
    check_the_end(site, child, "sleep")


def test_many_signals(httpd):
    """What is registered runs once."""
    site = httpd(handler=HANDLER, children=1)
    with under_way(site, "/?sleep") as child:
        site.process.terminate()
        while site.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
            time.sleep(0.01)
    assert ended(site, child) == {"localhost": ENDED}
