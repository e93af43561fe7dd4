"""The request object: what it knows of a request, and what may be changed."""

import re

import pytest


def test_values_of_a_fresh_request(httpd):
    site = httpd(
        functions="""
            def values(req):
                names = sys_argv = [name for name in dir(req) if not name.startswith("__")]
                simple = (int, str, float, tuple, type(None))
                return {name: getattr(req, name) for name in names if isinstance(getattr(req, name), simple)}

            def types(req):
                objects = (req, req.server, req.connection, req.headers_in, req.finfo, req.hlist)
                return [str(type(item)) for item in objects] + [type(req).__module__]

            def subject(req):
                return (req.filename == req.document_root() + req.uri, req.canonical_filename == req.filename)
        """
    )
    values = site.call("values", query="")
    zeros = "assbackwards proxyreq header_only allowed sent_bodyct read_length read_body read_chunked remaining expecting_100 "
    zeros += "no_cache no_local_copy eos_sent clength bytes_sent method_number chunked _content_type_set _bytes_queued"
    assert {name: values[name] for name in zeros.split()} == dict.fromkeys(zeros.split(), 0)
    nones = ["status_line", "range", "content_encoding", "vlist_validator", "user", "ap_auth_type", "args", "next", "prev", "main"]
    assert {name: values[name] for name in nones} == dict.fromkeys(nones)
    for name in ("content_languages", "allowed_methods", "allowed_xmethods"):
        assert values[name] == ()
    expected = {
        "the_request": "GET /values HTTP/1.1",
        "method": "GET",
        "protocol": "HTTP/1.1",
        "proto_num": 1001,
        "hostname": "localhost",
        "uri": "/values",
        "unparsed_uri": "/values",
        "path_info": "",
        "status": 200,
        "handler": "mod_python",
        "phase": "PythonHandler",
        "interpreter": "localhost",
        "used_path_info": 2,
        "mtime": 0.0,
        "useragent_ip": "127.0.0.1",
    }
    assert {name: values[name] for name in expected} == expected
    assert values["parsed_uri"][6:] == ("/values", None, None)
    assert values["filename"] == f"{site.docroot}/values"
    assert values["useragent_addr"][0] == "127.0.0.1" and values["useragent_addr"][1] > 0
    assert isinstance(values["request_time"], float) and values["request_time"] > 1.6e9
    assert site.call("types") == [
        "<class 'mp_request'>",
        "<class 'mp_server'>",
        "<class 'mp_conn'>",
        "<class 'mp_table'>",
        "<class 'mp_finfo'>",
        "<class 'mp_hlist'>",
        "builtins",
    ]
    assert site.call("subject") == (True, True)


