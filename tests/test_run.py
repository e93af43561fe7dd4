"""`make run`'s script: serves the examples in the foreground and ends cleanly."""

import os
import re
import signal
import socket
import subprocess
import urllib.request

import pytest

import httpd as real

SCRIPT = real.PROJECT / "scripts/run"


@pytest.fixture
def served():
    port = real.free_port()
    process = subprocess.Popen(
        [str(SCRIPT)],
        env={**os.environ, "PORT": str(port), "MOD_PYTHON_SO": str(real.MODULE)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_interrupted(served, number):
    process, port = served
    told = ""
    for line in process.stdout:
        told += line
        if "Open http://" in line:
            break
    assert f"http://localhost:{port}/" in told
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello/", timeout=30) as answer:
        assert answer.read() == b"Hello from mod_python!\n"
    # As the terminal does it: to the whole group.
    os.killpg(process.pid, number)
    rest = process.stdout.read()
    assert process.wait(30) == 0, rest
    assert "The server has ended." in rest
    assert not re.search(r"exit signal|panicked|Traceback", rest)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {**os.environ, "PORT": str(port), "MOD_PYTHON_SO": str(real.MODULE)}
        answer = subprocess.run([str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 1
    assert f"Port {port} is taken" in answer.stderr
