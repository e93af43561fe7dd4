"""A real httpd for one test: its directories, configuration, process and error log.

What the tests see is `Site`. How a request is sent is in `client.py`.
"""

import ast
import collections
import functools
import grp
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time

import client
import valgrind

PROJECT = pathlib.Path(__file__).resolve().parent.parent
MODULE = pathlib.Path(os.environ.get("MOD_PYTHON_SO", PROJECT / "target/release/libmod_python.so"))
MPMS = ("event", "worker", "prefork")
DEADLINE = float(os.environ.get("HTTPD_TEST_DEADLINE", "30"))

# What must never be in an error log, whatever a test expects.
FORBIDDEN = re.compile(r"AH00052|exit signal|panicked at|Fatal Python error|ResourceWarning|Exception ignored in|AddressSanitizer")
LINE = re.compile(r"^\[[^\]]+\] \[(?P<module>[^\]:]*):(?P<level>[a-z0-9]+)\] \[pid (?P<pid>\d+)")
# Remarks on the small sizes that the tests choose.
HARMLESS = re.compile(r"AH00(161|286): server reached MaxRequestWorkers|AH00484: server reached MaxRequestWorkers|AH03490")
if valgrind.ACTIVE:
    HARMLESS = re.compile(f"{HARMLESS.pattern}|{valgrind.HARMLESS.pattern}")
BAD_LEVELS = ("emerg", "alert", "crit", "error")

CALLS = """

def handler(req):
    answer = globals()[req.uri.split("/")[1]](req)
    req.content_type = "text/plain; charset=utf-8"
    req.write(ascii(answer))
    return 0
"""


