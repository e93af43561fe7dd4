"""The tutorials show the files of the examples as they are, and every example has one or is too small for it."""

import re

import pytest

import httpd as real

TUTORIALS = sorted((real.PROJECT / "docs").glob("tutorial-*.md"))
WITH_EXCERPTS = [tutorial for tutorial in TUTORIALS if re.search(r"From\s`examples/", tutorial.read_text())]
SHOWN = re.compile(r"`examples/([\w./-]+)`[^`]*?\n\n?```\w*\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("tutorial", WITH_EXCERPTS, ids=lambda path: path.stem)
def test_what_is_shown_is_in_the_files(tutorial):
    text = tutorial.read_text()
    shown = SHOWN.findall(text)
    assert shown and text.count("```") == 2 * len(shown), "code without the file it is from"
    for name, block in shown:
        assert block in (real.PROJECT / "examples" / name).read_text(), f"{name} has no\n{block}"


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_links_lead_to_pages(tutorial):
    for link in re.findall(r"\]\(([\w./-]+\.md)\)", tutorial.read_text()):
        assert (tutorial.parent / link).exists(), link


def test_which_examples_have_a_tutorial():
    about = "".join(tutorial.read_text() for tutorial in TUTORIALS)
    without = {"hello", "request", "form", "cookie", "session", "status", "timeout", "turns", "wsgi"}
    for example in (real.PROJECT / "examples").iterdir():
        if example.is_dir() and not example.name.startswith("_"):
            assert example.name in without or f"`examples/{example.name}" in about, example.name
