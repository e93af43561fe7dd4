"""mod_python.publisher: which object a URL names, whether it is published, and what is then sent."""

import re
from urllib.parse import quote

import pytest

from httpd import wait_until

PUBLISH = "SetHandler mod_python\nPythonHandler mod_python.publisher"
URLS = {
    "index.py": """
        def index(req):
            return f"index.index {req.filename.rpartition('/')[2]}"

        def hello():
            return "index.hello"
    """,
    "m.py": """
        def index():
            return "m.index"

        def say():
            return "m.say"
    """,
    "sub/index.py": """
        def index():
            return "sub.index"

        def foo():
            return "sub.foo"
    """,
    "m.txt": "a text",
    "only/page.py": "def index(): return 'only.page.index'",
}


@pytest.fixture
def publish(httpd):
    """A function that starts a site of published files."""

    def start(files, config=PUBLISH, **options):
        if isinstance(files, str):
            files = {"index.py": files}
        return httpd(config=config, files=files, **options)

    return start


def texts(site, *paths):
    return [answer.text if answer.status == 200 else answer.status for answer in map(site.get, paths)]


# From URL to object


def test_urls(publish):
    site = publish(URLS)
    index = "index.index index.py"
    assert texts(site, "/", "/index", "/index/", "/index.py", "/index.py/") == [index] * 5
    assert texts(site, "/hello", "/hello/", "/index/hello", "/index.py/hello") == ["index.hello"] * 4
    assert texts(site, "/m", "/m.py", "/m.py/", "/m/index") == ["m.index"] * 4
    assert texts(site, "/m/say", "/m.py/say", "/m.py/say/") == ["m.say"] * 3
    assert texts(site, "/sub/", "/sub/foo", "/sub/index/foo") == ["sub.index", "sub.foo", "sub.foo"]
    assert texts(site, "/only/page", "/only/page/", "/only/", "/only/other") == ["only.page.index"] * 2 + [404, 404]
    assert texts(site, "/spam", "/spam/x", "/nodir/x", "/m.txt", "/m.pyc", "/m.say") == [404] * 6
    assert texts(site, "/hello/x") == [403]
    assert texts(site, "/index.html", "/hello.txt", "/m.pyc/say") == [404] * 3  # 403 in the original
    assert texts(site, "/index/c..meth", "/c..meth", "/..py", "/.py") == [404] * 4
    assert texts(site, "/%00") == [404]
    assert texts(site, "/h%e9llo", "/%c3%a9") == [404, 404]


def test_extensions_of_the_handler(publish):
    config = "PythonHandler mod_python.publisher | .htm .do\nAddHandler mod_python .page .c++\nAddHandler mod_python .py"
    site = publish(
        {"m.py": "def index(): return 'index'\ndef f(): return 'f'", "m.page": "", "m.c++": "", "m.cxx": "", "m.txt": "text"},
        config=config.replace(" | .htm .do", ""),
        modules=("mime",),
    )
    assert texts(site, "/m.py", "/m.page", "/m.c++", "/m.page/f", "/m.txt") == ["index", "index", "index", "f", "text"]
    restricted = publish(
        {"m.py": "def index(): return 'index'"}, config="SetHandler mod_python\nPythonHandler mod_python.publisher | .do"
    )
    assert texts(restricted, "/m.do") == ["index"]
    assert texts(restricted, "/m.od") == [404]


def test_only_three_methods(publish):
    site = publish(URLS)
    assert site.post("/hello").text == "index.hello"
    head = site.request("HEAD", "/hello")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "11")
    for method in ("PUT", "DELETE", "OPTIONS", "FROB", "PATCH"):
        refused = site.request(method, "/hello")
        assert refused.status == 405
        assert {name.strip() for name in refused.headers["Allow"].split(",")} - {"TRACE"} == {"GET", "HEAD", "POST"}


def test_a_directory_that_may_not_be_searched(publish, httpd):
    site = publish({"index.py": "def index(): return 'x'", "closed/index.py": ""})
    (site.docroot / "closed").chmod(0o700)
    site.expect_log("Permission denied")
    assert texts(site, "/closed/x", "/") == [403, "x"]
    (site.docroot / "closed").chmod(0o755)


# Which objects


