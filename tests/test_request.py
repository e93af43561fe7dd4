"""The request object: what it knows of a request, and what may be changed."""

import pytest

pytestmark = pytest.mark.threads_and_processes


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


METHODS = [
    "GET",
    "PUT",
    "POST",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "VERSION-CONTROL",
    "CHECKOUT",
    "UNCHECKOUT",
    "CHECKIN",
    "UPDATE",
    "LABEL",
    "REPORT",
    "MKWORKSPACE",
    "MKACTIVITY",
    "BASELINE-CONTROL",
    "MERGE",
]


def test_methods_and_protocols(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            names = {getattr(apache, name): name for name in vars(apache) if name.startswith("M_")}

            def handler(req):
                facts = (names[req.method_number], req.method, req.header_only, req.protocol, req.proto_num, req.assbackwards)
                req.log_error(f"facts: {facts}", apache.APLOG_NOTICE)
                return apache.OK
        """,
        server="TraceEnable on\n",
    )

    def facts(request, *wanted):
        site.raw(request)
        site.wait_log(r"facts: " + str(wanted).replace("(", r"\(").replace(")", r"\)"))

    for method in METHODS:
        if method not in ("CONNECT", "TRACE"):
            name = "M_" + method.replace("-", "_")
            facts(f"{method} /{method} HTTP/1.0\r\n\r\n".encode(), name, method, 0, "HTTP/1.0", 1000, 0)
    facts(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "M_GET", "HEAD", 1, "HTTP/1.1", 1001, 0)
    facts(b"FROB / HTTP/1.0\r\n\r\n", "M_INVALID", "FROB", 0, "HTTP/1.0", 1000, 0)
    facts(b"GET /\r\n", "M_GET", "GET", 0, "HTTP/0.9", 9, 1)


def test_the_parts_of_a_uri(httpd):
    site = httpd(
        functions="""
            def parts(req):
                return req.parsed_uri, req.hostname, req.uri, req.unparsed_uri
        """
    )

    def parts(target, version="1.1"):
        head = f"GET {target} HTTP/{version}\r\nHost: of.header\r\nConnection: close\r\n\r\n"
        return eval(site.raw(head.encode()).partition(b"\r\n\r\n")[2])

    relative = (None, None, None, None, None, None, "/parts/A", "a=b&c", None)
    assert parts("/parts/%41?a=b&c", "1.0") == (relative, "of.header", "/parts/A", "/parts/%41?a=b&c")
    absolute, host, uri, unparsed = parts("http://other.host:81/parts?q", "1.0")
    assert absolute == ("http", "other.host:81", None, None, "other.host", 81, "/parts", "q", None)
    assert (host, uri, unparsed) == ("other.host", "/parts", "http://other.host:81/parts?q")


def test_the_address_that_another_module_gives(httpd):
    site = httpd(
        functions="""
            def addresses(req):
                return req.useragent_ip, req.useragent_addr[0], req.connection.client_ip, req.get_remote_host()
        """,
        modules=("remoteip",),
        server="RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1\n",
    )
    assert site.call("addresses", headers={"X-Client": "192.0.2.7"}) == ("192.0.2.7", "192.0.2.7", "127.0.0.1", "192.0.2.7")


def test_names_of_hosts(httpd):
    site = httpd(
        functions="""
            def kinds(req):
                kinds = (apache.REMOTE_HOST, apache.REMOTE_NAME, apache.REMOTE_NOLOOKUP, apache.REMOTE_DOUBLE_REV)
                pair = req.get_remote_host(apache.REMOTE_NOLOOKUP, "")
                names = [req.get_remote_host(kind) for kind in kinds]
                # What has been looked up is kept.
                pairs = [pair, req.get_remote_host(apache.REMOTE_NOLOOKUP, "")]
                wrong = []
                for arguments in ((99,), (-1,), ("x",)):
                    try:
                        wrong.append(req.get_remote_host(*arguments))
                    except (TypeError, ValueError) as error:
                        wrong.append(type(error).__name__)
                return names, pairs, wrong

            def urls(req):
                return req.construct_url("/a b?c"), req.construct_url("none"), req.construct_url("")
        """,
    )
    names, pairs, wrong = site.call("kinds")
    # Names are looked up, there and back, only where it is asked for.
    assert names[:3] == [None, "127.0.0.1", "127.0.0.1"] and names[3] in (None, "localhost")
    assert pairs[0] == ("127.0.0.1", 1) and pairs[1] in (("127.0.0.1", 1), ("localhost", 0))
    assert wrong == ["ValueError", "ValueError", "TypeError"]
    url = f"http://localhost:{site.port}"
    assert site.call("urls") == (f"{url}/a b?c", f"{url}none", url)


def test_the_port_of_a_url_where_it_is_the_usual_one(httpd):
    site = httpd(
        functions="""
            def url(req):
                return req.construct_url("/x")
        """,
        server="UseCanonicalName On\nUseCanonicalPhysicalPort Off\nServerName usual.example:80\n",
    )
    assert site.call("url") == "http://usual.example/x"


def test_a_name_as_the_client_sent_it(httpd):
    """Latin-1, both ways, and other texts stay what they are."""
    site = httpd(
        functions="""
            def names(req):
                password = req.get_basic_auth_pw()
                first = (req.user, password, req.ap_auth_type)
                req.user = "\\u00fc\\u00ff"
                try:
                    req.user = "\\u20ac"
                except (TypeError, ValueError) as error:
                    return first, req.user, type(error).__name__
        """,
        config='SetHandler mod_python\nPythonHandler app\nAuthType Basic\nAuthName "x"\nRequire all granted\n',
        modules=("authn_core",),
    )
    first, again, error = site.call("names", user=("j\u00f6rg", "s\u00e9:same"))
    assert first == ("j\u00f6rg", "s\u00e9:same", "Basic")
    assert again == "\u00fc\u00ff" and error in ("ValueError", "UnicodeEncodeError", "TypeError")
