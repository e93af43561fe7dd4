"""mod_python.publisher: `__auth__`, `__access__` and `__auth_realm__`, on objects and in the bodies of functions."""

import re

import pytest

from client import Response

EGGS, SPAM = ("eggs", "spam"), ("spam", "eggs")
PUBLISH = "SetHandler mod_python\nPythonHandler mod_python.publisher"


@pytest.fixture
def publish(httpd):
    def start(files, config=PUBLISH, **options):
        return httpd(config=config, files={"index.py": files} if isinstance(files, str) else files, **options)

    return start


def status(site, path, user=None):
    return site.get(path, user=user).status


def realm(response: Response):
    return response.headers["WWW-Authenticate"]


def test_auth_is_asked_with_name_and_password(publish):
    site = publish("""
        __auth_realm__ = "Members only"

        def __auth__(req, user, password):
            return req.uri != "/never" and user == "eggs" and password == "spam"

        def __access__(req, user):
            return user == "eggs" and req.args != "shut"

        def index(req): return "in"
        def hello(): return "hello"
        def never(): return "never"
    """)
    refused = site.get("/hello")
    assert (refused.status, realm(refused)) == (401, 'Basic realm="Members only"')
    refused = site.get("/hello", user=("eggs", "wrong"))
    assert (refused.status, realm(refused)) == (401, 'Basic realm="Members only"')
    assert site.get("/hello", user=EGGS).text == "hello"
    assert [status(site, path, EGGS) for path in ("/", "/?shut", "/never", "/missing")] == [200, 403, 401, 404]
    assert status(site, "/missing") == 401


RULES = """
    class Page:
        def __init__(self, **guards): self.__dict__.update(guards)
        def __str__(self): return "in"

    nothing = Page()
    true, false = Page(__auth__=1), Page(__auth__=0)
    text, empty = Page(__auth__="anybody"), Page(__auth__="")
    names = Page(__auth__={"eggs": "spam", "bytes": b"spam", "number": 5, "none": None, "caf\\u00e9": "th\\u00e9"})
    function = Page(__auth__=lambda req, user, password: (user, password) == ("eggs", "spam"))
    odd = Page(__auth__=lambda req, user, password: "yes")
    open_to_all, shut = Page(__access__=1), Page(__access__=0)
    in_list, in_tuple = Page(__access__=["eggs"]), Page(__access__=("eggs",))
    in_set, in_dict = Page(__access__={"eggs"}), Page(__access__={"eggs": 1})
    in_nothing = Page(__access__=[])
    by_function = Page(__access__=lambda req, user: user == "eggs")
    for_nobody = Page(__access__=lambda req, user: user is None)
    both = Page(__auth__={"eggs": "spam", "spam": "eggs"}, __access__=["eggs"], __auth_realm__='a "b" \\\\ c\\r\\nX: y')
    async def late(*arguments): return True
    def later(*arguments): yield True
    suspended = Page(__auth__=late)
    generator = Page(__access__=later)
"""