RULES = """
    import abc, enum, functools, os, sys, types
    from os import getcwd
    from types import SimpleNamespace

    class Plain:
        attribute = "class attribute"
        def __init__(self): self.own = "own"; self.inner = self; self._hidden = "hidden"
        def method(self, name="nobody"): return f"method {name} {self.own}"
        @property
        def computed(self): return "computed"
        @property
        def failing(self): return self.missing
        @classmethod
        def of_class(cls): return cls.__name__
        @staticmethod
        def static(): return "static"
        class Nested: pass
        def __str__(self): return "a Plain"

    class Abstract(abc.ABC):
        attribute = "of the class"
    class Colour(enum.Enum):
        RED = 1
    class Dynamic:
        def __getattr__(self, name):
            if name.startswith("x"): return "dynamic " + name
            raise AttributeError(name)
    class Callable:
        def __call__(self, name="nobody"): return f"called with {name}"
    class Module(types.ModuleType): pass

    instance, colour, dynamic, callable_instance = Plain(), Colour.RED, Dynamic(), Callable()
    module, submodule = os, Module("submodule")
    namespace = SimpleNamespace(a=1)
    alias = list[int]
    class_alias = types.GenericAlias(Plain, (int,))
    number, text, a_list, a_dict, true, nothing_at_all = 7, "text", [1, "a"], {"a": 1}, True, ""
    _private = "private"
    __dunder__ = "dunder"

    def function(): return "function"
    function.attribute = "attribute"
    def with_req(req, name="nobody"): return f"{name} {type(req).__name__}"
    a_lambda = lambda: "lambda"
    partial = functools.partial(with_req, name="part")
    cached = functools.lru_cache(function)
    code = function.__code__
    frame = sys._getframe()
    try: 1 / 0
    except ZeroDivisionError as error: traceback, exception = error.__traceback__, error
    mapping = types.MappingProxyType({})
    cell = (lambda: cell).__code__
    descriptor = str.upper
    wrapper = (5).__add__
    slot = object.__repr__
    member = types.FunctionType.__code__
    def make():
        yield 1
    generator = make()
"""


def test_which_types_are_published(publish):
    site = publish(RULES)
    published = {
        "/number": "7",
        "/text": "text",
        "/a_list": "[1, 'a']",
        "/a_dict": "{'a': 1}",
        "/true": "True",
        "/nothing_at_all": "",
        "/instance": "a Plain",
        "/colour": "Colour.RED",
        "/colour/value": "1",
        "/function": "function",
        "/a_lambda": "lambda",
        "/partial": "part mp_request",
        "/cached": "function",
        "/callable_instance?name=x": "called with x",
        "/namespace": "namespace(a=1)",
        "/exception": "division by zero",
        "/mapping": "{}",
        "/number/real": "7",
        "/instance/own": "own",
        "/instance/inner/inner/own": "own",
        "/instance/attribute": "class attribute",
        "/instance/method?name=x": "method x own",
        "/instance/computed": "computed",
        "/instance/of_class": "Plain",
        "/instance/static": "static",
        "/instance.method": "method nobody own",
        "/index/instance.inner/own": "own",
        "/dynamic/xyz": "dynamic xyz",
    }
    assert {path: texts(site, path)[0] for path in published} == published
    missing = ("/instance/nothing", "/instance/failing", "/dynamic/y", "/number/nothing", "/a_dict/a")
    assert texts(site, *missing) == [404] * len(missing)


def test_which_types_are_not(publish):
    site = publish(RULES)
    private = ("/_private", "/__dunder__", "/__name__", "/__builtins__", "/instance/_hidden", "/instance/__class__",
               "/function/__code__", "/_missing", "/instance/method/__func__")  # fmt: skip
    never = ("/Plain", "/Abstract", "/Colour", "/Module", "/instance/Nested", "/module", "/os", "/submodule", "/getcwd",
             "/text/upper", "/number/to_bytes", "/alias", "/class_alias", "/code", "/frame", "/traceback",
             "/descriptor", "/wrapper", "/slot", "/member", "/cached/cache_clear")  # fmt: skip
    no_way_into = ("/module/path", "/module/system", "/Plain/attribute", "/Abstract/attribute", "/Colour/RED", "/function/attribute",
                   "/instance/method/x", "/namespace/a", "/generator/gi_frame", "/code/co_code", "/frame/f_globals",
                   "/traceback/tb_frame", "/submodule/x", "/os/environ")  # fmt: skip
    for paths in (private, never, no_way_into):
        assert {path: site.get(path).status for path in paths} == dict.fromkeys(paths, 403)
    for said in ("private", "is not published", "no way into"):
        assert re.search(rf"\[python:warn\].*{said}", site.error_log)


def test_a_rule_of_the_site(publish):
    site = publish("""
        from mod_python import publisher

        class Secret:
            inside = "inside"
            def __str__(self): return "secret"

        publisher.tp_rules[Secret] = (False, False)
        secret = Secret()
        pair = Secret(), 1
    """)
    assert texts(site, "/secret", "/secret/inside") == [403, 403]


def test_a_list_of_what_is_published(publish):
    site = publish("""
        __published__ = ["index", "tool"]

        class Tool:
            def use(self): return "used"

        tool = Tool()
        def index(): return "index"
        def imported(): return "imported"
    """)
    assert texts(site, "/", "/tool/use", "/imported", "/index/imported", "/nothing") == ["index", "used", 404, 404, 404]


