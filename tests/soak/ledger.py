"""What was asked and what came of it: right answers, failures that a disturbance explains, and failures that should not be."""

import collections
import contextlib
import threading
import time

SHOWN = 40


class Wrong(Exception):
    """An answer came, and it is not the right one. `status` is None where the body is wrong."""

    def __init__(self, sentence, status=None):
        super().__init__(sentence)
        self.status = status


class Broken(Exception):
    """No whole answer came."""


class Unanswered(Broken):
    """Requests of a line have no answer, but those before them have a whole one: the client is to ask again (RFC 9112, 9.3.2)."""


class Disturbance:
    """Something that lets requests fail in this way, or fills the disk, from `began` to `ended`."""

    def __init__(self, kind, breaks, fills_disk):
        self.kind, self.breaks, self.fills_disk = kind, breaks, fills_disk
        self.began, self.ended = time.monotonic(), None

    def is_felt_since(self, moment):
        return self.ended is None or self.ended >= moment


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.right, self.excused, self.events = (collections.Counter() for _ in range(3))
        self.failures = []
        self.disturbances = collections.deque(maxlen=200)

    @property
    def requests(self):
        return sum(self.right.values())

    @staticmethod
    def now():
        return time.monotonic()

    def answered(self, name, count=1):
        with self.lock:
            self.right[name] += count

    def note(self, event):
        with self.lock:
            self.events[event] += 1

    def fail(self, name, sentence):
        with self.lock:
            self.failures.append(f"{name}: {sentence}")

    @contextlib.contextmanager
    def disturbance(self, kind, breaks=Broken, fills_disk=False):
        """As long as it lasts, requests are excused that fail so; with `fills_disk` those that have to write, too."""
        self.note(kind)
        disturbance = Disturbance(kind, breaks, fills_disk)
        self.disturbances.append(disturbance)
        try:
            yield
        finally:
            disturbance.ended = time.monotonic()

    def judge(self, name, began, error, needs_disk=False):
        """A failure of something that began at this moment: excused, or not. Whether it was excused is returned."""
        for disturbance in [*self.disturbances]:
            explains = isinstance(error, disturbance.breaks) or (
                disturbance.fills_disk and needs_disk and getattr(error, "status", None) in (500, 503, 507)
            )
            if explains and disturbance.is_felt_since(began):
                with self.lock:
                    self.excused[disturbance.kind] += 1
                return True
        self.fail(name, f"{type(error).__name__}: {error}")
        return False
