"""The soak in short: a few seconds of everything at once, with restarts and killed children. `make soak` is the long one."""

import os

import pytest

from soak.plan import Plan
from soak.soak import Soak, report, verdict

SECONDS = float(os.environ.get("HTTPD_TEST_SOAK", "10"))
SEED = int(os.environ.get("SOAK_SEED", "0"))


@pytest.mark.every_mpm
def test_everything_at_once(mpm):
    soak = Soak(Plan(mpm, seconds=SECONDS, seed=SEED)).run()
    print("\n".join(report(soak)))
    assert verdict(soak) == []
