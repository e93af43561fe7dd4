"""The httpd of this machine: its program, its modules, its version, and the mod_python.so that goes with this package.

The environment decides first (`HTTPD`, `APXS`, `LIBEXECDIR`, `MOD_PYTHON_SO`), then what `version` says about the
build, then apxs, PATH and the usual places. It works outside of httpd, for the command line and `httpdconf`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROGRAMS = ("httpd", "apache2", "httpd2")
_PROGRAM_DIRECTORIES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/apache2/bin", "/usr/local/bin", "/opt/httpd/bin")
_MODULE_DIRECTORIES = (
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/lib/httpd/modules",
    "/usr/lib64/apache2",
    "/usr/lib/apache2",
    "/usr/local/apache2/modules",
    "/usr/local/libexec/apache24",
)
MPMS = ("event", "worker", "prefork")
"""In the order in which one is chosen."""


class NotFoundError(Exception):
    """Something that is needed is not installed. The text is a sentence."""


class Installation:
    """One httpd: the program and the directory of its loadable modules."""

    def __init__(self, httpd: str, modules: str) -> None:
        self.httpd = httpd
        self.modules = modules

    @functools.cached_property
    def compiled_in(self) -> frozenset[str]:
        """Names of the modules that need no LoadModule, as LoadModule would name them, without `_module`."""
        names = re.findall(r"^\s+(?:mod_)?(\w+)\.c$", _ask([self.httpd, "-l"]), re.MULTILINE)
        return frozenset(f"mpm_{name}" if name in MPMS else name for name in names)

    @functools.cached_property
    def version(self) -> str:
        """Such as `2.4.65`; empty if the program does not say."""
        match = re.search(r"Apache/(\S+)", _ask([self.httpd, "-v"]))
        return match[1] if match else ""

    @functools.cached_property
    def built_with(self) -> dict[str, str]:
        """What `httpd -V` says: `HTTPD_ROOT`, `SERVER_CONFIG_FILE` and the like, and `APR` with its version."""
        # Without a configuration: that of the machine need not be readable, nor right.
        text = _ask([self.httpd, "-V", "-f", "/dev/null"])
        found = dict(re.findall(r'^\s*-D (\w+)="(.*)"$', text, re.MULTILINE))
        if match := re.search(r"^Server loaded:.*?APR ([\d.]+)", text, re.MULTILINE):
            found["APR"] = match[1]
        return found

    @property
    def mpm(self) -> str | None:
        """The name of the MPM to load, such as `mpm_event`; None if one is compiled in. NotFoundError without any."""
        names = [f"mpm_{name}" for name in MPMS]
        if self.compiled_in.intersection(names):
            return None
        for name in names:
            if self.file_of(name):
                return name
        raise NotFoundError(
            f"No MPM (mod_mpm_event.so, mod_mpm_worker.so or mod_mpm_prefork.so) is in {self.modules}, "
            f"and none is compiled into {self.httpd}."
        )

    def file_of(self, module: str) -> str | None:
        """The file to load for a module, such as `mime`; None if it is compiled in or not installed."""
        file = os.path.join(self.modules, f"mod_{module}.so")
        return file if module not in self.compiled_in and os.path.isfile(file) else None

    def has(self, module: str) -> bool:
        """Whether the module can be used, loaded or compiled in."""
        return module in self.compiled_in or self.file_of(module) is not None

    @property
    def configuration_file(self) -> str:
        """The file that this httpd reads when it is told of no other."""
        root = self.built_with.get("HTTPD_ROOT", "/")
        return os.path.join(root, self.built_with.get("SERVER_CONFIG_FILE", "conf/httpd.conf"))

    def configured_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """`environment` and what Debian's start script would add to it: the variables of `envvars`."""
        envvars = os.path.join(os.path.dirname(self.configuration_file), "envvars")
        variables = dict(environment)
        if not os.path.isfile(envvars):
            return variables
        script = '. "$1" >/dev/null 2>&1; exec env -0'
        command = ["/bin/sh", "-c", script, "sh", envvars]
        result = subprocess.run(command, env=variables, capture_output=True, check=False)
        if result.returncode == 0:
            variables.update(_pairs(result.stdout.decode(errors="surrogateescape")))
        return variables


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\0"):
        name, equals, value = line.partition("=")
        if equals:
            yield name, value


