"""The error log of a soak, read once as it grows: how often httpd has started, and what should not be in it."""

import re
import threading

import httpd
from soak import crash

# The last line of a traceback, or one of its others.
PYTHON = re.compile(r"^(?:\[[^\]]+\] )+(?:MP\d{4}: )?\w+ [\w.:/@]+: ?(?P<text>.*)$")
INNER = re.compile(r"^(Traceback|\s|$|\\n|During handling|The above exception|\[)")
EXPECTED = re.compile(
    "on purpose"
    "|RecursionError|MemoryError|os.fork\\(\\) cannot be used"
    "|AH01617|AH01618"  # wrong passwords, unknown users
    "|No space left on device|Errno 28|File too large|Errno 27|database or disk is full|disk I/O error|unable to open database"
    "|error in the cleanup <function Cleanup.run"  # of sessions; what it was is in the next line
    "|Connection reset by peer|Client read error|client closed connection|the client closed the connection"
    "|[Ww]rite failed|[Ff]lush failed|[Rr]ead (error|failed)"
    "|The timeout specified has expired|TimeoutError|partial body|AH0(1382|0550|0561|0567|3448|2430|1102)"
    # What a hard restart is for: a child that spins is killed, and on a busy machine takes its time to be gone.
    "|AH0004[67]"
)
# In a child that a hard restart ends: httpd takes away what its workers poll with while they are at work, and a page cannot include
# what its handler could not write any more.
OF_HARD_RESTARTS = re.compile(
    "Bad file descriptor: AH0309[0-9]: .*apr_pollset_add failure|unable to include .* subrequest returned 500"
)
DEATH = re.compile(r"AH0005[12]: child pid (?P<pid>\d+) exit signal (?P<signal>.*)")


class Log:
    def __init__(self, path, stack=lambda pid: []):
        """`stack` gives what is known of a crash of a child, see `crash`."""
        self.path, self.offset, self.starts, self.stack = path, 0, 0, stack
        self.bad, self.deaths, self.deaths_of_event, self.killed = [], [], [], set()
        self.restarts_hard = False
        self.lock = threading.Lock()

    def poll(self):
        """Reads what is new. True, so that it can stand in a condition."""
        with self.lock:
            try:
                with open(self.path, "rb") as file:
                    file.seek(self.offset)
                    data = file.read()
            except FileNotFoundError:
                return True
            whole = data.rpartition(b"\n")[0]
            if whole:
                self.offset += len(whole) + 1
                for line in whole.decode("utf-8", "backslashreplace").split("\n"):
                    self.see(line)
        return True

    def expect_hard_restart(self):
        """One comes: what httpd then writes, until it is ready again, is said of it. httpd's own word on it comes before the end of
        the children with event, and after it with worker."""
        self.poll()
        self.restarts_hard = True

    def see(self, line):
        if "resuming normal operations" in line:
            self.starts, self.restarts_hard = self.starts + 1, False
        death = DEATH.search(line)
        if death:
            if int(death["pid"]) not in self.killed:
                self.see_crash(line, self.stack(int(death["pid"])))
        elif httpd.FORBIDDEN.search(line) or (self.is_alarming(line) and not self.is_expected(line)):
            self.bad.append(line)

    def see_crash(self, line, frames):
        is_of_event = self.restarts_hard and crash.is_of_event(frames)
        deaths = self.deaths_of_event if is_of_event else self.deaths
        deaths.append("\n    in ".join([line, *frames[:20]]))

    def is_expected(self, line):
        return EXPECTED.search(line) or (self.restarts_hard and OF_HARD_RESTARTS.search(line))

    def is_alarming(self, line):
        match = httpd.LINE.match(line)
        if (match and match["level"] not in httpd.BAD_LEVELS) or httpd.HARMLESS.search(line):
            return False
        python = PYTHON.match(line)
        return not (python and INNER.match(python["text"]))
