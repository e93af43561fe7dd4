"""The same applications under ours and under mod_wsgi, embedded: the same bytes, and the same headers but for Date and Server.

One header differs by intention: where the application returns a list of one item and does not say how long it is, ours sends
Content-Length, as PEP 3333 advises, and mod_wsgi 6 sends a chunk.
"""

import contextlib
import http.client
import re

import pytest

from httpd import PROJECT, Site

FOUND = sorted((PROJECT / "target/environment").glob("lib/python3*/site-packages/mod_wsgi/server/mod_wsgi-*.so"))
APPLICATIONS = """
import io, os, sys

def one(environ, start_response):
    start_response("200 OK", [("Content-Type","text/plain")])
    return [b"hello"]
def many(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return [b"a"*10, b"b"*10]
def gen(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    yield b"a"*10
    yield b""
    yield b"b"*10
def gen_one(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    yield b"a"*10
def empty(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return []
def empty_gen(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return iter([])
def no_type(environ, sr):
    sr("200 OK", [])
    return [b"x"]
def no_content(environ, sr):
    sr("204 No Content", [("X-A","b")])
    return []
def not_modified(environ, sr):
    sr("304 Not Modified", [("ETag",'"x"')])
    return []
def redirect(environ, sr):
    sr("302 Found", [("Location","/elsewhere"),("Content-Type","text/plain")])
    return [b"go"]
def teapot(environ, sr):
    sr("418 I'm a Teapot!", [("Content-Type","text/plain")])
    return [b"tea"]
def odd_status(environ, sr):
    sr("599 Odd", [("Content-Type","text/plain")])
    return [b"tea"]
def cookies(environ, sr):
    sr("200 OK", [("Set-Cookie","a=1"),("Set-Cookie","b=2"),("Vary","X"),("Vary","Y"),("Content-Type","text/html; charset=utf-8")])
    return [b"c"]
def unauthorized(environ, sr):
    sr("401 Unauthorized", [("WWW-Authenticate","Basic realm=x"),("Content-Type","text/plain")])
    return [b"no"]
def writer(environ, sr):
    w=sr("200 OK", [("Content-Type","text/plain")]); w(b"1"); w(b"2")
    return [b"3"]
def length(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("Content-Length","4")])
    return [b"ab", b"cd"]
def length_gen(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("Content-Length","4")]); yield b"ab"; yield b"cd"
def too_long(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("Content-Length","3")])
    return [b"ab", b"cd"]
def big(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return [b"x"*100000]
def file(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")]); f=open(__file__,"rb"); f.read(10)
    return environ["wsgi.file_wrapper"](f)
def file_length(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("Content-Length","20")]); f=open(__file__,"rb")
    return environ["wsgi.file_wrapper"](f, 4096)
def bytesio(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"z"*100))
def exc(environ, sr):
    try: 1/0
    except Exception: sr("500 Oops", [("Content-Type","text/plain")], sys.exc_info())
    return [b"caught"]
def exc_after(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    try: 1/0
    except Exception: sr("503 Oops", [("Content-Type","text/html")], sys.exc_info())
    return [b"caught"]
def raises(environ, sr):
    raise ValueError("x")
def echo(environ, sr):
    body=environ["wsgi.input"].read()
    sr("200 OK", [("Content-Type","text/plain")])
    return [body]
def caching(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("Cache-Control","no-store"),("Expires","0"),("Last-Modified","Sat, 29 Oct 1994 19:43:31 GMT"),("ETag",'"e"')])
    return [b"k"]
def environment(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return ["\\n".join(f"{key}={environ[key]!r}" for key in sorted(environ)).encode()]
def charset(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("X-L","caf\\xe9")])
    return ["caf\\xe9".encode()]
def str_item(environ, sr):
    sr("200 OK", [("Content-Type","text/plain")])
    return ["k"]
def dateserver(environ, sr):
    sr("200 OK", [("Content-Type","text/plain"),("Server","mine")])
    return [b"k"]

def application(environ, sr):
    return globals()[environ["PATH_INFO"].split("/")[1]](environ, sr)
"""
NAMES = re.findall(r"^def (\w+)\(environ", APPLICATIONS, re.M)


def is_one_item(name):
    source = APPLICATIONS.partition(f"def {name}(")[2].partition("\ndef ")[0]
    return "Content-Length" not in source and re.search(r"return \[[^],]+\]\n*$", source) is not None


