"""req.subrequest_uri and req.subrequest_file: looked up, asked, run, and closed."""

import pytest

import valgrind

# Executes the lines of the header Do.
DO = """
    from mod_python import apache

    cleaned = []

    def handler(req):
        req.content_type = "text/plain"
        exec(req.headers_in["Do"].replace(";", "\\n"), globals() | {"req": req})
        return apache.OK

    def inner(req):
        req.headers_out["X-Inner"] = "1"
        req.write(f"<{req.method} {req.uri} {req.args} {req.main is not None}>")
        return apache.OK

    def failing(req):
        raise KeyError("expected")

    def gone(req):
        return apache.HTTP_GONE

    def cleaning(req):
        req.register_cleanup(lambda _: cleaned.append(req.uri))
        req.write("cleaning")
        return apache.OK
"""
CONFIG = """
    <Files "main">
        SetHandler mod_python
        PythonHandler app
    </Files>
    <Files "inner">
        SetHandler mod_python
        PythonHandler app::inner
    </Files>
    <Files "failing">
        SetHandler mod_python
        PythonHandler app::failing
    </Files>
    <Files "gone">
        SetHandler mod_python
        PythonHandler app::gone
    </Files>
    <Files "cleaning">
        SetHandler mod_python
        PythonHandler app::cleaning
    </Files>
    <Files "secret">
        Require all denied
    </Files>
"""
FILES = {"plain.txt": "a file", "secret": "a secret", "sub/other.txt": "another"}


@pytest.fixture
def ask(httpd):
    site = httpd(handler=DO, config=CONFIG, files=FILES)

    def ask(*lines):
        response = site.get("/main", headers={"Do": ";".join(lines)})
        assert response.status == 200
        return response.text

    ask.site = site
    return ask


def test_look_up_only(ask):
    show = "req.write(f'{sub.status} {sub.request.filename} {sub.request.finfo.filetype == apache.APR_REG} ')"
    text = ask("sub = req.subrequest_uri('/plain.txt')", show, "sub = req.subrequest_file('plain.txt')", show)
    assert text == f"200 {ask.site.docroot}/plain.txt True " * 2
    ask.site.expect_log("AH01630")
    assert ask("req.write(str(req.subrequest_uri('/secret').status))") == "403"
    assert ask("req.write(str(req.subrequest_uri('/plain.txt').request.main is req))") == "True"


def test_run_between_what_the_request_writes(ask):
    run = "req.write(f'[{sub.run()}]')"
    assert ask("req.write('a ', 0)", "sub = req.subrequest_uri('/plain.txt')", run, "req.write(' b')") == "a a file[0] b"
    # Also where the request writes for the first time after the look-up.
    assert ask("sub = req.subrequest_uri('/plain.txt')", "req.write('a ', 0)", run) == "a a file[0]"
    assert ask("sub = req.subrequest_file('sub/other.txt')", run, "req.write(str(sub.status))") == "another[0]200"
    many = "[req.subrequest_uri('/plain.txt').run() for _ in range(50)]"
    assert ask(many) == "a file" * 50


@pytest.mark.every_mpm
def test_run_a_python_handler(httpd):
    site = httpd(handler=DO, config=CONFIG, files=FILES)

    def ask(line):
        response = site.get("/main", headers={"Do": line})
        assert "X-Inner" not in response.headers
        return response.text

    assert ask("req.write(str(req.subrequest_uri('/inner?x=1').run()))") == "<GET /inner x=1 True>0"
    assert ask("req.write(str(req.subrequest_uri('/inner', 'PUT').run()))") == "<PUT /inner None True>0"


def test_what_is_not_run(ask):
    ask.site.expect_log("AH01630")
    assert ask("req.write(str(req.subrequest_uri('/secret').run()))") == "403"
    assert ask("req.write(str(req.subrequest_uri('/gone').run()))") == "410"
    ask.site.expect_traceback("KeyError: 'expected'", "app::failing")
    assert ask("req.write(str(req.subrequest_uri('/failing').run()))") == "500"
    again = ("sub = req.subrequest_uri('/plain.txt')", "sub.run()", "try:", "  sub.run()", "except RuntimeError as error:")
    assert ask(*again, "  req.write(str(error))") == "a filethe subrequest has been run already"


def test_close(ask):
    begin = ("with req.subrequest_uri('/cleaning') as sub:", "  sub.run()", "  kept = sub.request", "  before = len(cleaned)")
    assert ask(*begin, "req.write(f' {before} {cleaned}')", "cleaned.clear()") == "cleaning 0 ['/cleaning']"
    end = ("sub.close()", "for use in (lambda: sub.status, sub.run, lambda: sub.request, lambda: kept.uri):", "  try:", "    use()")
    text = ask(*begin, *end, "  except RuntimeError as error:", "    req.write('|' + str(error))")
    sentence = "this subrequest has been closed"
    assert text.split("|")[1:] == [sentence] * 3 + ["this request object can no longer be used: its request is over"]


def test_what_is_left_open_ends_with_the_request(httpd):
    site = httpd(handler=DO, config=CONFIG, files=FILES, mpm="prefork", children=1)
    with site.connection() as connection:

        def ask(*lines):
            return site.ask(connection, "GET", "/main", headers={"Do": ";".join(lines)}).text

        ask("cleaned.append([req.subrequest_uri('/cleaning') for _ in range(3)])", "[sub.run() for sub in cleaned[0]]")
        assert ask("req.write(repr(cleaned[1:]))") == repr(["/cleaning"] * 3)


def test_closed_by_its_own_handler(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                if req.main is None:
                    req.sub = req.subrequest_uri("/inner")
                    req.write(f"{req.sub.run()}")
                else:
                    req.main.sub.close()
                    req.write(f"still {req.uri} ")
                return apache.OK
        """
    )
    assert site.get("/outer").text == "still /inner 0"


def test_subrequests_in_subrequests(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                depth = int(req.args)
                req.write(f"({depth}")
                if depth:
                    with req.subrequest_uri(f"/?{depth - 1}") as sub:
                        assert sub.run() == apache.OK
                req.write(")")
                return apache.OK
        """
    )
    assert site.get("/?5").text == "(5(4(3(2(1(0))))))"


def test_an_access_handler_asks_for_another_uri(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                if req.main is not None:
                    return apache.OK
                with req.subrequest_uri(req.args) as sub:
                    return apache.OK if sub.status == 200 and sub.request.finfo.filetype == apache.APR_REG else apache.HTTP_CONFLICT
        """,
        config="PythonAccessHandler app",
        files={"a": "a", "b": "b"},
    )
    assert site.get("/a?/b").status == 200
    assert site.get("/a?/missing").status == 409


def test_wrong_arguments(httpd):
    site = httpd(
        functions="""
            def refused(req):
                found = []
                for arguments in ((), (b"/",), (None,), ("/", 1), ("/\\n",), ("/\\0",), ("/", "G\\r\\nT")):
                    try:
                        req.subrequest_uri(*arguments)
                    except (TypeError, ValueError) as error:
                        found.append(type(error).__name__)
                return found
        """
    )
    assert site.call("refused") == ["TypeError"] * 4 + ["ValueError"] * 3


@valgrind.measures_memory
def test_memory_of_closed_subrequests_is_given_back(httpd):
    site = httpd(
        functions="""
            def resident():
                with open("/proc/self/statm") as file:
                    return int(file.read().split()[1]) * 4096

            def many(req):
                for count in range(6000):
                    with req.subrequest_uri("/many") as sub:
                        sub.status
                    if count == 1000:
                        before = resident()
                return resident() - before
        """
    )
    assert site.call("many") < 4 << 20
