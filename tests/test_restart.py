"""Restarts: no request fails, and the parent does not grow."""

import os
import threading

import pytest

from httpd import wait_until
from memory import memory

RESTARTS = int(os.environ.get("HTTPD_TEST_RESTARTS", "20"))
HELLO = """
    def handler(req):
        req.write("hello")
        return 0
"""


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Load:
    """Clients that ask without a pause and count what went wrong."""

    def __init__(self, site, clients=3):
        self.site, self.failures, self.answers, self.over = site, [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(clients)]

    def ask(self):
        while not self.over.is_set():
            try:
                response = self.site.get("/")
                if response.text != "hello":
                    self.failures.append(response.status)
            except Exception as error:
                self.failures.append(repr(error))
            self.answers += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.every_mpm
def test_graceful_restarts_under_load(httpd, mpm):
    site = httpd(handler=HELLO, children=4 if mpm == "prefork" else 2)
    assert site.get("/").text == "hello"
    for _ in range(3):
        site.graceful()
    before = memory(site.pid), descriptors(site.pid)
    with Load(site) as load:
        for _ in range(RESTARTS):
            answered = load.answers
            site.graceful()
            while load.answers < answered + 5 and len(load.failures) < 100:
                load.over.wait(0.001)
    after = memory(site.pid), descriptors(site.pid)
    assert load.failures == []
    assert load.answers >= RESTARTS * 5
    # The C module grows 1300 KiB at each restart.
    assert after[0] - before[0] <= 256 + 2 * RESTARTS, f"the parent grew from {before[0]} to {after[0]} KiB"
    assert after[1] <= before[1]


def test_a_restart_that_follows_the_start(httpd):
    """A server answers before its parent has started all children: what it says then is of no restart."""
    site = httpd(mpm="prefork", handler=HELLO, children=32, server="PythonOption one two\n" * 20_000)
    site.graceful()
    assert site.error_log.count("resuming normal operations") == 2


@pytest.mark.every_mpm
def test_a_restart_starts_fresh_interpreters(httpd):
    site = httpd(
        functions="""
            count = 0

            def increment(req):
                global count
                count += 1
                return count, req.server.my_generation
        """,
        children=1,
    )
    assert site.call("increment") == (1, 0)
    assert site.call("increment")[0] == 2
    site.restart()
    assert site.call("increment") == (1, 1)


def test_a_configuration_that_changes(httpd):
    site = httpd(handler=HELLO)
    assert site.get("/").text == "hello"
    configuration = site.root / "httpd.conf"
    configuration.write_text(configuration.read_text().replace("PythonHandler app", "PythonHandler other"))
    site.write("other.py", HELLO.replace("hello", "changed"))
    site.graceful()
    # A child of the last generation may take one more connection.
    wait_until(lambda: site.get("/").text == "changed", "an answer of the new configuration")
