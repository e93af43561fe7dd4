"""WSGI applications under `PythonHandler mod_python.wsgi`: what PEP 3333 promises, and what is refused by name."""

import re

import pytest

from wsgi_applications import by_name


@pytest.mark.every_mpm
def test_hello(wsgi):
    site = wsgi("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("X-One", "1"), ("X-One", "2")])
            return [b"hello"]
    """)
    response = site.get("/page")
    assert (response.status, response.reason, response.body) == (200, "OK", b"hello")
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["Content-Length"] == "5"
    assert response.headers.get_all("X-One") == ["1", "2"]


@pytest.mark.every_mpm
@pytest.mark.parametrize("interpreter", ["main_interpreter", "another"])
def test_after_a_handler_of_an_earlier_phase(wsgi, interpreter):
    site = wsgi(
        """
        def accesshandler(req):
            req.get_options()
            return 0

        def application(environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(environ["wsgi.input"].read())
            return iter([b" and more"])
        """,
        config=f"PythonAccessHandler app\nPythonInterpreter {interpreter}",
    )
    assert [site.post("/page", b"body").body for _ in range(2)] == [b"body and more"] * 2


@pytest.mark.every_mpm
def test_wsgiref_validate(wsgi):
    site = wsgi("""
        from wsgiref.validate import validator

        @validator
        def application(environ, start_response):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            write = start_response("201 Created", [("Content-Type", "text/plain")])
            environ["wsgi.errors"].write("seen\\n")
            write(b"<")
            return iter([body, b">"])
    """)
    assert site.get("/").body == b"<>"
    response = site.post("/a/b?c=d", b"x" * 100_000)
    assert (response.status, response.body) == (201, b"<" + b"x" * 100_000 + b">")
    site.expect_log("seen$")


ANSWERS = """
    def one(environ, start_response):
        begin(start_response)
        return [b"hello"]
    def several(environ, start_response):
        begin(start_response)
        return (b"he", b"", b"llo")
    def generator(environ, start_response):
        begin(start_response)
        yield b""
        yield b"he"
        yield b"llo"
    def late(environ, start_response):
        def body():
            begin(start_response)
            yield b"hello"
        return body()
    def writes(environ, start_response):
        write = begin(start_response)
        write(b"he")
        write(b"")
        return [b"llo"]
    def length(environ, start_response):
        begin(start_response, [("Content-Length", "5")])
        yield b"he"
        yield b"llo"
    def iterator(environ, start_response):
        class Body:
            def __iter__(self):
                return iter([b"hello"])
        begin(start_response)
        return Body()
    def subclass(environ, start_response):
        class Bytes(bytes): pass
        begin(start_response)
        return [Bytes(b"hello")]
    def replaced(environ, start_response):
        begin(start_response, [("X-Gone", "1")], "404 Gone")
        try:
            raise ValueError
        except ValueError:
            begin(lambda status, headers: start_response(status, headers, sys.exc_info()))
        return [b"hello"]
    def none_is_no_exc_info(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")], None)
        return [b"hello"]
    def by_keyword(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")], exc_info=None)
        return [b"hello"]
"""


@pytest.mark.parametrize("name", re.findall(r"def (\w+)\(environ", ANSWERS))
def test_answers(wsgi, name):
    site = wsgi(by_name(ANSWERS))
    response = site.get(f"/{name}")
    assert (response.status, response.reason, response.body) == (200, "OK", b"hello")
    assert response.headers["Content-Type"] == "text/plain" and response.headers["X-Gone"] is None
    known = name in ("one", "length", "subclass", "replaced", "none_is_no_exc_info", "by_keyword")
    assert response.headers["Content-Length"] == ("5" if known else None)
    response = site.request("HEAD", f"/{name}")
    assert (response.status, response.body) == (200, b"")
    assert response.headers["Content-Length"] == ("5" if known else None)


# What breaks PEP 3333 before anything was sent: 500, and the log names the rule.
BROKEN = """
    def never_started(environ, start_response):
        return [b"x"]
    def never_started_empty(environ, start_response):
        return []
    def twice(environ, start_response):
        begin(start_response)
        begin(start_response)
    def status_is_bytes(environ, start_response):
        start_response(b"200 OK", [])
    def status_is_a_number(environ, start_response):
        start_response(200, [])
    def status_without_number(environ, start_response):
        start_response("OK", [])
    def status_is_interim(environ, start_response):
        start_response("100 Continue", [])
    def status_with_newline(environ, start_response):
        start_response("200 OK\\r\\nX: y", [])
    def headers_are_a_tuple(environ, start_response):
        start_response("200 OK", ())
    def header_is_a_list(environ, start_response):
        start_response("200 OK", [["a", "b"]])
    def value_is_bytes(environ, start_response):
        start_response("200 OK", [("a", b"b")])
    def value_is_a_number(environ, start_response):
        start_response("200 OK", [("Content-Length", 5)])
    def value_is_no_latin1(environ, start_response):
        start_response("200 OK", [("a", "\\u20ac")])
    def value_with_newline(environ, start_response):
        start_response("200 OK", [("a", "b\\nc: d")])
    def name_is_no_token(environ, start_response):
        start_response("200 OK", [("a b", "c")])
    def name_of_the_connection(environ, start_response):
        start_response("200 OK", [("Connection", "close")])
    def length_is_no_number(environ, start_response):
        start_response("200 OK", [("Content-Length", "-1")])
    def lengths_differ(environ, start_response):
        start_response("200 OK", [("Content-Length", "1"), ("Content-Length", "2")])
    def promised_body(environ, start_response):
        start_response("200 OK", [("Content-Length", "1")])
        return []
    def promised_more(environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return [b"abc", b"def"]
    def returns_none(environ, start_response):
        begin(start_response)
    def returns_str(environ, start_response):
        begin(start_response)
        return "text"
    def returns_bytes(environ, start_response):
        begin(start_response)
        return b"data"
    def yields_str(environ, start_response):
        begin(start_response)
        return ["text"]
    def yields_none(environ, start_response):
        begin(start_response)
        return iter([None])
    def writes_str(environ, start_response):
        begin(start_response)("text")
    def arguments(environ, start_response):
        start_response("200 OK")
    def exc_info_is_no_tuple(environ, start_response):
        write = begin(start_response)
        start_response("200 OK", [], 5)
        write(b"")
        return 5
"""
RULES = {
    "never_started": r"RuntimeError: the application has not called start_response\(\)",
    "never_started_empty": r"RuntimeError: the application has not called start_response\(\)",
    "twice": r"RuntimeError: start_response\(\) was called already",
    "status_is_bytes": "TypeError: start_response: the status must be str, not bytes",
    "status_is_a_number": "TypeError: start_response: the status must be str, not int",
    "status_without_number": "ValueError: start_response: the status must begin with a number from 200 to 599.*'OK'",
    "status_is_interim": "ValueError: start_response: the status must begin with a number from 200 to 599",
    "status_with_newline": "ValueError: start_response: the status has control characters",
    "headers_are_a_tuple": "TypeError: start_response: the headers must be a list, not tuple",
    "header_is_a_list": r"TypeError: start_response: each header must be a tuple \(name, value\)",
    "value_is_bytes": "TypeError: start_response: the value of a header must be str, not bytes",
    "value_is_a_number": "TypeError: start_response: the value of a header must be str, not int",
    "value_is_no_latin1": "ValueError: start_response: the value of a header has characters that are not ISO-8859-1",
    "value_with_newline": "ValueError: start_response: the value of a header has control characters",
    "name_is_no_token": "ValueError: start_response: 'a b' is no name of a header",
    "name_of_the_connection": "ValueError: start_response: 'Connection' is a header of the connection",
    "length_is_no_number": "ValueError: start_response: Content-Length is no number of bytes: '-1'",
    "lengths_differ": "ValueError: start_response: two headers Content-Length contradict each other",
    "promised_body": "RuntimeError: the body has 0 bytes, but its Content-Length says 1",
    "promised_more": "RuntimeError: the body has 6 bytes, but its Content-Length says 10",
    "returns_none": "TypeError: the application must return an iterable of bytes, not NoneType",
    "returns_str": r"TypeError: the application returned str, .* return \[data\]",
    "returns_bytes": r"TypeError: the application returned bytes, .* return \[data\]",
    "yields_str": "TypeError: the application must yield bytes, not str",
    "yields_none": "TypeError: the application must yield bytes, not NoneType",
    "writes_str": r"TypeError: write\(\) takes bytes, not str",
    "arguments": "TypeError: start_response takes a status, a list of headers and perhaps exc_info",
    "exc_info_is_no_tuple": "TypeError: ",
}


@pytest.mark.parametrize("name", re.findall(r"def (\w+)\(environ", BROKEN))
def test_broken_rules(wsgi, name):
    site = wsgi(by_name(BROKEN))
    assert site.get(f"/{name}").status == 500
    assert re.search(RULES[name], site.error_log), site.error_log
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")


def test_debug_shows_the_traceback(wsgi):
    site = wsgi(by_name("def wrong(environ, start_response):\n    raise ValueError('<here>')\n"), "PythonDebug On")
    response = site.get("/wrong")
    assert response.status == 500 and "ValueError: &lt;here&gt;" in response.text
    site.expect_log("ValueError: <here>")
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")


@pytest.mark.every_mpm
def test_request_bodies(wsgi):
    site = wsgi(
        by_name("""
            def whole(environ, start_response):
                begin(start_response)
                body = environ["wsgi.input"].read()
                return [b"%d %d %s" % (len(body), body.count(b"\\n"), environ.get("CONTENT_LENGTH", "none").encode())]
            def parts(environ, start_response):
                begin(start_response)
                stream = environ["wsgi.input"]
                return [ascii([stream.read(2), stream.readline(), stream.readline(3), stream.readlines(1), list(stream),
                               stream.read(), stream.read(5), stream.readline(), stream.readlines()]).encode()]
            def ignored(environ, start_response):
                begin(start_response)
                return [b"ignored"]
        """)
    )
    body = b"0123456789abcde\n" * 20_000
    size = str(len(body))
    assert site.post("/whole", body).text == f"{size} 20000 {size}"
    chunked = site.post("/whole", iter([body[:70_000], body[70_000:]]))
    assert chunked.text == f"{size} 20000 none"
    parts = site.post("/parts", b"ab\nabcdef\nline\nx\nend").text
    assert parts == str([b"ab", b"\n", b"abc", [b"def\n"], [b"line\n", b"x\n", b"end"], b"", b"", b"", []])
    with site.connection() as connection:
        for _ in range(3):
            assert site.ask(connection, "POST", "/ignored", body).text == "ignored"
    answer = site.raw(
        b"POST /whole HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") and answer.endswith(b"2 0 2")


def test_a_client_that_expects_and_is_not_read(wsgi):
    site = wsgi(by_name("def no(environ, start_response):\n    begin(start_response, status='403 No')\n    return [b'no']\n"))
    answer = site.raw(b"POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", half_close=True)
    assert answer.startswith(b"HTTP/1.1 403 No\r\n")


def test_too_large_a_body(wsgi):
    site = wsgi(by_name("def echo(environ, start_response):\n    raise SystemError\n"), "LimitRequestBody 10")
    assert site.post("/echo", b"x" * 11).status == 413


def test_files(wsgi):
    site = wsgi(
        by_name("""
            def plain(environ, start_response):
                begin(start_response)
                return environ["wsgi.file_wrapper"](open(__file__, "rb"))
            def rest(environ, start_response):
                begin(start_response)
                file = open(__file__, "rb")
                file.read(100)
                return environ["wsgi.file_wrapper"](file, 10)
            def length(environ, start_response):
                begin(start_response, [("Content-Length", "20")])
                return environ["wsgi.file_wrapper"](open(__file__, "rb"))
            def memory(environ, start_response):
                begin(start_response)
                return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 100_000), 999)
            def iterated(environ, start_response):
                begin(start_response)
                return map(bytes.upper, environ["wsgi.file_wrapper"](open(__file__, "rb")))
            closed = []
            class File:
                blocks = [b"", b"x"]
                def read(self, size):
                    return self.blocks.pop()
                def close(self):
                    closed.append(1)
            def closes(environ, start_response):
                begin(start_response)
                return environ["wsgi.file_wrapper"](File())
            def count(environ, start_response):
                begin(start_response)
                return [str(len(closed)).encode()]
        """),
        children=1,
    )
    text = (site.docroot / "app.py").read_bytes()
    for name, body, size in (
        ("plain", text, len(text)),
        ("rest", text[100:], len(text) - 100),
        ("length", text[:20], 20),
        ("memory", b"x" * 100_000, None),
        ("iterated", text.upper(), None),
        ("closes", b"x", None),
        ("count", b"1", 1),
    ):
        response = site.get(f"/{name}")
        assert (name, response.body) == (name, body)
        assert response.headers["Content-Length"] == (None if size is None else str(size)), name
    assert site.request("HEAD", "/plain").headers["Content-Length"] == str(len(text))


def test_errors_stream(wsgi):
    site = wsgi(
        by_name("""
            kept = []
            def log(environ, start_response):
                errors = environ["wsgi.errors"]
                kept.append(errors)
                print("one", 2, file=errors)
                errors.write("half")
                errors.write(" and half\\nopen")
                errors.flush()
                errors.writelines(["three\\n", "f\\u00fcnf\\n", "left open"])
                begin(start_response)
                return [b""]
            def later(environ, start_response):
                print("after the request", file=kept[0])
                begin(start_response)
                return [b""]
            def wrong(environ, start_response):
                environ["wsgi.errors"].write(b"bytes")
        """),
        children=1,
    )
    site.get("/log")
    lines = ["one 2", "half and half", "open", "three", r"f\\xc3\\xbcnf", "left open"]
    for line in lines:
        assert re.search(rf"\[python:error\] \[pid .*\] \[client 127\.0\.0\.1:\d+\] {line}$", site.error_log, re.M), line
        site.expect_log(rf" {line}$")
    site.settle()
    site.get("/later")
    site.expect_log(r"\[python:error\] \[pid [^\]]*\] after the request$")
    assert site.get("/wrong").status == 500
    site.expect_log("TypeError: wsgi.errors takes str, not bytes")
    site.expect_log(r"PythonHandler mod_python\.wsgi: ")
