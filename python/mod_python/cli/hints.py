"""Where a module that the server did not find may be had."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

from .. import explanation
from . import virtual_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .examination import Report


def hints(report: Report) -> list[str]:
    """Where modules that were not found are to be had: where this command runs, the server may not look."""
    found = []
    version = ".".join(report.header["python"].split(".")[:2])
    places = [*virtual_environment.directories(), *sys.path]
    for name in sorted(report.missing):
        for place in places:
            spec = PathFinder.find_spec(name, [place])
            if spec is None or spec.loader is None:
                continue
            own = explanation.version_of(place) or explanation.RUNNING
            if own == version:
                what = f"to have the server look there: PythonPath \"sys.path + ['{place}']\""
            else:
                what = f"that is Python {own}'s, while the server runs Python {version} and needs one of its own"
            found.append(f"{name} is in {place}; {what}")
            break
    return found
