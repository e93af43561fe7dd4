"""Errors of filters: what the client, and whoever reads through a filter, is told."""

import http.client

import pytest

FAILING = """
    from mod_python import apache

    def early(filter):
        raise ValueError("early trouble")

    def late(filter):
        data = filter.read()
        if data is None:
            raise ValueError("late trouble")
        filter.write(data)
        filter.flush()
        if filter.read() is None:
            raise ValueError("late trouble")

    def middle(filter):
        filter.write(filter.read())
        filter.flush()
        raise ValueError("trouble in the middle")

    def refuse(filter):
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)

    def finish(filter):
        filter.write("the end")
        raise apache.SERVER_RETURN(apache.DONE)

    def fine(filter):
        filter.pass_on()
        raise apache.SERVER_RETURN(apache.OK)

    def odd(filter):
        raise apache.SERVER_RETURN(7)

    def handler(req):
        function, how = req.args.split("&")
        req.register_output_filter("own", "app::" + function)
        req.add_output_filter("own")
        req.content_type = "text/plain"
        req.headers_out["ETag"] = '"x"'
        for part in range(3):
            req.write("text ", int(how == "flush"))
        return apache.OK
"""


@pytest.mark.every_mpm
@pytest.mark.parametrize("how", ["flush", "keep"])
def test_an_output_error_before_anything_was_sent_is_500(httpd, how):
    site = httpd(handler=FAILING)
    site.expect_log("mod_python app::early: ValueError: early trouble")
    site.expect_log("(mod_python app::early|PythonHandler app): ")
    with site.connection() as connection:
        response = site.ask(connection, "GET", f"/?early&{how}")
        assert response.status == 500
        assert "Internal Server Error" in response.text and response.text.count("<html") == 1
        assert site.ask(connection, "GET", f"/?fine&{how}").text == "text " * 3


