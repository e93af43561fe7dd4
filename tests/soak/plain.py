"""The control: an httpd of the same kind without this module, under nothing but requests and hard restarts.

`python3 -m soak.plain SECONDS` prints how often a child crashed, and where.
"""

import http.client
import random
import signal
import sys
import threading
import time

import httpd
from soak import crash
from soak.log import Log

CLIENTS = 16


class Plain(httpd.Site):
    """Serves one file."""

    def __init__(self, mpm):
        server = "CoreDumpDirectory ${root}/cores\nAcceptFilter http none\nKeepAliveTimeout 3"
        super().__init__(mpm, server=server, config="", children=2, files={"page.txt": "x" * 2000})
        crash.allow(self.root / "cores")
        self.log = Log(self.root / "error_log", self.stack)

    def configuration(self):
        lines = super().configuration().splitlines()
        return "\n".join(line for line in lines if not line.startswith("LoadModule python_module"))

    def generations(self):
        self.log.poll()
        return self.log.starts

    def stack(self, pid):
        return crash.stack(pid, self.root / "cores", httpd.program())


def ask(site, is_over, counted):
    """Connections of different lengths; those that a restart ends are expected."""
    while not is_over():
        try:
            with site.connection() as connection:
                for _ in range(random.choice([1, 1, 5, 50])):
                    site.ask(connection, "GET", "/page.txt")
                    counted.append(1)
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)


def main(seconds):
    site, over, counted, restarts = Plain("event").start(), threading.Event(), [], 0
    threads = [threading.Thread(target=ask, args=(site, over.is_set, counted)) for _ in range(CLIENTS)]
    try:
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            site.signal_restart(signal.SIGHUP)
            restarts += 1
            time.sleep(1.2 + random.random() / 2)
    finally:
        over.set()
        for thread in threads:
            thread.join()
        site.kill()
        site.remove()
    print(f"plain httpd, event: {len(counted)} answers, {restarts} hard restarts")
    for name, deaths in (("of event's", site.log.deaths_of_event), ("of others", site.log.deaths)):
        print(f"crashes {name}: {len(deaths)}", *deaths, sep="\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
