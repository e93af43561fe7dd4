"""`psp.PSP`, `psp.parse` and `psp.parsestring` from handlers."""

import ast

FILES = {
    "hello.psp": "Hello <%= name %>",
    "sub/page.psp": '<%@ include file="part.inc" %>',
    "sub/part.inc": "part",
    "uses.psp": "<%= req.tag %><%= psp.filename is not None %><%= form is req.form %>",
}
FUNCTIONS = """
    import os
    from mod_python import psp

    def vars(req):
        psp.PSP(req, "hello.psp", vars={"name": "one "}).run()
        page = psp.PSP(req, filename=os.path.join(req.document_root(), "hello.psp"), vars={"name": "two "})
        page.run({"name": "three "})
        page.run(flush=1)
        req.write(chr(30), 0)
        return [page.filename == req.document_root() + "/hello.psp", page.string, page.vars, type(page.code).__name__, page.dbmcache]

    def strings(req):
        template = "<%= x %>,"
        for number in range(3):
            psp.PSP(req, string=template, vars={"x": number}).run()
        psp.PSP(req, string="caf\\u00e9 ".encode()).run()
        psp.PSP(req, string='<%@ include file="sub/part.inc" %>').run()
        psp.PSP(req, string="").run()
        for number in range(600):
            psp.PSP(req, string=f"<%= {number} %>")
        req.write(chr(30), 0)
        return psp.PSP(req, string=template).filename

    def relative(req):
        psp.PSP(req, "sub/page.psp").run()
        req.write(chr(30), 0)

    def own(req):
        req.tag = "tag"
        psp.PSP(req, "uses.psp").run()
        req.write(chr(30), 0)

    def errors(req):
        answer = []
        for arguments in ({"filename": "a", "string": "b"}, {"filename": "missing.psp"}, {"filename": "sub"}, {"string": "<% ( %>"}):
            try:
                psp.PSP(req, **arguments)
            except Exception as error:
                answer.append([type(error).__name__, *error.args][:2])
        return answer

    def display(req):
        psp.PSP(req, string="a <b>").display_code()
        answer = str(psp.PSP(req, string="x"))
        req.write(chr(30), 0)
        return answer

    def parse(req):
        root = req.document_root() + "/"
        answer = [psp.parse("hello.psp", root), psp.parse(root + "hello.psp"), psp.parse("sub/page.psp", root + "sub/../")]
        return answer

    def parse_errors(req):
        answer = []
        for what, argument in ((psp.parse, "/none/such"), (psp.parsestring, "<%"), (psp.parsestring, 5), (psp.parse, "/")):
            try:
                what(argument)
            except Exception as error:
                answer.append([type(error).__name__, getattr(error, "filename", None), getattr(error, "lineno", None)])
        return answer

    def other_requests(req):
        class Page:
            filename = req.filename
            content_type = None
            text = ""
            def write(self, text, flush=1):
                self.text += text
        page = Page()
        psp.PSP(page, string="<b><%= x %></b>", vars={"x": "<"}).run()
        str(psp.PSP(page, string="!"))
        return [page.text, page.content_type]
"""


def asked(site, name):
    """What was written, and what the function returned."""
    written, _, answer = site.get(f"/{name}").text.partition(chr(30))
    return written, ast.literal_eval(answer)


def test_files_and_variables(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    written, answer = asked(site, "vars")
    assert written == "Hello one Hello three Hello two "
    assert answer == [True, None, {"name": "two "}, "code", None]


def test_strings(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    assert asked(site, "strings") == ("0,1,2,caf\u00e9 part", None)


def test_directories(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    site.write("part.inc", "part of the root")
    site.write("sub/part.inc", "part of the directory")
    assert asked(site, "relative") == ("part of the directory", None)


def test_a_request_with_attributes_of_its_own(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    assert asked(site, "own") == ("tagTrueTrue", None)


def test_errors(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    assert site.call("errors") == [
        ["ValueError", "PSP takes a filename or a string, not both"],
        ["SERVER_RETURN", 404],
        ["SERVER_RETURN", 404],
        ["SyntaxError", "invalid syntax"],
    ]


def test_display_code_and_str(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    text, answer = asked(site, "display")
    assert "&lt;b&gt;" in text and "req.write(" in text and text.endswith("</table>\nx")
    assert answer == ""


def test_parse(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    hello = 'req.write("""Hello """,0); req.write(str( name ),0); req.write("""""",0)\n'
    site.write("part.inc", "root")
    assert site.call("parse") == [hello, hello, 'req.write("""root""",0)\n']


def test_parse_errors(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    assert site.call("parse_errors") == [
        ["FileNotFoundError", "/none/such", None],
        ["SyntaxError", "__psp__", 1],
        ["TypeError", None, None],
        ["IsADirectoryError", "/", None],
    ]


def test_requests_of_any_make(httpd):
    site = httpd(functions=FUNCTIONS, files=FILES)
    assert site.call("other_requests") == ["<b><</b>!", "text/html; charset=utf-8"]