def test_what_values_mean(publish):
    site = publish(RULES)
    nobody, wrong = None, ("eggs", "wrong")
    table = {
        ("/nothing", nobody): 200,
        ("/true", nobody): 401,
        ("/true", wrong): 200,
        ("/true", ("", "x")): 401,
        ("/false", EGGS): 401,
        ("/text", EGGS): 200,
        ("/empty", EGGS): 401,
        ("/names", EGGS): 200,
        ("/names", wrong): 401,
        ("/names", ("other", "spam")): 401,
        ("/names", ("bytes", "spam")): 200,
        ("/names", ("number", "5")): 401,
        ("/names", ("none", "")): 401,
        ("/names", ("caf\u00e9", "th\u00e9")): 200,
        ("/function", EGGS): 200,
        ("/function", SPAM): 401,
        ("/odd", SPAM): 200,
        ("/open_to_all", nobody): 200,
        ("/shut", EGGS): 403,
        ("/in_list", nobody): 403,
        ("/in_list", SPAM): 403,
        ("/in_list", EGGS): 200,
        ("/in_tuple", EGGS): 200,
        ("/in_tuple", SPAM): 403,
        ("/in_set", EGGS): 200,
        ("/in_set", SPAM): 403,
        ("/in_dict", EGGS): 200,
        ("/in_dict", SPAM): 403,
        ("/in_nothing", EGGS): 403,
        ("/by_function", EGGS): 200,
        ("/by_function", nobody): 403,
        ("/for_nobody", nobody): 200,
        ("/both", nobody): 401,
        ("/both", SPAM): 403,
        ("/both", EGGS): 200,
        ("/suspended", EGGS): 403,
        ("/generator", EGGS): 403,
    }
    site.expect_log("__auth__ is a generator or coroutine")
    site.expect_log("__access__ is a generator or coroutine")
    assert {key: status(site, *key) for key in table} == table
    assert realm(site.get("/both")) == 'Basic realm="a \\"b\\" \\\\ cX: y"'
    assert realm(site.get("/true")) == 'Basic realm="unknown"'
    assert realm(site.get("/shut")) is None


def test_credentials(publish):
    site = publish("def __auth__(req, user, password): return print(ascii((user, password)), file=open(req.document_root() + '/../scratch/seen', 'w')) or True\nx = 'in'\ny = 'open'")  # fmt: skip

    def ask(header):
        answer = site.get("/x", headers={"Authorization": header})
        seen = site.scratch / "seen"
        return (answer.status, seen.read_text().strip()) if answer.status == 200 else answer.status

    assert ask("Basic ZWdnczpzcGFt") == (200, "('eggs', 'spam')")
    assert ask("bAsIC   ZWdnczpzcGFt ") == (200, "('eggs', 'spam')")
    assert ask("Basic ZWdnczo6YTpi") == (200, "('eggs', ':a:b')")
    assert ask("Basic Y2Fmw6k6w6k=") == (200, "('caf\\xe9', '\\xe9')")
    assert ask("Basic Y2Fm6Trp") == (200, "('caf\\xe9', '\\xe9')")
    assert (
        ask("Basic " + "x" * 5) == 400 and ask("Basic !!!!") == 400 and ask("Basic ZWdncw==") == 400 and ask(b"Basic \xe9") == 400
    )
    assert ask("Bearer ZWdnczpzcGFt") == 401 and ask("Digest username=x") == 401 and ask("") == 401 and ask("Basic") == 400


def test_credentials_are_only_read_where_they_are_asked_for(publish):
    site = publish("x = 'open'")
    assert site.get("/x", headers={"Authorization": "Basic nonsense"}).text == "open"


def test_deeper_objects(publish):
    """What lies deeper is guarded by all on the way, and knows the realm of the way."""
    site = publish("""
        __auth_realm__ = "module"

        class Base:
            __access__ = ["eggs", "spam"]

        class Inner(Base):
            __auth_realm__ = "inner"
            def page(self):
                __auth__ = {"eggs": "spam"}
                return "page"
            def open(self): return "open"
            def __auth__(self, req, user, password): return user != "nobody"
            text = "text"

        class Outer:
            inner = Inner()
            __auth__ = True
        outer = Outer()
    """)
    assert [status(site, "/outer/inner/page", user) for user in (None, EGGS, SPAM, ("nobody", ""), ("else", ""))] == [
        401,
        200,
        401,
        401,
        403,
    ]
    assert [status(site, "/outer/inner/open", user) for user in (EGGS, SPAM, ("else", ""))] == [200, 200, 403]
    assert realm(site.get("/outer/inner")) == 'Basic realm="module"'
    assert realm(site.get("/outer/inner", user=("nobody", ""))) == 'Basic realm="inner"'
    assert status(site, "/outer/inner/text", EGGS) == 200


