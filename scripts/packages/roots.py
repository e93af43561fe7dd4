"""Debian roots with nothing in them but Debian's base and apt, and archives of updates."""

from __future__ import annotations

import dataclasses
import pathlib
import re

from matrix import debian


@dataclasses.dataclass(frozen=True)
class Root:
    """A Debian suite and the version of its Python. There is no httpd: what the package needs, it has to bring itself."""

    suite: str
    python: str
    has_old_package: bool = False
    is_the_image: bool = False


ROOTS = (Root("bookworm", "3.11", has_old_package=True), Root("trixie", "3.13", is_the_image=True))


def make(root: Root, directory: pathlib.Path) -> pathlib.Path:
    """The root's path; made only if it is not there from an earlier run."""
    made = directory.resolve() / root.suite
    if (made / "ready").exists():
        return made
    debian.remove(made)
    debian.bootstrap(root.suite, made, directory / f"{root.suite}.log")
    mirror = (debian.apt_mirror() or "http://deb.debian.org/debian").rstrip("/")
    security = re.sub("debian$", "debian-security", mirror)
    lines = [f"{mirror} {root.suite}", f"{mirror} {root.suite}-updates", f"{security} {root.suite}-security"]
    (made / "etc/apt/sources.list").write_text("".join(f"deb {line} main\n" for line in lines))
    # Nothing here waits for the disk, and no installation starts a service.
    (made / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
    (made / "etc/apt/apt.conf.d/90packages").write_text('APT::Install-Recommends "false";\nAcquire::Languages "none";\n')
    policy = made / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    # The documents say sudo, as a user would; here everybody is root.
    sudo = made / "usr/local/bin/sudo"
    sudo.write_text('#!/bin/sh\nexec "$@"\n')
    sudo.chmod(0o755)
    (made / "ready").touch()
    return made
