"""The template language of Python Server Pages: what templates show, as tables and against a reference renderer."""

import json
import string

import hypothesis
import pytest
from hypothesis import strategies

# Answers a list of templates, run as strings beside the fragments in DocumentRoot, with what each shows on a request, with what
# it gives to another object that has a `write`, and with the source that the documented parser makes of it.
RENDER = """
    import json
    from mod_python import apache, psp

    SEPARATOR = chr(30) * 3

    class Page:
        def __init__(self, req):
            self.written, self.filename = [], req.filename

        def write(self, text, flush=1):
            self.written.append(text)

    def other(req, template):
        page = Page(req)
        psp.PSP(page, string=template).run()
        psp.PSP(req, string=template, vars={"req": page}).run()
        half = len(page.written) // 2
        assert page.written[:half] == page.written[half:], page.written
        return "".join(page.written[:half])

    def source(req, template):
        return psp.parsestring(template)

    def native(req, template):
        psp.PSP(req, string=template).run()
        return ""

    def handler(req):
        what = globals()[req.args]
        answers = []
        for template in json.loads(req.read()):
            try:
                answers.append([what(req, template), None])
            except Exception as error:
                answers.append([None, f"{type(error).__name__}: {error}"])
            req.write(SEPARATOR, 0)
        req.write(json.dumps(answers))
        return apache.OK
"""

SEPARATOR = chr(30) * 3
FRAGMENTS = {
    "head.inc": "[<% x = 5 %>head]",
    "loop.inc": "<%\nfor i in range(2):\n%>",
    "sub/own.inc": '<%@ include file="head.inc" %>!',
}


@pytest.fixture
def render(httpd):
    site = httpd(handler=RENDER, files=FRAGMENTS)

    def render(*templates, what="native"):
        """For each template what it shows, or None and the exception."""
        response = site.post(f"/?{what}", json.dumps(templates))
        assert response.status == 200, site.error_log
        *written, answers = response.text.split(SEPARATOR)
        return [(text if shown == "" else shown, error) for text, (shown, error) in zip(written, json.loads(answers))]

    return render


