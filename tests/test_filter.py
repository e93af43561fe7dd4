"""Filters: what Python code does with bodies on their way."""

import pytest

from filters import OUTPUT, UPPER, dynamic

pytestmark = pytest.mark.threads_and_processes


@pytest.mark.every_mpm
def test_output_filter(httpd):
    site = httpd(handler=UPPER, config=OUTPUT)
    assert site.get("/").text == "SOME TEXT\nAND MORE\n"


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
    with site.socket() as connection:
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


@pytest.mark.every_mpm
def test_filters_of_subrequests(httpd):
    """A filter of an included file sees whose sub-request it is of."""
    site = httpd(
        handler="""
            def outputfilter(filter):
                main = filter.req.main
                filter.write(f"[{filter.req.uri} of {main and main.uri} in {filter.req.phase}]")
                filter.pass_on()
        """,
        config="""
            Options +Includes
            AddOutputFilter INCLUDES html
            PythonOutputFilter app mark
            AddOutputFilter mark txt
        """,
        files={"page.html": 'one <!--#include virtual="/part.txt" --> two', "part.txt": "part"},
        modules=("include", "mime", "filter"),
    )
    assert site.get("/page.html").text == "one [/part.txt of /page.html in None]part two"
    assert site.get("/part.txt").text == "[/part.txt of None in None]part"


def test_the_filter_of_a_location_knows_no_directory(httpd):
    site = httpd(
        handler="""
            import sys

            def outputfilter(filter):
                filter.write(repr([filter.dir, "/located" in sys.path, filter.req.interpreter]))
                filter.read()
                filter.close()
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            <Location /located>
                PythonOutputFilter app where
                SetOutputFilter where
                PythonInterpPerDirective On
            </Location>
        """,
        config="",
        files={"located": "x"},
    )
    assert eval(site.get("/located").text) == ["/located", False, "/located"]