def test_the_request_line(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.content_type = "text/plain"
                req.write(ascii((req.method, req.uri, req.unparsed_uri, req.args, req.path_info, req.hostname, req.header_only,
                                 req.parsed_uri[apache.URI_PATH], req.parsed_uri[apache.URI_QUERY])))
                return 0
        """,
        files={"file": ""},
    )
    assert site.get("/file/a%20b//c?q=%20&r").text == ascii(
        ("GET", "/file/a b/c", "/file/a%20b//c?q=%20&r", "q=%20&r", "/a b/c", "localhost", 0, "/file/a b/c", "q=%20&r")
    )
    assert site.get("/file?").text.split(", ")[3] in ("''", "None")
    assert site.request("FROB", "/file", host="Other.Example").text.startswith(
        "('FROB', '/file', '/file', None, '', 'other.example'"
    )
    answer = site.raw(b"GET http://some.example:81/file?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"'some.example'" in answer
    old = site.raw(b"GET /file HTTP/1.0\r\n\r\n")
    assert b"None, 0, '/file', None)" in old


def test_what_may_be_assigned(httpd):
    site = httpd(
        functions="""
            def undeletable(req):
                left = []
                for name in dir(req):
                    if name.startswith("__"):
                        continue
                    try:
                        delattr(req, name)
                        left.append(name)
                    except (AttributeError, TypeError):
                        pass
                return left

            def numbers(req):
                answer = []
                for name in ("assbackwards", "proxyreq", "status", "chunked", "no_cache", "no_local_copy", "used_path_info"):
                    old = getattr(req, name)
                    setattr(req, name, 1)
                    assert getattr(req, name) == 1, name
                    for wrong in ("1", None, 1.5, 2**40):
                        try:
                            setattr(req, name, wrong)
                            answer.append((name, wrong))
                        except (TypeError, OverflowError, ValueError):
                            pass
                    setattr(req, name, old)
                return answer

            def texts(req):
                answer = []
                for name in ("handler", "user", "ap_auth_type", "uri", "filename", "canonical_filename", "path_info", "args",
                             "status_line", "content_type"):
                    old = getattr(req, name)
                    setattr(req, name, "te\\u00e9xt")
                    assert getattr(req, name) == "te\\u00e9xt", name
                    setattr(req, name, b"bytes")
                    assert getattr(req, name) == "bytes", name
                    for wrong in (5, 1.5, [], "nul\\0", b"nul\\0"):
                        try:
                            setattr(req, name, wrong)
                            answer.append((name, wrong))
                        except (TypeError, ValueError):
                            pass
                    if old is not None:
                        setattr(req, name, old)
                return answer

            def nothings(req):
                for name in ("handler", "user", "ap_auth_type", "args", "path_info"):
                    setattr(req, name, None)
                    assert getattr(req, name) is None, name
                req.own = 5
                req._content_type_set
                return req.own, hasattr(req, "unknown")
        """
    )
    assert site.call("undeletable") == []
    assert site.call("numbers") == []
    assert site.call("texts") == []
    assert site.call("nothings") == (5, False)


def test_assigned_values_reach_the_client(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.status = 404
                req.status_line = "404 Nothing Here"
                req.content_type = "text/x-own; charset=latin-1"
                req.headers_out["X-One"] = "1"
                req.headers_out.add("X-Two", "a")
                req.headers_out.add("X-Two", "b")
                req.err_headers_out["X-Always"] = "here"
                req.no_cache = 1
                req.write("own")
                assert req._content_type_set == 1
                return 0
        """
    )
    response = site.get("/")
    assert (response.status, response.reason, response.text) == (404, "Nothing Here", "own")
    assert response.headers["Content-Type"] == "text/x-own; charset=latin-1"
    assert response.headers["X-One"] == "1"
    assert response.headers.get_all("X-Two") == ["a", "b"]
    assert response.headers["X-Always"] == "here"
    assert response.headers["Expires"] == response.headers["Date"]


def test_error_headers_go_with_errors(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.headers_out["X-Normal"] = "lost"
                req.err_headers_out["X-Error"] = "kept"
                return 404
        """
    )
    response = site.get("/")
    assert response.headers["X-Error"] == "kept"
    assert response.headers["X-Normal"] is None


def test_attributes_travel_between_the_phases(httpd):
    site = httpd(
        handler="""
            def accesshandler(req):
                req.own = {"made": "in access"}
                req.me = req
                return 0

            def fixuphandler(req):
                req.own["seen"] = req.phase
                return 0

            def handler(req):
                req.write(f"{sorted(req.own.items())} {req.me is req} {req.phase}")
                return 0
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonAccessHandler app\nPythonFixupHandler app",
    )
    assert site.get("/").text == "[('made', 'in access'), ('seen', 'PythonFixupHandler')] True PythonHandler"


def test_stable_wrappers(httpd):
    site = httpd(
        functions="""
            def same(req):
                return [name for name in ("server", "connection", "headers_in", "headers_out", "notes", "subprocess_env")
                        if getattr(req, name) is not getattr(req, name)]

            def construct(req):
                wrong = []
                for item in (req, req.server, req.connection, req.hlist):
                    try:
                        type(item)()
                        wrong.append(str(type(item)))
                    except TypeError:
                        pass
                return wrong

            def ordinary(req):
                return [str(type(item)) for item in (req, req.server, req.connection, req.finfo, req.hlist, req.notes)
                        if not dir(item) or item.__class__ is not type(item) or not isinstance(hash(type(item)), int)]
        """
    )
    assert site.call("same") == []
    assert site.call("construct") == []
    assert site.call("ordinary") == []


