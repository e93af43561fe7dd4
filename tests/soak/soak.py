"""One run: visitors and strangers, in calm stretches, in which processes are weighed, and stormy ones."""

import signal
import threading
import time

import httpd
from soak import growth, questions
from soak.cramped import Cramped
from soak.ledger import SHOWN, Ledger
from soak.site import Site
from soak.strangers import Stranger
from soak.versions import Versions
from soak.visitor import Visitor
from soak.weather import PATIENCE, Weather

STRANGERS = 4
STRETCH = 60
"""Seconds, at most, that the weather stays."""


class Soak:
    def __init__(self, plan, tell=lambda line: None):
        """`tell` gets a line when the weather changes."""
        self.plan, self.ledger, self.tell, self.is_hurried = plan, Ledger(), tell, False
        self.site = Site(plan.mpm)
        self.versions = Versions(self.site)
        self.weather = Weather(self.site, self.ledger, plan.seed)
        self.began = time.monotonic()
        self.over = threading.Event()
        self.children, self.parent = [], None
        self.zombies, self.strays, self.last_words = [], [], []

    def run(self):
        Cramped(self.plan.mpm, self.ledger).run(2 if self.plan.seconds < 60 else 10)
        self.began = time.monotonic()
        try:
            self.site.start()
            self.live()
        finally:
            self.over.set()
            if self.site.process is not None:
                self.site.kill()
            self.site.remove()
        return self

    def live(self):
        threads = [threading.Thread(target=act, args=(self.over.is_set, *more)) for act, *more in self.acts()]
        for thread in threads:
            thread.start()
        try:
            # The first generations differ from later ones.
            for _ in range(2):
                self.site.graceful()
            parent = growth.weigh(self.site.pid)
            while self.is_wanted():
                for weather in (self.calm, self.storm):
                    weather()
                    self.tell("\n  ".join([f"{weather.__name__}: {done(self)}", *verdict(self)[:SHOWN]]))
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
        if not self.is_there():
            return
        self.see_the_newest()
        self.site.settle()
        self.site.graceful()
        self.parent = self.growth_of_the_parent(parent)
        self.end()

    def is_stopped(self):
        return self.is_hurried or self.site.process.poll() is not None

    def is_there(self):
        """Whether httpd itself lives; its last words if not."""
        status = self.site.process.poll()
        if status is not None:
            said = "\n    ".join(self.site.error_log.splitlines()[-30:])
            self.last_words = [f"httpd ended with {status}, and said at last:\n    {said}"]
        return status is None

    def growth_of_the_parent(self, before):
        """When the children of the last generations have ended, for each of which it has a pipe."""

        def grown():
            return growth.growth(before, growth.weigh(self.site.pid), self.ledger.requests)

        try:
            httpd.wait_until(lambda: grown().files <= 0, "the end of old generations", PATIENCE)
        except TimeoutError:
            pass
        return grown()

    def see_the_newest(self):
        """Nobody has kept an older version for good."""
        wanted = f"{self.versions.newest} {self.versions.newest}"
        answers = {self.site.get("/reload/x").text for _ in range(50)}
        if answers != {wanted}:
            self.ledger.fail("reload", f"versions {answers} instead of {wanted} when nothing changes any more")

    def acts(self):
        plan = self.plan
        for number in range(plan.visitors):
            visitor = Visitor(self.site, self.ledger, self.versions, number, plan.seed)
            yield visitor.stay, questions.EVERY[number :: plan.visitors]
        for number in range(STRANGERS):
            yield (Stranger(self.site, self.ledger, number, plan.seed).stay,)
        yield (self.versions.go_on,)

    def is_wanted(self):
        plan = self.plan
        if self.is_hurried or not self.is_there():
            return False
        goes_on = time.monotonic() - self.began < plan.seconds
        return goes_on or self.ledger.requests < plan.requests or self.weather.restarts < plan.restarts

    def stretch(self):
        """How long the weather stays: each kind several times, and half of the time."""
        return min(STRETCH, self.plan.seconds / 4)

    def calm(self):
        """Children live through it, and should weigh as much at its end as when they were warm."""
        self.pause(self.stretch() / 3)
        if self.is_stopped():
            return
        before, requests = growth.weigh_all(self.site.child_pids()), self.ledger.requests
        self.pause(self.stretch())
        if self.is_stopped():
            return
        after = growth.weigh_all(self.site.child_pids())
        self.children += growth.between(before, after, self.ledger.requests - requests)

    def storm(self):
        """Three times as long where a number of restarts is wanted."""
        end = time.monotonic() + self.stretch() * (3 if self.plan.restarts else 1)
        self.weather.storm(lambda: self.is_stopped() or time.monotonic() > end)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_stopped():
            self.site.log.poll()
            time.sleep(0.05)

    def end(self):
        """Nothing is left once nothing is asked: no zombie, and no process after the end."""
        session = self.site.pid
        try:
            httpd.wait_until(lambda: not growth.zombies(session), "the end of zombies", 20)
        except TimeoutError:
            self.zombies = growth.zombies(session)
        self.site.settle()
        self.site.process.send_signal(signal.SIGTERM)
        self.site.process.wait(60)
        self.site.log.poll()
        try:
            httpd.wait_until(lambda: not growth.processes_of(session), "the end of all processes", 20)
        except TimeoutError:
            self.strays = [*growth.processes_of(session)]


