"""The stores of sessions for tests that all of them must pass: their PythonOptions, and a real Redis for the one that needs it."""

import shutil
import subprocess

import pytest

import httpd

STORES = ("FileSession", "DbmSession", "SqliteSession", "RedisSession", "MemorySession")
SHARED = STORES[:-1]
"""What all processes see."""


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """The URL of a Redis server of our own."""
    # The same program by two names; the package with the second one starts no service.
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if program is None:
        pytest.skip("Redis is not installed")
    directory = tmp_path_factory.mktemp("redis")
    port = httpd.free_port()
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(directory),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(command, executable=program, stdout=log, stderr=log)
    try:
        httpd.wait_until(lambda: b"Ready to accept connections" in (directory / "log").read_bytes(), "a Redis server")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(httpd.DEADLINE)


@pytest.fixture
def options(store, request):
    """Configuration of a handler `app` whose sessions are in `store`."""
    lines = ["SetHandler mod_python", "PythonHandler app", f"PythonOption mod_python.session.session_type {store}"]
    if store == "RedisSession":
        lines.append(f"PythonOption mod_python.redis_session.url {request.getfixturevalue('redis_url')}")
    return "\n".join(lines)


def cookie_of(answer):
    """What a client sends back."""
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
