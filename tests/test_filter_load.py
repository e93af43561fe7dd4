"""Filters with much to do: large bodies in flat memory, and many clients at a time."""

import os

import pytest

from crowd import crowd
from filters import PASSING, UPPER
from memory import memory

# Bytes of the large responses and uploads; 1 GiB shows best that memory stays flat.
LARGE = int(os.environ.get("HTTPD_TEST_FILTER_BYTES", 64 * 1024 * 1024))


def flat(site, action):
    """Run an action that must not make the children grow with the data."""
    pid = site.child_pids()[0]
    before = memory(pid)
    action()
    assert memory(pid) - before < 24 * 1024


@pytest.mark.parametrize("source", ["file", "written"])
def test_a_large_response_in_flat_memory(httpd, source):
    site = httpd(
        handler=PASSING
        + """
    PIECE = b"x" * 65536

    def handler(req):
        for _ in range(int(req.args) // len(PIECE)):
            req.write(PIECE, 0)
        return 0
""",
        config="""
            PythonOutputFilter app::passing same
            SetOutputFilter same
            <Files written>
                SetHandler mod_python
            </Files>
            PythonHandler app
        """,
        files={"small": "x"},
    )
    with open(site.docroot / "file", "wb") as file:
        file.truncate(LARGE)
    site.get("/small")

    def fetch():
        length = 0
        with site.connection() as connection:
            connection.request("GET", f"/{source}?{LARGE}")
            response = connection.getresponse()
            while data := response.read(1 << 20):
                length += len(data)
        assert length == LARGE // 65536 * 65536

    flat(site, fetch)


def test_a_large_upload_in_flat_memory(httpd):
    site = httpd(
        handler=PASSING
        + """
    def handler(req):
        length = 0
        while data := req.read(100_000):
            length += len(data)
        req.write(str(length))
        return 0
""",
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonInputFilter app::passing same
            SetInputFilter same
        """,
    )
    site.post("/", b"x")
    piece = b"x" * 65536
    pieces = LARGE // len(piece)

    def send():
        assert site.request("POST", "/", body=(piece for _ in range(pieces))).text == str(pieces * len(piece))

    flat(site, send)


@pytest.mark.every_mpm
def test_filters_under_load(httpd):
    """Q16: the C module crashes here on threaded processing models."""
    site = httpd(
        threads=32,
        handler=UPPER,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonInputFilter app UPPER
            SetInputFilter UPPER
            PythonOutputFilter app::outputfilter OUT
            SetOutputFilter OUT
        """,
    )
    rounds = int(os.environ.get("HTTPD_TEST_FILTER_ROUNDS", "60"))

    def talk(ask, number):
        body = b"client %d " % number * 500
        for _ in range(rounds):
            assert ask("POST", "/", body).body == body.upper()
            assert ask("GET", "/").text == "SOME TEXT\nAND MORE\n"

    crowd(site, talk)
