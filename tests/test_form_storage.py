"""util.FieldStorage: fields of queries and urlencoded bodies, and how they are asked for."""

from form_body import URLENCODED

SHOW = """
    from mod_python import apache, util

    def shown(form):
        return [(field.name, field.value) for field in form.list]

    def show(req):
        return shown(util.FieldStorage(req))

    def blank(req):
        return shown(util.FieldStorage(req, keep_blank_values=1))
"""


def test_query_and_body(httpd):
    site = httpd(functions=SHOW)
    assert site.call("show") == []
    assert site.call("show", query="?a=1&b=2") == [("a", "1"), ("b", "2")]
    posted = {"method": "POST", "body": "c=3&a=4"}
    assert site.call("show", query="?a=1", headers=URLENCODED, **posted) == [("a", "1"), ("c", "3"), ("a", "4")]
    assert site.call("show", **posted) == [("c", "3"), ("a", "4")], "no content type is urlencoded"
    with_charset = {"Content-Type": "Application/X-WWW-Form-Urlencoded ; charset=utf-8"}
    assert site.call("show", headers=with_charset, **posted) == [("c", "3"), ("a", "4")]
    for method in ("PUT", "PATCH", "DELETE", "post"):
        assert site.call("show", method=method, body="c=3", headers=URLENCODED, query="?a=1") == [("a", "1")]


def test_pairs(httpd):
    site = httpd(functions=SHOW)
    query = "a=1&&b=&c&=d&e=f=g&h+i=%6a+k&l=100%25%&m=%00n&o=;p"
    kept = [("a", "1"), ("", "d"), ("e", "f=g"), ("h i", "j k"), ("l", "100%%"), ("m", "\0n"), ("o", ";p")]
    for options in ({"query": "?" + query}, {"method": "POST", "body": query, "headers": URLENCODED}):
        assert site.call("show", **options) == kept
        assert site.call("blank", **options) == [kept[0], ("b", ""), ("c", ""), *kept[1:]]


def test_text_is_never_refused(httpd):
    site = httpd(functions=SHOW)
    query = "%C3%A9=%E2%82%AC&bad=%E9x%FF&cut=%E2%82"
    expected = [("\u00e9", "\u20ac"), ("bad", "\udce9x\udcff"), ("cut", "\udce2\udc82")]
    assert site.call("show", query="?" + query) == expected
    assert site.call("show", method="POST", body=query, headers=URLENCODED) == expected
    assert site.call("show", method="POST", body="r=\u20ac".encode(), headers=URLENCODED) == [("r", "\u20ac")]


def test_declared_charsets(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def show(req):
                return [(field.name, field.value, field.file.read()) for field in util.FieldStorage(req).list]
        """
    )

    def post(body, charset=None):
        kind = URLENCODED["Content-Type"] + (f"; charset={charset}" if charset else "")
        return site.call("show", method="POST", body=body, headers={"Content-Type": kind}, query="?q=%C3%A9")[1:]

    assert post("%E9=%E4", "iso-8859-1") == [("\u00e9", "\u00e4", b"\xe4")]
    assert post("a=%C1", '"KOI8-R"') == [("a", "\u0430", b"\xc1")]
    assert post("a=%93%FA%96%7B", "Shift_JIS") == [("a", "\u65e5\u672c", b"\x93\xfa\x96\x7b")]
    assert post("a=%93%20", "Shift_JIS") == [("a", "\udc93 ", b"\x93 ")], "what is not valid in it survives"
    assert post("_charset_=windows-1252&a=%80") == [
        ("_charset_", "windows-1252", b"windows-1252"),
        ("a", "\u20ac", b"\x80"),
    ]
    for charset in ("utf-8", "us-ascii", "unknown", "rot13", "zip", "unicode_escape", "x" * 100, "idna"):
        assert post("a=%C3%A9%FF", charset) == [("a", "\u00e9\udcff", b"\xc3\xa9\xff")], charset


def test_the_separator_is_an_option(httpd):
    config = "SetHandler mod_python\nPythonHandler app\nPythonOption mod_python.form.separator ;"
    site = httpd(functions=SHOW, config=config)
    assert site.call("show", query="?a=1;b=2&c=3") == [("a", "1"), ("b", "2"), ("c", "3")]
    assert site.call("show", method="POST", body="a=1;b=2", headers=URLENCODED) == [("a", "1"), ("b", "2")]


def test_other_bodies(httpd):
    site = httpd(functions=SHOW)
    for kind in ("application/json", "text/plain", "multipart", "application/x-www-form-urlencodedx"):
        assert site.post("/show", "{}", headers={"Content-Type": kind}).status == 501, kind
    answer = site.raw(
        b"POST /show HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n"
    )
    assert b"\r\n[('a', '1'), ('b', '2')]\r\n" in answer
    assert b"[('a', '1')]" in site.raw(b"POST /show?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def test_a_form_can_be_read_once(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def twice(req):
                return [[field.value for field in util.FieldStorage(req).list] for _ in range(2)] + [req.read()]
        """
    )
    assert site.call("twice", method="POST", body="a=1", query="?b=2") == [["2", "1"], ["2"], b""]
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    body = b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--\r\nepilogue"
    assert site.call("twice", method="POST", body=body, headers=headers) == [["1"], [], b""]


