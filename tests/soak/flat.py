"""One question after the other, each asked many times of a child of its own: what grows in proportion to the answers is lost."""

import threading
import time

import httpd
from soak import growth
from soak.ledger import Ledger
from soak.questions import WEIGHTS, reload
from soak.site import Site
from soak.versions import Versions
from soak.visitor import Visitor

THREADS = 4
SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
"""At which parts of the answers a child is weighed. What it grew by in the second half is told for each answer."""
ALLOWED_BYTES, ALLOWED = 8, 512 << 10
"""An answer, in the second half, beside a block that a heap may get at any time."""
PATIENCE = 120
"""Seconds after which a slow question has been asked often enough."""
ALL, TIMES = "all", 8
"""All questions together, so many times as often."""


def walk(plan):
    """Prints a line for each question; 1 if a child grew with the answers."""
    failed = False
    for mpm in plan.mpms:
        for name, weights in chosen(plan.names):
            flat = Flat(name, weights, mpm, plan.count * (TIMES if name == ALL else 1)).run()
            print(f"{mpm} {flat.line()}", flush=True)
            for sentence in flat.verdict():
                print(f"  {sentence}", flush=True)
                failed = True
    return 1 if failed else 0


def chosen(names):
    """Name and weights of each, or of all alone and together."""
    alone = {question.__name__: {question: 1} for question in WEIGHTS}
    every = {**alone, ALL: WEIGHTS}
    return [(name, every[name]) for name in names or every]


class Flat:
    """Questions by their weights, asked `count` times in all of one child with few threads and, as they share it, one heap."""

    def __init__(self, name, weights, mpm, count):
        self.name, self.questions, self.count, self.ledger = name, weights, count, Ledger()
        self.site = Site(mpm, children=1, threads=THREADS)
        self.site.env["MALLOC_ARENA_MAX"] = "1"
        self.versions = Versions(self.site)
        self.over, self.weighed = threading.Event(), []

    def run(self):
        visitors = 1 if self.site.mpm == "prefork" else THREADS
        threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(visitors)]
        if reload in self.questions:
            threads.append(threading.Thread(target=self.versions.go_on, args=(self.over.is_set,)))
        try:
            self.site.start()
            child = httpd.wait_until(self.site.child_pids, "a child")[0]
            for thread in threads:
                thread.start()
            self.weigh(child)
        finally:
            self.over.set()
            for thread in threads:
                if thread.ident:
                    thread.join()
            self.site.stop()
            self.site.remove()
        return self

    def ask(self, number):
        visitor = Visitor(self.site, self.ledger, self.versions, number, 0)
        questions, weights = [*self.questions], [*self.questions.values()]
        while not self.over.is_set():
            visitor.pose(*visitor.chance.choices(questions, weights))
        visitor.hang_up()

    def weigh(self, child):
        """Answers and KiB, at these parts of the answers or of the time, whichever comes first."""
        began = time.monotonic()
        patience = PATIENCE * (TIMES if self.name == ALL else 1)
        for share in SHARES:
            while self.ledger.requests < share * self.count and time.monotonic() < began + share * patience:
                if self.ledger.failures:
                    break
                time.sleep(0.02)
            self.weighed.append((self.ledger.requests, growth.weigh(child).memory))

    def growth(self):
        """Answers and bytes, of the second half."""
        (first, before), (last, after) = self.weighed[SHARES.index(1 / 2)], self.weighed[-1]
        return last - first, (after - before) * 1024

    def line(self):
        weights = ", ".join(f"{memory / 1024:.1f}" for _, memory in self.weighed)
        answers, size = self.growth()
        return f"{self.name:16} {self.weighed[-1][0]:8} answers: {weights} MiB, {size / max(answers, 1):+.1f} bytes an answer"

    def verdict(self):
        answers, size = self.growth()
        sentences = self.ledger.failures[:10]
        if size > ALLOWED + ALLOWED_BYTES * answers:
            sentences.append(f"{size} bytes more for {answers} answers of {self.name}")
        return sentences
