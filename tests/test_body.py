"""Bodies: what a handler reads of the request and writes as the response."""

import hashlib

import pytest

pytestmark = pytest.mark.threads_and_processes

ECHO = """
    from urllib.parse import unquote

    def handler(req):
        req.content_type = "text/plain"
        req.write(ascii(eval(unquote(req.args or "req.read()"))))
        return 0
"""


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def expression(text):
    return "/?" + text.replace(" ", "%20").replace("#", "%23")


@pytest.mark.every_mpm
def test_reading(httpd):
    site = httpd(handler=ECHO)

    def read(text, body=b"one\ntwo\nthree"):
        return eval(site.post(expression(text), body).text)

    assert read("req.read()") == b"one\ntwo\nthree"
    assert read("req.read(-1)") == b"one\ntwo\nthree"
    assert read("req.read(0)") == b""
    assert read("[req.read(5), req.read(5), req.read(50), req.read(50)]") == [b"one\nt", b"wo\nth", b"ree", b""]
    assert read("[req.readline(), req.readline(), req.readline(), req.readline()]") == [b"one\n", b"two\n", b"three", b""]
    assert read("[req.readline(2), req.readline(50), req.read()]") == [b"on", b"e\n", b"two\nthree"]
    assert read("[req.read(1), req.readline(), req.readlines()]") == [b"o", b"ne\n", [b"two\n", b"three"]]
    assert read("req.readlines()") == [b"one\n", b"two\n", b"three"]
    assert read("req.readlines(3)") == [b"one\n"]
    assert read("req.readlines(5)") == [b"one\n", b"two\n"]
    assert read("[req.read(), req.read(), req.readline(), req.readlines()]", b"") == [b"", b"", b"", []]
    assert read("[req.read_body, req.read_length, req.read(), req.read_length, req.read_body > 0]") == [
        0,
        0,
        b"one\ntwo\nthree",
        13,
        True,
    ]
    assert eval(site.get("/?req.read()").text) == b""


def test_long_lines_are_not_cut_by_the_hint(httpd):
    site = httpd(handler=ECHO)
    body = b"short\n" + b"x" * 5000 + b"\nend"
    assert eval(site.post("/?req.readlines(10)", body).text) == [b"short\n", b"x" * 5000 + b"\n"]


def test_a_bounded_line_then_the_rest(httpd):
    site = httpd(handler=ECHO)
    body = bytes(range(256)) * 1000
    assert eval(site.post("/?req.readline(3)%2Breq.read()", body).text) == body


def test_a_large_body(httpd):
    site = httpd(
        handler="""
            import hashlib

            def handler(req):
                digest = hashlib.sha256()
                while data := req.read(100000):
                    digest.update(data)
                req.write(digest.hexdigest())
                return 0
        """
    )
    body = bytes(range(251)) * 20000
    assert site.post("/", body).text == hashlib.sha256(body).hexdigest()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = site.raw(head + chunked(*(body[start : start + 70000] for start in range(0, len(body), 70000))))
    assert hashlib.sha256(body).hexdigest().encode() in answer


def test_chunked_requests(httpd):
    site = httpd(handler=ECHO)

    def read(text, *chunks):
        head = f"POST {expression(text)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = site.raw(head.encode() + chunked(*chunks))
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return answer

    assert b"b'onetwo'" in read("req.read()", b"one", b"two")
    assert b"[b'on', b'etw', b'o', b'']" in read("[req.read(2),req.read(3),req.read(9),req.read(9)]", b"one", b"two")
    assert b"[b'ab\\n', b'c']" in read("req.readlines()", b"a", b"b\nc")
    assert b"b''" in read("req.read()")


def test_expecting_100(httpd):
    site = httpd(handler=ECHO)
    with site.socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"body")
        answer = b""
        while data := connection.recv(1000):
            answer += data
    assert b"b'body'" in answer


def test_discarding(httpd):
    site = httpd(handler=ECHO)
    assert eval(site.post("/?[req.read(2),req.discard_request_body(),req.read()]", b"body").text) == [b"bo", 0, b""]
    with site.connection() as connection:
        for _ in range(3):
            assert site.ask(connection, "POST", "/?req.method", b"unread").text == "'POST'"


def test_writing(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.content_type = "text/plain; charset=utf-8"
                req.write("text \\u00e9\\u20ac ")
                req.write(b"bytes \\xff ")
                req.write(bytearray(b"array "))
                req.write(memoryview(b"xview x")[1:-1])
                req.write("")
                req.write(b"")
                for wrong in (None, 5, ["x"]):
                    try:
                        req.write(wrong)
                        req.write("wrong")
                    except TypeError:
                        pass
                assert req._bytes_queued == len("text \\u00e9\\u20ac ".encode()) + 6 + 2 + 6 + 5, req._bytes_queued
                return 0
        """
    )
    assert site.get("/").body == "text \u00e9\u20ac ".encode() + b"bytes \xff array view "


def test_flushing(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.content_type = "text/plain"
                if req.args == "buffered":
                    req.write("a", 0)
                    req.write("b", flush := 0)
                    assert req.sent_bodyct == 0
                else:
                    before = req.bytes_sent
                    req.write("four")
                    assert req.bytes_sent - before == 4, (before, req.bytes_sent)
                    assert req.sent_bodyct
                    req.flush()
                return 0
        """
    )
    buffered = site.get("/?buffered")
    assert (buffered.headers["Content-Length"], buffered.headers["Transfer-Encoding"], buffered.text) == ("2", None, "ab")
    flushed = site.get("/")
    assert (flushed.headers["Content-Length"], flushed.headers["Transfer-Encoding"], flushed.text) == (None, "chunked", "four")


