"""One httpd of one side: its directory, its configuration, its processes, and its end."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from typing import Self

from .cases import MEGABYTE, Case
from .layouts import LAYOUTS
from .sides import Side

HANDLERS = pathlib.Path(__file__).parent.parent / "handlers"

CONFIGURATION = """
ServerRoot "{root}"
Define scratch "{root}/scratch"
ServerName localhost
Listen 127.0.0.1:{port}
PidFile "{root}/httpd.pid"
DefaultRuntimeDir "{root}"
Mutex pthread
ErrorLog "{root}/error.log"
LogLevel warn
{identity}
{layout}
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
{further_modules}
<IfModule mod_mime.c>
    TypesConfig /dev/null
</IfModule>
KeepAlive On
KeepAliveTimeout 30
MaxKeepAliveRequests 0
MaxConnectionsPerChild 0
DocumentRoot "{root}/www"
# As distributions have it. Without it httpd looks for a .htaccess at every level, which would flatter the ratios.
<Directory />
    Options FollowSymLinks
    AllowOverride None
</Directory>
{side}
"""


def apxs(name: str) -> str:
    """One value of `apxs -q`."""
    program = os.environ.get("APXS", "apxs")
    return subprocess.run([program, "-q", name], check=True, capture_output=True, text=True).stdout.strip()


def program() -> str:
    return os.path.join(apxs("SBINDIR"), apxs("PROGNAME"))


class Httpd:
    """A running httpd; use it in a `with` statement, which ends it whatever happens.

    `under` is the command of a tool to run it under, as one process.
    """

    def __init__(self, side: Side, layout: str, cases: Iterable[Case], parent: str, under: Sequence[str] = ()) -> None:
        self.side = side
        self._has_children = not under
        self.root = pathlib.Path(parent) / f"{side.name}-{layout}"
        self.www = self.root / "www"
        self.port = _free_port()
        self._lay_out(layout, list(cases))
        # Nothing of the caller's environment: a PYTHONPATH or an LD_PRELOAD would measure something else.
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            [*under, program(), "-X" if under else "-DFOREGROUND", "-d", str(self.root), "-f", "httpd.conf"],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # prefork ends by a signal to its whole process group
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

    def children(self) -> list[int]:
        return [int(pid) for pid in _read(f"/proc/{self._process.pid}/task/{self._process.pid}/children").split()]

    def processes(self) -> list[int]:
        return [self._process.pid, *self.children()]

    def errors(self) -> str:
        return (self.root / "error.log").read_text(errors="replace")

    def _lay_out(self, layout: str, cases: list[Case]) -> None:
        self.www.mkdir(parents=True)
        scratch = self.root / "scratch"
        scratch.mkdir()
        scratch.chmod(0o1777)  # the children run as another user
        (self.www / "megabyte").write_bytes(b"m" * MEGABYTE)
        for case in cases:
            directory = self.www / case.name
            directory.mkdir()
            (directory / "page").write_bytes(case.page)  # httpd walks further for a name that does not exist
            shutil.copy(HANDLERS / ("applications.py" if case.application else "bench.py"), directory)
        modules = apxs("LIBEXECDIR")
        configuration = CONFIGURATION.format(
            root=self.root,
            port=self.port,
            modules=modules,
            further_modules="\n".join(
                f"LoadModule {name}_module {modules}/mod_{name}.so"
                for name in sorted({name for case in cases for name in case.modules})
            ),
            identity="User www-data\nGroup www-data" if os.getuid() == 0 else "",
            layout=LAYOUTS[layout].format(modules=modules),
            side=self.side.configuration(self.www, cases),
        )
        (self.root / "httpd.conf").write_text(configuration)
        self.root.chmod(0o777)

    def _wait_until_it_listens(self, seconds: float = 20.0) -> None:
        """And has children: the socket is there before them."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"httpd of {self.side.name} ended at start:\n{self.errors()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                if self.children() or not self._has_children:
                    return
            except ConnectionRefusedError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"httpd of {self.side.name} does not listen:\n{self.errors()}")

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20.0)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
