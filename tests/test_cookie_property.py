"""Cookies against Python's own http.cookies, and what any client may send, by hypothesis, over one connection to a real httpd."""

import ast
import http.cookies
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
OCTETS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '",;\\')
names = st.text(TOKEN, min_size=1, max_size=12).filter(
    lambda name: name[0] != "$" and name.lower() not in http.cookies.Morsel._reserved
)
values = st.text(OCTETS, max_size=30)
pairs = st.lists(st.tuples(names, values), max_size=12)
anything = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, blacklist_characters="\x7f"), max_size=60)
lines = st.text('ab=;, "\\$\t', max_size=40)

SITE = """
    from mod_python import Cookie

    def read(req):
        return {name: cookie.value for name, cookie in Cookie.get_cookies(req).items()}

    def write(req):
        for name, cookie in Cookie.get_cookies(req).items():
            Cookie.add_cookie(req, name, cookie.value, path="/", max_age=5)

    def signed(req):
        for name, cookie in Cookie.get_cookies(req).items():
            text = str(Cookie.SignedCookie(name, cookie.value, "secret"))
            back = Cookie.SignedCookie.parse(text, "secret", Cookie.Cookie.EXCEPTION)
            if back[name].value != cookie.value:
                return name
"""


@pytest.fixture
def ask(httpd):
    site = httpd(functions=SITE)
    with site.connection() as connection:

        def ask(path, header):
            answer = site.ask(connection, "GET", f"/{path}", headers={"Cookie": header.encode("latin-1")} if header else {})
            assert answer.status == 200
            return answer

        yield ask


run = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@run
@given(pairs)
def test_what_http_cookies_reads(ask, pairs):
    header = "; ".join(f"{name}={value}" for name, value in pairs)
    theirs = {name: morsel.coded_value for name, morsel in http.cookies.SimpleCookie(header).items()}
    assert ast.literal_eval(ask("read", header).text) == theirs == dict(pairs)


@run
@given(pairs)
def test_what_http_cookies_understands(ask, pairs):
    answer = ask("write", "; ".join(f"{name}={value}" for name, value in pairs))
    theirs = http.cookies.SimpleCookie()
    for line in answer.headers.get_all("Set-Cookie") or []:
        theirs.load(line)
    assert {name: morsel.coded_value for name, morsel in theirs.items()} == dict(pairs)
    assert all((morsel["path"], morsel["max-age"]) == ("/", "5") for morsel in theirs.values())


@run
@given(pairs)
def test_what_is_signed_is_found_right(ask, pairs):
    assert ask("signed", "; ".join(f"{name}={value}" for name, value in pairs)).text == "None"


@run
@given(anything | lines)
def test_any_header_is_read(ask, header):
    found = ast.literal_eval(ask("read", header).text)
    for name, value in found.items():
        assert name and not set(name) & set("; =") and name[0] != "$"
        assert value.startswith('"') or ";" not in value