def test_headers_of_the_client(httpd):
    site = httpd(
        functions="""
            def headers(req):
                table = req.headers_in
                return table["x-own"], table.get("X-OWN"), "x-none" in table, table["x-twice"], req.range
        """
    )
    answer = site.raw(
        b"GET /headers HTTP/1.1\r\nHost: x\r\nX-Own: value\r\nX-Twice: 1\r\nX-Twice: 2\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n"
    )
    assert b"('value', 'value', False, '1, 2', None)" in answer


def test_cgi_variables(httpd):
    site = httpd(
        functions="""
            def variables(req):
                before = len(req.subprocess_env)
                req.add_common_vars()
                common = dict(req.subprocess_env)
                req.add_cgi_vars()
                assert len(req.subprocess_env) > before
                return common, dict(req.subprocess_env)
        """
    )
    common, cgi = site.call("variables", query="/info?q=a%20b", headers={"X-Own": "v", "Authorization": "Basic eDp5"})
    assert common["HTTP_X_OWN"] == "v"
    assert "HTTP_AUTHORIZATION" not in common
    assert common["SERVER_NAME"] == "localhost"
    assert common["SERVER_PORT"] == str(site.port)
    assert common["DOCUMENT_ROOT"] == str(site.docroot)
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "q=a%20b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "/variables",
        "PATH_INFO": "/info",
        # The raw URI with its query, as CGI users expect.
        "REQUEST_URI": "/variables/info?q=a%20b",
    }
    assert {name: cgi.get(name) for name in expected} == expected


def test_script_filename_may_be_unknown(httpd):
    site = httpd(
        handler="""
            def postreadrequesthandler(req):
                req.add_common_vars()
                req.notes["seen"] = repr(req.subprocess_env.get("SCRIPT_FILENAME", None))
                return 0

            def handler(req):
                req.write(req.notes["seen"])
                return 0
        """,
        server="PythonPath \"sys.path+['${docroot}']\"\nPythonPostReadRequestHandler app",
    )
    assert site.get("/").text == "None"