@pytest.mark.every_mpm
def test_an_output_error_after_something_was_sent_breaks_off(httpd):
    site = httpd(handler=FAILING)
    site.expect_log("mod_python app::late: ValueError: late trouble")
    site.expect_log("mod_python app::late: ")
    answer = site.raw(b"GET /?late&flush HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"text" in answer and not answer.endswith(b"0\r\n\r\n") and b"Error" not in answer
    with site.connection() as connection, pytest.raises(http.client.IncompleteRead):
        site.ask(connection, "GET", "/?late&flush")


def test_server_return_in_an_output_filter(httpd):
    site = httpd(handler=FAILING)
    site.expect_log("mod_python app::odd: .*SERVER_RETURN\\(7\\)")
    site.expect_log("PythonHandler app: ")
    for how in ("keep", "flush"):
        response = site.get(f"/?refuse&{how}")
        assert response.status == 403
        assert response.text.count("<html") == 1
    assert site.get("/?odd&keep").status == 500
    assert site.get("/?finish&keep").text == "the end"
    assert site.get("/?fine&flush").text == "text text text "


def test_debug_page_of_an_output_filter(httpd):
    site = httpd(handler=FAILING, config="SetHandler mod_python\nPythonHandler app\nPythonDebug On")
    site.expect_log("mod_python app::early: ValueError: early trouble")
    site.expect_log("(mod_python app::(early|late)|PythonHandler app): ")
    for how in ("keep", "flush"):
        response = site.get(f"/?early&{how}")
        assert (response.status, response.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
        assert response.text.count("Mod_python error: &quot;mod_python app::early&quot;".replace("&quot;", '"')) == 1
        assert "ValueError: early trouble" in response.text and "Etag" not in response.headers
    answer = site.raw(b"GET /?late&flush HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"text " in answer and b"late trouble" in answer and not answer.endswith(b"0\r\n\r\n")


def test_an_error_of_a_filter_of_a_file(httpd):
    site = httpd(
        handler=FAILING,
        files={"a.txt": "text", "large.txt": "x" * 3_000_000},
        config="PythonOutputFilter app::early own\nPythonOutputFilter app::middle middle",
        server="""
            <LocationMatch "/a.txt">
                SetOutputFilter own
            </LocationMatch>
            <LocationMatch "/large.txt">
                SetOutputFilter middle
            </LocationMatch>
        """,
    )
    site.expect_log("own app::early: ValueError: early trouble")
    site.expect_log("middle app::middle: ValueError: trouble in the middle")
    site.expect_log("(own|middle) app::")
    response = site.get("/a.txt")
    assert response.status == 500 and "Last-Modified" not in response.headers
    with pytest.raises(http.client.IncompleteRead):
        site.get("/large.txt")


READERS = """
    from mod_python import apache

    def fail(filter):
        filter.write(filter.read(4))
        raise ValueError("no such body")

    def refuse(filter):
        raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE)

    def idle(filter):
        pass

    def broken(filter) -> "is missing in app":
        raise AttributeError

    def prepare(req):
        req.register_input_filter("own", "app::" + req.args)
        req.add_input_filter("own")

    def handler(req):
        prepare(req)
        req.write("read " + repr(req.read()))
        return apache.OK

    def catches(req):
        prepare(req)
        for _ in range(3):
            try:
                req.write(req.read())
            except OSError as error:
                req.write(f"{error}\\n")
        return apache.OK

    def fixuphandler(req):
        prepare(req)
        return apache.OK
"""


@pytest.mark.every_mpm
def test_an_input_error_reaches_the_reader(httpd):
    """Q22: the handler must not go on with an empty body."""
    site = httpd(handler=READERS)
    site.expect_log("mod_python app::fail: ValueError: no such body")
    site.expect_log("neither read nor written")
    site.expect_log("could not|mod_python app::|PythonHandler app: ")
    assert site.post("/?fail", b"some body").status == 500
    assert site.post("/?idle", b"some body").status == 500
    assert site.post("/?nosuch", b"some body").status == 500
    response = site.post("/?refuse", b"some body")
    assert response.status == 413 and response.text.count("<html") == 1


def test_an_input_error_reaches_a_reader_that_catches_it_each_time(httpd):
    site = httpd(handler=READERS, config="SetHandler mod_python\nPythonHandler app::catches")
    site.expect_log("mod_python app::fail: ")
    response = site.post("/?fail", b"some body")
    assert response.text == "Client read error: input filter 'mod_python' failed: ValueError: no such body\n" * 3
    # What is left of the body is not the next request.
    answer = site.raw(
        b"POST /?fail HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nsomeGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
        half_close=True,
    )
    assert answer.count(b"HTTP/1.1 ") == 1 and b"Connection: close" in answer


def test_an_input_error_reaches_a_reader_in_c(httpd):
    site = httpd(handler=READERS, files={"a.txt": "text"}, config="PythonFixupHandler app")
    site.expect_log("mod_python app::fail: ValueError: no such body")
    site.expect_log("mod_python app::fail: |AH01579")
    assert site.request("GET", "/a.txt?fail", b"some body").status == 500
    response = site.request("GET", "/a.txt?refuse", b"some body")
    assert response.status == 413 and response.text.count("<html") == 1


def test_a_client_that_goes_away(httpd):
    site = httpd(
        handler=READERS.replace("raise ValueError", "filter.read(); raise ValueError"),
        config="SetHandler mod_python\nPythonHandler app",
    )
    site.expect_log("mod_python app::fail: OSError: Filter read error: ")
    site.expect_log("mod_python app::fail: |PythonHandler app: ")
    answer = site.raw(b"POST /?fail HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n", half_close=True)
    assert answer.startswith(b"HTTP/1.1 500 ") and answer.count(b"<html") == 1


def test_debug_page_names_the_filter_that_failed(httpd):
    site = httpd(handler=READERS, config="SetHandler mod_python\nPythonHandler app\nPythonDebug On")
    site.expect_log("mod_python app::fail: |PythonHandler app: ")
    response = site.post("/?fail", b"some body")
    assert response.status == 500
    assert "OSError: Client read error: input filter &#x27;mod_python&#x27; failed: ValueError" in response.text


def test_an_error_document_made_by_python(httpd):
    site = httpd(
        handler=FAILING.replace("def handler(req):", "def handler(req):\n        if req.prev: return req.write('sorry') or 0"),
        server="ErrorDocument 500 /sorry\nErrorDocument 403 /sorry",
    )
    site.expect_log("mod_python app::early: ValueError: early trouble")
    site.expect_log("mod_python app::early: |PythonHandler app: ")
    for function, status in (("early", 500), ("refuse", 403)):
        for how in ("keep", "flush"):
            response = site.get(f"/?{function}&{how}")
            assert (response.status, response.text) == (status, "sorry")


@pytest.mark.every_mpm
def test_a_file_that_shrinks_while_a_filter_reads_it(httpd):
    """What is left of it is no memory that could be gone: the child lives, and the client gets no shorter file."""
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def shrink(filter):
                filter.write(filter.read(10))
                os.truncate(filter.req.filename, 100)
                data = filter.read()
                while data:
                    filter.write(data)
                    data = filter.read()
                filter.close()
        """,
        config="PythonOutputFilter app::shrink SHRINK\n<Files large>\nSetOutputFilter SHRINK\n</Files>",
        files={"small": "small"},
    )
    site.expect_traceback("OSError: Filter read error: End of file found", "app::shrink", "shrink")
    large = site.docroot / "large"
    large.write_bytes(b"x" * 3 * 1024 * 1024)
    large.chmod(0o666)
    children = set(site.child_pids())
    assert site.get("/large").status == 500
    assert site.get("/small").text == "small"
    assert children <= set(site.child_pids())
