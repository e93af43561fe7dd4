"""The example site of Python Server Pages, as its visitors use it, and its tutorial."""

import re
from urllib.parse import urlencode

import pytest

import httpd as real
from test_examples import examples

__all__ = ["examples"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TUTORIAL = real.PROJECT / "docs/tutorial-psp.md"


def test_the_shelf(examples):
    shelf = examples.get("/psp/")
    assert (shelf.status, shelf.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert shelf.text.startswith("<!DOCTYPE html>\n") and shelf.text.endswith("</html>\n\n")
    assert "<title>The shelf</title>" in shelf.text and shelf.text.count("<tr>") == 5
    assert "Flatland: A Romance of Many Dimensions &lt;2D &amp; 3D&gt;" in shelf.text
    found = examples.get("/psp/index.psp?" + urlencode({"words": "K\u00e4stner emil"}))
    assert found.text.count("<tr>") == 1 and "Emil und die Detektive" in found.text and 'value="K\u00e4stner emil"' in found.text
    none = examples.get("/psp/?words=" + "%22%3Cscript%3E")
    assert "No book has <q>&quot;&lt;script&gt;</q>" in none.text and "<table>" not in none.text
    assert "<%" not in shelf.text + found.text + none.text


def test_a_reading_list(examples):
    book = examples.get("/psp/book.psp?key=walden")
    assert book.status == 200 and "Henry David Thoreau, 1854." in book.text
    added = examples.post("/psp/reading.psp", "key=walden", headers=FORM)
    assert (added.status, added.headers["Location"]) == (302, "reading.psp")
    cookie = {"Cookie": added.headers["Set-Cookie"].partition(";")[0]}
    for key in ("emil", "walden"):
        assert examples.post("/psp/reading.psp", f"key={key}", headers=FORM | cookie).status == 302
    listed = examples.get("/psp/reading.psp", headers=cookie).text
    assert re.findall("<li>(.*)</li>", listed) == ["Walden; or, Life in the Woods", "Emil und die Detektive"]
    assert "2 of 5 books." in listed
    assert "0 of 5 books." in examples.get("/psp/reading.psp").text


def test_what_does_not_work_is_said(examples):
    assert examples.get("/psp/book.psp?key=none").status == 404
    wrong = examples.post("/psp/reading.psp", "no=key", headers=FORM)
    assert wrong.status == 400 and "KeyError: &#x27;key&#x27;" in wrong.text and "Something is wrong" in wrong.text
    examples.expect_log("AH01630")
    for name in ("head.inc", "foot.inc", "books.py", "httpd.conf"):
        assert examples.get(f"/psp/{name}").status == 403


def blocks():
    """What the tutorial shows of the example's files: the file, and the text."""
    return re.findall(r"`examples/psp/([\w.]+)`[^`]*?\n\n?```\w*\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)


@pytest.mark.parametrize("file", ["httpd.conf", "index.psp", "head.inc", "book.psp", "reading.psp", "error.psp"])
def test_the_tutorial_shows_the_files_as_they_are(file):
    text = (real.PROJECT / "examples/psp" / file).read_text()
    shown = [block for name, block in blocks() if name == file]
    assert shown
    for block in shown:
        assert block in text, block