def test_the_mapping(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def error(function, *arguments):
                try:
                    return function(*arguments)
                except Exception as error:
                    return type(error).__name__

            def ask(req):
                form = util.FieldStorage(req)
                one, two = form["a"], form["b"]
                assert one == "1" and isinstance(one, str) and type(one) is util.StringField
                assert isinstance(two, list) and two == ["2", "3"]
                two.append("x")
                assert form["b"] == ["2", "3"], "a list that is given out is nobody else's"
                assert form.getlist("b") == ["2", "3"] and form.getlist("a") == ["1"] and form.getlist("z") == []
                assert form.getfirst("b") == "2" and form.getfirst("z") is None and form.getfirst("z", 5) == 5
                assert form.get("a") == "1" and form.get("b") == ["2", "3"] and form.get("z") is None and form.get([], 7) == 7
                assert "a" in form and "z" not in form and form.has_key("b") and not form.has_key("z")
                assert len(form) == 2 and list(form) == form.keys() == ["b", "a"] and bool(form)
                assert form.items() == [("b", "2"), ("a", "1"), ("b", "3")] and form.values() == ["2", "1", "3"]
                assert repr(form) == str(form) == "{'b': [Field('b', '2'), Field('b', '3')], 'a': [Field('a', '1')]}"
                return error(form.__getitem__, "z"), error(form.__delitem__, "z")

            def change(req):
                form = util.FieldStorage(req)
                form["b"] = "new"
                assert form["b"] == "new" and form.keys() == ["a", "b"]
                form[b"c"] = b"\\xc3\\xa9\\xff"
                assert form["c"] == "\u00e9\\udcff" and bytes(form["c"]) == b"\\xc3\\xa9\\xff"
                del form["a"]
                assert "a" not in form
                form.add_field("b", "more")
                form.add_field("b", 5)
                assert form.getlist("b") == ["new", "more", "5"]
                form.list.append(util.Field("own"))
                assert form["own"].name == "own"
                refused = error(form.__setitem__, "x", 5), error(form.__setitem__, 5, "x")
                form.list.clear()
                assert not form and form.keys() == []
                form.list = [util.Field("mine")]
                assert form.keys() == ["mine"] and form.getfirst("mine") is form.list[0]
                form.add_field("x", "y")
                form.clear()
                return refused, form.list, len(form), type(form.list).__name__

            def lists(req):
                fields = util.FieldStorage(req).list
                changes = [
                    lambda: fields.extend(fields[:1]), lambda: fields.pop(), lambda: fields.insert(0, fields[1]),
                    lambda: fields.__delitem__(0), lambda: fields.__setitem__(0, fields[1]), lambda: fields.remove(fields[0]),
                    lambda: fields.__iadd__(fields), lambda: fields.__imul__(2), fields.reverse,
                    lambda: fields.sort(key=lambda field: field.name),
                ]
                for change in changes:
                    fields.table()
                    change()
                    by_name = {}
                    for field in fields:
                        by_name.setdefault(field.name, []).append(field)
                    assert fields.table() == by_name
                return len(fields)
        """
    )
    query = "?b=2&a=1&b=3"
    assert site.call("ask", query=query) == ("KeyError", "KeyError")
    assert site.call("change", query=query) == (("TypeError", "TypeError"), [], 0, "FieldList")
    assert site.call("lists", query=query) == 8


def test_fields(httpd):
    site = httpd(
        functions="""
            import io
            import pickle
            from mod_python import util

            def string_fields(req):
                field = util.FieldStorage(req)["a"]
                assert type(field.value) is str and field.value == field == "\u20ac" and hash(field) == hash("\u20ac")
                assert field.file.read() == "\u20ac".encode() and field.file is field.file
                assert field.filename is None and field.disposition is None and field.disp_options is None
                assert field.type == field.ctype == "text/plain"
                assert field.type_options == field.disposition_options == field.headers == {}
                assert field.decode() == "\u20ac" and field.decode("latin-1") == "\\xe2\\x82\\xac"
                assert repr(field) == "Field('a', '\u20ac')" and f"{field}" == "\u20ac" and field.upper() == "\u20ac"
                loose = util.StringField("x")
                assert loose.name is None and repr(loose) == "Field(None, 'x')"
                field.own = 5
                copy = pickle.loads(pickle.dumps(loose))
                assert copy == "x" and copy.value == "x"
                return hasattr(field, "missing"), "missing" in dir(field)

            def fields(req):
                bare = util.Field("n")
                assert bare.name == "n"
                missing = [name for name in ("file", "value", "filename", "type", "headers") if not hasattr(bare, name)]
                full = util.Field("n", io.BytesIO(b"data"), "a/b", {"c": "d"}, "form-data", {"name": "n", "filename": "f"})
                assert full.value == b"data" and full.file.tell() == 0 and full.filename == "f" and full.headers == {}
                assert repr(full) == "Field('n', b'data')"
                assert util.Field("n", None, "a/b").value is None
                try:
                    util.Field("n", io.StringIO("text"), "a/b").value
                except TypeError as error:
                    return missing, str(error)
        """
    )
    assert site.call("string_fields", query="?a=%E2%82%AC") == (False, False)
    missing, error = site.call("fields")
    assert missing == ["file", "value", "filename", "type", "headers"]
    assert error == "the file of the field 'n' gives str, not bytes"


def test_subclasses(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            class Form(util.FieldStorage):
                def __init__(self, req):
                    super().__init__(req, True, file_callback=self.keep)
                    self.own = len(self)

                def keep(self, filename):
                    raise AssertionError

            def show(req):
                form = Form(req)
                return form.own, form["a"].value
        """
    )
    assert site.call("show", query="?a=") == (1, "")