# What a template shows.
SHOWN = {
    "": "",
    "plain": "plain",
    "a<%=1+1%>b": "a2b",
    "<%='<&>'%>": "<&>",
    "<%==1%>": None,
    "<%= 'a', %>": "a",
    "<%=%>": "",
    "<%= # nothing %>": "",
    "<%= 1 == 1 %><%= 'a' 'b' %><%= (1, 2)[0] %><%= 'x' if 1 else 'y' %>": "Trueab1x",
    "<%= b'x', 'ascii' %>": "x",
    "<%= # c\n1 # d%>2": "12",
    "<%\nfor i in range(2):\n%>\nrow\n<%\n# end\n%>\n": "\nrow\n\nrow\n\n",
    "<%\nflag = 0\nif flag:\n  print\n%>A<%=1%>B<%y=2%>C": "",
    "<%\nflag = 1\nif flag:\n  print\n%>A<%=1%>B<%y=2%>C": "A1BC",
    "<%\ndef f():\n    return 1\n%>\ntext": "",
    "<%\ndef f():\n    x = 1\n%>text<%\n# end\n%><% f() %><% f() %>": "texttext",
    "<%\nif 1:\n%>A<%\nelse:\n%>B<%\n%>C": "AC",
    "<%\nif 0:\n%>A<%\nelse:\n%>B<%\n%>C": "BC",
    "<%\nx=1\n   %>z": "z",
    "<%\nif 1:\n\n%>y": "y",
    "<%\nx=1%>b<%=x%>": "b1",
    "<%\nif 1:%>y": "y",
    "<%\nif 0:%>y": "",
    "<%\nfor i in 'ab':\n    # begin\n%><%=i%>,<%\n%>.": "a,b,.",
    "<%\nfor i in 'ab':\n    for j in 'xy':\n        # begin\n%><%=i+j%> <%\n    # inner\n%>/<%\n# end\n%>.": "ax ay /bx by /.",
    "<%\nif 1: # why\n%>y": "y",
    "<%\nwhile True:\n    # begin\n%>once<%\n    break\n%>never<%\n%>end": "onceend",
    "<%\ntry:\n    1/0\nexcept ZeroDivisionError:\n%>caught<%\n%>": "caught",
    "<% x = 1 # one %>b<%= x %>": "b1",
    "<%# all of it %>b": "b",
    "<%  %>b": "b",
    "<%%>b": "b",
    "<% x = '# no comment' %><%= x %>": "# no comment",
    "<%\nx = '''\n# none''' # one\n%><%= x %>": "\n# none",
    "<% x = 1; %>b": "b",
    "a<%-- %> <% x %>\n\n --%>b": "ab",
    "a<%@ page %>b<%@ include %>c": "abc",
    "<%@ include file='head.inc' %>": "",
    '<%@ include file="head.inc"%><%= x %>': "[head]5",
    '<%@ include file = "loop.inc" %><%= i %>': "01",
    '<%@ include file="sub/own.inc" %>': "[head]!",
    "%> <b <% % %><": None,
    '%> < % " """ \' \\ \\n \\" \\x41 C:\\users {x} %s': '%> < % " """ \' \\ \\n \\" \\x41 C:\\users {x} %s',
    "a\r\nb\rc\n": "a\nb\nc\n",
    "\ufeffa": "a",
    "\x00": "\x00",
    "\u00e9\U0001f600<%='\u00e9'%>": "\u00e9\U0001f600\u00e9",
    "<% req.write('x') %>y": "xy",
    "<%= [c for c in 'ab'] %>": "['a', 'b']",
    "<%\nclass A:\n    x = 1\n%><%\n%><%= A.x %>": "1",
    "<%\nx = 1\n\tif x:\n%>": None,
    "<% if x: %>y<% # end %>": None,
    "<%\nif 1: \n%>y": "y",
    "<%@ unknown\n\n%>\n<%= __import__('sys')._getframe().f_lineno %>": "\n4",
    "<%--\n--%><%\n\n%><%=\n\n__import__('sys')._getframe().f_lineno %>": "6",
}


@pytest.mark.parametrize("what", ["native", "other"])
def test_what_templates_show(render, what):
    shown = render(*SHOWN, what=what)
    for (template, expected), (text, error) in zip(SHOWN.items(), shown):
        assert text == expected, (template, text, error)
        assert error is None or error.startswith("SyntaxError: ") or "IndentationError: " in error, (template, error)


BROKEN = {
    "a\n<% x": "'<%' is never closed: '%>' is missing (__psp__, line 2)",
    "<%= x": "'<%=' is never closed: '%>' is missing (__psp__, line 1)",
    "\n\n<%--%>": "'<%--' is never closed: '--%>' is missing (__psp__, line 3)",
    "<%@ include": "'<%@' is never closed: '%>' is missing (__psp__, line 1)",
    "<%\n\x00%>": "NUL character in Python code (__psp__, line 2)",
    "\n\n<%= 1 + %>\n": "invalid syntax (__psp__, line 3)",
    "text\n<% for x in y: %>\n<%# end%>": "a compound statement must begin on a line of its own below '<%' (__psp__, line 2)",
}


def test_what_is_wrong_with_templates(render):
    for (template, expected), (_, error) in zip(BROKEN.items(), render(*BROKEN)):
        assert error.startswith("SyntaxError: ") and error.endswith(expected), (template, error)


def test_the_documented_source(render):
    templates = {
        "": "",
        "a<%=x%>b": 'req.write("""a""",0); req.write(str(x),0); req.write("""b""",0)\n',
        "<%\nfor i in y:\n%>\nrow": 'req.write("""""",0);\nfor i in y:\n\treq.write("""\nrow""",0)\n',
        "<% x = 1 %>": 'req.write("""""",0); x = 1 ;req.write("""""",0)\n',
        '"\\n\\d': 'req.write("""\\"\\\\n\\\\d""",0)\n',
    }
    for (template, expected), answer in zip(templates.items(), render(*templates, what="source")):
        assert answer == (expected, None), template


