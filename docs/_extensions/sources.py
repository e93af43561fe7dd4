"""What the sources say about directives and about Python's native types: tables of Rust rows and the stub, read as text."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
TEXT = r'c"((?:[^"\\]|\\.)*)"'
"""A Rust literal of a C string."""
ESCAPE = {"n": "\n", '"': '"', "\\": "\\", "t": "\t"}


@dataclass(frozen=True)
class Directive:
    """A row of `src/config/directives.rs`."""

    name: str
    contexts: str
    arguments: str
    """How many, by the row's `Set`."""
    recorded_by: str
    help: str


@dataclass(frozen=True)
class Phase:
    """A row of `src/config/phase.rs`."""

    directive: str
    object: str
    has_extensions: bool
    has_turns: bool


def unescaped(text):
    return re.sub(r"\\\n\s*", "", re.sub(r"\\(.)", lambda found: ESCAPE.get(found[1], found[0]), text))


def source(name):
    return (PROJECT / name).read_text()


@cache
def directives():
    """All directives by name. ValueError if the table is not as it is expected to be."""
    text = source("src/config/directives.rs")
    count = int(re.search(r"DIRECTIVES: \[Directive; (\d+)\]", text)[1])
    row = re.compile(rf"^    row\({TEXT}, In::(\w+), Set::(\w+)\((\w+)\), {TEXT}\),$", re.MULTILINE)
    rows = [Directive(*found[:4], unescaped(found[4])) for found in row.findall(text)]
    if len(rows) != count:
        raise ValueError(f"src/config/directives.rs has {count} rows, of which {len(rows)} were understood: mend docs/_extensions")
    return {row.name: row for row in rows}


@cache
def phases():
    text = source("src/config/phase.rs").partition("const fn row")[0]
    row = re.compile(r'row\(\s*Phase::\w+,\s*c"(\w+)",\s*"(\w+)",\s*\w+,?\s*\)([\s.\w()]*),')
    rows = [Phase(name, function, "no_extensions" not in more, "turns()" in more) for name, function, more in row.findall(text)]
    return {row.directive: row for row in rows}


@cache
def flags():
    """Whether an On/Off directive is on by default."""
    text = source("src/config/section.rs")
    row = re.compile(r'directive: "(\w+)",\s*default: (\w+)')
    return {name: default == "true" for name, default in row.findall(text)}


@cache
def native_docs():
    """Docstrings of native types and functions: class ("" for the module) to name to (signature or "", text)."""
    docs = {}
    for path in sorted((PROJECT / "src/objects").glob("*.rs")):
        text = path.read_text().partition("#[cfg(test)]\nmod tests")[0]
        known = ""
        for found in re.finditer(rf'Class(?:::<\w+>)?::new\(\s*c"builtins\.(\w+)"|\b\w+\(\s*c"(\w+)",[^;]*?{TEXT}\s*,?\s*\)', text):
            if found[1]:
                known = found[1]
            else:
                signature, _, words = unescaped(found[3]).rpartition("\n--\n\n")
                docs.setdefault(known, {})[found[2]] = (signature, words)
    return docs


@cache
def stub():
    return ast.parse(source("python/mod_python/_apache.pyi"))
