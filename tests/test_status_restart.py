"""What has been counted outlives those who counted: children that end or are killed, and restarts."""

import concurrent.futures
import os
import pathlib

import pytest

from httpd import wait_until
from scrape import SERVER, scrape, wait_for

HELLO = """
    import os
    def handler(req):
        req.write(str(os.getpid()))
        return 0
"""


def ask(site, times):
    """Processes that have answered."""
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: site.get("/"), range(times)))
    assert [answer.status for answer in answers] == [200] * times
    return {int(answer.text) for answer in answers}


def shared_mappings(site):
    lines = pathlib.Path(f"/proc/{site.pid}/maps").read_text().splitlines()
    return sorted(line.split()[0] for line in lines if line.split()[1].endswith("s"))


@pytest.mark.every_mpm
def test_killed_children_lose_nothing(httpd, mpm):
    site = httpd(handler=HELLO, server=SERVER, children=4 if mpm == "prefork" else 2)
    total = 0
    for _ in range(2):
        total += 20
        victims = ask(site, 20)
        wait_for(site, {"2xx": total}, "requests_total", "status")
        for victim in victims:
            site.kill_child(victim)
        wait_until(lambda dead=victims: not dead & set(site.child_pids()), "the end of the killed children")
    wait_for(site, {"2xx": total}, "requests_total", "status")
    samples = scrape(site)
    assert samples.sum("busy_threads") == 0
    alive = {int(pid) for pid in samples.by("process_resident_memory_bytes", "pid")}
    assert alive and alive <= set(site.child_pids())


def test_a_child_that_is_killed_at_work(httpd):
    site = httpd(
        handler="""
            import os, time
            def handler(req):
                if req.uri == "/hang":
                    open(os.path.dirname(req.document_root()) + "/scratch/" + str(os.getpid()), "w").close()
                    time.sleep(60)
                return 0
        """,
        server=SERVER,
    )
    assert site.get("/").status == 200
    wait_for(site, {"2xx": 1}, "requests_total", "status")
    with concurrent.futures.ThreadPoolExecutor(1) as clients:
        answer = clients.submit(site.get, "/hang")
        name = wait_until(lambda: next(site.scratch.iterdir(), None), "a handler that hangs").name
        wait_until(lambda: scrape(site).sum("busy_threads") == 1, "a busy thread")
        site.kill_child(int(name))
        with pytest.raises(ConnectionError):
            answer.result()
    wait_until(lambda: int(name) not in site.child_pids(), "its end")
    # The one that goes on with its counters has no busy thread.
    wait_until(lambda: site.connects() and scrape(site).sum("busy_threads") == 0, "no busy thread")
    assert scrape(site).sum("requests_total") == 1
    assert site.get("/").status == 200
    wait_for(site, {"2xx": 2}, "requests_total", "status")


@pytest.mark.every_mpm
def test_restarts_go_on_counting(httpd, mpm):
    site = httpd(handler=HELLO, server=SERVER, children=4 if mpm == "prefork" else 2)
    ask(site, 8)
    wait_for(site, {"2xx": 8}, "requests_total", "status")
    started = scrape(site).sum("start_time_seconds")
    before = shared_mappings(site)
    total = 8
    # More children than there are places for at a time.
    for number in range(8):
        site.graceful() if number % 4 else site.restart()
        ask(site, 2)
        total += 2
        wait_for(site, {"2xx": total}, "requests_total", "status")
    assert scrape(site).sum("start_time_seconds") == started
    after = shared_mappings(site)
    assert len(after) <= len(before), (before, after)

    def page_knows_the_generation():
        return '<td>8</td><td class="text">' in site.get("/status").text

    wait_until(page_knows_the_generation, "a child of the eighth generation")


@pytest.mark.skipif(os.geteuid() != 0, reason="children have another user than the parent only under root")
def test_memory_of_others(httpd):
    site = httpd(handler=HELLO, server=SERVER, children=2)
    ask(site, 2)
    samples = scrape(site)
    resident = samples.by("process_resident_memory_bytes", "pid")
    proportional = samples.by("process_proportional_memory_bytes", "pid")
    assert len(resident) == 2 and min(resident.values()) > 1_000_000
    # A process sees its own, and the kernel keeps that of others from it.
    assert len(proportional) >= 1
    assert all(proportional[pid] <= resident[pid] for pid in proportional)
