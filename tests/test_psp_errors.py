"""Pages that fail: what the client gets, what the log says, and error pages."""

import pytest

from test_psp import CONFIG, psp

__all__ = ["psp"]

ERROR = """\
first line
<%
def divide(x):
    return x / 0

x = 1
%>text
<%= divide(x) %>
last line
"""


def log_lines(site, handler="mod_python.psp"):
    prefix = f"PythonHandler {handler}: "
    return "\n".join(line.partition(prefix)[2] for line in site.error_log.splitlines() if prefix in line)


def test_a_page_that_fails_is_a_clean_500_with_the_lines_of_the_template(psp):
    site = psp({"page.psp": ERROR})
    site.expect_traceback("ZeroDivisionError: division by zero", handler="mod_python.psp")
    for _ in range(2):
        response = site.get("/page.psp")
        assert response.status == 500 and "first line" not in response.text
    path = site.docroot / "page.psp"
    log = log_lines(site)
    assert f'File "{path}", line 8, in <module>' in log and "<%= divide(x) %>" in log
    assert f'File "{path}", line 4, in divide' in log and "return x / 0" in log
    assert "^" not in log and "__write__" not in log


@pytest.mark.parametrize("page", [ERROR, "<%= session %>" + ERROR, "<%= psp.filename %>" + ERROR])
def test_a_debug_page_shows_the_template(psp, page):
    site = psp({"page.psp": page}, config="PythonDebug On")
    site.expect_traceback("ZeroDivisionError", handler="mod_python.psp")
    response = site.get("/page.psp")
    assert response.status == 500 and response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "first line" not in response.text
    assert "page.psp&quot;, line 8, in &lt;module&gt;" in response.text
    assert "page.psp&quot;, line 4, in divide" in response.text


def test_what_was_flushed_stays(psp):
    site = psp({"page.psp": "sent<% req.flush() %>held<% 1/0 %>"})
    site.expect_traceback("ZeroDivisionError", handler="mod_python.psp")
    response = site.get("/page.psp")
    assert response.text.startswith("sent") and "held" not in response.text


def test_fragments_have_their_own_lines_in_tracebacks(psp):
    site = psp(
        {
            "page.psp": '1\n<%@ include file="good.inc" %>\n3\n<%@ include file="bad.inc" %>\n5\n<% fail() %>\n',
            "good.inc": "one\ntwo\n<%\n\n%>\n",
            "bad.inc": "one\n<%\ndef fail():\n    return 1 / 0\n%><%\n%>\n",
            "syntax.psp": 'a\nb\n<%@ include file="syntax.inc" %>',
            "syntax.inc": "\n<%= 1 + %>\n",
        }
    )
    site.expect_traceback("ZeroDivisionError", handler="mod_python.psp")
    site.expect_traceback("SyntaxError: invalid syntax", handler="mod_python.psp")
    assert site.get("/page.psp").status == 500
    log = log_lines(site)
    assert f'File "{site.docroot}/page.psp", line 6, in <module>' in log and "<% fail() %>" in log
    assert f'File "{site.docroot}/bad.inc", line 4, in fail' in log and "return 1 / 0" in log
    assert site.get("/syntax.psp").status == 500
    log = log_lines(site)
    assert f'File "{site.docroot}/syntax.inc", line 2' in log and "<%= 1 + %>" in log


def test_a_page_in_itself(psp):
    site = psp(
        {
            "page.psp": '<%@ include file="code.inc" %>\n<%= PSP(req, "page.psp") if depth < 3 else 1 / 0 %>',
            "code.inc": "<%\n\nreq.depth = depth = getattr(req, 'depth', 0) + 1\n%>\n",
        }
    )
    site.expect_traceback("ZeroDivisionError", handler="mod_python.psp")
    assert site.get("/page.psp").status == 500
    assert log_lines(site).count(f'File "{site.docroot}/page.psp", line 2, in <module>') == 3


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        (b"a\n\xe9", 2, "byte 0xe9 is not UTF-8: templates must be saved as UTF-8"),
        (b"a\n\n<%= x", 3, "'<%=' is never closed: '%>' is missing"),
        (b"\n<% for x in y: %>", 2, "invalid syntax: a compound statement must begin on a line of its own below '<%'"),
        (b"\n<%\nif 1:\n    x\n  y\n%>", 5, "IndentationError: unindent does not match any outer indentation level"),
    ],
)
def test_broken_templates(psp, template, line, message):
    site = psp({"page.psp": template})
    site.expect_traceback(message, handler="mod_python.psp")
    assert site.get("/page.psp").status == 500
    assert f'File "{site.docroot}/page.psp", line {line}' in log_lines(site)


