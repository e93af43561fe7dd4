"""Sources as files have them: encodings, line ends, what cannot be compiled, and what compiling leaves behind."""

import pytest

ANSWER = "def handler(req):\n    req.content_type = 'text/plain; charset=utf-8'\n    req.write(VALUE)\n    return 0\n"
SOURCES = {
    "utf-8": "VALUE = 'grün'\n" + ANSWER,
    "latin-1": b"# -*- coding: latin-1 -*-\nVALUE = 'gr\xfcn'\n" + ANSWER.encode(),
    "a byte order mark": b"\xef\xbb\xbfVALUE = 'gr\xc3\xbcn'\n" + ANSWER.encode(),
    "line ends of Windows": ("VALUE = 'grün'\n" + ANSWER).replace("\n", "\r\n").encode(),
    "no line end": ("VALUE = 'grün'\n" + ANSWER).encode().rstrip(),
    "a form feed and a text of several lines": "\f\nVALUE = '''gr\\\nün'''\n" + ANSWER,
    "a future": "from __future__ import annotations\nVALUE: no.such.name = 'grün'\n" + ANSWER,
}
BROKEN = {
    "a NUL": (b"VALUE = 1\0\n", "null bytes"),
    "bytes that are not UTF-8": (b"VALUE = 'gr\xfcn'\n", "SyntaxError: .*(utf-8|UTF-8)"),
    "an unknown encoding": (b"# coding: klingon\n", "SyntaxError: .*klingon"),
    "a cookie that the mark contradicts": (b"\xef\xbb\xbf# coding: latin-1\n", "SyntaxError: .*encoding problem"),
    "a wrong indentation": (b"if True:\n    a = 1\n  b = 2\n", "IndentationError"),
    "nothing but an opened bracket": (b"(", "SyntaxError"),
}


def write(site, name, source):
    (site.docroot / name).write_bytes(source if isinstance(source, bytes) else source.encode())


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_encodings(httpd, source):
    site = httpd(config="SetHandler mod_python\nPythonHandler source")
    write(site, "source.py", source)
    assert site.get("/").text == "grün"


@pytest.mark.parametrize(("source", "complaint"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_compiled(httpd, source, complaint):
    site = httpd(config="SetHandler mod_python\nPythonHandler source")
    site.expect_traceback(complaint, handler="source")
    write(site, "source.py", source)
    assert site.get("/").status == 500
    write(site, "source.py", SOURCES["utf-8"])
    assert site.get("/").text == "grün"


def test_errors_name_file_and_line(httpd):
    site = httpd(config="SetHandler mod_python\nPythonHandler wrong")
    write(site, "wrong.py", "a = 1\nb = a +\n")
    site.expect_traceback(r'File ".*/wrong\.py", line 2', handler="wrong")
    site.expect_traceback("SyntaxError: invalid syntax", handler="wrong")
    assert site.get("/").status == 500


def test_syntax_trees_are_made_for_nobody(httpd):
    """`compile` would make the types of `ast`, 170 KB, in each interpreter."""
    site = httpd(
        handler="""
        def handler(req):
            req.write(str([kind.__name__ for kind in object.__subclasses__() if kind.__name__ == "AST"]))
            compile("1", "x", "exec")
            req.write(str([kind.__name__ for kind in object.__subclasses__() if kind.__name__ == "AST"]))
            return 0
        """
    )
    assert site.get("/").text == "[]['AST']"
