"""The response as a handler describes it: status, headers, length, framing, conditions."""

import re

import pytest

pytestmark = pytest.mark.threads_and_processes


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


def test_a_response_without_headers(httpd):
    """As in HTTP/0.9: `assbackwards`."""
    site = httpd(
        handler="""
            def handler(req):
                req.assbackwards = 1
                req.write("body alone")
                return 0
        """
    )
    assert site.raw(b"GET / HTTP/1.0\r\n\r\n") == b"body alone"


def test_chunking_is_left_out_on_demand(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                if req.args == "not":
                    req.chunked = 0
                    req.connection.keepalive = apache.AP_CONN_CLOSE
                req.write("first ")
                req.write(f"{req.chunked} {req.connection.keepalive}")
                return 0
        """
    )
    usual = site.get("/")
    assert (usual.headers["Transfer-Encoding"], usual.text) == ("chunked", "first 1 2")
    closed = site.get("/?not")
    assert (closed.headers["Connection"], closed.text.split()[0]) == ("close", "first")


def test_a_status_line_counts_with_its_own_status_only(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.status_line = "404 Own Words"
                req.status = int(req.args)
                req.write("x")
                return 0
        """
    )
    assert site.get("/?404").reason == "Own Words"
    assert (site.get("/?410").status, site.get("/?410").reason) == (410, "Gone")


def test_the_type_is_that_of_content_type(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.headers_out["Content-Type"] = "text/x-of-headers"
                if req.args:
                    req.content_type = "text/x-of-request"
                req.write(f"{req._content_type_set}")
                return 0
        """
    )
    both = site.get("/?both")
    assert (both.headers["Content-Type"], both.text) == ("text/x-of-request", "1")
    assert site.get("/").text == "0"


def test_no_cache(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.no_cache = int(req.args)
                req.no_local_copy = 1
                req.update_mtime(1000000000)
                req.set_last_modified()
                status = req.meets_conditions()
                if status:
                    return status
                req.write("fresh")
                return 0
        """
    )
    condition = {"If-Modified-Since": "Sun, 09 Sep 2001 01:46:40 GMT"}
    # no_local_copy: the client must not go on with what it has.
    assert [site.get(f"/?{cache}", headers=condition).status for cache in (0, 1)] == [200, 200]
    assert site.get("/?0").headers["Expires"] is None
    fresh = site.get("/?1")
    assert fresh.headers["Expires"] == fresh.headers["Date"]


def test_path_info_may_be_refused(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def fixuphandler(req):
                req.used_path_info = getattr(apache, f"AP_REQ_{req.args}_PATH_INFO")
                return apache.OK
        """,
        config="PythonFixupHandler app\n",
        files={"page": "a file"},
    )
    statuses = {word: site.get(f"/page/more?{word}").status for word in ("ACCEPT", "REJECT", "DEFAULT")}
    assert statuses == {"ACCEPT": 200, "REJECT": 404, "DEFAULT": 404}


def test_a_handler_may_have_a_proxy_answer(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def fixuphandler(req):
                if req.uri == "/here":
                    req.proxyreq = apache.PROXYREQ_REVERSE
                    req.uri = "http://127.0.0.1:%d/there" % req.connection.local_addr[1]
                    req.filename = "proxy:" + req.uri
                    req.handler = "proxy-server"
                return apache.OK

            def handler(req):
                req.write(f"{req.uri} {req.headers_in.get('X-Forwarded-Host') is not None}")
                return apache.OK
        """,
        config="PythonFixupHandler app\nSetHandler mod_python\nPythonHandler app",
        modules=("proxy", "proxy_http"),
    )
    assert site.get("/here").text == "/there True"


def test_headers_of_a_redirected_request_are_its_own(httpd):
    site = httpd(
        handler="""
            def handler(req):
                if req.uri == "/from":
                    req.headers_out["X-Before"] = "lost"
                    req.err_headers_out["X-Always"] = "kept"
                    req.internal_redirect("/to")
                    return 0
                req.headers_out["X-After"] = "sent"
                req.write("to")
                return 0
        """
    )
    response = site.get("/from")
    assert (response.headers["X-Before"], response.headers["X-After"], response.text) == (None, "sent", "to")


def test_methods_that_a_module_function_allows(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.allow_methods(["DELETE"])
                apache.allow_methods(req, "PUT", "FROB")
                req.allow_methods([])
                return apache.HTTP_NOT_IMPLEMENTED if req.args else apache.HTTP_METHOD_NOT_ALLOWED
        """
    )
    for path, status in (("/", 405), ("/?501", 501)):
        response = site.get(path)
        allowed = set(re.split(", *", response.headers["Allow"]))
        assert response.status == status and {"PUT", "FROB"} <= allowed and "DELETE" not in allowed


def test_languages_and_encodings_of_a_file(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write(repr([req.content_languages, req.content_encoding, req.content_type, req.vlist_validator is None]))
                return 0
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            AddLanguage en .en
            AddLanguage fr .fr
            AddEncoding x-gzip .gz
            Options MultiViews
        """,
        files={"page.html.en.gz": "", "choice.html.en": "", "choice.html.fr": ""},
        modules=("mime", "negotiation"),
    )
    assert eval(site.get("/page.html.en.gz").text) == [("en",), "x-gzip", "text/html", True]
    assert eval(site.get("/choice.html", headers={"Accept-Language": "fr"}).text)[0] == ("fr",)


def test_no_methods_and_a_reset_are_none(httpd):
    site = httpd(
        functions="""
            def methods(req):
                seen = []
                for arguments in ((["PUT", "FROB"],), ([],), ([], 1), (("GET", b"OWN"), 1), (("TRACE",), 0)):
                    req.allow_methods(*arguments)
                    seen.append((req.allowed & (1 << 26) - 1, req.allowed_methods))
                return seen
        """
    )
    put, get, trace = 1 << 1, 1 << 0, 1 << 6
    assert site.call("methods") == [(put, ("FROB",)), (put, ("FROB",)), (0, ()), (get, ("OWN",)), (get | trace, ("OWN",))]
