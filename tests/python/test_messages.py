"""Messages of our own have numbers (docs/errors.md): each its own, each with a cause and a cure."""

import ast
import re
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ERRORS = PROJECT / "docs/errors.md"
NUMBER = re.compile(r"\bMP(\d{4})\b")

# What writes lines that are others' words, or that have been given their number elsewhere: (file, function).
PASS_ON = {
    ("src/objects/connection.rs", "log_error"),  # Python's methods of that name
    ("src/objects/functions.rs", "log_error"),
    ("src/objects/logging.rs", "log_line"),
    ("src/objects/request_control.rs", "log_error"),
    ("src/objects/server.rs", "log_error"),
    ("src/apache/log_copy.rs", "log"),  # as log::log, which has its text from others
    ("src/objects/report.rs", "log"),  # `Told` has the number
    ("src/handlers/filters.rs", "refuse"),  # sentences with numbers
    ("src/handlers/includes.rs", "log"),
    ("src/handlers/prerequisites.rs", "check"),  # sentences with numbers
    ("src/handlers/runner.rs", "run_list"),  # interpreter::Failure has one
    ("src/wsgi/errors.rs", "log"),  # wsgi.errors
    ("src/wsgi/handler.rs", "complain"),
    ("src/wsgi/mount.rs", "check"),
    ("src/wsgi/mount.rs", "serve"),
    ("python/mod_python/apache.py", "ReportError"),
    ("python/mod_python/importer.py", "_log"),
    ("python/mod_python/session_record.py", "_say"),
}


def test_numbers_are_unique():
    twice = [f"MP{number}" for number, count in Counter(numbers_in_sources()).items() if count > 1]
    assert not twice, f"{twice}: each message needs a number of its own; {free_numbers()}"


def test_numbers_are_explained():
    missing = set(numbers_in_sources()) - set(explained())
    hint = "add `### MPnnnn`, a quotation of the message, `- **Cause:** ...` and `- **Cure:** ...` to docs/errors.md"
    assert not missing, f"{shown(missing)}: {hint}"


def test_explanations_have_messages():
    gone = set(explained()) - set(numbers_in_sources())
    assert not gone, f"{shown(gone)}: docs/errors.md explains them, but no source has them"


def test_explanations_are_complete_and_in_order():
    numbers = explained()
    assert numbers == sorted(set(numbers)), "docs/errors.md must have each number once, in ascending order"
    for number, text in zip(numbers, re.split(r"(?m)^### MP\d{4}$", ERRORS.read_text())[1:]):
        for part in ("\n> ", "\n- **Cause:** ", "\n- **Cure:** "):
            assert part in text, f"MP{number} in docs/errors.md lacks {part.strip()!r}"


def test_lines_of_our_own_have_numbers():
    bare = [f"{file}: {function}()" for file, function in log_calls() if (file, function) not in PASS_ON]
    hint = (
        f'begin the text with "MPnnnn: " within the function that logs it; {free_numbers()}. A function that only passes '
        "others' words on, or messages that have their number, belongs into PASS_ON in tests/python/test_messages.py"
    )
    assert not bare, f"{bare} write to the error log without a number: {hint}"


# What the sources say


def rust_sources():
    """Name and text of each source, without its tests and comments."""
    for path in sorted((PROJECT / "src").rglob("*.rs")):
        text = path.read_text().partition("#[cfg(test)]\nmod tests")[0]
        yield str(path.relative_to(PROJECT)), re.sub(r"(?m)^\s*//.*$", "", text)


def python_sources():
    for path in sorted((PROJECT / "python/mod_python").rglob("*.py")):
        yield str(path.relative_to(PROJECT)), path.read_text()


def numbers_in_sources():
    texts = [text for _, text in rust_sources()] + [text for _, text in python_sources()]
    return [number for text in texts for number in NUMBER.findall(text)]


def explained():
    return re.findall(r"(?m)^### MP(\d{4})$", ERRORS.read_text())


def log_calls():
    """Functions that write to the error log, and whose text has no number."""
    for file, text in rust_sources():
        for function in re.split(r"\n(?=\s*(?:pub(?:\([a-z]+\))? )?(?:unsafe )?fn )", text):
            named = re.match(r"\s*(?:pub(?:\([a-z]+\))? )?(?:unsafe )?fn (\w+)", function)
            if named and re.search(r"\blog::log(?:_from)?\(", function) and not NUMBER.search(function):
                yield file, named[1]
    for file, text in python_sources():
        for function in ast.walk(ast.parse(text)):
            is_logging = isinstance(function, ast.FunctionDef) and any(map(is_log_call, ast.walk(function)))
            if is_logging and not NUMBER.search(ast.get_source_segment(text, function) or ""):
                yield file, function.name


def is_log_call(node):
    name = node.func if isinstance(node, ast.Call) else None
    return (isinstance(name, ast.Attribute) and name.attr == "log_error") or (isinstance(name, ast.Name) and name.id == "log_error")


def free_numbers():
    last = {}
    for number in sorted(numbers_in_sources()):
        last[number[:2]] = int(number)
    return "the next free numbers are " + ", ".join(f"MP{number + 1:04d}" for number in last.values())


def shown(numbers):
    return ", ".join(f"MP{number}" for number in sorted(numbers))
