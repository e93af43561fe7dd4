"""Debian roots with an httpd and a newer CPython, made by debootstrap from the mirror that this machine's apt uses."""

from __future__ import annotations

import dataclasses
import glob
import os
import pathlib
import re
import shutil
import subprocess


class Failure(Exception):
    """A root could not be made."""


@dataclasses.dataclass(frozen=True)
class Root:
    suite: str
    python: str

    @property
    def packages(self) -> str:
        return f"apache2,libpython{self.python},python{self.python},ca-certificates"


ROOTS = (Root("trixie", "3.13"),)


def make(root: Root, directory: pathlib.Path) -> pathlib.Path:
    """The root's path; made only if it is not there from an earlier run."""
    made = directory.resolve() / root.suite
    if (made / "usr" / "sbin" / "apache2").exists():
        return made
    if not shutil.which("debootstrap"):
        raise Failure("debootstrap is not installed (apt-get install debootstrap)")
    partial = made.with_name(f"{root.suite}.partial")
    _remove(partial)
    partial.mkdir(parents=True)
    log = directory / f"{root.suite}.log"
    command = ["debootstrap", "--variant=minbase", f"--include={root.packages}", root.suite, str(partial)]
    mirror = apt_mirror()
    print(f"making a Debian root of {root.suite} in {made}", flush=True)
    with open(log, "w", encoding="utf-8") as output:
        done = subprocess.run(
            command + ([mirror] if mirror else []),
            check=False,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
    if done.returncode != 0:
        tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-15:])
        raise Failure(f"debootstrap of {root.suite} failed; the end of {log}:\n{tail}")
    partial.rename(made)
    return made


def apt_mirror() -> str | None:
    """The first archive of Debian itself in apt's sources; None leaves the choice to debootstrap."""
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if not os.path.isfile(path):
            continue
        text = re.sub(r"^\s*#.*\n?", "", pathlib.Path(path).read_text(errors="replace"), flags=re.MULTILINE)
        found = _of_stanzas(text) if path.endswith(".sources") else _of_lines(text)
        if found:
            return found
    return None


def _of_lines(text: str) -> str | None:
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(https?://\S+)\s+([a-z]+)\s+(?:.*\s)?main\b", line)
        if match and match[1].rstrip("/").endswith("debian"):
            return match[1]
    return None


def _of_stanzas(text: str) -> str | None:
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", stanza, flags=re.MULTILINE))
        if "deb" not in fields.get("Types", "").split() or fields.get("Enabled", "yes") == "no":
            continue
        for address in fields.get("URIs", "").split():
            if address.startswith("http") and address.rstrip("/").endswith("debian"):
                return address
    return None


def _environment() -> dict[str, str]:
    """debootstrap reads no apt configuration, so that apt's proxy has to be handed to it."""
    environment = dict(os.environ)
    for scheme in ("http", "https"):
        query = ["apt-config", "shell", "PROXY", f"Acquire::{scheme}::Proxy"]
        told = subprocess.run(query, check=False, capture_output=True, text=True).stdout
        match = re.match(r"PROXY='(.+)'", told)
        if match and match[1] != "DIRECT":
            environment.setdefault(f"{scheme}_proxy", match[1])
    return environment


def _remove(directory: pathlib.Path) -> None:
    """What an interrupted debootstrap left, which may have /proc mounted in it."""
    mounts = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", mount], check=True)
    subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=True)
