"""A Debian root whose changes are kept apart from it, and commands in it. All mounts and processes end with each command."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}

# In namespaces of its own for mounts, processes and, unless the command needs the network, addresses: port 80 is free there.
# The processes of an earlier command are gone, like those before a boot: their numbers are somebody else's.
ENTER = """
mount -t overlay overlay -o lowerdir={base},upperdir={upper},workdir={work} {root}
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
rm -f {root}/run/apache2/apache2.pid
{network}
exec chroot {root} /usr/bin/env -i {variables} bash -euo pipefail -c {script}
"""


class Failure(Exception):
    """A command failed; the text is what it was about, and the end of its output."""


@contextlib.contextmanager
def step(title: str, what: str) -> Iterator[None]:
    """Says what is being done, and how long it took."""
    started = time.monotonic()
    print(f"{title}: {what}", end="", flush=True)
    yield
    print(f" ({time.monotonic() - started:.0f} s)", flush=True)


class Layer:
    """The root `base`, or another layer, with changes in `directory`, which is begun anew unless it is to be kept."""

    def __init__(self, title: str, base: pathlib.Path | Layer, directory: pathlib.Path, *, keep: bool = False) -> None:
        self.title = title
        self.directory = directory
        self.base: str = f"{base.directory}/upper:{base.base}" if isinstance(base, Layer) else str(base)
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
        for name in ("upper", "work", "root"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    def run(self, what: str, script: str, *, network: bool = False, variables: Mapping[str, str] = {}) -> str:
        """What the shell script printed. Failure if it fails."""
        names = {name: str(self.directory / name) for name in ("upper", "work", "root")}
        enter = ENTER.format(
            base=self.base,
            network="" if network else "ip link set lo up",
            variables=" ".join(shlex.quote(f"{name}={value}") for name, value in {**ENVIRONMENT, **variables}.items()),
            script=shlex.quote(script),
            **names,
        )
        spaces = ["--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        log = self.directory / "log"
        with step(self.title, what), open(log, "w", encoding="utf-8") as output:
            done = subprocess.run(
                ["unshare", *spaces, "bash", "-euc", enter],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        told = log.read_text(errors="replace")
        if done.returncode != 0:
            tail = "\n".join(told.splitlines()[-40:])
            raise Failure(f"{self.title}: {what}: exit status {done.returncode}; the end of its output:\n{tail}")
        return told

    def put(self, source: pathlib.Path, place: str) -> None:
        """Copy a file or a directory into the root."""
        target = self.directory / "upper" / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)

    def take(self, pattern: str, directory: pathlib.Path) -> list[pathlib.Path]:
        """Copies of the files in the root that match, which the layer itself must have made."""
        directory.mkdir(parents=True, exist_ok=True)
        found = sorted((self.directory / "upper").glob(pattern.lstrip("/")))
        return [pathlib.Path(shutil.copy2(path, directory)) for path in found]


def needs_root() -> None:
    if os.getuid() != 0:
        sys.exit("test-packages: debootstrap, chroot and overlayfs need root")
