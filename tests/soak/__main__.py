"""`python3 -m soak`: runs what the environment asks for, prints its figures, and fails when something is wrong."""

import sys

from soak.flat import walk
from soak.plan import flat_from_environment, from_environment
from soak.soak import Soak, report, verdict


def main():
    flat = flat_from_environment()
    return walk(flat) if flat else all_at_once()


def all_at_once():
    failed = False
    for plan in from_environment():
        soak = Soak(plan).run()
        sentences = verdict(soak)
        for line in report(soak):
            print(line, flush=True)
        for sentence in sentences[:40]:
            print(f"  {sentence}", flush=True)
        failed = failed or bool(sentences)
    return 1 if failed else 0


sys.exit(main())
