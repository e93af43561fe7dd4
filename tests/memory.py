"""How much memory a process has of its own."""

import pathlib


def memory(pid):
    """Private memory in use, in KiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise LookupError(f"no RssAnon of {pid}")
