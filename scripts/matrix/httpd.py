"""An httpd that loads a libpython and then mod_python.so: of this machine, or of a Debian root by chroot."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from typing import Self

from .debian import Root

APP = pathlib.Path(__file__).parent / "app.py"

CONFIGURATION = """
LoadFile "{libpython}"
LoadModule python_module "{directory}/mod_python.so"
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
ServerRoot "{directory}"
ServerName localhost
ServerSignature Off
ServerTokens Prod
Listen 127.0.0.1:{port}
User www-data
Group www-data
PidFile "{directory}/httpd.pid"
DefaultRuntimeDir "{directory}"
Mutex pthread
ErrorLog "{directory}/error.log"
LogLevel warn
StartServers 1
ServerLimit 1
ThreadsPerChild 4
MaxRequestWorkers 4
DocumentRoot "{directory}/www"
<Directory "{directory}/www">
    SetHandler mod_python
    PythonHandler app
</Directory>
<Location /one>
    PythonInterpreter one
</Location>
<Location /two>
    PythonInterpreter two
</Location>
"""


class Failure(Exception):
    """An httpd did not start or did not end as it should."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an httpd runs. Paths in its configuration are as seen from `root`."""

    title: str
    root: pathlib.Path
    libpython: str
    modules: str

    @property
    def is_chroot(self) -> bool:
        return self.root != pathlib.Path("/")

    def outside(self, path: str) -> pathlib.Path:
        return self.root / path.lstrip("/")


def here() -> Place:
    python = os.path.join(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("INSTSONAME")))
    multiarch = os.path.join("/usr/lib", str(sysconfig.get_config_var("MULTIARCH")), os.path.basename(python))
    found = next((path for path in (multiarch, python) if os.path.exists(path)), None)
    if not found:
        raise Failure(f"{multiarch} does not exist (apt-get install libpython3-dev)")
    query = [os.environ.get("APXS", "apxs"), "-q", "LIBEXECDIR"]
    modules = subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip()
    return Place("here", pathlib.Path("/"), found, modules)


def in_root(root: Root, made: pathlib.Path) -> Place:
    return Place(f"{root.suite} with {root.python}", made, root.libpython(made), "/usr/lib/apache2/modules")


class Httpd:
    """A running httpd; use it in a `with` statement, which ends it whatever happens."""

    def __init__(self, place: Place, module: pathlib.Path) -> None:
        self.place = place
        self._outside = pathlib.Path(tempfile.mkdtemp(prefix="matrix-", dir=place.outside("/tmp")))
        self.directory = f"/tmp/{self._outside.name}"
        self.port = _free_port()
        self._log = ""
        self._ended = 0
        self._lay_out(module)
        program = ["/usr/sbin/apache2", "-DFOREGROUND", "-d", self.directory, "-f", f"{self.directory}/httpd.conf"]
        self._process = subprocess.Popen(
            (["chroot", str(place.root)] if place.is_chroot else []) + program,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # so that its group can be ended and is not ours
        )

    def __enter__(self) -> Self:
        try:
            self._wait_until_it_listens()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def complaints(self) -> list[str]:
        """What is wrong with the way that it ran and ended; asked after the `with` statement."""
        lines = [line for line in self._log.splitlines() if re.search(r"exit signal|AH00052|panick|Fatal Python", line)]
        if "ValueError: on purpose" not in self._log:
            lines.append("the error log has no traceback of the handler that raised")
        if self._ended != 0:
            lines.append(f"httpd ended with {self._ended}")
        return lines

    def _lay_out(self, module: pathlib.Path) -> None:
        self._outside.chmod(0o755)
        (self._outside / "www").mkdir()
        shutil.copy(APP, self._outside / "www")
        shutil.copy(module, self._outside / "mod_python.so")
        values = {"libpython": self.place.libpython, "modules": self.place.modules, "port": self.port}
        (self._outside / "httpd.conf").write_text(CONFIGURATION.format(directory=self.directory, **values))

    def _wait_until_it_listens(self, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise Failure(f"httpd ended at start ({self.place.title}):\n{self._read_log()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise Failure(f"httpd does not listen ({self.place.title}):\n{self._read_log()}")

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._ended = self._process.wait(20.0)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._ended = self._process.wait()
        self._log = self._read_log()
        shutil.rmtree(self._outside)

    def _read_log(self) -> str:
        log = self._outside / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