# What is sent


def test_values(publish):
    site = publish("""
        from mod_python import apache

        class Odd:
            def __str__(self): return "odd"

        def zero(): return 0
        def status(): return apache.HTTP_NOT_FOUND
        def empty(): return ""
        def nothing(): return None
        def false(): return False
        def a_list(): return [1, "b"]
        def odd(): return Odd()
        def as_bytes(): return b"\\x00\\xff"
        def as_bytearray(): return bytearray(b"ab")
        def another(): return zero
        def deeper(): return another
        def written(req): req.write("written")
        def both(req):
            req.write("written and ", 0)
            return "returned"
        def a_class(): return Odd
        def a_module(): return apache
        def a_builtin(): return len
        def lost(req): raise apache.SERVER_RETURN(apache.HTTP_GONE)
        def wrong(): return 1 / 0
        constant = 0
        none = None
        raw = b"raw"
    """)
    answers = {"/zero": "0", "/status": "404", "/empty": "", "/nothing": "", "/false": "False", "/a_list": "[1, 'b']", "/odd": "odd",
               "/another": "0", "/deeper": "0", "/written": "written", "/both": "written and returned", "/constant": "0",
               "/none": "", "/raw": "raw", "/as_bytearray": "ab"}  # fmt: skip
    assert {path: texts(site, path)[0] for path in answers} == answers
    assert site.get("/as_bytes").body == b"\x00\xff"
    assert site.get("/a_list").headers["Content-Length"] == "8"
    assert texts(site, "/a_class", "/a_module", "/a_builtin", "/lost") == [403, 403, 403, 410]
    assert site.get("/nothing").headers["Content-Type"] is None
    site.expect_traceback("ZeroDivisionError", handler="mod_python.publisher")
    assert texts(site, "/wrong") == [500]


def test_coroutines_are_refused(publish):
    site = publish("""
        async def page(): return "x"
        async def items(): yield "x"
        waiting = None
        def returned(): return page()
    """)
    site.expect_traceback("TypeError: page is asynchronous.*define it with `def`", handler="mod_python.publisher")
    site.expect_traceback("TypeError: items is asynchronous", handler="mod_python.publisher")
    assert texts(site, "/page", "/items", "/returned") == [500] * 3


def test_generators_are_streamed(publish):
    site = publish("""
        import os

        def items(req):
            try:
                yield "one "
                yield b"two "
                yield "th\\u00e9e"
            finally:
                open(os.path.join(req.document_root(), "../scratch/closed"), "w").close()
        def page(req):
            req.content_type = "text/html; charset=iso-8859-1"
            yield "caf\\u00e9"
        def wrong(): yield 5
        def nothing(): yield from ()
    """)
    items = site.get("/items")
    assert (items.text, items.headers["Content-Type"]) == ("one two th\u00e9e", "text/plain; charset=utf-8")
    assert (site.scratch / "closed").exists()
    assert site.get("/page").body == b"caf\xe9"
    assert texts(site, "/nothing") == [""]
    site.expect_traceback("TypeError: /wrong: a generator must yield str or bytes, not int", handler="mod_python.publisher")
    assert texts(site, "/wrong") == [500]


def test_content_types(publish):
    site = publish("""
        def page(name=""): return name + "</HTML  >"
        def after(): return "</html>."
        def blanks(count): return "<html></html>" + "\\n" * int(count)
        def as_bytes(): return b"<html></html>"
        def plain_bytes(): return b"x"
        def own(req, kind):
            req.content_type = kind
            return "caf\\u00e9 </html>"
        def own_bytes(req):
            req.content_type = "image/png"
            return b"</html>"
    """)
    kinds = {
        "/page": "text/html; charset=utf-8",
        "/page?name=x%0ay": "text/html; charset=utf-8",
        "/after": "text/plain; charset=utf-8",
        "/blanks?count=50": "text/html; charset=utf-8",
        "/blanks?count=99": "text/plain; charset=utf-8",
        "/as_bytes": "text/html",
        "/plain_bytes": "text/plain",
        "/own?kind=text/x-own": "text/x-own; charset=utf-8",
        "/own_bytes": "image/png",
    }
    assert {path: site.get(path).headers["Content-Type"] for path in kinds} == kinds
    encoded = {"text/plain;charset=iso-8859-1": b"caf\xe9 </html>", "text/x; Charset=\"UTF-8\"": "caf\u00e9 </html>".encode(),
               "text/plain; charset=utf-16-le": "caf\u00e9 </html>".encode("utf-16-le"), "text/x": "caf\u00e9 </html>".encode()}  # fmt: skip
    assert {kind: site.get(f"/own?kind={quote(kind)}").body for kind in encoded} == encoded
    site.expect_traceback("LookupError: unknown encoding: nonsense", handler="mod_python.publisher")
    assert site.get("/own?kind=text/plain;charset=nonsense").status == 500


