"""What befalls the server: restarts, children that are killed in the middle of something, a full disk. A table of functions."""

import errno
import http.client
import os
import random
import resource
import shutil
import signal
import threading
import time

import httpd
from soak.ledger import Broken, Unanswered, Wrong

PATIENCE = 60


class Weather:
    def __init__(self, site, ledger, seed):
        self.site, self.ledger, self.chance = site, ledger, random.Random(f"{seed} weather")
        self.restarts = 0

    def storm(self, is_over):
        """One thing after the other, each once in every round, with a little calm in between."""
        while not is_over():
            for event in self.chance.sample(EVENTS, len(EVENTS)):
                if is_over():
                    return
                self.strike(event)
                time.sleep(self.chance.random() * 0.3)

    def strike(self, event):
        began = self.ledger.now()
        try:
            event(self)
        except (Broken, Wrong, TimeoutError) as error:
            self.ledger.judge(event.__name__, began, error)
        except Exception as error:
            self.ledger.fail(event.__name__, repr(error))

    # Processes

    def kill(self, pid, kind):
        """As the kernel does when memory runs out. Its requests are lost."""
        with self.ledger.disturbance(kind):
            self.site.log.killed.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            httpd.wait_until(lambda: pid not in self.site.child_pids(), "the end of a killed child", PATIENCE)

    def in_the_background(self, path, headers=None):
        """A request that will not be answered, on a thread of its own."""

        def ask():
            try:
                self.site.get(path, headers=headers)
            except (OSError, http.client.HTTPException):
                pass

        thread = threading.Thread(target=ask)
        thread.start()
        return thread

    def pid_in(self, name):
        """The process that has left its id in a file of this name; the file is gone then."""
        path = self.site.scratch / name
        text = httpd.wait_until(lambda: path.exists() and path.read_text(), f"a process that says it is {name}", PATIENCE)
        path.unlink()
        return int(text)

    def get(self, path, headers=None):
        """An answer that must come, whatever else happens: lost ones are asked for again."""
        for _ in range(20):
            try:
                return self.site.get(path, headers=headers)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        raise Broken(f"no answer to {path} in twenty tries")

    # Disks

    def with_a_full_disk(self, seconds):
        with self.ledger.disturbance("a full disk", breaks=(), fills_disk=True):
            if self.site.is_mounted:
                ballast = self.site.disk / "ballast"
                with open(ballast, "wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(bytes(1 << 16))
                    except OSError as error:
                        assert error.errno == errno.ENOSPC
                time.sleep(seconds)
                ballast.unlink()
            else:
                with LimitedFiles(self.site.child_pids(), 4096):
                    time.sleep(seconds)


class LimitedFiles:
    """Children that can write no more than this into a file."""

    def __init__(self, pids, size):
        self.pids, self.size = pids, size

    def __enter__(self):
        self.set(self.size)

    def __exit__(self, *_):
        self.set(resource.RLIM_INFINITY)

    def set(self, size):
        for pid in self.pids:
            try:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            except OSError:
                continue


def graceful_restart(weather):
    """Loses no request, but that httpd reads none any more of those that stand in a line."""
    with weather.ledger.disturbance("graceful restart", breaks=Unanswered):
        weather.site.graceful()
        weather.restarts += 1


def hard_restart(weather):
    with weather.ledger.disturbance("hard restart"):
        weather.site.restart()
        weather.restarts += 1


def killed_in_a_request(weather):
    pids = httpd.wait_until(weather.site.child_pids, "a child", PATIENCE)
    weather.kill(weather.chance.choice(pids), "child killed in a request")


def killed_in_a_session_lock(weather):
    """Who comes next has the lock."""
    begun = weather.get("/app/take")
    cookie = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
    (weather.site.scratch / "holding").unlink(missing_ok=True)
    holder = weather.in_the_background("/app/hold", cookie)
    waiting = weather.in_the_background("/app/take", cookie)
    weather.kill(weather.pid_in("holding"), "child killed in a session lock")
    holder.join(), waiting.join()
    answer = weather.get("/app/take", cookie)
    if answer.text != "taken":
        raise Wrong(f"the lock of a killed child: {answer.status}", answer.status)


def killed_in_an_import(weather):
    """Who imports next imports the whole."""
    slow = weather.site.scratch / "slow"
    (weather.site.scratch / "importing").unlink(missing_ok=True)
    slow.write_text("")
    # So that it is imported anew.
    shutil.copyfile(weather.site.docroot / "app/slow.py", weather.site.docroot / "slow.new")
    os.replace(weather.site.docroot / "slow.new", weather.site.docroot / "app/slow.py")
    importing = weather.in_the_background("/app/slow_import")
    pid = weather.pid_in("importing")
    others = [weather.in_the_background("/app/slow_import") for _ in range(3)]
    weather.kill(pid, "child killed in an import")
    slow.unlink()
    for thread in (importing, *others):
        thread.join()
    answer = weather.get("/app/slow_import")
    if answer.text != "imported":
        raise Wrong(f"after an import that was killed: {answer.status} {answer.text[-200:]}")


def exits(weather):
    """os._exit in a handler: what the child was doing is lost."""
    with weather.ledger.disturbance("os._exit"):
        weather.in_the_background("/app/leave").join()


def stuck(weather):
    """A handler that spins without end, which a hard restart gets rid of."""
    (weather.site.scratch / "stuck").unlink(missing_ok=True)
    thread = weather.in_the_background("/second/stuck")
    pid = weather.pid_in("stuck")
    with weather.ledger.disturbance("hard restart with a handler that spins"):
        weather.site.restart()
        weather.restarts += 1
        httpd.wait_until(lambda: pid not in weather.site.child_pids(), "the end of a child that spins", PATIENCE)
    thread.join()


def full_disk(weather):
    weather.with_a_full_disk(1)


EVENTS = [
    *(graceful_restart,) * 5, *(hard_restart,) * 2, killed_in_a_request, killed_in_a_session_lock, killed_in_an_import, exits,
    stuck, full_disk,
]  # fmt: skip
