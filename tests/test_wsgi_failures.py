"""WSGI applications and clients that fail: the right status or a response that is seen to be broken off, and close() called."""

import ast
import socket
import struct

import pytest

from httpd import wait_until
from wsgi_applications import BY_NAME, by_name

CLOSED = """
    import os
    def mark(name):
        with open(os.path.join(SCRATCH, name), "a") as file:
            file.write("x")
    class Body:
        def __init__(self, name, items):
            self.name, self.items = name, iter(items)
        def __iter__(self):
            return self.items
        def close(self):
            mark(self.name)
    def hello(environ, start_response):
        begin(start_response)
        return [b"hello"]
"""


def has_text(path):
    return path.exists() and path.stat().st_size > 0


@pytest.fixture
def site(wsgi):
    def start(functions, config="", **options):
        site = wsgi(
            "import os\nSCRATCH = os.path.join(os.path.dirname(os.path.dirname(__file__)), 'scratch')\n"
            + by_name(CLOSED)
            + by_name(functions).removeprefix(BY_NAME),
            config,
            **options,
        )
        site.closed = lambda name: wait_until(lambda: has_text(site.scratch / name), f"close() of {name}")
        return site

    return start


def request(path, method="GET", version="1.1"):
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n\r\n".encode()


def reset(connection):
    """Close a connection so that the server hears of it at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.every_mpm
def test_an_exception_after_the_first_byte(site):
    site = site("""
        def chunked(environ, start_response):
            begin(start_response)
            def items():
                yield b"first"
                raise ValueError("after the first")
            return Body("chunked", items())
        def known(environ, start_response):
            begin(start_response, [("Content-Length", "10")])
            def items():
                yield b"first"
                raise ValueError("after the first")
            return Body("known", items())
        def written(environ, start_response):
            begin(start_response)(b"first")
            raise ValueError("after the first")
        def told(environ, start_response):
            begin(start_response)(b"first")
            try:
                raise ValueError("after the first")
            except ValueError:
                begin(lambda *head: start_response(*head, sys.exc_info()))
    """)
    for name in ("chunked", "known", "written", "told"):
        answer = site.raw(request(f"/{name}"))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK") and b"first" in body, answer
        assert not answer.endswith(b"0\r\n\r\n") and b"Error" not in body, answer
        assert (b"chunked" in head) == (name != "known")
    site.closed("chunked"), site.closed("known")
    assert site.error_log.count("ValueError: after the first") == 4
    site.expect_log("ValueError: after the first")
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")
    assert site.get("/hello").text == "hello"


@pytest.mark.every_mpm
def test_a_client_that_goes_away(site):
    site = site("""
        def endless(environ, start_response):
            begin(start_response)
            def items():
                while True:
                    yield b"x" * 10000
            return Body("endless", items())
        def writes(environ, start_response):
            write = begin(start_response)
            try:
                while True:
                    write(b"x" * 10000)
            except OSError:
                mark("writes")
            return [b"more"]
        def generator(environ, start_response):
            begin(start_response)
            try:
                while True:
                    yield b"x" * 10000
            finally:
                mark("generator")
    """)
    for name in ("endless", "writes", "generator"):
        connection = site.socket()
        connection.sendall(request(f"/{name}"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        reset(connection)
        site.closed(name)
        assert (site.scratch / name).read_text() == "x"
    assert site.get("/hello").text == "hello"


def test_a_client_that_does_not_read(site):
    site = site(
        """
        def endless(environ, start_response):
            begin(start_response)
            def items():
                while True:
                    yield b"x" * 100_000
            return Body("endless", items())
        """,
        server="Timeout 1",
        threads=4,
    )
    slow = [site.socket() for _ in range(2)]
    for connection in slow:
        connection.sendall(request("/endless"))
        connection.recv(100)
    assert [site.get("/hello").text for _ in range(5)] == ["hello"] * 5
    wait_until(lambda: (site.scratch / "endless").exists() and len((site.scratch / "endless").read_text()) == 2, "two ends")
    for connection in slow:
        connection.close()


@pytest.mark.every_mpm
def test_a_body_that_does_not_come(site):
    site = site("""
        def echo(environ, start_response):
            body = environ["wsgi.input"].read()
            begin(start_response)
            return [body]
    """)
    waiting = site.socket()
    waiting.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    assert [site.get("/hello").text for _ in range(3)] == ["hello"] * 3
    reset(waiting)
    site.expect_log("OSError: Client read error")
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")
    site.wait_log("OSError: Client read error")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_lengths_that_are_not_kept(site, method):
    site = site("""
        def short(environ, start_response):
            begin(start_response, [("Content-Length", "10")])
            return Body("short", [b"abc"])
        def long(environ, start_response):
            begin(start_response, [("Content-Length", "4")])
            return Body("long", [b"abc", b"def", b"ghi"])
    """)
    for name, body in {"short": b"abc", "long": b"abcd"}.items():
        answer = site.raw(request(f"/{name}", method).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\n\r\n" + (body if method == "GET" else b"")), answer
    site.closed("short"), site.closed("long")
    if method == "GET":
        site.expect_log("the body is 7 bytes shorter than its Content-Length says")
        site.expect_log("the body is longer than its Content-Length says; the rest was not sent")


def test_a_body_that_is_not_wanted(site):
    site = site("""
        def endless(environ, start_response):
            status = environ["QUERY_STRING"] or "200 OK"
            begin(start_response, status=status)
            def items():
                while True:
                    yield b"x"
            return Body("endless", items())
    """)
    answers = [site.raw(request("/endless", "HEAD", "1.0")), site.raw(request("/endless?304", version="1.0"))]
    assert [answer.split()[1] for answer in answers] == [b"200", b"304"]
    assert all(answer.endswith(b"\r\n\r\n") for answer in answers)
    assert (site.scratch / "endless").read_text() == "xx"


def test_close_that_fails(site):
    site = site("""
        def fails(environ, start_response):
            begin(start_response)
            class Fails(list):
                def close(self):
                    raise ValueError("in close")
            return Fails([b"all"])
        def both(environ, start_response):
            class Fails(list):
                def close(self):
                    raise ValueError("in close")
            return Fails([b"all"])
    """)
    assert site.get("/fails").text == "all"
    assert site.get("/both").status == 500
    site.expect_log("ValueError: in close")
    site.expect_log("RuntimeError: the application has not called start_response")
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")


def test_exits(site):
    site = site("""
        def exits(environ, start_response):
            sys.exit(3)
        def interrupted(environ, start_response):
            begin(start_response)
            yield b"some"
            raise KeyboardInterrupt
    """)
    assert site.get("/exits").status == 500
    assert b"some" in site.raw(request("/interrupted"))
    assert site.get("/hello").text == "hello"
    site.expect_log("SystemExit: 3")
    site.expect_log("KeyboardInterrupt")
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")


@pytest.mark.every_mpm
def test_objects_that_are_kept(site):
    site = site(
        """
        kept = []
        def keep(environ, start_response):
            kept[:] = [environ["wsgi.input"].read, environ["wsgi.input"].readline, begin(start_response)]
            return [b"kept"]
        def use(environ, start_response):
            told = []
            for function in (kept[0], kept[1], lambda: kept[2](b"x"), lambda: next(iter(kept[0].__self__))):
                try:
                    told.append(function())
                except RuntimeError as error:
                    told.append(str(error))
            begin(start_response)
            return [ascii(told).encode()]
        """,
        children=1,
    )
    assert site.get("/keep").text == "kept"
    site.settle()
    told = "this request object can no longer be used: its request is over"
    assert ast.literal_eval(site.get("/use").text) == [told] * 4


def test_an_output_filter_that_fails(site):
    site = site(
        """
        def filtered(environ, start_response):
            begin(start_response)
            yield b"some"
            yield b"more"
        def outputfilter(filter):
            raise ValueError("in the filter")
        """,
        "PythonOutputFilter app FAILS\nSetOutputFilter FAILS",
    )
    assert site.get("/filtered").status == 500
    site.expect_log("ValueError: in the filter")
    site.expect_log("fails app: ")


def test_threads_of_an_application(site):
    """What a thread writes while the application waits for it comes before what the application returns."""
    site = site("""
        def threads(environ, start_response):
            write = begin(start_response)
            threads = [threading.Thread(target=write, args=(b"x" * 50_000,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return [b"end"]
    """)
    for _ in range(5):
        assert site.get("/threads").body == b"x" * 200_000 + b"end"