def test_exceptions_are_those_that_were_raised(psp):
    site = psp(
        {
            "key.psp": "<% {}['x'] %>",
            "decode.psp": "<% b'\\xff'.decode() %>",
            "chained.psp": "<%\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('odd') from error\n%>",
            "exit.psp": "<%\nimport sys\nsys.exit(3)\n%>",
        }
    )
    for text in ("KeyError: 'x'$", "UnicodeDecodeError: ", "ValueError: odd", "ZeroDivisionError", "SystemExit: 3"):
        site.expect_traceback(text, handler="mod_python.psp")
    for name in ("key", "decode", "chained", "exit"):
        assert site.get(f"/{name}.psp").status == 500
    assert f'File "{site.docroot}/chained.psp", line 3' in log_lines(site)


def test_error_pages(psp):
    site = psp(
        {
            "page.psp": "partial<% psp.set_error_page('errors/error.psp') %><% {}['key'] %>",
            "root.psp": "<% psp.set_error_page('/errors/error.psp') %><% 1/0 %>",
            "errors/error.psp": "<%= exception[0].__name__ %>: <%= exception[1] %> <%= exception[2] is not None %>",
            "missing.psp": "<% psp.set_error_page('none.psp') %>",
            "redirect.psp": "<% psp.set_error_page('errors/error.psp') %><% psp.redirect('/else') %>",
            "status.psp": "<% psp.set_error_page('errors/error.psp') %><% raise apache.SERVER_RETURN(apache.HTTP_CONFLICT) %>",
            "twice.psp": "<% psp.set_error_page('errors/twice.psp') %><% {}['key'] %>",
            "errors/twice.psp": "<% 1/0 %>",
            "outer.psp": "[<%= PSP(req, 'page.psp') %>]",
        }
    )
    assert site.get("/page.psp").text == "KeyError: 'key' True"
    assert site.get("/root.psp").text == "ZeroDivisionError: division by zero True"
    assert site.get("/missing.psp").status == 404
    redirect = site.get("/redirect.psp")
    assert redirect.status == 302 and "SERVER_RETURN" not in redirect.text
    assert site.get("/status.psp").status == 409
    assert site.get("/outer.psp").text == "[KeyError: 'key' True]"
    site.expect_traceback("KeyError: 'key'", handler="mod_python.psp")
    site.expect_traceback("ZeroDivisionError", handler="mod_python.psp")
    assert site.get("/twice.psp").status == 500


def test_the_session_in_an_error_page(psp):
    site = psp(
        {
            "page.psp": "<% psp.set_error_page('error.psp') %><% session['x'] = 1\n1/0 %>",
            "error.psp": "<%= session['x'] %>",
            "again.psp": "<%= session['x'] %>",
        }
    )
    response = site.get("/page.psp")
    assert response.text == "1"
    assert site.get("/again.psp", headers={"Cookie": response.headers["Set-Cookie"].partition(";")[0]}).text == "1"


def test_a_client_that_leaves_is_no_trouble(psp):
    site = psp({"page.psp": "<%\nfor number in range(2000):\n    # each\n%><%= 'x' * 10000 %><%\n    req.flush()\n%>"})
    site.expect_traceback("OSError: (Write|Flush) failed, client closed connection", handler="mod_python.psp")
    with site.socket() as connection:
        connection.sendall(b"GET /page.psp HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1000)
    site.wait_log("client closed connection")
    assert site.get("/page.psp").status == 200


assert CONFIG