NESTED = """
    import functools

    NAME = "eggs"
    WHO = ["eggs"]

    def checker(req, user, password): return user == NAME

    def plain(req):
        "Constants before it: the original took the first for it."
        number, text = 5, "text"
        def __auth__(req, user, password): return user == NAME and password == "spam"
        def __access__(req, user): return user == NAME
        __auth_realm__ = "plain"
        return "in"

    def after_others(req):
        first = [1, 2.5, "three"]
        other = lambda: None
        __access__ = 0
        return "in"

    def constants(req):
        __auth_realm__ = "constants"
        __auth__ = {"eggs": "spam"}
        __access__ = ("eggs", "spam")
        return "in"

    def annotated(req):
        __access__: list = ["eggs"]
        return "in"

    def chained(req):
        __auth__ = __access__ = True
        return "in"

    def by_name(req):
        __auth__ = checker
        __access__ = WHO
        return "in"

    def with_default(req):
        def __access__(req, user, allowed=("eggs",), *, other="x"): return user in allowed and other == "x"
        return "in"

    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return wrapper

    def careless(function):
        def wrapper(req):
            return function(req)
        return wrapper

    @decorator
    @decorator
    def decorated(req):
        __access__ = ["eggs"]
        return "in"

    @careless
    def in_a_closure(req):
        __access__ = ["eggs"]
        return "in"

    cached = functools.lru_cache(after_others)
    partial = functools.partial(after_others)

    class Callable:
        def __call__(self, req):
            __access__ = ["eggs"]
            return "in"
        def method(self):
            __access__ = ["eggs"]
            return "in"
        @classmethod
        def of_class(cls):
            __access__ = ["eggs"]
            return "in"
        @staticmethod
        def static():
            __access__ = ["eggs"]
            return "in"
    instance = Callable()

    def attribute(req): return "in"
    attribute.__access__ = ["eggs"]

    def attribute_and_body(req):
        __access__ = ["eggs", "spam"]
        return "in"
    attribute_and_body.__access__ = ["eggs"]

    def returned(req): return attribute
    def returns_nested(req): return after_others

    def reads_the_module(req): return __name__ and "in"
    def mentions(req): return repr("__auth__ __access__")
    def unguarded(req):
        def helper():
            __access__ = 0
        return "in"
    async_page = None
"""


def test_nested_in_functions(publish):
    site = publish(NESTED)
    eggs_only = ("/plain", "/constants", "/annotated", "/by_name", "/with_default", "/decorated", "/in_a_closure", "/instance",
                 "/instance/method", "/instance/of_class", "/instance/static", "/attribute", "/attribute_and_body", "/chained")  # fmt: skip
    assert {path: status(site, path, EGGS) for path in eggs_only} == dict.fromkeys(eggs_only, 200)
    refused = {path: status(site, path, SPAM) for path in eggs_only}
    assert refused == {**dict.fromkeys(eggs_only, 403), "/plain": 401, "/constants": 401, "/by_name": 401, "/chained": 200}
    nobody = {path: status(site, path) for path in eggs_only}
    assert nobody == {**dict.fromkeys(eggs_only, 403), **dict.fromkeys(("/plain", "/constants", "/by_name", "/chained"), 401)}
    assert realm(site.get("/plain")) == 'Basic realm="plain"' and realm(site.get("/constants")) == 'Basic realm="constants"'
    never = ("/after_others", "/cached", "/partial", "/returns_nested")
    assert {path: status(site, path, EGGS) for path in never} == dict.fromkeys(never, 403)
    assert [status(site, "/returned", user) for user in (EGGS, SPAM)] == [200, 403]
    assert [status(site, path) for path in ("/reads_the_module", "/mentions", "/unguarded")] == [200] * 3


