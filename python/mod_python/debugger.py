"""PythonEnablePdb: calls a handler under `pdb`, on the terminal that the server was started from."""

from __future__ import annotations

import pdb
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def call(handler: Callable[[Any], object], argument: object) -> object:
    """What `handler(argument)` returns. Unlike `pdb.runcall`, leaving the debugger raises `bdb.BdbQuit`."""
    # The server's own handlers of signals stay.
    debugger = pdb.Pdb(nosigint=True)
    debugger.reset()
    sys.settrace(debugger.trace_dispatch)
    try:
        return handler(argument)
    finally:
        debugger.quitting = True
        sys.settrace(None)
