"""The virtual environment in which the command is run, so that the server finds what is installed there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

_QUESTION = """
import json, sys, sysconfig
standard = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
path = [entry for entry in sys.path if not any(entry in (place, place + "/lib-dynload") for place in standard)]
print(json.dumps([path, sys.prefix != sys.base_prefix]))
"""


def directories() -> list[str]:
    """What the environment adds to `sys.path`; nothing outside of one.

    The environment is that of this Python, or the one that `VIRTUAL_ENV` names.
    """
    python = _python()
    if python is None:
        return []
    # -I: without the working directory and PYTHONPATH, which are not the environment's.
    answer = subprocess.run([python, "-I", "-c", _QUESTION], capture_output=True, check=False, timeout=30)
    try:
        path, is_virtual = json.loads(answer.stdout)
    except ValueError:
        return []
    return [entry for entry in path if os.path.isdir(entry)] if is_virtual else []


def _python() -> str | None:
    if sys.prefix != sys.base_prefix:
        return sys.executable
    directory = os.environ.get("VIRTUAL_ENV")
    program = os.path.join(directory, "bin", "python") if directory else None
    return program if program and os.access(program, os.X_OK) else None
