"""The soak in short: a few seconds of everything at once, with restarts and killed children. `make soak` is the long one."""

import http.client
import os
import signal
import subprocess

import pytest

from httpd import wait_until
from soak import crash
from soak.flat import Flat
from soak.ledger import Ledger
from soak.plan import Plan
from soak.questions import hello
from soak.site import HTDOCS, Site
from soak.soak import Soak, report, verdict
from soak.weather import Weather

SECONDS = float(os.environ.get("HTTPD_TEST_SOAK", "10"))
SEED = int(os.environ.get("SOAK_SEED", "0"))


@pytest.mark.every_mpm
def test_everything_at_once(mpm, record_property):
    soak = Soak(Plan(mpm, seconds=SECONDS, seed=SEED)).run()
    record_property("figures", "\n".join(report(soak)))
    assert verdict(soak) == []


LEAKS = """

KEPT = []


def leaks(req):
    KEPT.append(bytearray(2000))
    req.write("leaked")
"""


def leaks(visitor):
    visitor.expect("/app/leaks", "leaked")


def test_what_each_question_leaves_behind():
    assert Flat("hello", {hello: 1}, "event", 2000).run().verdict() == []


def test_what_a_leak_is_told_from():
    flat = Flat("leaks", {leaks: 1}, "event", 2000)
    flat.site.write("app/app.py", (HTDOCS / "app/app.py").read_text() + LEAKS)
    (sentence,) = flat.run().verdict()
    assert sentence.endswith("answers of leaks")
    answers, size = flat.growth()
    assert 1900 < size / answers < 3000


TRICKLES = """

def trickles(req):
    import pathlib, time
    while True:
        req.write("x" * 10000)
        pathlib.Path(req.document_root(), "../scratch/trickling").touch()
        time.sleep(0.01)
"""


@pytest.mark.every_mpm
def test_what_a_hard_restart_may_cut_short(mpm):
    site = Site(mpm, children=1)
    site.write("app/app.py", (HTDOCS / "app/app.py").read_text() + TRICKLES)
    site.write("ssi/endless.shtml", '<!--#include virtual="/app/trickles" -->')
    try:
        cut, trickling = [], site.scratch / "trickling"
        weather = Weather(site.start(), Ledger(), SEED)
        # The process may end before it can say so, and with prefork it always does.
        for _ in range(1 if mpm == "prefork" else 20):
            reader = weather.in_the_background("/ssi/endless.shtml")
            wait_until(trickling.exists, "an answer without end")
            site.restart()
            reader.join()
            trickling.unlink()
            cut = [line for line in site.error_log.splitlines() if "unable to include" in line]
            if cut:
                break
        site.log.poll()
        assert bool(cut) == (mpm != "prefork")
        assert site.log.bad == []
        for line in cut:
            site.log.see(line)
        assert site.log.bad == cut
    finally:
        site.stop()
        site.remove()


CRASHES = """

def crashes(req):
    import ctypes
    ctypes.string_at(8)
"""
# As gdb tells it.
OF_EVENT = """[Current thread is 1 (Thread 0x7fad86c98780 (LWP 15621))]
#0  0x00007fad86f18180 in apr_os_sock_get () from /lib/x86_64-linux-gnu/libapr-1.so.0
#0  0x00007fad86f18180 in apr_os_sock_get () from /lib/x86_64-linux-gnu/libapr-1.so.0
#1  0x00007fad86c5706c in ?? () from /usr/lib/apache2/modules/mod_mpm_event.so
#2  0x000055e92d6cc850 in ap_run_mpm ()

Thread 2 (Thread 0x7fad7cff96c0 (LWP 15649)):
#0  0x00007fad86e0fa07 in __GI_munmap () at ../sysdeps/unix/syscall-template.S:117
#1  0x00007f33bd790d71 in write () at src/apache/response.rs:47
"""
OF_ANOTHER_THREAD = (
    OF_EVENT
    + """#2  <signal handler called>
#3  0x00007ff75747841c in apr_palloc () from /lib/x86_64-linux-gnu/libapr-1.so.0
#4  set () at src/apache/table.rs:78
"""
)


def test_whose_a_crash_is():
    frames = crash.of_crashed(OF_EVENT)
    assert [frame.split(" ")[0] for frame in frames] == ["apr_os_sock_get", "??", "ap_run_mpm"]
    assert crash.is_of_event(frames)
    assert not crash.is_of_event([*frames, "call () at src/x.rs:1 from /srv/mod_python.so"])
    frames = crash.of_crashed(OF_ANOTHER_THREAD)
    assert [frame.split(" ")[0] for frame in frames] == ["apr_palloc", "set"]
    assert not crash.is_of_event(frames)
    assert not crash.is_of_event([])


def leaves_a_core(directory):
    """Whether a program that crashes does, here."""
    with subprocess.Popen(["sleep", "60"], cwd=directory) as process:
        process.send_signal(signal.SIGSEGV)
    return crash.core_of(process.pid, directory) is not None


def test_a_crash_is_told_with_its_stack(tmp_path):
    site = Site("event")
    site.write("app/app.py", (HTDOCS / "app/app.py").read_text() + CRASHES)
    try:
        with pytest.raises((http.client.HTTPException, OSError)):
            site.start().get("/app/crashes")
        wait_until(lambda: site.log.poll() and site.log.deaths, "the end of the child")
    finally:
        site.kill()
        site.remove()
    (death,) = site.log.deaths
    if leaves_a_core(tmp_path):
        assert "libffi" in death, death
