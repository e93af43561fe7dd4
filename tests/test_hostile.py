"""Hostile input, and handlers that keep what they should not: an exception or a status each, and the child lives."""

import contextlib
import functools

import pytest

pytestmark = pytest.mark.threads_and_processes


@pytest.fixture
def httpd(httpd, mpm):
    """A site with the one child that is to live."""
    return functools.partial(httpd, children=1)


PID = """
            def pid(req):
                import os
                return os.getpid()
"""


@contextlib.contextmanager
def the_child_lives(site):
    before = site.call("pid")
    yield
    assert site.call("pid") == before
    assert site.child_pids() == [before]


def test_bytes_that_are_no_text(httpd):
    site = httpd(
        functions=f"""
            {PID}
            def header(req):
                return req.headers_in["X-Byte"], req.headers_in.items()[-1], req.the_request, req.unparsed_uri

            def __getattr__(name):
                raise KeyError(name)

            def back(req):
                req.headers_out["X-Back"] = req.headers_in["X-Byte"]
                req.uri = req.uri
                req.log_error("said " + repr(req.headers_in["X-Byte"]), 5)
                req.log_error(req.headers_in["X-Byte"], 5)
                return req.construct_url(req.headers_in["X-Byte"])
        """
    )
    with the_child_lives(site):
        answer = site.raw(b"GET /header?\xff HTTP/1.0\r\nX-Byte: caf\xe9\r\n\r\n")
        assert rb"'caf\udce9'" in answer or answer.startswith(b"HTTP/1.1 400")
        answer = site.raw(b"GET /header HTTP/1.0\r\nX-Byte: caf\xe9\r\n\r\n")
        assert rb"('caf\udce9', ('X-Byte', 'caf\udce9'), 'GET /header HTTP/1.0', '/header')" in answer
        answer = site.raw(b"GET /back HTTP/1.0\r\nX-Byte: caf\xe9\r\n\r\n")
        assert b"X-Back: caf\xe9\r\n" in answer


def test_uris_that_are_no_text(httpd):
    site = httpd(
        handler="""
            import os

            def handler(req):
                req.write(ascii((os.getpid(), req.uri, req.filename, req.args, req.path_info, req.finfo.fname)))
                return 0
        """
    )
    pid, uri, filename, args, *_ = eval(site.get("/%e9%ff?%e9").text)
    assert (uri, args) == ("/\udce9\udcff", "%e9")
    assert filename.endswith("/\udce9\udcff")
    assert eval(site.get("/").text)[0] == pid
    assert site.raw_status(b"GET /%00 HTTP/1.0\r\n\r\n") in (400, 404)
    assert site.raw_status(b"GET /a%0d%0ab HTTP/1.0\r\n\r\n") in (200, 400, 404)
    assert eval(site.get("/").text)[0] == pid


def test_large_headers(httpd):
    site = httpd(
        functions=f"""
            {PID}
            def length(req):
                return len(req.headers_in["X-Large"]), len(req.headers_in)
        """,
        server="LimitRequestFieldSize 200000\n",
    )
    with the_child_lives(site):
        assert site.call("length", headers={"X-Large": "x" * 65536})[0] == 65536
        assert site.raw_status(b"GET /length HTTP/1.0\r\nX-Large: " + b"x" * 300000 + b"\r\n\r\n") in (400, None)
        many = b"".join(b"X-%d: v\r\n" % number for number in range(90))
        assert b"(1, 91)" in site.raw(b"GET /length HTTP/1.0\r\nX-Large: x\r\n" + many + b"\r\n")


def test_a_header_too_large_for_httpd(httpd):
    site = httpd(
        functions=f"""
            {PID}
            def length(req):
                return 5
        """
    )
    with the_child_lives(site):
        assert site.raw_status(b"GET /length HTTP/1.0\r\nX-Large: " + b"x" * 65536 + b"\r\n\r\n") in (400, None)


