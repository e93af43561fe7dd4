"""The pages in docs/: what they show is in files that other tests start, what they must name is there."""

import re
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
sys.path.append(str(PROJECT / "docs/_extensions"))

import sources  # noqa: E402

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<kind>[^\n`]*)\n(?P<text>.*?)^ *(?P=fence)$", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"<!-- (?:(?P<file>examples/\S+)|fragment: \S.*) -->\n\Z")
OF_A_TUTORIAL = re.compile(r"`(examples/[\w./-]+)`[^`]*\Z")
WITHOUT_A_FILE = ("text", "console")
"""Kinds of blocks that are no code: synopses, output, commands."""


def named(path):
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_code_is_from_a_file_of_the_examples(page):
    """Directly above a block of code stands `<!-- examples/FILE -->`, in a tutorial at least the name in the sentence before it."""
    text = page.read_text()
    for block in FENCE.finditer(text):
        kind = block["kind"].strip()
        if kind in WITHOUT_A_FILE or kind.startswith("{"):
            continue
        start, line = text[: block.start()], text.count("\n", 0, block.start()) + 1
        found = SOURCE.search(start) or OF_A_TUTORIAL.search(start)
        hint = f"{named(page)}:{line}: put the code into a file of examples/ that a test starts, and say <!-- examples/FILE --> above it"
        assert kind and found, hint
        if file := found[1]:
            wanted = textwrap.dedent(block["text"])
            known = (PROJECT / file).read_text()
            assert any(wanted in textwrap.dedent(part) for part in known_parts(known, wanted)), f"{file} has not what {hint[:60]} shows"


def known_parts(text, wanted):
    """The whole text, and each run of lines of it that is as long as what is looked for."""
    yield text
    lines, count = text.splitlines(keepends=True), wanted.count("\n")
    for first in range(len(lines) - count + 1):
        yield "".join(lines[first : first + count])


def test_links_of_the_readme():
    """`make docs` looks at those of docs/ only."""
    text = FENCE.sub("", (PROJECT / "README.md").read_text())
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert "docs/install.md" in links and "docs/packaging.md" in links
    for path, _, anchor in (link.partition("#") for link in links if "://" not in link):
        found = PROJECT / (path or "README.md")
        assert found.exists(), path
        assert not anchor or anchor in headings(found.read_text()), f"{path} has no heading #{anchor}"


def headings(page):
    """The names of a page's headings in links."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_are_of_the_kind_that_is_checked(page):
    """In HTML, or with a name that is nowhere defined, they would be taken for text."""
    text = re.sub(r"`[^`]*`", "", FENCE.sub("", page.read_text()))
    found = re.search(r"<(a|img)\b[^>]*>|\]\[[^]]*\]", text)
    assert found is None, f"{named(page)}: {found[0]} is not checked: write [text](page.md)"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_blocks_have_fences(page):
    """Indented blocks have no language, and nobody could say what they are from."""
    text = FENCE.sub("", page.read_text())
    found = re.search(r"(?<=\n)(?![-*\d ])[^\n]*\n\n {4}\S[^\n]*", text)
    assert found is None, f"{named(page)}: use ```text, ```console or ```apache for {found[0].strip()!r}"


def test_every_directive_has_a_section():
    page = (PROJECT / "docs/directives.md").read_text()
    sections = dict(re.findall(r"(?ms)^### (\w+)\n(.*?)(?=^###? |\Z)", page))
    rows = set(sources.directives())
    assert rows <= set(sections), f"docs/directives.md needs a section for {rows - set(sections)}, as the others have one"
    assert set(sections) <= rows, f"there is no directive {set(sections) - rows}"
    assert list(sections) == sorted(sections, key=str.lower), "sections stand in alphabetical order"
    for name, text in sections.items():
        assert f"```{{httpd-directive}} {name}\n" in text, f"{name} has no table"
        words = FENCE.sub("", text)
        assert len(words.split()) > 12, f"{name} is not described"
        examples = [block["text"] for block in FENCE.finditer(text) if block["kind"].strip() == "apache"]
        assert any(name in example for example in examples), f"{name} has no example"


def test_every_phase_is_listed():
    page = (PROJECT / "docs/handlers.md").read_text()
    for name, phase in sources.phases().items():
        assert f"`{name}`" in page and (name.endswith("Filter") or f"`{phase.object}`" in page), f"docs/handlers.md lacks {name}"


def test_native_names_have_texts():
    docs = sources.native_docs()
    for node in sources.stub().body:
        if getattr(node, "name", None) in docs:
            names = {getattr(item, "name", None) or getattr(getattr(item, "target", None), "id", None) for item in node.body}
            public = {name for name in names if name and not name.startswith("_")}
            assert public <= set(docs[node.name]), f"{node.name}: {public - set(docs[node.name])}"
