"""Content handlers: what they return and what the client then sees."""

import http
from urllib.parse import quote

import pytest

# Returns, raises or does what the query says, as one Python expression.
OBEDIENT = """
    import enum
    import http
    from urllib.parse import unquote

    from mod_python import apache

    class Result(enum.IntEnum):
        FORBIDDEN = 403

    def stop(*arguments):
        raise apache.SERVER_RETURN(*arguments)

    def handler(req):
        req.content_type = "text/plain"
        return eval(unquote(req.args))
"""


@pytest.mark.every_mpm
def test_hello(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.content_type = "text/plain"
                req.write("Hello, world\\n")
                return apache.OK
        """
    )
    response = site.get("/")
    assert (response.status, response.text) == (200, "Hello, world\n")
    assert response.headers["Content-Type"] == "text/plain"
    assert site.request("HEAD", "/").body == b""


def test_both_names_of_the_content_handler(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write(req.handler)
                return 0
        """,
        config="""
            PythonHandler app
            <Files a>
                SetHandler Mod_Python
            </Files>
            <Files b>
                SetHandler python-program
            </Files>
        """,
        files={"plain.txt": "a file"},
    )
    assert site.get("/a").text == "mod_python"
    assert site.get("/b").text == "python-program"
    assert site.get("/plain.txt").text == "a file"


def test_statuses_that_a_handler_returns(httpd):
    site = httpd(handler=OBEDIENT, files={"file.txt": "the file"})

    def answer(expression, path="/"):
        response = site.get(f"{path}?{quote(expression)}")
        return response.status, response.text

    assert answer("req.write('x') or apache.OK") == (200, "x")
    assert answer("apache.DECLINED", "/file.txt") == (200, "the file")
    assert answer("req.write('before ') or apache.DECLINED", "/file.txt") == (200, "before the file")
    assert answer("req.write('x') or apache.DONE") == (200, "x")
    assert answer("apache.HTTP_NOT_FOUND")[0] == 404
    assert answer("req.write('discarded', 0) or apache.HTTP_GONE")[0] == 410
    assert "discarded" not in answer("req.write('discarded', 0) or apache.HTTP_GONE")[1]
    assert answer("apache.HTTP_NO_CONTENT") == (204, "")
    assert answer("apache.HTTP_NOT_MODIFIED") == (304, "")
    assert answer("apache.HTTP_OK")[0] == 200
    assert answer("setattr(req, 'status', 201) or req.write('made') or apache.OK") == (201, "made")
    assert answer("apache.HTTP_SERVICE_UNAVAILABLE")[0] == 503


