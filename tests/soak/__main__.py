"""`python3 -m soak`: runs what the environment asks for, prints its figures, and fails when something is wrong."""

import signal
import sys

from soak.flat import walk
from soak.ledger import SHOWN
from soak.plan import flat_from_environment, from_environment
from soak.soak import Soak, report, verdict


def main():
    flat = flat_from_environment()
    return walk(flat) if flat else all_at_once()


def all_at_once():
    failed = False
    for plan in from_environment():
        soak = Soak(plan, tell)
        signal.signal(signal.SIGINT, lambda *_, soak=soak: hurry(soak))
        soak.run()
        sentences = verdict(soak)
        for line in report(soak):
            print(line, flush=True)
        for sentence in sentences[:SHOWN]:
            print(f"  {sentence}", flush=True)
        failed = failed or bool(sentences) or soak.is_hurried
    return 1 if failed else 0


def tell(line):
    print(line, file=sys.stderr, flush=True)


def hurry(soak):
    """Ctrl-C ends this run before its time, with its figures."""
    soak.is_hurried = True


sys.exit(main())
