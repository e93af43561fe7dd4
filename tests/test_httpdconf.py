"""`mod_python.httpdconf`: the tables of its documentation, and that httpd reads what it writes as it was meant."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import httpd as real

sys.path.insert(0, str(real.PROJECT / "python"))
from mod_python import httpdconf as h

OLD_NAMES = """
    AddHandler AddOutputFilter AddType AuthBasicAuthoritative AuthBasicProvider AuthName AuthType CustomLog DirectoryIndex
    DocumentRoot ErrorLog KeepAliveTimeout Listen LoadModule LockFile LogFormat LogLevel MaxClients MaxConnectionsPerChild
    MaxRequestsPerChild MaxSpareServers MaxSpareThreads MaxThreadsPerChild MinSpareThreads Mutex NameVirtualHost NumServers Options
    PidFile PythonAccessHandler PythonAuthenHandler PythonAuthzHandler PythonCleanupHandler PythonConnectionHandler PythonDebug
    PythonFixupHandler PythonHandler PythonImport PythonOption PythonOutputFilter PythonPath PythonPostReadRequestHandler
    PythonTransHandler Require ServerAdmin ServerName ServerPath ServerRoot SetHandler StartServers StartThreads ThreadsPerChild
    Timeout TypesConfig
"""


def test_a_directive():
    directive = h.DocumentRoot("/path")
    assert (str(directive), repr(directive)) == ("DocumentRoot /path\n", "DocumentRoot('/path')")
    assert (directive.name, directive.val, directive.indent, directive.flipslash) == ("DocumentRoot", "/path", 0, 1)
    directive.indent = 3
    assert (str(directive), repr(directive)) == ("   DocumentRoot /path\n", "   DocumentRoot('/path')")
    assert (str(h.Timeout(5)), repr(h.Timeout(5))) == ("Timeout 5\n", "Timeout(5)")


def test_backslashes():
    assert (str(h.DocumentRoot("c:\\x")), repr(h.DocumentRoot("c:\\x"))) == ("DocumentRoot c:/x\n", "DocumentRoot('c:/x')")
    assert (str(h.PythonPath("c:\\x")), repr(h.LogFormat("c:\\x"))) == ("PythonPath c:\\x\n", r"LogFormat('c:\\x')")
    section = h.Directory("c:\\x", h.DocumentRoot("c:\\y"))
    assert str(section) == "<Directory c:/x>\n  DocumentRoot c:/y\n</Directory>\n"


def test_containers_and_sections():
    tree = h.Container(h.Directory("/x", h.SetHandler("a"), h.Container(h.Comment("x\ny"))), only_if="1")
    assert str(tree) == "<Directory /x>\n  SetHandler a\n  # x\n  # y\n</Directory>\n"
    assert repr(tree) == (
        "Container(\n"
        "    Directory('/x',\n"
        "        SetHandler('a'),\n"
        "        Container(\n"
        "            Comment('x\\n'\n"
        "                    'y\\n'),\n"
        "        ),\n"
        "    ),\n"
        "    only_if='1')"
    )
    assert (str(h.RequireAll(h.Require("valid-user"))), repr(h.RequireAll())) == (
        "<RequireAll>\n  Require valid-user\n</RequireAll>\n",
        "RequireAll(\n)",
    )


def test_comments():
    assert (str(h.Comment("a\n\nb")), repr(h.Comment("a"))) == ("# a\n# \n# b\n", "Comment('a\\n')")
    assert (str(h.Comment("")), repr(h.Comment(""))) == ("", "Comment('')")


def test_a_condition():
    assert str(h.Container(h.Listen(1), only_if="mod_python.version.version[0] == '0'")) == ""
    assert str(h.Container(h.Listen(1), only_if="mod_python.version.version[0] != '0'")) == "Listen 1\n"
    with pytest.raises(NameError):
        str(h.Container(only_if="nobody_knows"))


def test_appending():
    container = h.Container(ignored=True)
    for node in (h.Listen(1), h.Container(), h.Files("x"), h.Comment("c")):
        container.append(node)
    assert len(container.args) == 4
    with pytest.raises(TypeError, match="not str"):
        container.append("Listen 1")
    with pytest.raises(AttributeError):
        str(h.Container("Listen 1"))


def test_a_directive_of_one_s_own():
    class Redirect(h.Directive):
        def __init__(self, val):
            h.Directive.__init__(self, self.__class__.__name__, val)

    assert str(h.Container(Redirect("/a /b"))) == "Redirect /a /b\n"


def test_the_names():
    for name in OLD_NAMES.split():
        assert str(getattr(h, name)("x")) == f"{name} x\n"
    for name in ("PythonInterpPerDirectory", "PythonInterpPerDirective"):
        assert str(getattr(h, name)()) == f"{name} Off\n"
    for name in ("Directory", "Files", "IfModule", "Location", "VirtualHost"):
        assert str(getattr(h, name)("x", h.Listen(1))) == f"<{name} x>\n  Listen 1\n</{name}>\n"
    star = {}
    exec("from mod_python.httpdconf import *", star)
    assert {*OLD_NAMES.split(), "Directive", "Container", "ContainerTag", "Comment", "quote_if_space", "write_basic_config"} <= set(
        star
    )


def test_every_directive_of_the_module_has_a_name():
    names = re.findall(r'row\(\s*c"(Python\w+)"', (real.PROJECT / "src/config/directives.rs").read_text())
    assert len(names) > 30
    assert [name for name in names if not hasattr(h, name)] == []


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b"])
def test_one_directive_stays_one(text):
    for node in (h.Listen(text), h.Directory(text)):
        with pytest.raises(ValueError, match="a directive cannot hold a"):
            str(node)
    for function in (h.quote, h.quote_if_space):
        with pytest.raises(ValueError):
            function(text)


def test_quoting():
    assert [h.quote_if_space(text) for text in ("", "a", "a b", 'a"b c')] == ["", "a", '"a b"', "'a\"b c'"]
    with pytest.raises(ValueError, match="would replace"):
        h.quote("${PATH}")


WORDS = st.text(max_size=20).map(lambda text: text.translate(dict.fromkeys(b"\n\r\0")))
ARGUMENTS = WORDS.filter(lambda text: "${" not in text)


class Reader:
    """httpd, asked how it reads a configuration."""

    def __init__(self, directory):
        self.directory = directory

    def ask(self, text, *arguments):
        head = [real.load_module("mpm_event"), real.load_module("unixd"), f'LoadModule python_module "{real.MODULE}"']
        lines = [*head, f"ServerRoot {self.directory}", "ErrorLog error_log", "ServerName x", "Listen 1", text]
        file = self.directory / "httpd.conf"
        file.write_text("\n".join(lines))
        command = [str(real.program()), "-t", "-f", str(file), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"})

    def arguments(self, words):
        """What httpd makes of quoted arguments."""
        options = [h.Directive("PythonOption", f"{number} {h.quote(word)}", flipslash=0) for number, word in enumerate(words)]
        told = self.ask(str(h.Container(*options, h.PythonHandler("mod_python.wsgi"))), "-D", "PYTHON_CHECK")
        assert told.returncode == 0, told.stderr
        (entry,) = json.loads(told.stdout.splitlines()[0])["entries"]
        return [entry["options"][str(number)] for number in range(len(words))]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("reader"))


@settings(max_examples=25, deadline=None)
@given(st.lists(ARGUMENTS.filter(bool), min_size=1, max_size=40))
def test_httpd_reads_what_was_quoted(reader, words):
    assert reader.arguments(words) == words


LEAVES = st.one_of(
    WORDS.map(h.Comment),
    ARGUMENTS.map(lambda text: h.Directive("ServerAdmin", h.quote(text or "x"), flipslash=0)),
    st.sampled_from([h.PythonDebug("On"), h.PythonInterpPerDirectory(), h.Timeout(5)]),
)
TREES = st.recursive(
    LEAVES,
    lambda nodes: st.one_of(
        st.lists(nodes, max_size=4).map(lambda args: h.Container(*args)),
        st.lists(nodes, max_size=4).map(lambda args: h.Container(*args, only_if="mod_python.version.version")),
        st.lists(nodes, max_size=4).map(lambda args: h.IfModule("python_module", *args)),
    ),
    max_leaves=30,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(TREES, max_size=8).map(lambda args: h.Container(*args)))
def test_httpd_accepts_any_tree(reader, tree):
    told = reader.ask(str(tree))
    assert told.returncode == 0, told.stderr


@settings(deadline=None)
@given(st.lists(TREES, max_size=4).map(lambda args: h.Container(*args)))
def test_the_source_makes_the_same_text(tree):
    again = eval(repr(tree), {**vars(h), "ServerAdmin": lambda val: h.Directive("ServerAdmin", val, flipslash=0)})
    assert str(again) == str(tree)
    assert repr(again) == repr(tree)


def test_a_directive_stays_on_its_line():
    """A backslash at the end of a line would draw in the next one."""
    tree = h.Container(h.LogFormat("a\\"), h.Comment("b\\"), h.Listen(1))
    assert str(tree).splitlines() == ["LogFormat a\\ ", "# b\\ ", "Listen 1"]
    assert shlex.split(h.quote("it's")) == ["it's"]


def test_the_example_is_accepted(reader, command):
    told = command("genconfig", real.PROJECT / "examples/_configuration/hosts.py")
    assert told.returncode == 0, told.stderr
    names = [line.split()[1] for line in told.stdout.splitlines() if line.strip().startswith("ServerName")]
    assert names == ["www.example.org", "shop.example.org"]
    modules = [real.load_module(name) for name in ("authz_core", "alias")]
    accepted = reader.ask("\n".join([*modules, told.stdout.replace("*:80", "*:1")]))
    # httpd only remarks that the directories are not there.
    assert accepted.returncode == 0, accepted.stderr
