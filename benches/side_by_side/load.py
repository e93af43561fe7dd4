"""Requests: one that is looked at, and many from wrk that are counted."""

from __future__ import annotations

import dataclasses
import http.client
import pathlib
import subprocess
import tempfile

from .cases import Case
from .httpd import Httpd

SCRIPT = pathlib.Path(__file__).parent / "wrk.lua"
CONNECTIONS = 16


class WrongAnswer(Exception):
    """A side did not answer what the case asks for; the times of such a run mean nothing."""


@dataclasses.dataclass(frozen=True)
class Load:
    """What wrk counted."""

    requests: int
    failed: int  # answers of 400 and above, time-outs, connections refused
    cut: int  # connections closed between two requests: event does that when all of its threads are busy


def check(httpd: Httpd, case: Case) -> None:
    """Asks once and compares status, headers and every byte of the body."""
    wanted = case.body(str(httpd.www), httpd.port)
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=30)
    try:
        body = case.posts or b"u" * case.sends
        connection.request("POST" if body else "GET", case.target, body or None, case.headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswer(_sentence(httpd, case, f"{type(error).__name__}: {error}")) from error
    finally:
        connection.close()
    if response.status != 200:
        raise WrongAnswer(_sentence(httpd, case, f"status {response.status}"))
    for name, value in case.answers.items():
        if response.headers[name] != value:
            raise WrongAnswer(_sentence(httpd, case, f"{name}: {response.headers[name]!r}, not {value!r}"))
    if body != wanted:
        raise WrongAnswer(_sentence(httpd, case, f"{len(body)} bytes {body[:800]!r}, not {wanted[:800]!r}"))


def wrk(httpd: Httpd, case: Case, seconds: int) -> Load:
    """Keeps 16 connections busy for a while."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "-s", str(SCRIPT)]
    for name, value in case.headers.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.NamedTemporaryFile() as body:
        body.write(case.posts)
        body.flush()
        command += [f"http://127.0.0.1:{httpd.port}{case.target}", str(case.sends), body.name]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60)
    counted = next(line for line in done.stdout.splitlines() if line.startswith("counted "))
    return Load(*(int(word) for word in counted.split()[1:]))


def _sentence(httpd: Httpd, case: Case, found: str) -> str:
    return f"{case.name} of {httpd.side.title}: {found}\nerror log:\n{httpd.errors()[-2000:]}"