def test_a_class_of_fields_of_ones_own(httpd):
    """Programs put their own class in the module's place."""
    site = httpd(
        functions="""
            from mod_python import util

            class Loud(util.StringField):
                def __new__(cls, text):
                    return super().__new__(cls, text.upper())

            class Counted(util.StringField):
                def __init__(self, text):
                    self.length = len(text)

            class Meta(type):
                def __call__(cls, text):
                    return super().__call__(text[::-1])

            class Turned(util.StringField, metaclass=Meta):
                pass

            def fields(req):
                kept, found = util.StringField, []
                for util.StringField in (Loud, Counted, Turned, kept):
                    field = util.FieldStorage(req).getfirst("a")
                    found.append((type(field).__name__, field.name, str(field), getattr(field, "length", None)))
                return found
        """
    )
    assert site.call("fields", query="?a=bcd") == [
        ("Loud", "a", "BCD", None),
        ("Counted", "a", "bcd", 3),
        ("Turned", "a", "dcb", None),
        ("StringField", "a", "bcd", None),
    ]


def test_who_holds_all_objects_while_fields_are_made(httpd):
    """The collector's callbacks run in the middle (up to CPython 3.11), and may keep what it shows them."""
    site = httpd(
        functions="""
            import gc
            from mod_python import util

            def fields(req):
                held = []

                def hold(phase, details):
                    held.append([found for found in gc.get_objects(generation=0) if type(found) is tuple])

                threshold = gc.get_threshold()
                gc.callbacks.append(hold)
                gc.set_threshold(5)
                try:
                    form = util.FieldStorage(req)
                finally:
                    gc.set_threshold(*threshold)
                    gc.callbacks.remove(hold)
                return bool(held), [(field.name, str(field)) for field in form.list]
        """
    )
    pairs = [(f"name{number}", f"value{number}") for number in range(30)]
    query = "&".join("=".join(pair) for pair in pairs)
    assert site.call("fields", query=f"?{query}") == (True, pairs)
