"""What else util has: redirection, headers, query strings, and calling what a form has arguments for."""

APPLY = """
    import functools
    from mod_python import util

    def plain(a, b="default", *rest, only=None):
        return a, b, rest, only

    def everything(a, **others):
        return a, sorted(others)

    def with_request(req, name):
        return req.uri, name

    def positional(a, b, /, c):
        return a, b, c

    def decorated(function):
        @functools.wraps(function)
        def inner(*arguments, **keywords):
            return "decorated", function(*arguments, **keywords)
        return inner

    @decorated
    def inner(a):
        return a

    async def later(a):
        return a

    def marked(a):
        return a

    marked.__auth__ = True

    class Class:
        def __init__(self, a):
            self.a = a
        def method(self, a, self_=None):
            return a
        def __call__(self, b):
            return "called", self.a, b
        @classmethod
        def of_class(cls, a):
            return cls.__name__, a
        @staticmethod
        def static(a):
            return a

    class Empty:
        pass

    TARGETS = {
        "plain": plain, "everything": everything, "with_request": with_request, "positional": positional, "inner": inner,
        "later": later, "marked": marked, "class": lambda a: Class(a).a, "Class": Class, "method": Class(1).method,
        "object": Class("own"), "of_class": Class.of_class, "static": Class.static, "Empty": Empty, "list": list,
        "partial": functools.partial(plain, b="given"), "dict": dict,
    }

    def apply(req):
        form = util.FieldStorage(req, keep_blank_values=1)
        target = TARGETS[form.list.pop(0).value]
        try:
            result = util.apply_fs_data(target, form, req=req)
        except TypeError as error:
            return str(error)
        return result if isinstance(result, (str, tuple, list, dict)) else (type(result).__name__, vars(result))
"""


def test_redirect(httpd):
    site = httpd(
        handler="""
            from urllib.parse import unquote, unquote_to_bytes
            from mod_python import apache, util

            def handler(req):
                how, _, location = req.args.partition(",")
                location = unquote_to_bytes(location).decode("utf-8", "surrogateescape")
                if how == "typed":
                    req.content_type = "text/plain"
                if how == "written":
                    req.write("before ", 0)
                if how == "flushed":
                    req.write("before ")
                text = {"text": "own", "empty": "", "bytes": b"octets"}.get(how)
                try:
                    util.redirect(req, None if how == "none" else location, how == "permanent", text)
                except (TypeError, ValueError, OSError) as error:
                    req.write(f"{type(error).__name__}: {error}")
                    return apache.OK
                except apache.SERVER_RETURN as raised:
                    assert raised.args == (apache.DONE,)
                    raise
        """
    )

    def redirect(how, location="/there"):
        answer = site.get(f"/?{how},{location}")
        return answer.status, answer.headers["Location"], answer.headers["Content-Type"], answer.text

    page = '<p>The document has moved <a href="/there">here</a>.</p>\n'
    assert redirect("now") == (302, "/there", "text/html; charset=utf-8", page)
    assert redirect("permanent") == (301, "/there", "text/html; charset=utf-8", page)
    assert redirect("typed") == (302, "/there", "text/plain", page)
    assert redirect("text") == (302, "/there", None, "own")
    assert redirect("bytes")[3] == "octets" and redirect("empty")[3] == ""
    assert redirect("written")[3] == "before " + page
    escaped = redirect("now", "http://x/%22%3E%3Cscript%3E'%26")
    assert escaped[1] == "http://x/\"><script>'&"
    assert 'href="http://x/&quot;&gt;&lt;script&gt;&#x27;&amp;"' in escaped[3]
    assert redirect("now", "/%C3%A9%E2%82%AC%FF?a=%25C3")[1] == "/%C3%A9%E2%82%AC%FF?a=%C3"
    for control in ("%0d%0aX:%20y", "%00", "%09", "%7f"):
        assert redirect("now", "/a" + control) == (200, None, None, "ValueError: location contains a control character")
    assert redirect("none")[3] == "TypeError: location must be str, not NoneType"
    assert redirect("flushed")[3] == "before OSError: cannot redirect: the response has been sent in part already"


