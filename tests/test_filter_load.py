"""Filters with much to do: large bodies in flat memory, and many clients at a time."""

import concurrent.futures
import http.client
import os
import pathlib
import re

import pytest

# Bytes of the large responses and uploads; 1 GiB shows best that memory stays flat.
LARGE = int(os.environ.get("HTTPD_TEST_FILTER_BYTES", 64 * 1024 * 1024))

UPPER = """
    from mod_python import apache

    def outputfilter(filter):
        data = filter.read()
        while data:
            filter.write(data.upper())
            data = filter.read()
        if data is None:
            filter.close()

    inputfilter = outputfilter

    def handler(req):
        req.content_type = "text/plain"
        if req.method == "POST":
            req.write(req.read())
        else:
            req.write("some text\\n")
            req.write("and more\\n", 0)
        return apache.OK
"""


def resident(site):
    """Bytes of memory of the fattest child."""
    sizes = []
    for pid in site.child_pids():
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            continue
        sizes.append(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024)
    return max(sizes)


def flat(site, action):
    """Run an action that must not make the children grow with the data."""
    before = resident(site)
    action()
    assert resident(site) - before < 24 * 1024 * 1024


@pytest.mark.parametrize("source", ["file", "written"])
def test_a_large_response_in_flat_memory(httpd, source):
    site = httpd(
        handler="""
            from mod_python import apache
            PIECE = b"x" * 65536

            def outputfilter(filter):
                data = filter.read()
                while data:
                    filter.write(data)
                    data = filter.read()
                if data is None:
                    filter.close()

            def handler(req):
                for _ in range(int(req.args) // len(PIECE)):
                    req.write(PIECE, 0)
                return apache.OK
        """,
        config="""
            PythonOutputFilter app same
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
        handler="""
            def inputfilter(filter):
                data = filter.read()
                while data:
                    filter.write(data)
                    data = filter.read()
                if data is None:
                    filter.close()

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
            PythonInputFilter app same
            SetInputFilter same
        """,
    )
    site.post("/", b"x")
    piece = b"x" * 65536
    pieces = LARGE // len(piece)

    def send():
        assert site.request("POST", "/", body=(piece for _ in range(pieces))).text == str(pieces * len(piece))

    flat(site, send)


def ask(site, connection, *request):
    """One request, on a new connection where httpd has closed the kept one."""
    try:
        return site.ask(connection, *request)
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        connection.close()
        return site.ask(connection, *request)


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

    def client(number):
        body = b"client %d " % number * 500
        with site.connection() as connection:
            for _ in range(rounds):
                assert ask(site, connection, "POST", "/", body).body == body.upper()
                assert ask(site, connection, "GET", "/").text == "SOME TEXT\nAND MORE\n"

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        list(clients.map(client, range(16)))
