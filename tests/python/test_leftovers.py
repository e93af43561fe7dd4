"""What of Python 2 is found in a source, and what is not."""

import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
from mod_python import leftovers

FOUND = {
    "unicode(x)": "unicode is of Python 2; write str, which req.write sends as UTF-8",
    "xrange(3)": "xrange is of Python 2; write range",
    "file('x').read()": "file is of Python 2; write open",
    "import cPickle as pickle": "the module cPickle is of Python 2: use pickle",
    "from urlparse import urljoin": "the module urlparse is of Python 2: use urllib.parse",
    "import imp": "the module imp is gone since Python 3.12: use importlib, or apache.import_module",
    "import Cookie": "the module Cookie is of Python 2: use http.cookies, or mod_python.Cookie",
    "req.headers_in.has_key('x')": "has_key(): mod_python's tables have it, a dict has not; write `key in mapping`",
    "import string\nstring.join(['a'])": "string.join is of Python 2; use the methods of str",
    "print": "a print statement of Python 2 that prints nothing now; write print()",
    "print >>req, 'x'": "`print >>file, ...` of Python 2; write print(..., file=file)",
    "class A:\n    def __nonzero__(self): pass": "Python 3 does not call __nonzero__; write __bool__",
    "class A:\n    __metaclass__ = type": "__metaclass__ means nothing now; write class X(metaclass=...)",
    "'x'.decode('base64')": "'base64' is no encoding of text; use binascii, base64 or codecs.encode",
}

NOT_FOUND = """
from mod_python import Cookie, Session, apache
from mod_python.util import FieldStorage as file
import io, urllib.parse, pickle
def unicode(text): return text
def handler(req, long=1, *, cmp=None):
    for reduce in range(3):
        unicode(reduce)
    string = "text"
    print(string.split(), string.lower(), file, long, cmp, "text".encode("utf-8"))
    try:
        return [key for key in req.headers_in.keys()]
    except (KeyError, e):
        pass
class Mapping:
    def has_key(self, key): return self.has_key(key)
"""


@pytest.mark.parametrize("source", FOUND)
def test_found(source):
    assert [what for _, what in leftovers.of_source(source, "x.py")] == [FOUND[source]]


def test_not_found():
    assert leftovers.of_source(NOT_FOUND, "x.py") == []


def test_the_standard_library_is_no_program_for_python_2():
    library = Path(sysconfig.get_path("stdlib"))
    for name in ("argparse", "configparser", "doctest", "locale", "inspect", "mailbox", "http/server", "urllib/request", "pdb"):
        assert leftovers.of_source((library / f"{name}.py").read_bytes(), name) == [], name


@given(st.text() | st.binary())
def test_any_text(source):
    """A finding, none, or the error that Python itself has for it."""
    try:
        leftovers.of_source(source, "x.py")
    except (SyntaxError, ValueError) as error:
        if isinstance(error, SyntaxError):
            leftovers.of_syntax_error(error)
