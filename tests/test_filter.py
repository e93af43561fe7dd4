"""Filters: what Python code does with bodies on their way."""

import os
import socket
import textwrap

import pytest

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
OUTPUT = """
    SetHandler mod_python
    PythonHandler app
    PythonOutputFilter app UPPER
    SetOutputFilter UPPER
"""
INPUT = """
    SetHandler mod_python
    PythonHandler app
    PythonInputFilter app UPPER
    SetInputFilter UPPER
"""


@pytest.mark.every_mpm
def test_output_filter(httpd):
    site = httpd(handler=UPPER, config=OUTPUT)
    assert site.get("/").text == "SOME TEXT\nAND MORE\n"


@pytest.mark.every_mpm
def test_input_filter(httpd):
    site = httpd(handler=UPPER, config=INPUT)
    assert site.post("/", b"some body").text == "SOME BODY"
    assert site.post("/", b"").text == ""
    body = os.urandom(300_000)
    assert site.post("/", body).body == body.upper()


def test_filter_of_a_file(httpd):
    site = httpd(
        handler=UPPER,
        files={"page.txt": "a page\n" * 1000, "empty.txt": ""},
        config="PythonOutputFilter app upper\nSetOutputFilter Upper",
    )
    assert site.get("/page.txt").text == "A PAGE\n" * 1000
    assert site.get("/empty.txt").text == ""
    assert site.request("HEAD", "/page.txt").body == b""


def test_a_filter_without_a_name_has_that_of_its_handler(httpd):
    site = httpd(
        handler="""
            def shout(filter):
                filter.write(repr((filter.name, filter.handler, filter.dir, filter.is_input, filter.closed)))
                filter.read()
                filter.close()
        """,
        files={"page.txt": "a page"},
        config="PythonOutputFilter app::Shout\nPythonOutputFilter app::shout\nSetOutputFilter app::SHOUT",
    )
    expected = ("app::shout", "app::shout", f"{site.docroot}/", 0, 0)
    assert site.get("/page.txt").text == repr(expected)


def test_wildcard_directory(httpd):
    """Q24: the directory of the request, not the pattern."""
    files = {f"{name}/app.py": f"def outputfilter(filter): filter.write('{name} ' + filter.dir); filter.close()" for name in "ab"}
    site = httpd(
        files={**files, "a/x": "x", "b/x": "x"},
        server="""
            <Directory "${docroot}/*">
                PythonOutputFilter app name
                SetOutputFilter name
                PythonInterpPerDirective On
            </Directory>
        """,
    )
    assert [site.get(f"/{name}/x").text for name in "ab"] == [f"{name} {site.docroot}/{name}/" for name in "ab"]


def test_the_interpreter_of_a_filter(httpd):
    site = httpd(
        handler="""
            def outputfilter(filter):
                filter.write(filter.req.interpreter)
                filter.close()
        """,
        files={"x": "x"},
        config="PythonOutputFilter app name\nSetOutputFilter name\nPythonInterpPerDirective On",
    )
    assert site.get("/x").text == f"{site.docroot}/"


FUNCTIONS = """
    import io

    def handler(req):
        req.content_type = "text/plain"
        req.register_output_filter("own", "app::" + req.args)
        req.add_output_filter("own")
        for part in ("one\\n", "two\\nthree"):
            req.write(part, 0)
        return 0
"""


def dynamic(httpd, functions, **options):
    return httpd(handler=textwrap.dedent(FUNCTIONS) + textwrap.dedent(functions), **options)


def test_dynamic_output_filter(httpd):
    site = dynamic(
        httpd,
        """
        def shout(filter):
            data = filter.read()
            while data:
                filter.write(data.upper() + filter.name.encode())
                data = filter.read()
            if data is None:
                filter.close()
        """,
    )
    assert site.get("/?shout").text == "ONE\nTWO\nTHREEmod_python"


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


