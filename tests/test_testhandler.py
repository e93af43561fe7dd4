"""mod_python.testhandler: the page that shows everything."""

from html.parser import HTMLParser

import pytest

TEST = "SetHandler mod_python\nPythonHandler mod_python.testhandler\nPythonOption odd '<i>&\"'"
SECTIONS = ["General information", "Request input headers", "Request environment", "Request configuration", "Request options",
            "Request notes", "Server configuration", "Server options", "Server configuration tree"]  # fmt: skip


class Page(HTMLParser):
    """Texts of a page by tag, and whether its tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.links = [], {}, []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name == "href"]
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data


@pytest.fixture
def site(httpd):
    return httpd(config=TEST, server='PythonOption "server <b>" 1\n')


def test_sections(site):
    response = site.get("/%3Cscript%3E/x?a=<u>", headers={"X-Own": "<script>&'\"", "Cookie": "secret=1"})
    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = Page(response.text)
    assert page.texts["h2"] == SECTIONS
    assert page.texts["title"] == page.texts["h1"] == ["mod_python test page"]
    rows = dict(zip(page.texts["th"], page.texts["td"]))
    assert rows["X-Own"] == "<script>&'\"" and rows["odd"] == '<i>&"' and rows["Interpreter"] == "localhost"
    assert rows["Cookie"] == rows["HTTP_COOKIE"] == "(not shown)" and "secret=1" not in response.text
    assert rows["mod_python.publisher"] == rows["mod_python.psp"] == "available"
    assert "at most" in rows["Threads"] and rows["Document root"] == str(site.docroot)
    assert "PythonHandler mod_python.testhandler" in page.texts["pre"][0]
    assert "<script>" not in response.text and "<b>" not in response.text and "<u>" not in response.text
    assert "?view_log=1" in page.links


def test_text_that_is_no_utf8(site):
    assert Page(site.get("/%E9", headers={"X-Own": b"\xe9"}).text).texts["h2"] == SECTIONS


def test_end_of_the_log(site):
    response = site.get("/?view_log=1")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "resuming normal operations" in response.text
    assert site.get("/?view_log=").headers["Content-Type"].startswith("text/html")


def test_a_log_that_is_no_file(httpd):
    site = httpd(config=TEST, server='ErrorLog "|/bin/cat"\n')
    assert "is no file" in site.get("/?view_log=1").text


def test_who_may(httpd):
    """Another client is one that mod_remoteip says is another."""
    options = {"server": "RemoteIPHeader X-Client\n", "modules": ("remoteip",)}
    site = httpd(config=TEST, **options)
    elsewhere = {"X-Client": "192.0.2.1"}
    assert [site.get("/", headers=headers).status for headers in ({}, {"X-Client": "::1"}, elsewhere)] == [200, 200, 403]
    site.wait_log("python:warn.*testhandler: not for clients elsewhere")
    for more in ("PythonDebug On", "PythonOption mod_python.testhandler.open 1"):
        assert httpd(config=f"{TEST}\n{more}", **options).get("/", headers=elsewhere).status == 200
