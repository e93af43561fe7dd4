"""httpd in the foreground: its environment is clean, its logs are copied to the terminal, it ends with this process."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time

from .failure import Failure
from .signals import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

PATIENCE = 15.0
"""Seconds that httpd has to end by itself."""
LAST_WORDS = 1.0
"""Seconds to wait for the end of the logs once it has ended."""
_PR_SET_PDEATHSIG = 1


class Logs:
    """Pipes that httpd writes its logs into, and where each goes."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._write_ends: list[int] = []

    def pipe(self, copy_to: int) -> int:
        """A descriptor for httpd; what it writes there is copied to the descriptor `copy_to`."""
        read_end, write_end = os.pipe()
        self._selector.register(read_end, selectors.EVENT_READ, copy_to)
        self._write_ends.append(write_end)
        return write_end

    def descriptors(self) -> list[int]:
        return self._write_ends

    def handed_over(self) -> None:
        """httpd has the pipes: they end when its last process does."""
        for end in self._write_ends:
            os.close(end)
        self._write_ends.clear()

    def copy(self, timeout: float) -> bool:
        """Copy what is there, or comes in time; False when all pipes have ended."""
        if not self._selector.get_map():
            return False
        for key, _ in self._selector.select(timeout):
            data = os.read(key.fd, 65536)
            if data:
                _write(key.data, data)
            else:
                self._selector.unregister(key.fd)
                os.close(key.fd)
        return True

    def close(self) -> None:
        self.handed_over()
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()


def _write(descriptor: int, data: bytes) -> None:
    """A log that nobody reads any more is no reason to end the server."""
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]


class Server:
    """One run of httpd."""

    def __init__(self, command: list[str], environment: Mapping[str, str], logs: Logs, pid_file: str) -> None:
        self._command = command
        self._environment = dict(environment)
        self._logs = logs
        self._pid_file = pid_file
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._deadline = 0.0
        self._ended: float | None = None

    def run(self, started: Callable[[], object]) -> int:
        """Start httpd, call `started` when it answers, copy its logs until it has ended; returns its exit status.

        Each of `SIGNALS` ends it, a second one at once. Its processes are gone when this returns. A status other
        than 0 is that of an httpd that ended by itself.
        """
        before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        try:
            self._start()
            ready = False
            while self._logs.copy(0.5 if ready else 0.02) and not self._is_over():
                if not ready and os.path.exists(self._pid_file):
                    ready = True
                    started()
            return self._status()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self) -> None:
        descriptors = self._logs.descriptors()
        try:
            self._process = subprocess.Popen(
                [*self._command, "-DFOREGROUND"],
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=descriptors[-1],
                stderr=descriptors[-1],
                pass_fds=descriptors,
                # A group of its own: Ctrl-C is for us alone, and what is left can be ended together.
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        except OSError as error:
            raise Failure(f"{self._command[0]} cannot be run: {error.strerror}", os.EX_UNAVAILABLE) from error
        self._logs.handed_over()
        if self._asked:
            self._signal()

    def _is_over(self) -> bool:
        """Whether httpd has ended, though its pipes have not: a process that it has started may hold them for ever."""
        now = time.monotonic()
        if self._asked and now > self._deadline:
            self._kill()
        if self._process is None or self._process.poll() is None:
            return False
        # Its children may outlive it.
        self._kill()
        if self._ended is None:
            self._ended = now
        return now > self._ended + LAST_WORDS

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        if self._asked == 1:
            self._deadline = time.monotonic() + PATIENCE
        self._signal()

    def _signal(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        if self._asked == 1:
            self._process.terminate()
        else:
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _status(self) -> int:
        assert self._process is not None
        status = self._process.wait()
        return 0 if self._asked else status

    def _end(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
        self._kill()
        self._process.wait()


def _die_with(parent: int) -> Callable[[], None] | None:
    """On Linux: have httpd end when this process is killed in a way that leaves it no time to say so."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, AttributeError, OSError):
        return None

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