class ModWsgi(Site):
    def configuration(self):
        return super().configuration().replace(f'LoadModule python_module "{self.module}"', f'LoadModule wsgi_module "{FOUND[0]}"')


@pytest.fixture(scope="module", params=["event", "prefork"])
def both(request):
    """Ours and mod_wsgi, side by side."""
    if not FOUND:
        pytest.fail("there is no mod_wsgi in target/environment: scripts/install-dependencies test")
    files = {"app.wsgi": APPLICATIONS}
    ours = Site(request.param, files=files, server="PythonWSGIAlias /app ${docroot}/app.wsgi")
    options = "WSGIChunkedRequest On\nWSGIPassAuthorization On\nWSGIApplicationGroup %{GLOBAL}"
    theirs = ModWsgi(request.param, files=files, server=f"WSGIScriptAlias /app ${{docroot}}/app.wsgi\n{options}")
    with contextlib.ExitStack() as stack:
        for site in (ours, theirs):
            stack.callback(site.remove)
            stack.callback(site.stop)
            site.start()
        yield ours, theirs


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("HEAD", None), ("POST", b"q" * 1000)], ids=("get", "head", "post"))
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("application", "environment")])
def test_same_answers(both, name, method, body):
    ours, theirs = (answer(site, name, method, body) for site in both)
    assert ours == theirs


CONDITIONS = {
    "range": {"Range": "bytes=2-3"},
    "range beyond the end": {"Range": "bytes=500000-"},
    "ranges": {"Range": "bytes=0-1,4-5"},
    "if-none-match": {"If-None-Match": '"e"'},
    "if-match": {"If-Match": '"x"'},
    "if-modified-since": {"If-Modified-Since": "Sat, 29 Oct 1994 19:43:31 GMT"},
}


# Of a list of one item httpd cuts ranges under ours only, which says how long it is.
CONDITIONAL = [
    (name, condition)
    for name in NAMES
    if name not in ("application", "environment")
    for condition in CONDITIONS
    if not ("range" in condition and is_one_item(name))
]


@pytest.mark.parametrize(("name", "condition"), CONDITIONAL)
def test_same_answers_to_conditions(both, name, condition):
    ours, theirs = (answer(site, name, "GET", None, CONDITIONS[condition]) for site in both)
    assert ours == theirs


def test_same_chunked_upload(both):
    bodies = [site.request("POST", "/app/echo", iter([b"a" * 70_000, b"b"])).body for site in both]
    assert bodies == [b"a" * 70_000 + b"b"] * 2


def test_same_environment(both):
    ours, theirs = (environment(site) for site in both)
    same = set(theirs) - {name for name in theirs if name.startswith("mod_wsgi.")} - {"apache.version"}
    assert not same - set(ours), "what mod_wsgi has and we have not"
    differ = {
        "SERVER_SOFTWARE",
        "REMOTE_PORT",
        "SERVER_PORT",
        "HTTP_HOST",
        "DOCUMENT_ROOT",
        "CONTEXT_DOCUMENT_ROOT",
        "SCRIPT_FILENAME",
    }
    differ |= {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper", "wsgi.multiprocess"}
    assert {name: ours[name] for name in same - differ} == {name: theirs[name] for name in same - differ}


def answer(site, name, method, body, headers=None):
    """What the client sees, but for the text between the parts of several ranges: random, and of a random length."""
    try:
        response = site.request(method, f"/app/{name}", body, headers)
    except http.client.HTTPException as error:
        return type(error)
    framing = () if not is_one_item(name) else ("content-length", "transfer-encoding")
    headers = sorted(
        (key.lower(), value) for key, value in response.headers.items() if key.lower() not in ("date", "server", *framing)
    )
    body = "an error page" if b"<!DOCTYPE" in response.body else response.body
    if boundary := re.search("boundary=(\\w+)", response.headers.get("Content-Type", "")):
        length = str(len(body))
        body = body.replace(boundary[1].encode(), b"boundary")
        alike = {length: str(len(body)), response.headers["Content-Type"]: "multipart/byteranges; boundary=boundary"}
        headers = [(key, alike.get(value, value)) for key, value in headers]
    return response.status, response.reason, headers, body


def environment(site):
    rows = site.request("GET", "/app/environment/a%20b?c=%20", headers={"X-Some": "thing", "Cookie": "a=b"}).text
    return dict(row.split("=", 1) for row in rows.splitlines())