def find(environment: Mapping[str, str] = os.environ) -> Installation:
    """The httpd to use. NotFoundError if there is none."""
    httpd = find_httpd(environment)
    return Installation(httpd, find_modules(httpd, environment))


def find_httpd(environment: Mapping[str, str] = os.environ) -> str:
    """The program. NotFoundError if there is none."""
    if wanted := environment.get("HTTPD"):
        if program := shutil.which(wanted, path=environment.get("PATH")):
            return os.path.abspath(program)
        raise NotFoundError(f"HTTPD is set to {wanted}, but that is no program that can be run.")
    for program in _programs(environment):
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    raise NotFoundError(
        "No httpd was found, neither in PATH nor in the usual places. Install it (on Debian: apt install apache2-bin), "
        "or set HTTPD to its program."
    )


def _programs(environment: Mapping[str, str]) -> Iterator[str]:
    if version.HTTPD:
        yield version.HTTPD
    directory, name = _apxs("SBINDIR", environment), _apxs("PROGNAME", environment)
    if directory and name:
        yield os.path.join(directory, name)
    for name in _PROGRAMS:
        if program := shutil.which(name, path=environment.get("PATH", os.defpath)):
            yield os.path.abspath(program)
    for directory in _PROGRAM_DIRECTORIES:
        for name in _PROGRAMS:
            yield os.path.join(directory, name)


def find_modules(httpd: str, environment: Mapping[str, str] = os.environ) -> str:
    """The directory of httpd's loadable modules. NotFoundError if there is none."""
    if wanted := environment.get("LIBEXECDIR"):
        if os.path.isdir(wanted):
            return os.path.abspath(wanted)
        raise NotFoundError(f"LIBEXECDIR is set to {wanted}, which is no directory.")
    root = Installation(httpd, "").built_with.get("HTTPD_ROOT", "")
    prefix = os.path.dirname(os.path.dirname(httpd))
    places = [version.LIBEXECDIR, _apxs("LIBEXECDIR", environment), os.path.join(root, "modules")]
    places += [os.path.join(prefix, "modules"), *_MODULE_DIRECTORIES]
    for place in places:
        if place and os.path.isdir(place) and _has_modules(place):
            return os.path.abspath(place)
    raise NotFoundError(f"The directory with the modules of {httpd} was not found. Set LIBEXECDIR to it.")


def _has_modules(directory: str) -> bool:
    """mod_python may be installed apart from httpd's own."""
    return any(name.startswith("mod_") and name != "mod_python.so" for name in os.listdir(directory))


def find_mod_python(modules: str, environment: Mapping[str, str] = os.environ) -> str:
    """The mod_python.so that goes with this package. NotFoundError if there is none."""
    if wanted := environment.get("MOD_PYTHON_SO"):
        if os.path.isfile(wanted):
            return os.path.abspath(wanted)
        raise NotFoundError(f"MOD_PYTHON_SO is set to {wanted}, which is no file.")
    package = Path(__file__).resolve().parent
    checkout = package.parents[1]
    places = [package / "mod_python.so", package.parent / "mod_python.so"]
    if (checkout / "Cargo.toml").is_file():
        target = Path(environment.get("CARGO_TARGET_DIR", checkout / "target"))
        places += [target / "release/libmod_python.so", target / "debug/libmod_python.so"]
    places += [Path(directory, "mod_python.so") for directory in (version.LIBEXECDIR, modules) if directory]
    for place in places:
        if place.is_file():
            return str(place)
    looked = ", ".join(str(place) for place in places)
    raise NotFoundError(
        f"No mod_python.so was found (looked for {looked}). Build it with `make build`, install it with "
        "`make install`, or set MOD_PYTHON_SO to it."
    )


@functools.cache
def _apxs_answer(program: str, name: str) -> str:
    return _ask([program, "-q", name]).strip()


def _apxs(name: str, environment: Mapping[str, str]) -> str:
    """One value of `apxs -q`; empty without apxs, which comes with httpd's headers only."""
    for candidate in (environment.get("APXS"), "apxs", "apxs2"):
        program = candidate and shutil.which(candidate, path=environment.get("PATH"))
        if program:
            return _apxs_answer(program, name)
    return ""


def _ask(command: list[str]) -> str:
    try:
        null = subprocess.DEVNULL
        result = subprocess.run(command, stdin=null, stdout=subprocess.PIPE, stderr=null, check=False, timeout=30)
        return result.stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFoundError(f"{command[0]} cannot be run: {error}.") from error
