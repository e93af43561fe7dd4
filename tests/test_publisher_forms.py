"""mod_python.publisher: fields of the form as arguments, from queries and bodies."""

import html
from urllib.parse import quote, urlencode

import pytest

PUBLISH = "SetHandler mod_python\nPythonHandler mod_python.publisher"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=XX"}
PAGES = """
    import functools

    def show(*args, **kwargs): return ascii((args, kwargs))
    def plain(name, other="default"): return ascii((name, other))
    def with_req(req, name): return ascii((type(req).__name__, name, sorted(req.form.keys())))
    def everything(req, **fields): return ascii((type(req).__name__, sorted(fields.items())))
    def star(*names, name="default"): return ascii((names, name))
    def keyword_only(*, name, other=None): return ascii((name, other))
    def positional_only(req, name, /, other): return ascii((type(req).__name__, name, other))
    def nothing(): return "nothing"
    def caf\u00e9(na\u00efve): return ascii(na\u00efve)

    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return "decorated " + function(*args, **kwargs)
        return wrapper

    def login(function):
        @functools.wraps(function)
        def wrapper(req, **fields):
            return function(req, user="known", **{name: fields[name] for name in fields if name != "user"})
        return wrapper

    @decorator
    def decorated(req, name): return ascii((type(req).__name__, name))
    @login
    def logged_in(req, user, name="default"): return ascii((user, name))
    partial = functools.partial(plain, name="from partial")

    class Pages:
        def method(self, req, name): return ascii((type(self).__name__, type(req).__name__, name))
        def __call__(self, name="default"): return name
        @classmethod
        def of_class(cls, name): return name
        @staticmethod
        def static(name): return name
    pages = Pages()

    def upload(req, file, note=""):
        return ascii((type(file).__name__, file.filename, file.value, note))
    def two(file): return ascii([one.filename for one in file])
    def fails(): raise TypeError("fails() missing 1 required positional argument: 'own'")
    constant = "constant"
"""


@pytest.fixture
def site(httpd):
    return httpd(config=PUBLISH, files={"index.py": PAGES})


def answer(site, path, body=None, headers=URLENCODED):
    response = site.get(path) if body is None else site.post(path, body, headers=headers)
    return response.text if response.status == 200 else response.status


def test_fields_by_name(site):
    queries = {
        "/plain?name=a": "('a', 'default')",
        "/plain?name=a&other=b": "('a', 'b')",
        "/plain?name=": "('', 'default')",
        "/plain?name": "('', 'default')",
        "/plain?name=a&name=b&name=c": "(['a', 'b', 'c'], 'default')",
        "/plain?name=a&unknown=b": "('a', 'default')",
        "/plain?name=%C3%A9+%26": "('\\xe9 &', 'default')",
        "/plain?name=%E9": "('\\udce9', 'default')",
        "/with_req?name=a&b=c": "('mp_request', 'a', ['b', 'name'])",
        "/with_req?name=a&req=evil": "('mp_request', 'a', ['name', 'req'])",
        "/everything?a=1&b=2&b=3": "('mp_request', [('a', '1'), ('b', ['2', '3'])])",
        "/everything?req=evil": "('mp_request', [])",
        "/show?name=a": None,
        "/star?name=a&names=b": "((), 'a')",
        "/keyword_only?name=a": "('a', None)",
        "/positional_only?name=a&other=b": "('mp_request', 'a', 'b')",
        "/nothing?name=a": "nothing",
        "/caf%C3%A9?na%C3%AFve=a": "'a'",
        "/decorated?name=a": "decorated ('mp_request', 'a')",
        "/logged_in?name=a&user=evil": "('known', 'a')",
        "/logged_in": "('known', 'default')",
        "/partial": "('from partial', 'default')",
        "/partial?name=a&other=b": "('a', 'b')",
        "/pages/method?name=a&self=evil": "('Pages', 'mp_request', 'a')",
        "/pages?name=a": "a",
        "/pages": "default",
        "/pages/of_class?name=a&cls=evil": "a",
        "/pages/static?name=a": "a",
    }
    shown = {path: answer(site, path) for path in queries}
    assert shown.pop("/show?name=a").startswith("((), {'name': 'a', 'req': <mp_request")
    del queries["/show?name=a"]
    assert shown == queries


