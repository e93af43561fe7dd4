"""The server tests inside a Debian root: with its httpd, and its Python above whose libpython the same binary is loaded."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess

from .debian import Failure, Root

# Where a root has its copy of this checkout.
PROJECT = "/srv/mod_python"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# Compares with mod_wsgi, which is built for one Python; builds with cargo, which roots have none of.
NOT_FOR_ROOTS = ("test_wsgi_differential.py", "test_wheel.py")
# All that Python warns of, deprecations too, but for what is no matter of ours.
NOT_OURS = (
    ":ResourceWarning",  # files that tests leave open
    "pkg_resources is deprecated",  # what pyramid imports
    "Deprecated call to `pkg_resources",
    "'cgi' is deprecated",  # what webob imports, which pyramid uses
    "This process (pid=",  # handlers that fork a process that has threads
)
WARNINGS = ",".join(["default", *(f"ignore:{warning}" for warning in NOT_OURS)])
# httpd as the tests start it: `LoadFile` above all else, and warnings in the log, where the tests look for what should not
# be there.
HTTPD = """#!/bin/sh
export PYTHONWARNINGS={warnings}
exec /usr/lib/apache2/apache2 -C "LoadFile {libpython}" {more} "$@"
"""


def lay_out(made: pathlib.Path, root: Root, module: pathlib.Path, own_gil: bool = False) -> None:
    """Puts this checkout, the module and an environment for WSGI applications into the root.

    With `own_gil` every interpreter that a test makes has a GIL of its own, unless the test's configuration says more.
    """
    project = made / PROJECT.lstrip("/")
    shutil.rmtree(project, ignore_errors=True)
    files = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(files, cwd=REPOSITORY, check=False, capture_output=True)
    if listed.returncode != 0:
        raise Failure(f"git ls-files failed: {listed.stderr.decode(errors='replace')}")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, project / name)
    (project / "target/release").mkdir(parents=True)
    shutil.copy(module, project / "target/release/libmod_python.so")
    _install_environment(made, project)
    wrapper = made / "srv/apache2"
    (made / "srv/own-gil.conf").write_text("<IfModule mod_python.c>\nPythonInterpreterGIL own\n</IfModule>\n")
    more = '-c "Include /srv/own-gil.conf"' if own_gil else ""
    text = HTTPD.format(libpython=root.libpython(made), warnings=shlex.quote(WARNINGS), more=more)
    wrapper.write_text(text)
    wrapper.chmod(0o755)


def _install_environment(made: pathlib.Path, project: pathlib.Path) -> None:
    """Applications from PyPI, kept from run to run, without mod_wsgi."""
    lines = (project / "tests/requirements.txt").read_text().splitlines(keepends=True)
    wanted = "".join(line for line in lines if not line.startswith("mod_wsgi"))
    environment = made / "srv/environment"
    kept = environment / "installed.txt"
    if not kept.exists() or kept.read_text() != wanted:
        shutil.rmtree(environment, ignore_errors=True)
        (made / "srv/requirements.txt").write_text(wanted)
        shutil.copy("/etc/resolv.conf", made / "etc/resolv.conf")
        if certificates := os.environ.get("PIP_CERT"):
            shutil.copy(certificates, made / "srv/certificates.pem")
        run(made, ["python3", "-m", "venv", "/srv/environment"])
        run(made, ["/srv/environment/bin/pip", "install", "--quiet", "-r", "/srv/requirements.txt"])
        kept.write_text(wanted)
    (project / "target/environment").symlink_to("/srv/environment")


def run_tests(made: pathlib.Path, arguments: list[str]) -> bool:
    """Runs pytest in the root; whether all tests passed."""
    ignored = [f"--ignore=tests/{name}" for name in NOT_FOR_ROOTS]
    command = ["python3", "-m", "pytest", "-q", "--ignore=tests/python", *ignored, *arguments]
    return run(made, command, check=False, directory=PROJECT) == 0


# Name spaces of its own: what is mounted and what is started goes with the command.
APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
ENTER = """
set -e
cd {root}
mount -t proc proc proc
mount --rbind /dev dev
mount --bind usr/sbin/apache2 usr/lib/apache2/apache2
[ ! -e srv/apache2 ] || mount --bind srv/apache2 usr/sbin/apache2
# A shell stays the first process, which has to take in orphans that end. The session is for tests that end whole groups of
# processes: one that began outside is 0 here, their own.
setsid --wait chroot . /bin/sh -c 'cd "$0" && "$@"; exit' {directory} {command}; exit
"""


def run(made: pathlib.Path, command: list[str], check: bool = True, directory: str = "/") -> int:
    """The exit status of a command inside the root."""
    (made / "usr/lib/apache2/apache2").touch()
    script = ENTER.format(root=shlex.quote(str(made)), directory=directory, command=shlex.join(command))
    kept = {
        name: value for name, value in os.environ.items() if name.endswith(("_proxy", "_PROXY")) or name.startswith("HTTPD_TEST")
    }
    environment = {**kept, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}
    if (made / "srv/certificates.pem").exists():
        environment["PIP_CERT"] = "/srv/certificates.pem"
    status = subprocess.run([*APART, "sh", "-c", script], check=False, env=environment, stdin=subprocess.DEVNULL).returncode
    if check and status != 0:
        raise Failure(f"{command[0]} failed in {made} with {status}")
    return status


def obstacle() -> str | None:
    """Why no root can be made or entered on this machine, in one line."""
    if os.geteuid() != 0:
        return "debootstrap and chroot need root"
    command = [*APART, "sh", "-c", "mount -t proc proc /mnt && chroot / true"]
    attempt = subprocess.run(command, check=False, capture_output=True, text=True)
    return f"this machine lets nobody mount and chroot: {attempt.stderr.strip()}" if attempt.returncode != 0 else None
