"""Whose a crash is: what the core that a child left says of the thread that crashed.

httpd's event MPM has a crash of its own at hard restarts: the child's main thread shuts the sockets that its workers use
(`apr_os_sock_get` on each), while these free them. `soak.plain` is an httpd without this module to look for it in.
"""

import pathlib
import re
import resource
import shutil
import subprocess

PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")
THREAD = re.compile(r"^Thread \d+ ", re.MULTILINE)
FRAME = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(.*)$", re.MULTILINE)
RAISED = "<signal handler called>"
OURS = re.compile("mod_python|libpython")


def allow(directory):
    """Lets children of this process leave cores, there if the system does not say otherwise."""
    directory.mkdir()
    directory.chmod(0o1777)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def stack(pid, directory, program):
    """The frames of the thread that crashed, the innermost first; none where there is no core to see, or no gdb."""
    core = core_of(pid, directory)
    if core is None:
        return []
    command = ["gdb", "-q", "-batch", "-ex", "bt", "-ex", "thread apply all bt", str(program), str(core)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120).stdout
    core.unlink()
    return of_crashed(told)


def are_seen():
    """Whether the system writes cores into files, under a name that can be told, and there is a gdb to read them."""
    pattern = PATTERN.read_text()
    is_told = "|" not in pattern and "%" not in pattern.replace("%p", "")
    return is_told and resource.getrlimit(resource.RLIMIT_CORE)[0] != 0 and shutil.which("gdb") is not None


def core_of(pid, directory):
    if not are_seen():
        return None
    pattern = PATTERN.read_text().strip()
    name = pattern.replace("%p", str(pid))
    found = [directory / name, directory / f"{name}.{pid}"]
    return next((path for path in found if path.is_file()), None)


def of_crashed(told):
    """gdb shows the innermost frame of the thread that the signal ended, all its frames, and then those of each. httpd handles
    the signal by raising it again, which another thread may get."""
    first, *threads = THREAD.split(told)
    for thread in threads:
        _, handler, raised = thread.partition(RAISED)
        if handler:
            return FRAME.findall(raised)
    return FRAME.findall(first[max(first.rfind("\n#0 "), 0) :])


def is_of_event(frames):
    """Whether it is the one of event, for which this module is not needed."""
    is_there = len(frames) > 1 and frames[0].startswith("apr_os_sock_get ") and "mod_mpm_event.so" in frames[1]
    return is_there and not any(OURS.search(frame) for frame in frames)