UNCERTAIN = """
    import functools
    allowed = True

    def conditional(req):
        if allowed:
            __access__ = True
    def twice(req):
        __access__ = False
        __access__ = True
    def computed(req):
        __access__ = bool(allowed)
    def unpacked(req):
        __access__, __auth__ = True, True
    def closure(req, name="x"):
        def __access__(req, user): return name
    def decorated(req):
        @functools.cache
        def __access__(req, user): return True
    def coroutine(req):
        async def __access__(req, user): return False
    def generator(req):
        def __access__(req, user): yield False
    def parameter(req, __access__=True): pass
    def walrus(req):
        (__access__ := True)
    def deleted(req):
        __access__ = True
        del __access__
    def default_of_another(req):
        def helper(a=(__access__ := True)): pass
    def rebound_inside(req):
        __access__ = True
        def helper():
            nonlocal __access__
            __access__ = False
    def imported(req):
        import os as __access__
    def loop(req):
        for __access__ in [True]: pass
    def local_name(req):
        mine = True
        __access__ = mine
    def missing_name(req):
        __access__ = nowhere
    def a_class(req):
        class __access__: pass
    def caught(req):
        try: pass
        except Exception as __access__: pass
    def computed_default(req):
        def __access__(req, user, who=allowed): return True
    def realm(req):
        __auth_realm__ = str(5)
    a_lambda = lambda req: [__access__ for __access__ in (1,)] and (__access__ := 1)
    made = {}
    exec("def executed(req):\\n    __access__ = 1\\n", made)
    executed = made["executed"]
    def one(req): __access__ = 1; return "in"
    two = [(lambda req: (__access__ := 1)), (lambda req: (__access__ := 1))][1]
"""


def test_uncertain_is_denied(publish):
    site = publish(UNCERTAIN)
    names = re.findall(r"^    def (\w+)|^    (\w+) = (?!True|\{)", UNCERTAIN, re.MULTILINE)
    paths = ["/" + (first or second) for first, second in names if "one" not in (first, second)]
    assert len(paths) > 20
    site.expect_log(r"python:error.*access is denied: __\w+__ in \S+ (of .*index.py|of <string>|is nowhere)")
    assert {path: status(site, path, EGGS) for path in paths} == dict.fromkeys(paths, 403)
    assert status(site, "/one") == 200


def test_a_source_that_is_no_longer_what_was_imported(publish):
    """Without reloading, the file on disk says nothing about the code in memory."""
    page = "def page(req):\n    __access__ = ['eggs']\n    return 'in'\n"
    site = publish({"index.py": page, "other.py": "x = 'x'"}, config=PUBLISH + "\nPythonAutoReload Off")
    assert status(site, "/other/x") == 200
    assert status(site, "/missing") == 404  # index.py is imported now
    site.write("index.py", page.replace("eggs", "spam"))
    site.expect_log("the file is no longer what was imported from it")
    assert [status(site, "/page", user) for user in (EGGS, SPAM)] == [403, 403]


def test_reloading_changes_who_may(publish):
    page = "def page(req):\n    __access__ = ['eggs']\n    return 'in'\n"
    site = publish(page)
    assert [status(site, "/page", user) for user in (EGGS, SPAM)] == [200, 403]
    site.write("index.py", page.replace("eggs", "spam"))
    assert [status(site, "/page", user) for user in (EGGS, SPAM)] == [403, 200]


def test_optimised_code_is_guarded_too(publish):
    page = """
        def page(req):
            "What it is."
            assert req
            def __access__(req, user):
                "Who may."
                return user == "eggs"
            return "in"
    """
    site = publish(page, server="PythonOptimize On\n")
    assert [status(site, "/page", user) for user in (EGGS, SPAM)] == [200, 403]


def test_a_guard_that_fails(publish):
    site = publish("def __access__(req, user): raise ValueError('boom')\ndef index(): return 'in'")
    site.expect_traceback("ValueError: boom", handler="mod_python.publisher")
    assert status(site, "/") == 500


def test_a_user_of_the_server_is_left_alone(publish):
    site = publish("def index(req):\n    __auth__ = {'eggs': 'spam'}\n    return repr(req.user)")
    assert site.get("/", user=EGGS).text == "None"
