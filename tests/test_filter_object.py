"""The filter object: reading, writing, closing, disabling, and what becomes of one that is kept."""

import pytest

from filters import dynamic

pytestmark = pytest.mark.threads_and_processes


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
