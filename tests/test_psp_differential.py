"""The same templates under Debian's mod_python and under ours: the same source, the same page.

Each template is one that both are meant to understand; where Debian's is known to be wrong there is none.
"""

import json

import pytest

import httpd as real
from test_differential import OTHER

TEMPLATES = [
    "plain",
    "a<%=x%>b",
    "<%= x %><%=y%>",
    "<% z = 1 %><%= z %>",
    "a\n<%\nfor i in range(3):\n%>\nrow <%=i%>\n<%\n# end\n%>\n",
    "<%\nfor i in range(3):\n    # begin\n%>row <%=i%>\n<%\n%>end",
    "<%\nif x:\n  z = 2\n%>A<%=z%>B<%z=3%>C",
    "<%\nif not x:\n  z = 2\n%>A<%=z%>B<%z=3%>C",
    "<%\nif 1:\n%>A<%\nelse:\n%>B<%\n%>C",
    "<%\nif 0:\n%>A<%\nelse:\n%>B<%\n%>C",
    "<%\ndef f():\n    return 1\n%>\ntext",
    "<%\nif x:\n\n%>y",
    "<%\nif x:%>y",
    "<%\ntry:\n    {}[1]\nexcept KeyError:\n    # caught\n%>caught<%\n%>",
    "<%\nwhile x:\n    # once\n%>once<%\n    break\n%>",
    "a<%-- comment --%>b",
    "a<%-- <% no %> --%>b",
    "a<%@ unknown %>b",
    'quotes "one" """three""" \'\'\'',
    "escapes \\n \\r \\t",
    "%> < % <b>%",
    "a\r\nb\r\n<%\r\nz = 1\r\n%>c",
    "caf\u00e9 <%='\u20ac'%> \U0001f600",
    "<%= '<b>' %>",
    "<%= [1, 'two', None] %>",
    "<%=\nx\n%>",
    "<%\nif x:\n\tif y:\n\t\tz = 1\n%>z",
    "",
    '<%@ include file="part.inc" %>after',
]
HANDLER = """
    import json
    from mod_python import apache, psp

    def handler(req):
        sources = []
        for template in json.loads(req.read().decode()):
            # Tabs and blanks are as they are, line by line; Debian's takes bytes only.
            sources.append(psp.parsestring(template.encode()))
        req.write(json.dumps(sources))
        return apache.OK
"""
BEGIN = "<%\nx = 'value'\ny = 2\n%>"


def numbered():
    return {f"page{number}.psp": BEGIN.encode() + template.encode() for number, template in enumerate(TEMPLATES)}


@pytest.fixture
def both(httpd):
    """A site of Debian's and one of ours."""
    if not OTHER.exists():
        pytest.skip(f"{OTHER} is not installed")

    def start(**options):
        for module in (OTHER, real.MODULE):
            yield httpd(module=module, **options)

    return start


def test_both_show_the_same(both):
    config = "AddHandler mod_python .psp\nPythonHandler mod_python.psp\nPythonDebug Off"
    shown = []
    for site in both(config=config, modules=("mime",), files=numbered() | {"part.inc": "[<%= x %>]\n"}):
        shown.append([(site.get(f"/{name}").status, site.get(f"/{name}").text) for name in numbered()])
        site.stop()
    for template, theirs, ours in zip(TEMPLATES, *shown):
        assert ours == theirs, template


def test_both_make_the_same_source(both):
    templates = [template for template in TEMPLATES if "include" not in template]
    theirs, ours = (json.loads(site.post("/", json.dumps(templates)).text) for site in both(handler=HANDLER))
    for template, their_source, our_source in zip(templates, theirs, ours):
        assert our_source == their_source, template
