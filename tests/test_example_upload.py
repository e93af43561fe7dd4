"""examples/upload: files are kept under names of the server's own and come back as they were, harmless to who looks at them."""

import re
from html import unescape

import pytest

from form_body import multipart, part
from httpd import PROJECT

EXAMPLE = PROJECT / "examples/upload"
CONTENT = bytes(range(256)) * 8192


@pytest.fixture
def site(httpd):
    return httpd(
        files={"upload/upload.py": (EXAMPLE / "upload.py").read_text()},
        server=f'Define EXAMPLES "${{docroot}}"\nDefine DATA "${{scratch}}"\nInclude "{EXAMPLE}/httpd.conf"',
    )


def send(site, *parts):
    answer = site.post("/upload/", **multipart(*parts))
    assert (answer.status, answer.headers["Location"]) == (302, "/upload/")


def listed(site):
    """URL and text of what the page lists, the newest first."""
    page = site.get("/upload/")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    rows = re.findall(r'<tr><td><a href="([^"]*)">(.*?)</a></td><td>(.*?)</td><td>.*?</td><td>(.*?)</td></tr>', page.text)
    return [(url, unescape(name), size, unescape(note)) for url, name, size, note in rows]


def test_what_is_sent_can_be_had_back(site):
    assert listed(site) == []
    send(
        site,
        part("note", "J\u00f6rg <b>&"),
        part("file", CONTENT, "\u65e5\u672c \u00e9.bin"),
        part("file", "<p>", "b.html", "text/html"),
    )
    (html_url, *html_row), (url, *row) = listed(site)
    assert row == ["\u65e5\u672c \u00e9.bin", "2,097,152 bytes", "J\u00f6rg <b>&"] and html_row[0] == "b.html"
    assert "<b>" not in site.get("/upload/").text
    answer = site.get(url)
    assert answer.body == CONTENT and answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E6%97%A5%E6%9C%AC%20%C3%A9.bin"
    page = site.get(html_url)
    assert page.headers["Content-Type"] == "application/octet-stream", "what could run scripts is only saved"
    assert page.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in page.headers["Content-Security-Policy"]


def test_pictures_are_shown(site):
    send(site, part("file", b"\x89PNG", "a.png", "image/png"))
    answer = site.get(listed(site)[0][0])
    assert answer.headers["Content-Type"] == "image/png" and answer.headers["Content-Disposition"].startswith("inline;")


def test_names_are_only_shown(site):
    for name in ("../../app.py", "C:\\dir\\x.txt", '"><script>', "..", "a/", "\r\nX-Own: 1".replace("\r\n", "%0D%0A"), "x" * 5000):
        send(site, part("file", "content", name.replace("\\", "\\\\").replace('"', '\\"')))
    names = [name for _, name, _, _ in listed(site)]
    assert names == ["x" * 5000, "%0D%0AX-Own: 1", "nameless", "..", '"><script>', "x.txt", "app.py"]
    assert "<script>" not in site.get("/upload/").text
    for url, *_ in listed(site):
        answer = site.get(url)
        assert answer.body == b"content" and "X-Own" not in answer.headers
    kept = [path.name for path in (site.scratch / "uploads").iterdir()]
    assert len(kept) == 14 and all(re.fullmatch(r"[0-9a-f]{32}(\.json)?", name) for name in kept)
    for path in ("/upload/nothing", "/upload/..%2f", "/upload/" + "0" * 32, listed(site)[0][0] + ".json", "/upload/upload.py"):
        assert site.get(path).status in (403, 404), path


def test_what_is_too_much_or_not_a_file(site):
    send(site, part("note", "only"))
    send(site, part("file", "", ""))
    assert listed(site) == []
    assert site.post("/upload/", **multipart(part("file", bytes(20 * 1024 * 1024), "f"))).status == 413
    assert site.post("/upload/", **multipart(*[part("file", "x", "f")] * 11)).status == 413
    assert site.request("PUT", "/upload/", "x").status == 405
    assert listed(site) == []


def test_a_directory_of_somebody_else_is_refused(httpd):
    site = httpd(
        files={"upload/upload.py": (EXAMPLE / "upload.py").read_text(), "uploads/file": ""},
        server=f'Define EXAMPLES "${{docroot}}"\nDefine DATA "${{docroot}}"\nInclude "{EXAMPLE}/httpd.conf"',
    )
    site.expect_traceback("PermissionError: .*must be a directory of the server's user", handler="upload")
    assert site.get("/upload/").status == 500


@pytest.mark.parametrize("page, example", [("tutorial-upload", "upload/upload.py"), ("forms", "form/form.py")])
def test_the_page_shows_the_example(page, example):
    text, source = ((PROJECT / path).read_text() for path in (f"docs/{page}.md", f"examples/{example}"))
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for line in source.splitlines()]
    assert blocks
    for block in blocks:
        for line in block.splitlines():
            assert line.strip() in lines, line
