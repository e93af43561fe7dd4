"""The command `mod_python` as a user has it: run to its end, or serving until it is told to stop."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

import client
import httpd as real

PACKAGE = real.PROJECT / "python"


class Command:
    """The command in a directory of its own, which ends with the test."""

    def __init__(self):
        # Not pytest's directory: the children of a root httpd are somebody else.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="command-")).resolve()
        self.directory.chmod(0o755)
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)
        self.serving = []

    def environment(self, **more):
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(PACKAGE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MOD_PYTHON_SO": str(real.MODULE),
            "TMPDIR": str(self.temporary),
            **more,
        }

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def __call__(self, *arguments, **options):
        """Run the command to its end; `stdout`, `stderr` and `returncode` tell how it went."""
        return subprocess.run(
            [sys.executable, "-m", "mod_python", *map(str, arguments)],
            env=self.environment(**options.pop("env", {})),
            cwd=options.pop("cwd", self.directory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=real.DEADLINE,
            **options,
        )

    def serve(self, *arguments, **options):
        """`mod_python serve` on a free port, when it answers."""
        serving = Serving(self, [*map(str, arguments), "--port", "0"], options)
        self.serving.append(serving)
        return serving.start()

    def leftovers(self):
        """Files and processes of servers that should be gone."""
        roots = [str(path) for path in self.temporary.iterdir()]
        processes = subprocess.run(["pgrep", "-af", str(self.temporary)], capture_output=True, text=True).stdout
        return roots + processes.splitlines()

    def close(self):
        for serving in self.serving:
            serving.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Serving(client.Client):
    """A running `mod_python serve`."""

    def __init__(self, command, arguments, options):
        self.command = command
        self.arguments = arguments
        self.options = options
        self.log = command.directory / f"log-{len(command.serving)}"

    def start(self):
        options = dict(self.options)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*options.pop("program", [sys.executable, "-m", "mod_python"]), "serve", *self.arguments],
                env=self.command.environment(**options.pop("env", {})),
                cwd=options.pop("cwd", self.command.directory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
        match = real.wait_until(lambda: self.process.poll() is not None or self.announced(), "an answering server")
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.told}"
        self.port = int(match[1])
        return self

    @property
    def told(self):
        """All that the command has written until now."""
        return self.log.read_text("utf-8", "backslashreplace")

    def announced(self):
        return re.search(r"^Serving .* at http://\S+:(\d+)/", self.told, re.MULTILINE)

    def wait_told(self, pattern):
        return real.wait_until(lambda: re.search(pattern, self.told), f"a line like {pattern!r}")

    def children(self):
        """Every process below the command."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                below = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except FileNotFoundError:
                continue
            found += map(int, below)
            waiting += map(int, below)
        return found

    def stop(self, number=signal.SIGINT):
        """Send the signal; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(real.DEADLINE)

    def kill(self):
        for pid in [self.process.pid, *self.children()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
