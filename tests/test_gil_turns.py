"""Threads take turns at Python's lock: nobody waits for ever, and nobody is left where it was woken up."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import threading

from crowd import CLIENTS, crowd

ROUNDS = 200


def _allowed(pid):
    """The processors that each thread of a process may run on."""
    statuses = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
    return [re.search(r"^Cpus_allowed:\s+(\S+)$", status, re.MULTILINE)[1] for status in statuses]


@contextlib.contextmanager
def _no_processor_to_spare():
    """Where there is one, no thread is bound."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() - 1):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
        yield


def test_threads_may_run_where_they_could_before(httpd):
    site = httpd(
        handler="""
            import os

            def handler(req):
                total = 0
                for number in range(2000 if req.args else 0):
                    total += number
                req.write(f"{os.getpid()} {total}", 0)
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    before = set(_allowed(int(site.get("/").text.split()[0])))
    assert len(before) == 1

    def talk(ask, _number):
        return {ask("GET", "/?busy").text for _ in range(ROUNDS)}

    with _no_processor_to_spare():
        [answer] = set().union(*crowd(site, talk))
    pid, total = answer.split()
    assert int(total) == sum(range(2000))
    allowed = _allowed(pid)
    assert len(allowed) > CLIENTS
    assert set(allowed) == before


def test_others_go_on_while_one_waits_inside_python(httpd):
    """To Python's lock it is free then, though our threads have not been told."""
    site = httpd(
        handler="""
            import threading

            enough = threading.Event()
            inside, quick = 0, 0

            def handler(req):
                global inside, quick
                if req.args == "waits":
                    inside += 1
                    req.write(f"{enough.wait(30)}", 0)
                else:
                    quick += inside > 0
                    if quick >= 500:
                        enough.set()
                    req.write("quick", 0)
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )

    def talk(ask, number):
        if number % 8 == 0:
            return {ask("GET", "/?waits").text}
        return {ask("GET", "/").text for _ in range(ROUNDS)}

    answers = crowd(site, talk)
    assert answers[::8] == [{"True"}] * (CLIENTS // 8)
    assert set().union(*answers) == {"True", "quick"}


def test_handlers_that_wait_do_so_at_the_same_time(httpd):
    """Where all wait for something, to be let in one after the other would take them sixteen times as long."""
    site = httpd(
        handler="""
            import threading

            barrier = threading.Barrier(16)

            def handler(req):
                for _ in range(3):
                    barrier.wait(30)
                req.write("together", 0)
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    answers = crowd(site, lambda ask, _number: [ask("GET", "/").text for _ in range(20)])
    assert answers == [["together"] * 20] * CLIENTS


def test_large_pieces_go_out_while_others_run_python(httpd):
    """CPython is told to make nobody let go of its lock, so that only sending does."""
    site = httpd(
        handler="""
            import sys

            sys.setswitchinterval(60)
            PIECE = b"x" * 6000
            small = 0

            def handler(req):
                global small
                if req.args != "large":
                    small += 1
                    req.write("small", 0)
                    return 0
                req.write(PIECE)  # with the headers, which go through all filters
                before = small
                for _ in range(4):
                    req.write(PIECE)
                req.write(f" {small - before}", 0)
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    is_over = threading.Event()

    def talk(ask, number):
        if number:
            while not is_over.is_set():
                assert ask("GET", "/").text == "small"
            return False
        try:
            # Whether anybody wants to run meanwhile is up to the machine.
            return any(int(ask("GET", "/?large").text.split()[1]) for _ in range(25 * ROUNDS))
        finally:
            is_over.set()

    assert any(crowd(site, talk))