def test_parse_header(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def parse(req):
                lines = [
                    "Text/HTML", b'form-data; Name="a;b"; x=y', "a; n=\u00e9", b"a; n=\\xff", "a; f=x; f*=UTF-8''%e2%82%ac", "", "a; b; =c",
                ]
                return [util.parse_header(line) for line in lines]

            def refused(req):
                try:
                    util.parse_header(None)
                except TypeError as error:
                    return str(error)
        """
    )
    assert site.call("parse") == [
        ("text/html", {}),
        ("form-data", {"name": "a;b", "x": "y"}),
        ("a", {"n": "\u00e9"}),
        ("a", {"n": "\udcff"}),
        ("a", {"f": "\u20ac"}),
        ("", {}),
        ("a", {}),
    ]
    assert site.call("refused") == "line must be str or bytes, not NoneType"


def test_query_strings(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def parse(req):
                assert util.parse_qs("a=1&b=&a=2", keep_blank_values=True, strict_parsing=False) == {"a": ["1", "2"], "b": [""]}
                assert util.parse_qsl(qs=b"a=%ff&b") == [(b"a", b"\\xff")]
                return util.parse_qsl("a=%00b&=&c=d=e&%41=%42", 1)
        """
    )
    assert site.call("parse") == [("a", "\0b"), ("c", "d=e"), ("A", "B")]


def test_apply_fs_data(httpd):
    site = httpd(functions=APPLY)

    def apply(target, query=""):
        return site.call("apply", query=f"?target={target}{query}")

    assert apply("plain", "&a=1&c=2&only=3&rest=4") == ("1", "default", (), "3")
    assert apply("plain", "&a=1&a=2&b=") == (["1", "2"], "", (), None)
    assert apply("everything", "&a=1&x=2&self=3") == ("1", ["req", "self", "x"])
    assert apply("with_request", "&name=n&req=x") == ("/apply", "n"), "a field cannot stand in for the request"
    assert apply("positional", "&a=1&b=2&c=3") == ("1", "2", "3")
    assert apply("inner", "&a=1&b=2") == ("decorated", "1")
    assert apply("marked", "&a=1") == apply("static", "&a=1") == apply("class", "&a=1") == apply("method", "&a=1&self=2") == "1"
    assert apply("Class", "&a=1") == ("Class", {"a": "1"}) and apply("Empty", "&a=1") == ("Empty", {})
    assert apply("object", "&b=1") == ("called", "own", "1") and apply("of_class", "&a=1") == ("Class", "1")
    assert apply("list", "&iterable=1") == [] and apply("dict", "&a=1") == {}
    assert apply("partial", "&a=1") == ("1", "given", (), None)
    assert apply("partial", "&a=1&b=2") == ("1", "2", (), None)
    assert "plain() is missing the argument a" in apply("plain")
    assert "positional() is missing the argument b" in apply("positional", "&a=1&c=3")
    assert "is an async function" in apply("later", "&a=1")


def test_files_are_passed_as_fields(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def target(file, text, none):
                return type(file).__name__, file.value, type(text).__name__, none

            def apply(req):
                return util.apply_fs_data(target, util.FieldStorage(req))
        """
    )
    head = b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    parts = [head % (b"file", b'; filename="f"', b"1"), head % (b"text", b"", b"2"), head % (b"none", b'; filename=""', b"")]
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    assert site.call("apply", method="POST", body=b"".join(parts) + b"--B--", headers=headers) == ("Field", b"1", "str", "")


def test_util_needs_little(httpd):
    """A child that reads forms does not import what only some of them need."""
    site = httpd(
        functions="""
            import sys

            def added(req):
                before = set(sys.modules)
                from mod_python import util
                util.FieldStorage(req)
                return sorted(set(sys.modules) - before)
        """
    )
    # `io` is there from the start before Python 3.14.
    assert [name for name in site.call("added", query="?a=1") if name != "io"] == ["mod_python.util"]
