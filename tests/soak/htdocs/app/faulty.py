"""Handlers that do what nobody should: what they say, or that they fail, is known all the same."""

import gc
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

from mod_python import Session, apache

SCRATCH = pathlib.Path(__file__).resolve().parents[2] / "scratch"
kept = []


def handler(req):
    req.content_type = "text/plain; charset=utf-8"
    return globals()[req.uri.rpartition("/")[2]](req) or apache.OK


def raises(req):
    raise ValueError(f"on purpose {req.args}")


def late(req):
    """Fails when a part of the response is on its way."""
    req.write("first")
    raise ValueError("on purpose, late")


def sleep(req):
    time.sleep(float(req.args))
    req.write(f"slept {req.args}")


def spin(req):
    end = time.monotonic() + float(req.args)
    count = 0
    while time.monotonic() < end:
        count += 1
    req.write(f"spun {count > 0}")


def stuck(req):
    (SCRATCH / "stuck").write_text(str(os.getpid()))
    while True:
        pass


def recurse(req):
    recurse(req)


def recurse_in_c(req):
    inner = []
    for _ in range(100_000):
        inner = [inner]
    try:
        repr(inner)
    except RecursionError:
        req.write("too deep")


def leave(req):
    """Not with 7 or 15, by which children tell httpd that there is no use in going on (APEXIT_CHILDSICK, APEXIT_CHILDFATAL)."""
    os._exit(3)


def limit_memory():
    """From now on this process may have 200 MiB more than it has."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + (200 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


def allocate(req):
    limit_memory()
    blocks = []
    try:
        while True:
            blocks.append(bytearray(1 << 20))
    finally:
        blocks.clear()


def hoard(req):
    """Allocates in small pieces, through every way that Python has."""
    limit_memory()
    blocks = []
    try:
        while True:
            blocks.append([str(len(blocks)) * 10, {}, (len(blocks),)])
            if len(blocks) % 1000 == 0:
                req.headers_in["X-Hoard"] = "x" * 1000
    finally:
        blocks.clear()


def threads(req):
    """Threads that outlive their request, and use what is over then."""

    def use():
        try:
            while True:
                req.headers_out["X-Thread"] = req.headers_in.get("Host", "")
                req.notes["thread"] = "x"
                assert req.connection.client_ip and len(dict(req.subprocess_env)) >= 0
        except RuntimeError:
            pass

    for _ in range(2):
        threading.Thread(target=use).start()
    req.write(f"started {req.args}")


def connections(req):
    """Threads that use the connection between requests, and after it."""
    conn = req.connection
    conn.notes["thread"] = "x"

    def use():
        try:
            for number in range(2000):
                use_notes(conn, number)
                assert conn.client_ip == "127.0.0.1" and conn.keepalives >= 0 and conn.local_addr
                assert conn.remote_host in (None, "", "localhost") and conn.id >= 0 and conn.base_server.server_hostname
                assert conn.aborted in (0, 1) and conn.keepalive in (0, 1, 2)
        except RuntimeError:
            pass

    for _ in range(2):
        threading.Thread(target=use).start()
    req.write(f"started {req.args}")


def use_notes(conn, number):
    """Which are for the thread that serves the connection."""
    try:
        conn.notes[f"note{number % 5}"] = str(number)
    except RuntimeError:
        return
    raise AssertionError("notes of a connection that another thread serves")


def keep(req):
    """Keeps what belongs to the request, and uses what others have kept."""
    for item in kept[:]:
        try:
            item()
        except RuntimeError:
            pass
    request, headers, conn = req, req.headers_in, req.connection
    kept.append(lambda: (request.uri, request.headers_out.items()))
    kept.append(lambda: headers["Host"])
    kept.append(lambda: (conn.client_ip, conn.notes.items()))
    del kept[:-30]
    if int(req.args) % 50 == 0:
        gc.collect()
    req.write(f"kept {req.args}")


def fork(req):
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    req.write(f"forked {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")


def program(req):
    # A hard restart of prefork sends SIGHUP to httpd's whole process group: the program would die of it before this child does.
    done = subprocess.run(["/bin/echo", req.args], capture_output=True, text=True, check=True, start_new_session=True)
    req.write(f"ran {done.stdout.strip()}")


def hold(req):
    """Has a session's lock for as long as it is left alive."""
    session = Session.FileSession(req)
    session.save()
    (SCRATCH / "holding").write_text(str(os.getpid()))
    signal_free_sleep(60)
    return apache.HTTP_INTERNAL_SERVER_ERROR


def signal_free_sleep(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)


def take(req):
    Session.FileSession(req).save()
    req.write("taken")


def slow_import(req):
    import slow

    req.write(slow.VALUE)


def pid(req):
    req.write(str(os.getpid()))


def unblock(req):
    """Signals as handlers see them: none is blocked that was not before."""
    req.write(str(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))))
