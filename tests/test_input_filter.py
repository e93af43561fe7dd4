"""Input filters: what a handler reads is what they make of the body."""

import os

import pytest

from filters import INPUT, UPPER

pytestmark = pytest.mark.threads_and_processes


@pytest.mark.every_mpm
def test_input_filter(httpd):
    site = httpd(handler=UPPER, config=INPUT)
    assert site.post("/", b"some body").text == "SOME BODY"
    assert site.post("/", b"").text == ""
    body = os.urandom(300_000)
    assert site.post("/", body).body == body.upper()


def test_dynamic_input_filter(httpd):
    site = httpd(
        handler="""
            def both(filter):
                data = filter.read()
                while data:
                    filter.write(data[::-1])
                    data = filter.read()
                if data is None:
                    filter.close()

            def handler(req):
                req.register_input_filter("Own", "app::both", "/nowhere")
                req.register_input_filter("Own", "app::both", None)
                req.add_input_filter("Own")
                req.write(req.read())
                return 0
        """,
    )
    assert site.post("/", b"body").text == "ydob"


INPUTS = """
    def double(filter):
        data = filter.read()
        while data:
            filter.write(data + data)
            data = filter.read()
        if data is None:
            filter.close()

    def gather(filter):
        # keeps everything until the end
        req = filter.req
        data = filter.read()
        while data:
            req.gathered = getattr(req, "gathered", b"") + data
            data = filter.read()
        if data is None:
            filter.write(req.gathered[::-1])
            filter.close()

    def one_line(filter):
        line = filter.readline()
        if line is None:
            filter.close()
        else:
            filter.write(b">" + line)

    def forgetful(filter):
        data = filter.read()
        if data:
            filter.write(data)

    def disable(filter):
        filter.write(b"<" + filter.read(1) + b">")
        filter.disable()

    def pass_on(filter):
        filter.pass_on()

    def recursive(filter):
        try:
            filter.req.read()
        except RuntimeError as error:
            filter.write(str(error))
        filter.close()

    def handler(req):
        req.register_input_filter("own", "app::" + req.args)
        req.add_input_filter("own")
        while data := req.read(1000):
            req.write(data)
        return 0
"""


@pytest.mark.every_mpm
def test_input_filters_that_change_the_length(httpd):
    site = httpd(handler=INPUTS)
    body = bytes(range(256)) * 1000
    for function, expected in (
        ("forgetful", body),
        ("pass_on", body),
        ("gather", body[::-1]),
        ("disable", b"<" + body[:1] + b">" + body[1:]),
    ):
        assert site.post(f"/?{function}", body).body == expected, function
        assert site.request("POST", f"/?{function}", body=iter([body[:1000], body[1000:]])).body == expected, function
    doubled = site.post("/?double", body).body
    assert len(doubled) == 2 * len(body) and sorted(doubled) == sorted(body + body)
    lines = b"".join(b"%d\n" % number for number in range(500))
    marked = site.post("/?one_line", lines).body
    assert marked.replace(b">", b"") == lines and marked.count(b">") >= 500
    assert b"the body is being read" in site.post("/?recursive", b"x").body


def test_what_a_filter_drops_is_not_the_end(httpd):
    site = httpd(
        handler="""
            def without_a(filter):
                data = filter.read()
                while data:
                    filter.write(data.replace(b"a", b""))
                    data = filter.read()
                if data is None:
                    filter.close()

            def handler(req):
                req.write(f"{[req.read(1) for _ in range(6)]}")
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonInputFilter app::without_a W\nSetInputFilter W\n",
    )
    assert site.post("/", b"aabaca" + b"a" * 100_000 + b"d").text == "[b'b', b'c', b'd', b'', b'', b'']"


EARLY = """
    from mod_python import apache

    def early(filter):
        filter.write("made up")
        filter.close()

    def ended(filter):
        filter.read(1)
        raise apache.SERVER_RETURN(apache.DONE)

    def handler(req):
        req.register_input_filter("own", "app::" + req.args)
        req.add_input_filter("own")
        req.write(f"{req.uri}: {req.read()}.")
        return apache.OK
"""


@pytest.mark.every_mpm
@pytest.mark.parametrize("function, read", [("early", b"b'made up'"), ("ended", b"b''")])
def test_what_a_filter_leaves_of_a_body_is_no_request(httpd, function, read):
    site = httpd(handler=EARLY)
    smuggled = b"GET /smuggled?early HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"POST /first?{function} HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    last = f"POST /last?{function} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx".encode()
    # What is there is dropped, and the connection goes on.
    answer = site.raw((head % len(smuggled)).encode() + smuggled + last)
    assert answer.count(b"HTTP/1.1 200") == 2 and b"smuggled" not in answer
    assert b"/first: " + read + b"." in answer and b"/last: " + read + b"." in answer
    # Where more would have to be waited for it ends; the client is answered at once all the same.
    answer = site.raw((head % 100_000).encode() + smuggled + last)
    assert answer.count(b"HTTP/1.1 200") == 1 and b"Connection: close" in answer and b"smuggled" not in answer