# Against a reference: a template is made as a tree, of which what it shows is known.

TEXT = strategies.text(alphabet=string.ascii_letters + " \"'\\\n\t<>%#:{}\u00e9\U0001f600", max_size=12).filter(
    lambda text: "<%" not in text and not text.endswith("<")
)
NAMES = strategies.sampled_from("abc")


class Node:
    """A part of a template: its source at a depth of blocks, and what it shows with the values of names."""

    def __init__(self, source, shows):
        self.source, self.shows = source, shows


def joined(nodes):
    def shows(names):
        return "".join([node.shows(names) for node in nodes])

    return Node(lambda depth: "".join(node.source(depth) for node in nodes), shows)


def text_node(text):
    return Node(lambda depth: text, lambda names: text)


def name_node(name):
    return Node(lambda depth: f"<%= {name} %>", lambda names: str(names[name]))


def assignment(name, value, comment):
    def shows(names):
        names[name] = value
        return ""

    return Node(lambda depth: f"<% {name} = {value!r}{comment} %>", shows)


def comment_node(text):
    return Node(lambda depth: f"<%--{text}--%>", lambda names: "")


def loop(name, values, body):
    def source(depth):
        indent = "    " * depth
        begin = f"<%\n{indent}for {name} in {values!r}:\n{indent}    # begin\n%>"
        return begin + body.source(depth + 1) + f"<%\n{indent}# end\n%>"

    def shows(names):
        rounds = []
        for value in values:
            names[name] = value
            rounds.append(body.shows(names))
        return "".join(rounds)

    return Node(source, shows)


def choice(name, value, one, other):
    def source(depth):
        indent = "    " * depth
        begin = f"<%\n{indent}if {name} == {value!r}:\n{indent}    pass\n%>"
        middle = f"<%\n{indent}else:\n{indent}    # other\n  %>"
        return begin + one.source(depth + 1) + middle + other.source(depth + 1) + f"<%\n{indent}# end\n%>"

    return Node(source, lambda names: one.shows(names) if names[name] == value else other.shows(names))


VALUES = strategies.one_of(strategies.integers(-3, 3), strategies.sampled_from(["#", "'''", '"', "x:", "\u00e9"]))
LEAVES = strategies.one_of(
    TEXT.map(text_node),
    NAMES.map(name_node),
    strategies.builds(assignment, NAMES, VALUES, strategies.sampled_from(["", " # why: 'x", ";"])),
    TEXT.filter(lambda text: "--%>" not in text).map(comment_node),
)


def blocks(inner):
    body = strategies.lists(inner, max_size=4).map(joined)
    return strategies.one_of(
        strategies.builds(loop, NAMES, strategies.lists(VALUES, max_size=3), body),
        strategies.builds(choice, NAMES, VALUES, body, body),
    )


TEMPLATES = strategies.lists(strategies.recursive(LEAVES, blocks, max_leaves=12), max_size=6).map(joined)
START = "<% a = 1; b = 'two'; c = None %>"


@hypothesis.settings(max_examples=60, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(batch=strategies.lists(TEMPLATES, min_size=10, max_size=25))
def test_templates_against_a_reference(render, batch):
    sources = [START + template.source(0) for template in batch]
    shown = [template.shows({"a": 1, "b": "two", "c": None}) for template in batch]
    for what in ("native", "other"):
        for source, expected, answer in zip(sources, shown, render(*sources, what=what)):
            assert answer == (expected, None), source


@hypothesis.settings(max_examples=30, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(batch=strategies.lists(strategies.text(alphabet="<%=@->: \n\t\"'\\#;ax\x00\r"), max_size=30))
def test_whatever_a_template_is_it_is_shown_or_refused_by_name(render, batch):
    for template, (_, error) in zip(batch, render(*batch)):
        known = ("SyntaxError", "IndentationError", "TabError", "NameError", "TypeError", "AttributeError")
        assert error is None or error.startswith(known), (template, error)