def test_bodies(site):
    fields = {"name": "J\u00f6rg & co", "other": "two\nlines"}
    assert answer(site, "/plain", urlencode(fields)) == "('J\\xf6rg & co', 'two\\nlines')"
    assert answer(site, "/plain?name=query", urlencode({"name": "body"})) == "(['query', 'body'], 'default')"
    part = "--XX\r\nContent-Disposition: form-data; name={}\r\n{}\r\n{}\r\n"
    text = part.format("name", "", "caf\u00e9") + part.format("other", "", "") + "--XX--\r\n"
    assert answer(site, "/plain", text.encode(), MULTIPART) == "('caf\\xe9', '')"
    file = (
        part.format('file; filename="a b.txt"', "Content-Type: text/plain\r\n", "content")
        + part.format("note", "", "n")
        + "--XX--\r\n"
    )
    assert answer(site, "/upload", file.encode(), MULTIPART) == "('Field', 'a b.txt', b'content', 'n')"
    files = part.format("file; filename=a", "", "x") + part.format("file; filename=b", "", "y") + "--XX--\r\n"
    assert answer(site, "/two", files.encode(), MULTIPART) == "['a', 'b']"


def test_missing_arguments(site):
    named = {
        "/plain": "name",
        "/plain?other=a": "name",
        "/with_req": "name",
        "/keyword_only": "name",
        "/positional_only?other=a": "name",
        "/positional_only": "name, other",
        "/pages/method": "name",
        "/caf%C3%A9": "na\u00efve",
        "/upload?note=x": "file",
    }
    for path, name in named.items():
        response = site.get(path)
        assert response.status == 400, path
        assert f"The argument {name} is missing." in html.unescape(response.text), path
    assert site.post("/plain", "", headers=URLENCODED).status == 400


def test_type_errors_of_the_function_are_its_own(site):
    site.expect_traceback("TypeError: fails", handler="mod_python.publisher")
    site.expect_traceback("TypeError: .*decorated", handler="mod_python.publisher")
    assert answer(site, "/fails") == 500
    assert answer(site, "/decorated") == 500


def test_bodies_that_are_no_forms(site):
    json = {"Content-Type": "application/json"}
    assert answer(site, "/nothing", "{}", json) == 501
    assert answer(site, "/constant", "{}", json) == "constant"
    assert answer(site, "/plain", "x", {"Content-Type": "multipart/form-data"}) == 400


def test_a_form_that_an_earlier_handler_has_read(httpd):
    site = httpd(
        config=PUBLISH + "\nPythonFixupHandler early",
        files={
            "index.py": PAGES,
            "early.py": """
                from mod_python import apache, util

                def fixuphandler(req):
                    req.form = util.FieldStorage(req, keep_blank_values=1)
                    req.form.add_field("other", "early")
                    return apache.OK
            """,
        },
    )
    assert answer(site, "/plain", "name=a") == "('a', 'early')"


def test_apply_fs_data_takes_the_same(httpd):
    site = httpd(
        functions=PAGES.replace("def show", "def shown")
        + """
    from mod_python import util

    def apply(req):
        form = req.form = util.FieldStorage(req)
        missing = []
        for function in (plain, with_req, keyword_only, pages.method):
            try:
                util.apply_fs_data(function, form, req=req)
            except TypeError as error:
                missing.append(str(error))
        return util.apply_fs_data(partial, form), missing
    """
    )
    missing = [f"{name}() is missing the argument name" for name in ("plain", "with_req", "keyword_only", "Pages.method")]
    assert site.call("apply") == ("('from partial', 'default')", missing)
    assert site.call("apply", query="?name=" + quote("\u00e9")) == ("('\\xe9', 'default')", [])


def test_apply_fs_data_takes_what_has_a_list_of_fields(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            class Form:
                def __init__(self, fields):
                    self.list = [*fields]

            def show(name, other="default"):
                return name, other

            def apply(req):
                return util.apply_fs_data(show, Form(util.FieldStorage(req).list))
        """
    )
    assert site.call("apply", query="?name=a") == ("a", "default")
    assert site.call("apply", query="?name=a&other=c&name=b") == (["a", "b"], "c")
