"""Python Server Pages: the template language, pages and what they may do, in a real httpd."""

import pytest

CONFIG = """
    AddHandler mod_python .psp .psp_
    PythonHandler mod_python.psp
"""


@pytest.fixture
def psp(httpd):
    """A function that starts a site with pages: `psp({"a.psp": ...}, config=...)`."""

    def start(pages, config="", **options):
        return httpd(files=pages, config=CONFIG + config, modules=("mime",), **options)

    return start


def page(psp, template, **options):
    """The site of one page, and that page's text."""
    site = psp({"page.psp": template}, **options)
    return site, site.get("/page.psp")


@pytest.mark.every_mpm
def test_a_page(psp):
    site, response = page(psp, b"<p>\n<%\nfor name in ('a', 'b'):\n%>\n<b><%=name%></b>\n<%\n# end\n%></p> \xc3\xa9 \"\\n\"")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text == '<p>\n\n<b>a</b>\n\n<b>b</b>\n</p> \u00e9 "\\n"'
    assert site.get("/page.psp").text == response.text
    assert site.get("/missing.psp").status == 404
