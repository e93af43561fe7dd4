"""The soak in short: a few seconds of everything at once, with restarts and killed children. `make soak` is the long one."""

import os

import pytest

from soak.flat import Flat
from soak.plan import Plan
from soak.questions import hello
from soak.site import HTDOCS
from soak.soak import Soak, report, verdict

SECONDS = float(os.environ.get("HTTPD_TEST_SOAK", "10"))
SEED = int(os.environ.get("SOAK_SEED", "0"))


@pytest.mark.every_mpm
def test_everything_at_once(mpm):
    soak = Soak(Plan(mpm, seconds=SECONDS, seed=SEED)).run()
    print("\n".join(report(soak)))
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
