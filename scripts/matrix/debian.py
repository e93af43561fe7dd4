"""Debian roots with an httpd and one CPython, made by debootstrap from the mirror that this machine's apt uses."""

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


class Unreachable(Failure):
    """The archive gives no such suite, or nothing at all."""


@dataclasses.dataclass(frozen=True)
class Root:
    """A Debian suite and the Python to be had there, which becomes the root's `python3`."""

    suite: str
    python: str

    @property
    def packages(self) -> list[str]:
        """What the server tests need; no httpd that would be started by the installation."""
        python = f"python{self.python} python{self.python}-dev python{self.python}-venv libpython{self.python}"
        multipart = "python3-multipart" if self.suite == "bookworm" else "python3-python-multipart"
        tests = f"python3-pytest python3-pytest-xdist python3-hypothesis {multipart} python3-prometheus-client"
        services = "python3-setuptools python3-redis curl openssl redis-server procps"
        return f"apache2-bin apache2-dev gcc libc6-dev {python} {tests} {services}".split()

    def libpython(self, made: pathlib.Path) -> str:
        """Its path, as seen inside of the root."""
        found = next(made.glob(f"usr/lib/*/libpython{self.python}.so.1.0"), None)
        if found is None:
            raise Failure(f"no libpython{self.python} in {made}: remove it, and it is made anew")
        return f"/{found.relative_to(made)}"


# sid has the two newest side by side.
ROOTS = {root.python: root for root in (Root("bookworm", "3.11"), Root("trixie", "3.13"), Root("sid", "3.14"), Root("sid", "3.15"))}


def make(root: Root, directory: pathlib.Path) -> pathlib.Path:
    """The root's path; made only if it is not there from an earlier run."""
    made = directory.resolve() / root.python
    wanted = "\n".join([root.suite, *root.packages, ""])
    ready = made / "ready.txt"
    if ready.exists() and ready.read_text() == wanted:
        return made
    print(f"making a Debian root of {root.suite} with Python {root.python} in {made}", flush=True)
    remove(made)
    log = directory / f"{root.python}.log"
    bootstrap(root.suite, made, log)
    (made / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # start no service
    (made / "usr/sbin/policy-rc.d").chmod(0o755)
    _run(["chroot", str(made), "apt-get", "install", "-y", "-q", "--no-install-recommends", *root.packages], log)
    hosts = made / "etc/hosts"
    if not hosts.exists():  # not every suite's packages bring one
        hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
    python = made / "usr/bin/python3"
    python.unlink()
    python.symlink_to(f"python{root.python}")
    ready.write_text(wanted)
    return made


def bootstrap(suite: str, made: pathlib.Path, log: pathlib.Path) -> None:
    """Debian's base and apt, and nothing else."""
    if not shutil.which("debootstrap"):
        raise Failure("debootstrap is not installed (apt-get install debootstrap)")
    made.mkdir(parents=True)
    log.write_bytes(b"")
    mirror = apt_mirror()
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, str(made)]
    try:
        _run(command + ([mirror] if mirror else []), log)
    except Failure as failure:
        if re.search("Failed getting release|Couldn't (download|find these debs)", str(failure)):
            raise Unreachable(str(failure)) from None
        raise


def _run(command: list[str], log: pathlib.Path) -> None:
    environment = {**_environment(), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with open(log, "a", encoding="utf-8") as output:
        done = subprocess.run(command, check=False, stdout=output, stderr=subprocess.STDOUT, env=environment)
    if done.returncode != 0:
        tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-15:])
        raise Failure(f"{command[0]} failed; the end of {log}:\n{tail}")


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


def remove(directory: pathlib.Path) -> None:
    """What an interrupted debootstrap left, which may have /proc mounted in it."""
    mounts = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", mount], check=True)
    subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=True)
