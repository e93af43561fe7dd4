"""How long a soak lasts and what it begins with, as the environment says."""

import dataclasses
import os

SHARES = {"event": 0.6, "worker": 0.2, "prefork": 0.2}
"""What part of the time each processing model gets."""


@dataclasses.dataclass
class Plan:
    """Ends when all of these are reached: seconds, requests, restarts."""

    mpm: str = "event"
    seconds: float = 60
    requests: int = 0
    restarts: int = 0
    seed: int = 0
    visitors: int = 16


def from_environment(environment=os.environ):
    """A plan for each processing model: SOAK_SECONDS (of all together), SOAK_REQUESTS, SOAK_RESTARTS, SOAK_MPM, SOAK_SEED."""
    seconds = float(environment.get("SOAK_SECONDS", "600"))
    requests, restarts = int(environment.get("SOAK_REQUESTS", "0")), int(environment.get("SOAK_RESTARTS", "0"))
    wanted = environment.get("SOAK_MPM", "event,worker,prefork").split(",")
    total = sum(SHARES[mpm] for mpm in wanted)
    seed = int(environment.get("SOAK_SEED", "0"))
    return [
        Plan(mpm, seconds * share, int(requests * share), int(restarts * share), seed)
        for mpm, share in ((mpm, SHARES[mpm] / total) for mpm in wanted)
    ]


@dataclasses.dataclass
class FlatPlan:
    """How often each question is asked, and which ("all": all of them together); none is each of them."""

    mpms: list
    count: int
    names: list


def flat_from_environment(environment=os.environ):
    """Where there is SOAK_FLAT: of SOAK_MPM, SOAK_QUESTIONS."""
    count = int(environment.get("SOAK_FLAT", "0"))
    mpms = environment.get("SOAK_MPM", "event").split(",")
    return FlatPlan(mpms, count, environment.get("SOAK_QUESTIONS", "").replace(",", " ").split()) if count else None