def test_allowed_methods(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.allow_methods(["GET", "POST"])
                req.allow_methods(["FROB"])
                assert req.allowed_methods == ("FROB",), req.allowed_methods
                assert req.allowed & 1 and req.allowed & 4, req.allowed
                if req.args == "reset":
                    req.allow_methods(["PUT"], 1)
                    assert req.allowed_methods == ()
                for wrong in (5, "GET", [5]):
                    try:
                        req.allow_methods(wrong)
                        return 500
                    except TypeError:
                        pass
                return 405
        """
    )

    def allowed(path):
        return set(re.split(", *", site.get(path).headers["Allow"]))

    assert {"GET", "POST", "FROB"} <= allowed("/")
    assert "PUT" in allowed("/?reset") and "FROB" not in allowed("/?reset")


def test_questions_to_httpd(httpd):
    site = httpd(
        functions="""
            def facts(req):
                return {
                    "root": req.document_root(),
                    "https": req.is_https(),
                    "ssl": req.ssl_var_lookup("SERVER_NAME"),
                    "url": req.construct_url("/path?x"),
                    "exts": req.get_addhandler_exts(),
                    "host": req.get_remote_host(),
                    "name": req.get_remote_host(apache.REMOTE_HOST),
                    "tuple": req.get_remote_host(apache.REMOTE_NOLOOKUP, 1),
                    "auth": (req.auth_type(), req.auth_name()),
                    "requires": hasattr(req, "requires"),
                    "header": req.send_http_header(),
                    "password": req.get_basic_auth_pw(),
                }
        """
    )
    facts = site.call("facts")
    assert facts == {
        "root": str(site.docroot),
        "https": 0,
        "ssl": None,
        "url": f"http://localhost:{site.port}/path?x",
        "exts": "",
        "host": "127.0.0.1",
        "name": None,
        "tuple": ("127.0.0.1", 1),
        "auth": (None, None),
        "requires": False,
        "header": None,
        "password": None,
    }


def test_extensions_of_add_handler(httpd):
    site = httpd(
        functions="""
            def extensions(req):
                return req.get_addhandler_exts()
        """,
        config="SetHandler mod_python\nPythonHandler app\nAddHandler mod_python .py .psp\nAddHandler python-program old\n",
        modules=("mime",),
    )
    assert sorted(site.call("extensions").split(" ")) == ["", "old", "psp", "py"]


def test_conditional_requests(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.update_mtime(1000000000.9)
                req.update_mtime(5)
                assert req.mtime == 1000000000.0, req.mtime
                req.set_last_modified()
                req.set_etag()
                result = req.meets_conditions()
                if result != apache.OK:
                    return result
                req.write("fresh")
                return apache.OK
        """,
        files={"file": "x"},
    )
    first = site.get("/file")
    assert first.text == "fresh"
    assert first.headers["Last-Modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert first.headers["ETag"]
    assert site.get("/file", headers={"If-Modified-Since": first.headers["Last-Modified"]}).status == 304
    assert site.get("/file", headers={"If-None-Match": first.headers["ETag"]}).status == 304
    assert site.get("/file", headers={"If-Unmodified-Since": "Sun, 09 Sep 2000 01:46:40 GMT"}).status == 412


def test_cleanups_in_order(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def handler(req):
                path = os.path.dirname(req.document_root()) + "/scratch/order"

                def note(text):
                    with open(path, "a") as file:
                        file.write(f"{text} {req.phase}\\n")

                req.register_cleanup(note, "first")
                req.register_cleanup(note, "second")
                req.register_cleanup(lambda data: note(repr(data)))
                req.note = note
                for wrong in (None, 5, "x"):
                    try:
                        req.register_cleanup(wrong)
                        return 500
                    except ValueError:
                        pass
                req.register_cleanup(fail)
                return apache.OK

            def fail(data):
                raise ValueError("in a cleanup")

            def cleanuphandler(req):
                req.note("list")
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonCleanupHandler app",
        files={"finished": ""},
    )
    site.expect_log("ValueError.*in a cleanup")
    site.expect_log("fail")
    assert site.get("/").status == 200
    site.wait_log("in a cleanup")
    site.stop()
    assert (site.scratch / "order").read_text().splitlines()[:4] == [
        "None None",
        "second None",
        "first None",
        "list PythonCleanupHandler",
    ]


def test_a_cleanup_in_a_cleanup(httpd):
    site = httpd(
        handler="""
            import os

            def handler(req):
                path = os.path.dirname(req.document_root()) + "/scratch/inner"
                req.register_cleanup(lambda _: req.register_cleanup(lambda _: open(path, "w").close()))
                return 0
        """
    )
    site.get("/")
    site.stop()
    assert (site.scratch / "inner").exists()


@pytest.mark.parametrize("target", ["/to?q=2", "/missing"])
def test_internal_redirect(httpd, target):
    site = httpd(
        handler="""
            def handler(req):
                if req.uri == "/from":
                    for wrong in (None, 5):
                        try:
                            req.internal_redirect(wrong)
                            return 500
                        except TypeError:
                            pass
                    req.internal_redirect(req.args)
                    assert req.next.prev is req
                    return 0
                if req.uri == "/missing":
                    return 404
                req.write(f"{req.uri} {req.args} {req.method} {req.prev.uri}")
                return 0
        """
    )
    response = site.get(f"/from?{target}")
    if target == "/missing":
        assert response.status == 404
    else:
        assert response.text == "/to q=2 GET /from"


def test_wrong_arguments(httpd):
    site = httpd(
        functions="""
            CALLS = {
                "flush": (1,), "add_common_vars": (1,), "add_handler": ("PythonHandler",), "construct_url": (b"x",),
                "get_config": (1,), "read": ("x",), "readline": ("x",), "readlines": ("x",), "sendfile": (5,),
                "set_content_length": ("x",), "update_mtime": ("x",), "write": (5,), "log_error": (5,), "is_https": (1,),
                "document_root": (1,), "register_cleanup": (), "internal_redirect": (), "allow_methods": (),
            }

            def left(req):
                answer = []
                for name, arguments in CALLS.items():
                    try:
                        getattr(req, name)(*arguments)
                        answer.append(name)
                    except TypeError:
                        pass
                return answer
        """
    )
    assert site.call("left") == []