# Judgement

ALLOWED_CHILD, ALLOWED_CHILD_AT_FIRST = 24 * 1024, 64 * 1024
"""KiB that a child may grow in a calm stretch, beside a few bytes a request: a minute goes by until each
thread's heap is as large as it gets."""
ALLOWED_BYTES = 20
ALLOWED_FILES = 60
"""A thread has a connection, at times a file, and for good those two that SQLite has open."""


def verdict(soak):
    """Sentences about what should not be; none if all is well."""
    ledger, log = soak.ledger, soak.site.log
    sentences = [*soak.last_words, *ledger.failures]
    sentences += [f"a crash: {line}" for line in log.deaths] + [f"in the error log: {line}" for line in log.bad]
    sentences += [f"zombie processes: {soak.zombies}"] * bool(soak.zombies)
    sentences += [f"processes after the end: {soak.strays}"] * bool(soak.strays)
    allowed = ALLOWED_CHILD if soak.stretch() >= STRETCH else ALLOWED_CHILD_AT_FIRST
    for child in soak.children:
        if child.memory > allowed + child.requests * ALLOWED_BYTES // 1024 or child.files > ALLOWED_FILES:
            sentences.append(f"a child grew: {child}")
    parent = soak.parent
    if parent and (parent.memory > 256 + 2 * soak.weather.restarts or parent.files > 0):
        sentences.append(f"the parent grew in {soak.weather.restarts} restarts: {parent}")
    return sentences


def report(soak):
    """The figures, a line each."""
    ledger = soak.ledger
    yield f"{soak.plan.mpm}: {done(soak)}, seed {soak.plan.seed}"
    yield f"failures that should not be: {len(verdict(soak))}"
    yield "lost with what was done to the server: " + listed(ledger.excused)
    yield "what was done: " + listed(ledger.events)
    if soak.children:
        yield of_children(soak.children)
    if soak.parent:
        yield f"parent: {soak.parent.memory:+} KiB, {soak.parent.files:+} files"
    for death in soak.site.log.deaths_of_event:
        yield f"a crash of httpd's event itself, at a hard restart: {death}"
    yield f"zombies: {len(soak.zombies)}, processes after the end: {len(soak.strays)}"


def done(soak):
    seconds = time.monotonic() - soak.began
    return f"{soak.ledger.requests} right answers in {seconds:.0f} s, {soak.weather.restarts} restarts"


def of_children(children):
    memory, files = sorted(child.memory for child in children), [child.files for child in children]
    requests = sum(child.requests for child in children)
    return (
        f"children, {len(children)} calm lives of {requests} requests in all: private memory {memory[0]:+} to {memory[-1]:+} KiB, "
        f"median {memory[len(memory) // 2]:+} KiB, {sum(memory) * 1024 / max(requests, 1):+.1f} bytes a request; "
        f"files {min(files):+} to {max(files):+}"
    )


def listed(counter):
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "nothing"
