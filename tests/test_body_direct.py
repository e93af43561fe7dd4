"""Bodies that are read to where they stay: the client has said how long they are, and that is worth it."""

import gzip
import hashlib
import itertools
import random
import socket

import pytest

pytestmark = pytest.mark.threads_and_processes

LEAST, MOST = 32 * 1024, 1024 * 1024
HANDLER = "SetHandler mod_python\nPythonHandler app\n"
READS = """
    import hashlib
    from urllib.parse import unquote

    def handler(req):
        req.content_type = "text/plain"
        pieces = []
        for count in unquote(req.args).split(","):
            try:
                piece = req.read(int(count)) if count else req.read()
            except OSError as error:
                piece = type(error).__name__.encode()
            pieces.append(f"{len(piece)} {hashlib.sha256(piece).hexdigest()}")
        req.write(" ".join(pieces))
        return 0
"""


def content(length):
    return random.Random(length).randbytes(length)


def pieces_of(text):
    words = text.split()
    return list(zip(map(int, words[::2]), words[1::2], strict=True))


def expected(*pieces):
    return [(len(piece), hashlib.sha256(piece).hexdigest()) for piece in pieces]


@pytest.mark.every_mpm
@pytest.mark.parametrize("length", [LEAST - 1, LEAST, 64 * 1024, 64 * 1024 + 1, MOST, MOST + 1])
def test_whole(httpd, length):
    site = httpd(handler=READS)
    body = content(length)
    assert pieces_of(site.post("/?,", body).text) == expected(body, b"")


@pytest.mark.parametrize("counts", [(100, 50_000), (50_000, 100), (40_000, 40_000), (1, 300_000), (300_000,)])
def test_in_pieces(httpd, counts):
    site = httpd(handler=READS)
    body = content(200_000)
    cuts = [0]
    for count in counts:
        cuts.append(min(cuts[-1] + count, len(body)))
    wanted = [body[start:end] for start, end in itertools.pairwise([*cuts, len(body)])]
    answer = site.post("/?" + ",".join(map(str, counts)) + ",", body)
    assert pieces_of(answer.text) == expected(*wanted)


def test_in_one_connection(httpd):
    """Nothing is left that the next request would begin with."""
    site = httpd(handler=READS)
    with site.connection() as connection:
        for length in (LEAST, 70_000, 5, MOST):
            body = content(length)
            answer = site.ask(connection, "POST", "/?", body)
            assert pieces_of(answer.text) == expected(body)


def test_chunked_is_not_announced(httpd):
    site = httpd(handler=READS)
    body = content(100_000)
    answer = site.request("POST", "/?,", body=iter([body[:70_000], body[70_000:]]))
    assert pieces_of(answer.text) == expected(body, b"")


def test_a_filter_makes_it_longer(httpd):
    """What the client announces is the length before mod_deflate unpacks it."""
    site = httpd(handler=READS, modules=("deflate",), config=HANDLER + "SetInputFilter DEFLATE\n")
    body = b"".join(content(length) * 2 for length in (20_000, 20_001, 20_002))
    packed = gzip.compress(body)
    assert LEAST < len(packed) < len(body)
    answer = site.post("/?,", packed, headers={"Content-Encoding": "gzip"})
    assert pieces_of(answer.text) == expected(body, b"")
    answer = site.post("/?40000,", packed, headers={"Content-Encoding": "gzip"})
    assert pieces_of(answer.text) == expected(body[:40_000], body[40_000:])


def test_a_filter_makes_it_shorter(httpd):
    site = httpd(
        handler=READS
        + """
    def without_a(filter):
        data = filter.read(8192)
        while data:
            filter.write(data.replace(b"a", b""))
            data = filter.read(8192)
        if data is None:
            filter.close()
        """,
        config=HANDLER + "PythonInputFilter app::without_a WITHOUT\nSetInputFilter WITHOUT\n",
    )
    body = b"ab" * 50_000
    assert pieces_of(site.post("/?,", body).text) == expected(body[1::2], b"")
    assert pieces_of(site.post("/?40000,", body).text) == expected(body[1:80_000:2], body[80_001::2])


@pytest.mark.parametrize("counts, first", [("", None), ("100000", None), ("40000,", "read 40000")])
def test_a_client_that_leaves(httpd, counts, first):
    """It is an error, and what has come is there to be read."""
    site = httpd(
        handler="""
            def handler(req):
                for count in req.args.split(","):
                    try:
                        read = req.read(int(count)) if count else req.read()
                        req.log_error(f"read {len(read)}")
                    except OSError:
                        req.log_error(f"there is {len(req.read(45000))}")
                return 0
        """
    )
    site.expect_log("there is 45000$")
    if first:
        site.expect_log(f"{first}$")
    with site.socket() as connection:
        head = f"POST /?{counts} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n".encode()
        connection.sendall(head + content(90_000))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)
    site.wait_log("there is")