@pytest.mark.parametrize("reading", ["req.read()", "req.read(100)", "req.readline()", "req.readlines()"])
def test_a_body_that_stops_half_way(httpd, reading):
    site = httpd(
        functions=f"""
            {PID}
            def body(req):
                try:
                    {reading}
                except OSError as error:
                    req.log_error(f"half a body: {{type(error).__name__}}", 5)
                    raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
                return "all"
        """
    )
    with the_child_lives(site):
        site.raw(b"POST /body HTTP/1.0\r\nContent-Length: 100\r\n\r\nhalf", half_close=True)
        site.wait_log("half a body: OSError")
        site.raw(b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf", half_close=True)
        site.raw(b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n", half_close=True)


def test_a_length_that_is_only_announced(httpd):
    site = httpd(
        functions=f"""
            {PID}
            def body(req):
                import resource
                resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
                try:
                    req.read()
                except OSError:
                    raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
        """
    )
    with the_child_lives(site):
        site.raw(b"POST /body HTTP/1.0\r\nContent-Length: 1099511627776\r\n\r\nhalf", half_close=True)


KEEPING = f"""
            {PID}
            import inspect

            kept = []

            def keep(req):
                kept[:] = [req, req.headers_in, req.headers_out, req.subprocess_env, req.notes, req.headers_in.iteritems(), req.write,
                           req.get_options(), req.get_config(), req.hlist]
                req.own = "own"
                return "kept"

            def use(req):
                wrong = []
                old = kept[0]
                arguments = {{"write": ("x",), "add_handler": ("PythonHandler", "app"), "construct_url": ("/x",), "allow_methods": (["X"],),
                             "internal_redirect": ("/x",), "log_error": ("x",), "read": (), "register_cleanup": (print,),
                             "sendfile": ("/etc/hostname",), "set_content_length": (5,), "ssl_var_lookup": ("X",), "update_mtime": (5,),
                             "add_input_filter": ("x",), "add_output_filter": ("x",), "register_input_filter": ("x", "app"),
                             "register_output_filter": ("x", "app"), "expr": ("true",), "expr_string": ("x",), "subrequest_uri": ("/",),
                             "subrequest_file": ("/etc/hostname",), "wsgi_start_response": ("200 OK", []),
                             "_read_form": (0, None, None, str), "_write_page": ("x",), "_write_page_html": ("x",)}}
                for name in dir(type(old)):
                    if name.startswith("__"):
                        continue
                    try:
                        value = getattr(old, name)
                        if callable(value):
                            value = value(*arguments.get(name, ()))
                        wrong.append((name, str(value)[:20]))
                    except RuntimeError as error:
                        if "request" not in str(error):
                            wrong.append((name, str(error)))
                    except Exception as error:
                        wrong.append((name, repr(error)))
                return wrong

            def assign(req):
                wrong = []
                for name in ("status", "content_type", "filename", "user", "chunked"):
                    try:
                        setattr(kept[0], name, 5 if name in ("status", "chunked") else "x")
                        wrong.append(name)
                    except RuntimeError:
                        pass
                return wrong

            def tables(req):
                wrong = []
                for table in kept[1:5]:
                    for act in (lambda: table["Host"], lambda: table.__setitem__("a", "b"), lambda: len(table), lambda: list(table),
                                lambda: table.items(), lambda: table.get("x"), lambda: "x" in table, lambda: table.add("a", "b"),
                                lambda: table.copy(), lambda: table == {{}}, lambda: table.clear(), lambda: dict(table)):
                        try:
                            wrong.append(str(act()))
                        except RuntimeError:
                            pass
                for act in (lambda: next(kept[5]), lambda: kept[6]("x")):
                    try:
                        wrong.append(str(act()))
                    except RuntimeError:
                        pass
                return wrong

            def names(req):
                return [type(item).__name__ in repr(item) or repr(item) != "" for item in kept]
"""


def test_a_request_that_is_kept(httpd):
    site = httpd(functions=KEEPING)
    with the_child_lives(site):
        assert site.call("keep") == "kept"
        site.call("pid")
        assert site.call("use") == []
        assert site.call("assign") == []
        assert site.call("tables") == []


def test_a_thread_that_uses_the_request(httpd):
    site = httpd(
        functions=f"""
            {PID}
            import threading

            result = []

            def start(req):
                begun = threading.Event()

                def use():
                    try:
                        for _ in range(100000000):
                            req.method, req.headers_in.get("Host"), req.filename
                            begun.set()
                    except Exception as error:
                        result.append(type(error).__name__)

                thread = threading.Thread(target=use, daemon=True)
                result[:] = [thread]
                thread.start()
                begun.wait(10)
                return "started"

            def ended(req):
                result[0].join(20)
                return result[1:]
        """
    )
    with the_child_lives(site):
        for _ in range(5):
            assert site.call("start") == "started"
            assert site.call("ended") == ["RuntimeError"]


def test_a_thread_that_writes_with_the_handler(httpd):
    site = httpd(
        functions=f"""
            {PID}
            import threading

            def together(req):
                def write():
                    for _ in range(200):
                        req.write("x" * 10, 0)
                threads = [threading.Thread(target=write) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(20)
                raise apache.SERVER_RETURN(apache.DONE)
        """
    )
    with the_child_lives(site):
        assert site.get("/together").text == "x" * 8000


def test_exceptions_that_are_hard_to_tell(httpd):
    site = httpd(
        functions=f"""
            {PID}
            class Silent(Exception):
                def __str__(self):
                    raise ValueError("no text")

            def silent(req):
                raise Silent

            def bytes(req):
                raise ValueError("a\\0b\\r\\nc \\udce9")

            def long(req):
                raise ValueError("x" * 1000000)

            def cause(req):
                error = ValueError("itself")
                raise error from error
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonDebug On",
    )
    site.expect_traceback("Silent")
    with the_child_lives(site):
        for name in ("silent", "bytes", "long", "cause"):
            assert site.get(f"/{name}").status == 500


def test_a_request_that_is_passed_to_a_generator(httpd):
    """What is freed late, by the garbage collector or in another thread, is freed without harm."""
    site = httpd(
        functions=f"""
            {PID}
            def cycle(req):
                req.me = req
                req.notes_again = req.notes
                req.generator = (item for item in [req])
                next(req.generator)
                return len(req.notes)
        """
    )
    with the_child_lives(site):
        for _ in range(50):
            site.call("cycle")


def test_pipelined_requests(httpd):
    site = httpd(
        functions=f"""
            {PID}
            def body(req):
                return req.read()
        """
    )
    one = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    last = b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
    with the_child_lives(site):
        answer = site.raw(one + b"one" + one + b"two" + last + b"end")
        assert [answer.find(text) > 0 for text in (b"b'one'", b"b'two'", b"b'end'")] == [True] * 3