def test_callables_as_filters(httpd):
    site = httpd(
        handler="""
            class Suffix:
                def __init__(self, text):
                    self.text = text

                def __call__(self, filter):
                    filter.write(filter.read() + self.text)
                    filter.close()

            def handler(req):
                for text in (b" never", b" world"):
                    req.register_output_filter("own", Suffix(text))
                req.add_output_filter("own")
                req.register_output_filter("named", lambda filter: filter.write(filter.handler + " "))
                req.register_output_filter("named", lambda filter: (filter.write("say "), filter.pass_on()))
                req.add_output_filter("named")
                req.write("hello", 0)
                return 0
        """,
    )
    for _ in range(3):
        assert site.get("/").text == "say hello world"


def test_names_of_no_filter(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.add_output_filter("nosuch")
                for function in (req.register_output_filter, req.add_input_filter):
                    for arguments in ((1,), ("a", 2), ("a\\0", "b"), ()):
                        try:
                            function(*arguments)
                        except (TypeError, ValueError):
                            pass
                        else:
                            raise AssertionError(arguments)
                req.write("fine")
                return 0
        """
    )
    site.expect_log("unknown filter was not added: nosuch")
    site.expect_log("unknown filter")
    assert site.get("/").text == "fine"


def test_lines(httpd):
    site = dynamic(
        httpd,
        """
        def lines(filter):
            line = filter.readline()
            while line:
                filter.write(f"<{line!r}>")
                line = filter.readline(4)
            if line is None:
                filter.close()

        def bytes_(filter):
            assert filter.read(0) == b""
            data = filter.read(3)
            while data:
                filter.write(data + b"|")
                data = filter.read(3)
            if data is None:
                filter.close()
        """,
    )
    assert site.get("/?lines").text == "<b'one\\n'><b'two\\n'><b'thre'><b'e'>"
    assert site.get("/?bytes_").text == "one|\ntw|o\nt|hre|e|"


def test_what_is_written_is_copied(httpd):
    """Q1: temporaries, buffers that change afterwards, print."""
    site = dynamic(
        httpd,
        """
        def temporaries(filter):
            for number in range(2000):
                filter.write("%d " % number)
                filter.write(bytes(str(number), "ascii") + b"\\n")
            buffer = bytearray(b"x" * 20000)
            filter.write(buffer)
            buffer[:] = b"y" * 20000
            filter.write(memoryview(buffer)[:3])
            print(1, 2, "\\u20ac", file=filter, flush=True)
            filter.close()
        """,
    )
    numbers = "".join(f"{number} {number}\n" for number in range(2000))
    assert site.get("/?temporaries").text == numbers + "x" * 20000 + "yyy" + "1 2 \u20ac\n"


def test_a_closed_filter(httpd):
    site = dynamic(
        httpd,
        """
        def closed(filter):
            assert filter.closed == 0
            filter.write("all")
            filter.close(1)
            filter.close()
            filter.flush()
            assert filter.closed == 1
            for function, *arguments in ((filter.read,), (filter.readline,), (filter.write, "more")):
                try:
                    function(*arguments)
                except ValueError as error:
                    assert str(error) == "I/O operation on closed filter"
                else:
                    raise AssertionError(function)
        """,
    )
    response = site.get("/?closed")
    assert (response.status, response.text) == (200, "all")


def test_the_object(httpd):
    site = dynamic(
        httpd,
        """
        def look(filter):
            assert str(type(filter)) == "<class 'mp_filter'>"
            assert "read" in dir(filter) and not hasattr(filter, "nonexistent")
            for name, value in (("req", None), ("closed", 1), ("name", "x"), ("new", 1)):
                try:
                    setattr(filter, name, value)
                except AttributeError:
                    pass
                else:
                    raise AssertionError(name)
            try:
                del filter.softspace
            except AttributeError:
                pass
            filter.softspace = 1
            assert filter.softspace == 1
            assert filter.req.uri == "/" and filter.dir is None
            for value in (1, None, "\\ud800"):
                try:
                    filter.write(value)
                except (TypeError, UnicodeEncodeError):
                    pass
                else:
                    raise AssertionError(value)
            filter.req.kept = filter
            filter.pass_on()
        """,
    )
    assert site.get("/?look").text == "one\ntwo\nthree"


def test_a_filter_object_that_was_kept(httpd):
    site = httpd(
        handler="""
            kept = []

            def outputfilter(filter):
                kept.append(filter)
                filter.pass_on()

            def handler(req):
                req.register_output_filter("own", "app::outputfilter")
                req.add_output_filter("own")
                req.write("text")
                for name in ("name", "req", "closed", "handler", "dir", "is_input"):
                    try:
                        getattr(kept[0], name)
                    except RuntimeError as error:
                        req.log_error(str(error), 7)
                    else:
                        raise AssertionError(name)
                for method in ("read", "flush", "close", "disable", "pass_on"):
                    try:
                        getattr(kept[0], method)()
                    except RuntimeError as error:
                        message = str(error)
                req.write(message)
                return 0
        """
    )
    assert site.get("/").text == "textthis filter object can no longer be used: its invocation is over"


def test_disable_and_pass_on(httpd):
    site = dynamic(
        httpd,
        """
        def disable(filter):
            filter.write("first ")
            filter.write(filter.read(3))
            filter.disable()

        def pass_on(filter):
            filter.write("first ")
            filter.write(filter.read(3).upper())
            filter.pass_on()

        def nothing(filter):
            pass
        """,
    )
    assert site.get("/?disable").text == "first one\ntwo\nthree"
    assert site.get("/?pass_on").text == "first ONE\ntwo\nthree"
    response = site.get("/?nothing")
    assert (response.status, response.text) == (200, "")


def test_the_end_is_passed_on_even_if_the_filter_forgets_to_close(httpd):
    site = dynamic(
        httpd,
        """
        def forgetful(filter):
            data = filter.read()
            while data:
                filter.write(data)
                data = filter.read()
        """,
    )
    with site.connection() as connection:
        for _ in range(3):
            assert site.ask(connection, "GET", "/?forgetful").text == "one\ntwo\nthree"


def test_a_filter_that_writes_to_itself(httpd):
    site = dynamic(
        httpd,
        """
        def outputfilter(filter):
            try:
                filter.req.write("x" * 20000)
            except OSError:
                filter.write("refused")
            filter.read()
            filter.close()
        """,
    )
    site.expect_log("must not use what is filtered by itself")
    assert site.get("/?outputfilter").text == "refused"


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


def test_flushed_parts_arrive_one_by_one(httpd):
    site = httpd(
        handler="""
            import os, time

            def outputfilter(filter):
                data = filter.read()
                while data:
                    filter.write(data.upper())
                    data = filter.read()
                if data is None:
                    filter.close()

            def handler(req):
                req.register_output_filter("own", "app::outputfilter")
                req.add_output_filter("own")
                req.write("first")
                end = time.monotonic() + 20
                while not os.path.exists(req.document_root() + "/../scratch/go") and time.monotonic() < end:
                    time.sleep(0.01)
                req.write("second")
                return 0
        """
    )
    with socket.create_connection(("127.0.0.1", site.port), 15) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = b""
        while b"FIRST" not in received:
            data = connection.recv(1000)
            assert data
            received += data
        (site.scratch / "go").touch()
        while data := connection.recv(1000):
            received += data
    assert received.endswith(b"FIRSTSECOND")


def test_filters_survive_restarts(httpd):
    site = httpd(handler=UPPER, config=OUTPUT)
    for restart in (site.graceful, site.restart, site.graceful):
        assert site.get("/").text == "SOME TEXT\nAND MORE\n"
        restart()
    assert site.get("/").text == "SOME TEXT\nAND MORE\n"


def test_filters_and_internal_redirects(httpd):
    """Q25: a filter belongs to the request that added it."""
    site = httpd(
        handler="""
            def outputfilter(filter):
                data = filter.read()
                while data:
                    filter.write(data.upper())
                    data = filter.read()
                if data is None:
                    filter.close()

            def handler(req):
                if req.uri == "/target":
                    req.write("the target")
                    return 0
                req.register_output_filter("own", "app::outputfilter")
                req.add_output_filter("own")
                req.register_input_filter("own", "app::outputfilter")
                req.add_input_filter("own")
                req.internal_redirect("/target")
                return 0
        """
    )
    assert site.get("/").text == "the target"