def test_redirect_with_a_location(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.headers_out["Location"] = "/elsewhere"
                return apache.HTTP_MOVED_TEMPORARILY
        """
    )
    response = site.get("/")
    assert response.status == 302
    assert response.headers["Location"].endswith("/elsewhere")


@pytest.mark.parametrize("expression", ["1", "-5", "99999"])
def test_integers_that_mean_nothing_to_httpd(httpd, expression):
    site = httpd(handler=OBEDIENT)
    site.expect_log("invalid result code")
    assert site.get(f"/?{quote(expression)}").status == 500


@pytest.mark.parametrize("expression", ["None", "True", "'text'", "3.5", "apache", "2**40", "-(2**31) - 1"])
def test_results_that_are_no_statuses(httpd, expression):
    site = httpd(handler=OBEDIENT)
    site.expect_log("PythonHandler app")
    assert site.get(f"/?{quote(expression)}").status == 500
    assert site.get("/?apache.HTTP_GONE").status == 410


def test_subclasses_of_int_are_statuses(httpd):
    site = httpd(handler=OBEDIENT)
    assert site.get("/?Result.FORBIDDEN").status == 403
    assert site.get("/?http.HTTPStatus.GONE").status == 410


@pytest.mark.parametrize("name", ["CREATED", "FORBIDDEN", "GONE", "TOO_MANY_REQUESTS", "LOOP_DETECTED"])
def test_statuses_of_the_standard_library(httpd, name):
    site = httpd(handler=OBEDIENT)
    status = http.HTTPStatus[name].value

    def answer(expression):
        response = site.get(f"/?{quote(expression)}")
        return response.status, response.reason

    if status >= 400:
        assert answer(f"http.HTTPStatus.{name}")[0] == status
        assert answer(f"stop(http.HTTPStatus.{name})")[0] == status
    assert answer(f"setattr(req, 'status', http.HTTPStatus.{name}) or req.write('x') or apache.OK")[0] == status
    assert answer(f"stop(apache.DONE, http.HTTPStatus.{name})")[0] == status


def test_a_status_is_read_back_as_a_number(httpd):
    site = httpd(
        functions="""
            import http

            def assign(req):
                req.status = http.HTTPStatus.NOT_FOUND
                number = req.status
                req.status = http.HTTPStatus.OK
                return type(number).__name__, number, number == http.HTTPStatus.NOT_FOUND

            def refused(req):
                found = []
                for value in ("404", None, 2.5, 1 << 40):
                    try:
                        req.status = value
                    except (TypeError, OverflowError) as error:
                        found.append(type(error).__name__)
                return found
        """
    )
    assert site.call("assign") == ("int", 404, True)
    assert site.call("refused") == ["TypeError", "TypeError", "TypeError", "OverflowError"]


def test_server_return(httpd):
    site = httpd(handler=OBEDIENT)

    def status(expression):
        return site.get(f"/?{quote(expression)}").status

    assert status("stop(apache.HTTP_FORBIDDEN)") == 403
    assert status("stop(apache.OK)") == 200
    assert status("stop(apache.OK, 409)") == 409
    assert status("stop(apache.DONE, 201)") == 201
    assert status("stop(apache.DONE, None)") == 200
    assert status("stop(apache.HTTP_GONE, 0, 'ignored')") == 410
    assert status("stop(http.HTTPStatus.GONE)") == 410


@pytest.mark.parametrize("expression", ["stop()", "stop(True)", "stop('403')", "stop(None)"])
def test_server_return_without_a_status(httpd, expression):
    site = httpd(handler=OBEDIENT)
    site.expect_log("PythonHandler app")
    assert site.get(f"/?{quote(expression)}").status == 500


def test_stacked_handlers(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def result_of(req, name):
                req.write(name + " ")
                return dict(pair.split("=") for pair in req.args.split("&"))[name]

            def one(req):
                return getattr(apache, result_of(req, "one"))

            def two(req):
                raise apache.SERVER_RETURN(getattr(apache, result_of(req, "two")))

            def three(req):
                return getattr(apache, result_of(req, "three"))
        """,
        config="""
            SetHandler mod_python
            PythonHandler app::one app::two
            PythonHandler app::three
        """,
        files={"file": "file"},
    )

    def body(**results):
        return site.get("/file?" + "&".join("=".join(pair) for pair in results.items())).text

    assert body(one="OK", two="OK", three="OK") == "one two three "
    assert body(one="DONE") == "one "
    assert body(one="OK", two="DONE") == "one two "
    # DECLINED stops the stack, and the default handler answers.
    assert body(one="OK", two="DECLINED") == "one two file"
    assert body(one="OK", two="OK", three="DECLINED") == "one two three file"


def test_handlers_that_are_objects(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            class Page:
                def __init__(self, req):
                    self.req = req

                def method(self, req):
                    req.write("method " + str(self.req is req))
                    return apache.OK

                class Inner:
                    def __init__(self, req):
                        self.req = req

                    def method(self, req):
                        req.write("inner " + str(self.req is req))
                        return apache.OK

            class Space:
                pass

            class Callable:
                def __call__(self, req):
                    req.write("called")
                    return apache.OK

            def function(req):
                req.write("function")
                return apache.OK

            space = Space()
            space.deep = Space()
            space.deep.function = function
            instance = Callable()
        """,
        config="""
            SetHandler mod_python
            <Files method>
                PythonHandler app::Page.method
            </Files>
            <Files inner>
                PythonHandler app::Page.Inner.method
            </Files>
            <Files chain>
                PythonHandler app::space.deep.function
            </Files>
            <Files instance>
                PythonHandler app::instance
            </Files>
            <Files package>
                PythonHandler parcel.inside::page
            </Files>
        """,
        files={
            "parcel/__init__.py": "",
            "parcel/inside.py": """
                def page(req):
                    req.write("packed")
                    return 0
            """,
        },
    )
    assert site.get("/method").text == "method True"
    assert site.get("/inner").text == "inner True"
    assert site.get("/chain").text == "function"
    assert site.get("/instance").text == "called"
    assert site.get("/package").text == "packed"


def test_mod_python_without_a_handler_serves_the_file(httpd):
    site = httpd(config="SetHandler mod_python", files={"page.txt": "as it is"})
    assert site.get("/page.txt").text == "as it is"


def test_sixteen_requests_at_once(httpd):
    site = httpd(
        handler="""
            import threading

            barrier = threading.Barrier(16, timeout=20)

            def handler(req):
                barrier.wait()
                req.write(str(threading.get_ident()))
                return 0
        """
    )
    connections = [site.connection() for _ in range(16)]
    for connection in connections:
        connection.request("GET", "/")
    bodies = {connection.getresponse().read() for connection in connections}
    for connection in connections:
        connection.close()
    assert len(bodies) == 16
