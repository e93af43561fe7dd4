"""Pieces of a response that are sent at once, with Python's lock held where nothing has to be waited for: nobody waits for a
client, a filter or a stream of somebody else."""

import socket
import struct
import threading

import pytest

from wsgi_applications import by_name

HANDLER = """
    def handler(req):
        if not req.args:
            req.write("hello")
            return 0
        size, total = map(int, req.args.split(","))
        piece = b"x" * size
        for _ in range(total // size):
            req.write(piece)
        return 0
"""

APPLICATION = """
    import itertools
    def hello(environ, start_response):
        begin(start_response)
        return [b"hello"]
    def yields(environ, start_response):
        size, total = map(int, environ["QUERY_STRING"].split(","))
        begin(start_response)
        return (b"x" * size for _ in range(total // size))
    def writes(environ, start_response):
        size, total = map(int, environ["QUERY_STRING"].split(","))
        write = begin(start_response)
        for _ in range(total // size):
            write(b"x" * size)
        return []
    def endless(environ, start_response):
        begin(start_response)
        return itertools.repeat(b"x" * int(environ["QUERY_STRING"]))
"""

PER_CLIENT = 12 * 1024 * 1024  # more than sockets hold
PATIENT = "Timeout 100"  # for clients that wait until others have been answered


def ask(site, target):
    connection = site.socket()
    connection.sendall(f"GET {target} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    return connection


def rest(connection):
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def others_are_answered_while_nobody_reads(site, hello, target, total):
    slow = [ask(site, target) for _ in range(2)]
    begun = [connection.recv(1) for connection in slow]
    assert [site.get(hello).text for _ in range(5)] == ["hello"] * 5
    for connection, first in zip(slow, begun):
        head, _, body = (first + rest(connection)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK") and body == b"x" * total
        connection.close()


@pytest.mark.threads_and_processes
@pytest.mark.parametrize("size", [256, 4096, 16 * 1024, 100 * 1024])
def test_a_handler_waits_for_its_client_alone(httpd, size):
    total = PER_CLIENT // size * size
    site = httpd(handler=HANDLER, server=PATIENT)
    others_are_answered_while_nobody_reads(site, "/", f"/?{size},{total}", total)


@pytest.mark.parametrize("way", ["yields", "writes"])
@pytest.mark.parametrize("size", [256, 4096, 16 * 1024, 100 * 1024])
def test_an_application_waits_for_its_client_alone(wsgi, way, size):
    total = PER_CLIENT // size * size
    site = wsgi(by_name(APPLICATION), server=PATIENT)
    others_are_answered_while_nobody_reads(site, "/hello", f"/{way}?{size},{total}", total)


def test_a_stream_without_bytecode_lets_others_run(wsgi):
    site = wsgi(by_name(APPLICATION))
    # Small pieces, so that the client is faster than the server.
    connection = ask(site, "/endless?100")
    stop = threading.Event()

    def read():
        space = bytearray(1 << 20)
        while not stop.is_set():
            # The kernel forgets it: faster than the server sends (tcp(7), MSG_TRUNC).
            connection.recv_into(space, len(space), socket.MSG_TRUNC)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert [site.get("/hello").text for _ in range(5)] == ["hello"] * 5
    finally:
        stop.set()
        reader.join()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.mark.parametrize(("limit", "size"), [("FlushMaxThreshold 2048", 16384), ("SendBufferSize 4096", 4000)])
def test_small_buffers_of_httpd_are_kept_to(httpd, limit, size):
    site = httpd(handler=HANDLER, server=f"{limit}\n{PATIENT}")
    total = PER_CLIENT // size * size
    others_are_answered_while_nobody_reads(site, "/", f"/?{size},{total}", total)


def test_a_filter_that_waits_is_waited_for_by_its_request_alone(httpd):
    site = httpd(
        handler=HANDLER,
        modules=["ratelimit", "env"],
        server="""
            <Location "/limited">
                SetOutputFilter RATE_LIMIT
                SetEnv rate-limit 4
            </Location>
        """,
    )
    # Two seconds a piece.
    with ask(site, "/limited?8192,16384") as limited:
        begun = limited.recv(1)
        assert [site.get("/").text for _ in range(5)] == ["hello"] * 5
        begun += limited.recv(1 << 20)
        assert len(begun) < 8192, "the others came after a whole piece"
        assert (begun + rest(limited)).endswith(b"\r\n\r\n" + b"x" * 16384)


def test_a_large_head_is_waited_for_by_its_request_alone(httpd):
    """The first piece takes the head with it, of whatever size that is."""
    site = httpd(
        handler="""
            def handler(req):
                if req.args:
                    for number in range(200):
                        req.headers_out[f"X-{number}"] = "x" * 100_000
                req.write("hello")
                return 0
        """,
        server=PATIENT,
    )
    with ask(site, "/?large") as slow:
        begun = slow.recv(1)
        assert [site.get("/").text for _ in range(5)] == ["hello"] * 5
        head, _, body = (begun + rest(slow)).partition(b"\r\n\r\n")
        assert len(head) > 200 * 100_000 and body == b"hello"