# Modules


def test_changed_modules_are_reloaded(publish):
    site = publish(
        {"index.py": "import part\ndef index(): return part.text", "part.py": "text = 'one'", "m.py": "def index(): return 'm'"}
    )
    assert texts(site, "/", "/m") == ["one", "m"]
    site.write("part.py", "text = 'two'")
    assert texts(site, "/") == ["two"]
    site.write("index.py", "def index(): return 'three'")
    site.write("m.py", "def index(): return 'changed'")
    assert texts(site, "/", "/m") == ["three", "changed"]
    site.expect_traceback("SyntaxError", handler="mod_python.publisher")
    site.write("index.py", "def index(: return 'four'")
    assert texts(site, "/", "/", "/m") == [500, 500, "changed"]
    site.write("index.py", "def index(): return 'five'")
    assert texts(site, "/") == ["five"]
    (site.docroot / "index.py").unlink()
    assert texts(site, "/", "/m") == [404, "changed"]


def test_an_import_in_a_function_is_watched_too(publish):
    site = publish({"index.py": "def index():\n    import part\n    return part.text", "part.py": "text = 'one'"})
    assert texts(site, "/", "/") == ["one", "one"]
    site.write("part.py", "text = 'two'")
    assert texts(site, "/") == ["two"]


def test_autoreload_off(publish):
    site = publish({"index.py": "def index(): return 'one'"}, config=PUBLISH + "\nPythonAutoReload Off")
    assert texts(site, "/") == ["one"]
    site.write("index.py", "def index(): return 'two'")
    assert texts(site, "/", "/") == ["one", "one"]


def test_modules_of_one_name_in_two_directories(publish):
    site = publish(
        {
            "a/page.py": "x = 'a'",
            "b/page.py": "x = 'b'",
            "a/index.py": "import page\ny = page.x",
            "b/index.py": "import page\ny = page.x",
        }
    )
    assert texts(site, "/a/page/x", "/b/page/x", "/a/y", "/b/y") == ["a", "b", "a", "b"]


def test_files_with_odd_names(publish):
    site = publish({"string.py": "x = 'own string'", "a-b.py": "x = 'dash'", "a.b.py": "x = 'dot'", "\u00e9.py": "x = 'e'",
                    "_x.py": "x = 'underscore'", "pkg.py": "x = 'file'", "pkg/__init__.py": "x = 'package'", })  # fmt: skip
    assert texts(site, "/string/x", "/a-b/x", "/a.b.py/x", "/%C3%A9/x", "/_x/x", "/pkg.py/x") == [
        "own string", "dash", "dot", "e", "underscore", "file"]  # fmt: skip


def test_source_encodings(publish):
    site = publish(
        {
            "latin.py": "# -*- coding: iso-8859-1 -*-\nx = 'caf\u00e9'\n".encode("latin-1"),
            "bom.py": b"\xef\xbb\xbfx = 'caf\xc3\xa9'",
        }
    )
    assert texts(site, "/latin/x", "/bom/x") == ["caf\u00e9"] * 2


def test_page_cache(publish):
    site = publish("""
        from mod_python.publisher import page_cache

        def index(req): return page_cache[req].mark
        mark = "the module"
    """)
    assert texts(site, "/") == ["the module"]


def test_debug_hints(publish):
    site = publish("def index(): return None\ndef shown(req): req.write('x')", config=PUBLISH + "\nPythonDebug On")
    assert texts(site, "/shown", "/") == ["x", ""]
    site.wait_log(r"\[python:notice\].*\(Re\)importing module '.*/index.py'")
    site.wait_log(r"\[python:notice\].*index of .*/index.py returned None and wrote nothing")
    assert site.error_log.count("wrote nothing") == 1


def test_many_threads_and_a_reload(publish):
    """While a page changes under load, each answer is one of its versions."""
    import threading

    site = publish(
        {"index.py": "import part\ndef index(n): return f'{n} {part.x}'", "part.py": "x = 0"}, server="MaxKeepAliveRequests 0"
    )
    stop, wrong, seen = threading.Event(), [], set()

    def ask(number):
        with site.connection() as connection:
            while not stop.is_set():
                text = site.ask(connection, "GET", f"/?n={number}").text
                seen.add(text.partition(" ")[2])
                if not text.startswith(f"{number} "):
                    wrong.append(text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for version in range(1, 6):
            site.write("part.py", f"x = {version}")
            wait_until(lambda version=version: str(version) in seen, f"version {version}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and seen <= set("012345")
