"""The examples run as they are, with their own configuration."""

import re
import shutil
from html import unescape
from urllib.parse import urlencode

import pytest

import httpd as real

EXAMPLES = real.PROJECT / "examples"
SERVER = """
    Define EXAMPLES "${root}/examples"
    Define DATA "${scratch}"
    IncludeOptional "${root}/examples/httpd.con[f]"
"""


@pytest.fixture
def examples(httpd):
    copies = []

    def start():
        site = httpd(server=SERVER, modules=("authn_core", "authz_host", "authz_user", "dir", "env", "mime"))
        copies.append(site)
        shutil.copytree(EXAMPLES, site.root / "examples")
        site.restart()
        return site

    return start()


def test_every_example_is_linked_and_answers(examples):
    index = examples.get("/")
    assert (index.status, index.headers["Content-Type"]) == (200, "text/html")
    for example in EXAMPLES.iterdir():
        if example.is_dir() and not example.name.startswith("_"):
            assert f'href="/{example.name}/' in index.text, f"{example.name} is not linked"
            assert (example / "httpd.conf").exists()
            assert examples.get(f"/{example.name}/").status == 200
    assert examples.get("/style.css").status == 200


def test_sources_are_not_shown(examples):
    examples.expect_log("AH01630")
    for path in ("/httpd.conf", "/hello/httpd.conf", "/hello/hello.py", "/form/form.py"):
        assert examples.get(path).status == 403


def test_turns(examples):
    early, _, late = examples.get("/turns/").text.splitlines()
    assert (early, late) == ("@early: None", "@late: hello")


def test_timeout(examples):
    examples.expect_log("MP0140: PythonHandler timeout: not done after 1 second")
    examples.expect_log("PythonHandler timeout:   File ")
    assert examples.get("/timeout/").text == "100 primes\n"
    assert re.fullmatch(r"not all: \d+ primes\n", examples.get("/timeout/?100000").text)


def test_hello(examples):
    response = examples.get("/hello/")
    assert (response.text, response.headers["Content-Type"]) == ("Hello from mod_python!\n", "text/plain; charset=utf-8")


def test_request_shows_and_escapes(examples):
    response = examples.get(
        "/request/a%3Cb%e9?q=<script>", headers={"X-Own": "<b>&", "Authorization": "Basic c2VjcmV0OnNlY3JldA=="}
    )
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script>" not in response.text and "<b>&" not in response.text
    text = unescape(response.text)
    assert "X-Own" in text and "passed by the access handler" in text and "set by PythonOption" in text
    assert "c2VjcmV0" not in text


def test_form(examples):
    assert "Hello" not in examples.get("/form/").text
    fields = {"name": "J\u00f6rg <b>", "message": "one\ntwo & three"}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for response in (examples.post("/form/", urlencode(fields), headers=kind), examples.get("/form/?" + urlencode(fields))):
        assert response.status == 200
        assert "Hello, <strong>J\u00f6rg &lt;b&gt;</strong>! You sent 15 characters" in response.text
        assert "one\ntwo &amp; three</textarea>" in response.text
    assert examples.get("/form/?name=%e9").status == 200
    assert examples.post("/form/", "name=x", headers={"Content-Type": "text/plain"}).status == 501
    assert examples.post("/form/", "name=" + "x" * 70000, headers=kind).status == 413
    refused = examples.request("PUT", "/form/", "x")
    assert refused.status == 405 and "POST" in refused.headers["Allow"]


def cookies_of(response):
    return {"Cookie": "; ".join(line.partition(";")[0] for line in response.headers.get_all("Set-Cookie"))}


def test_cookie(examples):
    first = examples.get("/cookie/?blue")
    assert "You like blue. This is your visit number 1." in first.text
    second = examples.get("/cookie/", headers=cookies_of(first))
    assert "You like blue. This is your visit number 2." in second.text
    forged = {"Cookie": cookies_of(second)["Cookie"].replace("visits=", "visits=0") + "; colour=<script>"}
    assert "You like red. This is your visit number 1." in examples.get("/cookie/", headers=forged).text


def test_session(examples):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    first = examples.get("/session/")
    assert "Nobody has come in. This is your visit number 1." in first.text
    entered = examples.post("/session/", urlencode({"name": "J\u00f6rg <b>"}), headers={**kind, **cookies_of(first)})
    assert (entered.status, entered.headers["Location"]) == (302, "/session/")
    assert cookies_of(entered) != cookies_of(first)
    assert (
        "Hello, <strong>J\u00f6rg &lt;b&gt;</strong>! This is your visit number 2."
        in examples.get("/session/", headers=cookies_of(entered)).text
    )
    assert "Nobody" in examples.get("/session/", headers=cookies_of(first)).text
    left = examples.post("/session/", "leave=yes", headers={**kind, **cookies_of(entered)})
    assert "1970" in left.headers["Set-Cookie"]
    assert "Nobody" in examples.get("/session/", headers=cookies_of(entered)).text


def test_status(examples):
    assert examples.get("/hello/").status == 200
    assert "mod_python status" in examples.get("/status/").text
    metrics = examples.get("/status/?format=prometheus")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'mod_python_calls_total{interpreter="localhost",kind="content"}' in metrics.text


def test_wsgi(examples):
    page = examples.get("/wsgi/")
    assert "<code>/wsgi</code>" in page.text and 'href="/wsgi/stream"' in page.text
    assert examples.get("/wsgi").status == 200
    for body in (b"x" * 200_000, iter([b"x" * 100_000, b"x" * 100_000])):
        answer = examples.post("/wsgi/digest", body).text
        assert answer.startswith("200000 bytes, SHA-256 ") and len(answer) == len("200000 bytes, SHA-256 ") + 65
    assert examples.get("/wsgi/stream").text == "".join(f"{number}\n" for number in range(1, 11))
    assert examples.get("/wsgi/source").body == (EXAMPLES / "wsgi/application.wsgi").read_bytes()
    assert examples.get("/wsgi/none").status == 404