def test_content_length(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.set_content_length(5)
                assert req.clength == 5
                req.write("12345")
                for wrong in (-1, 2**70):
                    try:
                        req.set_content_length(wrong)
                        assert wrong == -1
                    except (ValueError, OverflowError):
                        pass
                return 0
        """
    )
    response = site.get("/")
    assert (response.headers["Content-Length"], response.text) == ("5", "12345")


def test_a_first_flush_is_seen_before_the_handler_ends(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write("first")
                assert req.read() == b"go"
                req.write("second")
                return 0
        """
    )
    with site.socket() as connection:
        connection.sendall(b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n")
        answer = b""
        while b"first" not in answer:
            answer += connection.recv(1000)
        assert b"second" not in answer
        connection.sendall(b"go")
        while data := connection.recv(1000):
            answer += data
    assert answer.endswith(b"firstsecond")


def test_a_client_that_leaves(httpd):
    site = httpd(
        handler="""
            def handler(req):
                try:
                    for _ in range(10000):
                        req.write("x" * 100000)
                except OSError as error:
                    req.log_error(f"left: {error}", 5)
                return 0
        """
    )
    with site.socket() as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.recv(1000)
    site.wait_log(r"left: .*[Ww]rite failed")


def test_sendfile(httpd):
    site = httpd(
        handler="""
            from pathlib import Path
            from urllib.parse import unquote

            def handler(req):
                path = req.document_root() + "/data"
                try:
                    sent = eval(unquote(req.args))
                    req.headers_out["X-Sent"] = str(sent)
                    req.write(f"|{sent} {req._bytes_queued}")
                except Exception as error:
                    req.write(type(error).__name__)
                return 0
        """,
        files={"data": "0123456789"},
    )
    (site.docroot / "link").symlink_to("data")
    (site.docroot / "secret").write_text("x")
    (site.docroot / "secret").chmod(0)

    def send(text):
        return site.get("/?" + text.replace(" ", "")).text

    assert send("req.sendfile(path)") == "0123456789|10 10"
    assert send("req.sendfile(req.document_root()+'/link')") == "0123456789|10 10"
    assert send("req.sendfile(Path(path))") == "0123456789|10 10"
    assert send("req.sendfile(path.encode())") == "0123456789|10 10"
    assert send("req.sendfile(7)") == "TypeError"
    assert send("req.sendfile(path, 3)") == "3456789|7 7"
    assert send("req.sendfile(path, 3, 2)") == "34|2 2"
    assert send("req.sendfile(path, 8, 100)") == "89|2 2"
    assert send("req.sendfile(path, 0, -1)") == "0123456789|10 10"
    assert send("req.sendfile(path, 10)") == "|0 0"
    assert send("req.sendfile(path, 0, 0)") == "|0 0"
    assert send("req.sendfile(path, 11)") == "ValueError"
    assert send("req.sendfile(path, -1)") == "ValueError"
    assert send("req.sendfile(path, 0, -2)") == "ValueError"
    assert send("req.sendfile(path%2B'missing')") in ("OSError", "FileNotFoundError")
    assert send("req.sendfile(req.document_root()+'/secret')") in ("OSError", "PermissionError")
    assert send("req.sendfile('a%5C0b')") == "ValueError"


def test_a_large_sendfile(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.sendfile(req.document_root() + "/large")
                return 0
        """,
        files={"large": bytes(range(256)) * 8192},
    )
    assert site.get("/").body == bytes(range(256)) * 8192


def test_what_is_known_of_a_body(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def facts(req):
                return [req.read_body, req.read_chunked, req.remaining, req.read_length, req.expecting_100]

            def handler(req):
                before = facts(req)
                data = req.read(3)
                middle = facts(req)
                data += req.read()
                req.write(repr([before, middle[0], middle[3] >= 3, facts(req)[0], facts(req)[3], len(data)]))
                return apache.OK
        """
    )
    assert eval(site.post("/", b"x" * 9).text) == [[0, 0, 0, 0, 0], 1, True, 1, 9, 9]
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    answer = site.raw(head + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
    assert b"[[0, 0, 0, 0, 1]" in answer
    assert b"[[0, 0, 0, 0, 0]" in site.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"four"))


def test_hints_that_are_no_counts(httpd):
    site = httpd(handler=ECHO)
    body = b"one\ntwo\nthree"
    assert eval(site.post("/?req.readlines(-1)", body).text) == [b"one\n", b"two\n", b"three"]
    # Other negative numbers: one line, as ever.
    assert eval(site.post("/?req.readlines(-5)", body).text) == [b"one\n"]
    assert eval(site.post("/?req.readline(0)", body).text) in (b"", b"one\n")


def test_a_client_that_has_left_cannot_be_flushed_to(httpd):
    site = httpd(
        handler="""
            def handler(req):
                try:
                    for _ in range(10000):
                        req.write("x" * 100000, 0)
                        req.flush()
                except OSError as error:
                    req.log_error(f"left: {error}", 5)
                return 0
        """
    )
    with site.socket() as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.recv(1000)
    site.wait_log(r"left: .*([Ff]lush|[Ww]rite) failed")
