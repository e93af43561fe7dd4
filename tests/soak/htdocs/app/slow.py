"""A module that takes its time to be imported while `scratch/slow` exists."""

import os
import pathlib
import time

SCRATCH = pathlib.Path(__file__).resolve().parents[2] / "scratch"
if (SCRATCH / "slow").exists():
    (SCRATCH / "importing").write_text(str(os.getpid()))
    while (SCRATCH / "slow").exists():
        time.sleep(0.05)
VALUE = "imported"
