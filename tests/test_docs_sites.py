"""What the pages in docs/ show, as it is: each directory of examples/_pages is a site, and works."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

import httpd as real

PAGES = real.PROJECT / "examples/_pages"
MODULES = (
    *("alias", "auth_basic", "auth_digest", "authn_core", "authn_file", "authz_user", "dir", "env"),
    *("filter", "headers", "mime", "setenvif"),
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def roots():
    """Directories that are there until the servers have ended."""
    made = []
    yield made
    for root in made:
        shutil.rmtree(root)


@pytest.fixture
def page(roots, httpd):
    """A function that starts the site of one page, with what is below /srv/www elsewhere."""

    def start(name, **options):
        root = Path(tempfile.mkdtemp(prefix="pages-"))
        roots.append(root)
        root.chmod(0o755)
        shutil.copytree(PAGES / name, root, dirs_exist_ok=True)
        if "/srv/www/venv" in (root / "httpd.conf").read_text():
            subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", root / "venv"], check=True)
        server = (root / "httpd.conf").read_text().replace("7007", "${echo}").replace("*:80>", "*:${port}>")
        if sys.version_info < (3, 12):
            server = server.replace("PythonInterpreterGIL own", "PythonInterpreterGIL shared")
        for file in root.rglob("*.py"):
            file.write_text(file.read_text().replace("/srv/www", str(root)))
        site = httpd(server=f"Define echo {real.free_port()}\n" + server.replace("/srv/www", str(root)), modules=MODULES, **options)
        site.pages = root
        return site

    return start


def test_quickstart(page):
    site = page("quickstart")
    shutil.copytree(real.PROJECT / "examples/hello", site.pages / "hello")
    for path in ("/hello/", "/hello/any/thing"):
        assert site.get(path).text == "Hello from mod_python!\n"


def test_publisher(page):
    site = page("publisher")
    assert site.get("/shop/price?article=tea&count=3").text == "<html>3 of tea</html>"
    assert [site.get(f"/chosen/{name}").status for name in ("", "price", "rmtree")] == [200, 200, 404]
    assert [site.get("/members/secret", user=user).status for user in (None, ("ada", "countess"), ("eve", "x"))] == [401, 200, 401]


def test_psp(page):
    site = page("psp")
    assert re.sub(r"\s", "", site.get("/names.psp?name=a&name=%3Cb%3E").text) == "<ul><li>a</li><li>&lt;b&gt;</li></ul>"
    assert site.get("/books").text.strip() == "<h1>Books</h1>"


@pytest.mark.parametrize("name", ["a.visits", "a.own"])
def test_sessions(page, name):
    site = page("sessions")
    first = site.get(f"/{name}")
    cookie = first.headers["Set-Cookie"].partition(";")[0]
    assert (first.text, site.get(f"/{name}", headers={"Cookie": cookie}).text) == ("Visit 1\n", "Visit 2\n")


def test_cookies(page):
    site = page("cookies")
    for name, value in (("index", "blue"), ("user", "alice"), ("loose", "note=blanks, and commas")):
        cookie = site.get(f"/{name}").headers["Set-Cookie"].partition(";")[0]
        assert site.get(f"/{name}", headers={"Cookie": cookie}).text == value


def test_forms(page):
    assert page("forms").get("/upload").text == "50M"


def test_cgi(page):
    site = page("cgi")
    assert site.get("/hello").text == "Hello 127.0.0.1\n"
    assert "Python" in site.get("/test").text


def test_wsgi(page):
    site = page("wsgi")
    assert site.get("/wiki/start").text == "wiki: /wiki /start\n"
    assert site.get("/pages/one").text == "wiki: /pages /one\n"
    assert site.get("/shop").text == f"shop, in {site.pages}/venv\n"
    assert (site.get("/static/file.txt").text, site.get("/elsewhere").text) == ("a file\n", "front\n")


def test_directives_of_our_own(page):
    site = page("today")
    users = (None, ("ada", "countess"), ("ada", "wrong"), ("eve", "apple"))
    assert [site.get("/inside/page.txt", user=user).status for user in users] == [401, 200, 401, 401]
    assert site.get("/page.txt").text == "PLAIN TEXT\n"
    assert site.get("/logged").status == 200
    site.expect_log("AH01617|AH01618|AH01631")
    site.wait_log("only 3 left")


def test_directives(page):
    site = page("directives")
    answer = site.get("/")
    assert answer.text == "1 for EUR, in shop\n"
    phases = [phase.removeprefix("Python").removesuffix("Handler") for phase in answer.headers.get_all("X-Phases")]
    assert phases == ["PostReadRequest", "Quick", "Trans", "MapToStorage", "Init", "HeaderParser", "Access", "Type", "Fixup"]
    assert [site.get("/members/", user=user).status for user in (None, ("ada", "countess"))] == [401, 200]
    assert [site.request(method, "/pages/x").status for method in ("GET", "DELETE")] == [200, 405]
    assert site.get("/wiki").text == "wiki\n"
    site.wait_log("/ was answered with 200")
    site.wait_log("a child has begun")
    port = int(re.search(r"Define echo (\d+)", (site.root / "httpd.conf").read_text())[1])
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"hello\n")
        assert client.recv(100) == b"hello\n"


def test_handlers(page):
    site = page("handlers")
    assert site.get("/x").text == "Hello! You asked for /x\n"
    assert site.get("/x?" + "y" * 2000).status == 414
    assert site.get("/all.csv").text.split() == ["name,count", "tea,3", "coffee,5"]
    assert site.request("DELETE", "/all.csv").status == 405
    assert (site.get("/my.cart").text, site.get("/a.two").text) == ("an empty cart\n", "first, second\n")
    assert site.get("/a.two?gone").status == 410
    site.wait_log(r": \d+ bytes")


def test_filters(page):
    site = page("filters")
    assert site.get("/page.txt").text == "SMALL LETTERS\n"
    assert site.post("/x", b"Uryyb").text == "[Hello]"


def test_authentication(page):
    site = page("authentication")
    site.expect_log("AH01617|AH01618|AH01630")
    for path in ("/basic", "/team"):
        assert [site.get(path, user=user).status for user in (None, ("ada", "countess"), ("ada", "x"))] == [401, 200, 401]
    assert "Digest realm" in site.get("/digest").headers["WWW-Authenticate"]
    assert site.get("/office").status == 200
    tokens = (None, "a long random text", "another")
    answers = [site.get("/token", headers={"Authorization": f"Bearer {token}"} if token else {}) for token in tokens]
    assert [answer.status for answer in answers] == [401, 200, 401]


def test_authentication_by_form(page):
    site = page("authentication")
    away = site.get("/account")
    assert (away.status, away.headers["Location"]) == (302, "/login")
    assert site.post("/login", urlencode({"name": "ada", "password": "wrong"}), headers=FORM).status == 403
    login = site.post("/login", urlencode({"name": "ada", "password": "countess"}), headers=FORM)
    assert (login.status, login.headers["Location"]) == (302, "/account")
    cookie = login.headers.get_all("Set-Cookie")[-1].partition(";")[0]
    assert site.get("/account", headers={"Cookie": cookie}).text == "<p>Hello, ada!</p>\n"


def test_str_and_bytes(page):
    site = page("python2")
    assert site.get("/text").text == "str str"
    assert site.get("/field?name=x").text == "True bytes"
    assert site.get("/written").text == "Grüße, Grüße\n"
    assert site.get("/old?colour=red").text == "red"


def test_threads(page):
    site = page("threads")
    assert sorted(int(site.get("/").text) for _ in range(3)) == [1, 2, 3]


def test_interpreters(page):
    site = page("interpreters")
    for name in ("shop", "wiki"):
        host = {"Host": f"{name}.example"}
        assert site.get("/", headers=host).text == f"the {name}, in {name}.example\n"
        assert site.get("/figures", headers=host).text == f"the {name}, in main_interpreter\n"


def test_http(page):
    site = page("http")
    first = site.get("/")
    assert (first.text, first.headers["ETag"]) == ("Warm the pot first.\n", '"7"')
    conditions = ({"If-None-Match": '"7"'}, {"If-Modified-Since": first.headers["Last-Modified"]}, {"If-Match": '"6"'})
    assert [site.get("/", headers=condition).status for condition in conditions] == [304, 304, 412]


def test_every_site_is_tested():
    text = Path(__file__).read_text()
    for site in os.listdir(PAGES):
        assert f'page("{site}")' in text, site