@functools.cache
def apxs(name):
    """One value of `apxs -q`, as the build of the module asks it."""
    program = os.environ.get("APXS", "apxs")
    answer = subprocess.run([program, "-q", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return answer.stdout.strip()


def program():
    return pathlib.Path(apxs("SBINDIR")) / apxs("PROGNAME")


def load_module(name):
    """A LoadModule line, or nothing where httpd has the module compiled in."""
    file = pathlib.Path(apxs("LIBEXECDIR")) / f"mod_{name}.so"
    return f'LoadModule {name}_module "{file}"' if file.exists() else f"# {name}: compiled in"


@functools.cache
def child_user():
    """The unprivileged (user, group) that the children of a root httpd run as."""
    for user in ("www-data", "apache", "nobody"):
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            continue
        return user, grp.getgrgid(entry.pw_gid).gr_name
    raise LookupError("no www-data, apache or nobody to run httpd's children as")


def free_port(given=collections.deque(maxlen=100)):  # noqa: B006
    """A port that nobody listens at, and that none of the last calls has returned: a site may want two."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in given:
            given.append(port)
            return port


def open_connections(port):
    """How many ends of TCP connections at this port are neither listening nor over."""
    listening, time_wait, closed = "0A", "06", "07"
    count = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if int(local.rpartition(":")[2], 16) == port and state not in (listening, time_wait, closed):
            count += 1
    return count


def threads_of(pids):
    """State, and how often it has been put to sleep, of every thread of these processes."""
    threads = {}
    for pid in pids:
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for task in tasks:
            try:
                status = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = dict(line.split(":", 1) for line in status.splitlines())
            threads[task] = fields["State"].split()[0], int(fields["voluntary_ctxt_switches"])
    return threads


def wait_until(condition, what, deadline=DEADLINE):
    """The first true value of `condition()`."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{deadline:.0f} s went by without {what}")
        time.sleep(0.004)


def mpm_config(mpm, children, threads):
    if mpm == "prefork":
        return f"""
            StartServers {children}
            MinSpareServers 1
            MaxSpareServers {children}
            ServerLimit {max(children, 2)}
            MaxRequestWorkers {children}
        """
    # Twice the children: those of the last generation may still be ending after a graceful restart.
    return f"""
        StartServers {children}
        ServerLimit {children * 2 + 2}
        ThreadLimit {max(threads, 16)}
        ThreadsPerChild {threads}
        MinSpareThreads 1
        MaxSpareThreads {children * threads + threads}
        MaxRequestWorkers {children * threads}
    """


class Site(client.Client):
    """One running httpd and what a test may ask of it."""

    def __init__(
        self,
        mpm,
        handler=None,
        config=None,
        server="",
        files=None,
        functions=None,
        modules=(),
        late_modules=(),
        module=None,
        children=None,
        threads=16,
        env=None,
        defines=(),
    ):
        self.mpm = mpm
        self.module = pathlib.Path(module or MODULE)
        self.children = children or (4 if mpm == "prefork" else 1)
        self.threads = threads
        self.env = {"PATH": "/usr/bin:/bin", **valgrind.ENVIRONMENT, **(env or {})}
        self.defines = defines
        self.expected, self.process, self.port = [], None, None
        self.generations_before = 0
        self.killed = []
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="httpd-"))
        self.root.chmod(0o755)
        self.docroot = self.root / "htdocs"
        self.scratch = self.root / "scratch"
        for directory in (self.docroot, self.scratch, self.root / "run"):
            directory.mkdir()
        self.scratch.chmod(0o777)
        if functions is not None:
            handler = "from mod_python import apache\n" + textwrap.dedent(functions) + CALLS
        if handler is not None:
            self.write("app.py", handler)
        for name, text in (files or {}).items():
            self.write(name, text)
        if config is None:
            config = "SetHandler mod_python\nPythonHandler app" if handler is not None else ""
        self.sections = (tuple(modules), tuple(late_modules), textwrap.dedent(server), textwrap.dedent(config))

    # Files

    def write(self, name, text):
        """Write a file below DocumentRoot (or at an absolute path), in one step as an editor does."""
        path = self.docroot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = textwrap.dedent(text).encode() if isinstance(text, str) else text
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(data)
        temporary.chmod(0o644)
        temporary.replace(path)
        return path

    @property
    def error_log(self):
        path = self.root / "error_log"
        return path.read_text("utf-8", "backslashreplace") if path.exists() else ""

    def configuration(self):
        modules, late_modules, server, config = self.sections
        lines = [load_module(f"mpm_{self.mpm}")]
        lines += [load_module(name) for name in ("unixd", "log_config", "authz_core", *modules)]
        lines.append(f'LoadModule python_module "{self.module}"')
        lines += [load_module(name) for name in late_modules]
        if os.geteuid() == 0:
            lines += [f"User {child_user()[0]}", f"Group {child_user()[1]}"]
        (self.root / "mime.types").write_text("text/html html\ntext/plain txt\n")
        return (
            "\n".join(lines)
            + textwrap.dedent(f"""
            Define root "{self.root}"
            Define docroot "{self.docroot}"
            Define scratch "{self.scratch}"
            Define port {self.port}
            ServerRoot "{self.root}"
            DefaultRuntimeDir "{self.root}/run"
            PidFile run/httpd.pid
            ErrorLog error_log
            LogLevel notice
            Listen 127.0.0.1:{self.port}
            ServerName localhost
            ServerAdmin webmaster@localhost
            Timeout 10
            KeepAliveTimeout 10
            GracefulShutdownTimeout 5
            <IfModule mod_mime.c>
                TypesConfig mime.types
            </IfModule>
            <Directory />
                AllowOverride None
            </Directory>
            DocumentRoot "{self.docroot}"
        """)
            + textwrap.dedent(mpm_config(self.mpm, self.children, self.threads))
            + (f'{server}\n<Directory "{self.docroot}">\n{config}\n</Directory>\n')
        )

    # Process

    def start(self):
        for _ in range(10):
            self.port = free_port()
            (self.root / "httpd.conf").write_text(self.configuration())
            if self.launch():
                return self
        raise RuntimeError("no free port in ten tries")

    def command(self):
        return [
            str(program()),
            "-d",
            str(self.root),
            "-f",
            str(self.root / "httpd.conf"),
            "-DFOREGROUND",
            *(f"-D{name}" for name in self.defines),
        ]

    def launch(self):
        """Start httpd; False if somebody else took the port meanwhile."""
        self.generations_before = self.generations()
        with open(self.root / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(
                [*valgrind.command(self.root), *self.command()],
                env=self.env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )
        pid_file = self.root / "run/httpd.pid"
        try:
            wait_until(lambda: self.process.poll() is not None or (pid_file.exists() and self.connects()), "an answering httpd")
        except TimeoutError:
            self.kill()
            raise
        if self.process.poll() is None:
            return True
        told = (self.root / "stderr").read_text("utf-8", "replace")
        if "Address already in use" in told:
            (self.root / "error_log").unlink(missing_ok=True)
            return False
        raise RuntimeError(f"httpd ended with {self.process.returncode}:\n{told}{self.error_log}")

    def connects(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def child_pids(self):
        return [int(word) for word in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def files_in_use(self, directory):
        """Files that are in a directory or that a child holds open there, those without a name too."""
        found = [str(path) for path in directory.iterdir()]
        for pid in self.child_pids():
            for entry in os.scandir(f"/proc/{pid}/fd"):
                try:
                    target = os.readlink(entry.path)
                except FileNotFoundError:
                    continue
                found += [target] if target.startswith(f"{directory}/") else []
        return found

    def kill_child(self, pid):
        """Kill a child, as the kernel does when memory runs out."""
        self.killed.append(pid)
        os.kill(pid, signal.SIGKILL)

    def graceful(self):
        """A graceful restart, seen through to the new generation's start."""
        self.signal_restart(signal.SIGUSR1)

    def restart(self):
        self.settle()
        self.signal_restart(signal.SIGHUP)

    def settle(self):
        """Wait until connections are over and no thread of a child has anything to do.

        event's main thread frees what its workers use when a child is told to end: a worker that closes a connection just
        then logs "apr_pollset_add failure" or crashes in httpd's own code, Python or not. A connection counts as over
        (TIME_WAIT) before the worker that closes it is done, so the threads are looked at too.
        """
        try:
            wait_until(lambda: not open_connections(self.port), "the end of all connections", deadline=1)
            wait_until(self.is_idle, "idle children", deadline=1)
        except TimeoutError:
            pass

    def is_idle(self):
        """Whether all threads of all children sleep, and go on sleeping."""
        before = threads_of(self.child_pids())
        time.sleep(0.004)
        return before == threads_of(self.child_pids()) and all(state == "S" for state, _ in before.values())

    def signal_restart(self, number):
        """httpd answers before it is ready for signals: one that comes too early ends it, or counts for two."""
        self.wait_for_generation(self.generations_before)
        count = self.generations()
        self.process.send_signal(number)
        self.wait_for_generation(count)

    def generations(self):
        """How many have begun, those before the last start among them."""
        return self.error_log.count("resuming normal operations")

    def wait_for_generation(self, count, deadline=DEADLINE):
        """Until there have been more than `count`."""

        def is_there():
            if self.process.poll() is not None:
                raise RuntimeError(f"httpd ended with {self.process.returncode}:\n{self.error_log[-5000:]}")
            return self.generations() > count

        wait_until(is_there, "the next generation", deadline)

    def stop(self):
        """End httpd as its service manager does; anything but a prompt end is an error."""
        if self.process is None or self.process.poll() is not None:
            return
        self.settle()
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        finally:
            self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def remove(self):
        if os.environ.get("HTTPD_TEST_KEEP"):
            print(f"kept: {self.root}")
        else:
            shutil.rmtree(self.root, ignore_errors=True)

    # What the tests ask

    def call(self, name, **options):
        """The value that the function `name` of the site's `functions` returned for a request."""
        method = options.pop("method", "GET")
        query = options.pop("query", "")
        response = self.request(method, f"/{name}{query}", **options)
        assert response.status == 200, f"{name} answered {response.status}"
        return ast.literal_eval(response.text)

    def wait_log(self, pattern):
        """Wait for a line that the server writes after its response."""
        return wait_until(lambda: re.search(pattern, self.error_log), f"a log line like {pattern!r}")

    def expect_log(self, pattern):
        """The log must, at the end, hold a line like this, and may hold any number of them."""
        self.expected.append((re.compile(pattern), re.compile(pattern)))

    def expect_traceback(self, text, handler="app", phase="PythonHandler"):
        """The log must hold the traceback of this exception, each line of it naming phase and handler."""
        every_line = re.escape(f"{phase} {handler}: ")
        self.expected.append((re.compile(f"{every_line}.*{text}"), re.compile(every_line)))

    def check_log(self):
        """The error log is part of passing: what is in it must have been expected, and what was expected be in it."""
        lines = self.error_log.splitlines()
        deaths = [f"AH00052: child pid {pid} exit signal Killed (9)" for pid in self.killed]
        bad = [line for line in lines if FORBIDDEN.search(line) and not any(death in line for death in deaths)]
        for line in lines:
            match = LINE.match(line)
            alarming = (match is None or match["level"] in BAD_LEVELS) and not HARMLESS.search(line)
            if alarming and not any(allowed.search(line) for _, allowed in self.expected):
                bad.append(line)
        assert not bad, "unexpected lines in the error log:\n" + "\n".join(bad)
        for wanted, _ in self.expected:
            assert any(wanted.search(line) for line in lines), f"the error log has no line like {wanted.pattern!r}:\n" + "\n".join(
                lines
            )
