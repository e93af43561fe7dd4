"""Python Server Pages: the handler, and what a page finds and may do, in a real httpd."""

import re
import threading

import pytest

CONFIG = """
    AddHandler mod_python .psp .psp_
    PythonHandler mod_python.psp
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def psp(httpd):
    """A function that starts a site with pages: `psp({"a.psp": ...}, config=...)`."""

    def start(pages, config="", **options):
        return httpd(files=pages, config=CONFIG + config, modules=("mime", "dir", "negotiation"), **options)

    return start


@pytest.mark.every_mpm
def test_a_page(psp):
    template = b"<p>\n<%\nfor name in ('a', 'b'):\n%>\n<b><%=name%></b>\n<%\n# end\n%></p> \xc3\xa9 \"\\n\""
    site = psp({"page.psp": template, "directory.psp/x": ""})
    response = site.get("/page.psp")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Length"] == str(len(response.body))
    assert response.text == '<p>\n\n<b>a</b>\n\n<b>b</b>\n</p> \u00e9 "\\n"'
    assert site.get("/page.psp").text == response.text
    assert site.get("/page.psp/more?a=b").text == response.text
    assert site.get("/missing.psp").status == 404
    assert site.get("/directory.psp/").status in (403, 404)
    head = site.request("HEAD", "/page.psp")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", response.headers["Content-Length"])


def test_names_that_pages_find(psp):
    template = """\
        <%= [name for name in ('apache', 'PSP', 'os', 'sys', 'raw', 'escape', 'util', 'Session') if name not in globals()] %>
        <%= __name__ %> <%= __file__ == req.filename %> <%= type(psp).__name__ %>
        <%= escape('<') %> <%= apache.OK %> <%= util.redirect.__name__ %> <%= PSP.__name__ %> <%= os.sep %> <%= Session.__name__ %>
        <%= __mp_info__.file == req.filename %> <%= __mp_info__.label %> <%= __mp_path__ %>
    """
    site = psp({"page.psp": template, "plain.psp": "<%= escape('<') %> <%= util.__name__ %> <%= __file__ %>"})
    words = site.get("/page.psp").text.split()
    assert words == [
        *("[]", "mod_python.psp", "True", "PSPInterface", "&lt;", "0", "redirect", "PSP", "/", "mod_python.Session"),
        *("True", "None", "[]"),
    ]
    assert site.get("/plain.psp").text == f"&lt; mod_python.util {site.docroot}/plain.psp"


def test_a_page_decides_on_its_response(psp):
    site = psp(
        {
            "image.psp": "<% req.content_type = 'image/svg+xml' %><svg/>",
            "paid.psp": "<%\nreq.status = 402\nreq.headers_out['X-Own'] = 'yes'\n%>short",
            "gone.psp": "text<% raise apache.SERVER_RETURN(apache.HTTP_GONE) %>",
            "done.psp": "text<% raise apache.SERVER_RETURN(apache.DONE) %>more",
            "planned.psp": "text<% raise apache.SERVER_RETURN(apache.OK) %>more",
        }
    )
    assert site.get("/image.psp").headers["Content-Type"] == "image/svg+xml"
    paid = site.get("/paid.psp")
    assert (paid.status, paid.headers["X-Own"], paid.text) == (402, "yes", "short")
    gone = site.get("/gone.psp")
    assert gone.status == 410 and "text" not in re.sub("<[^>]*>", "", gone.text).split()[:1]
    for name in ("done", "planned"):
        response = site.get(f"/{name}.psp")
        assert (response.status, response.text) == (200, "text")


def test_pages_are_compiled_again_when_they_change(psp):
    site = psp({"page.psp": '<%@ include file="part.inc" %>1', "part.inc": "a"}, children=1)
    assert site.get("/page.psp").text == "a1"
    site.write("page.psp", '<%@ include file="part.inc" %>2')
    assert site.get("/page.psp").text == "a2"
    site.write("part.inc", "b")
    assert site.get("/page.psp").text == "b2"
    site.write("page.psp", "<% ( %>")
    site.expect_traceback("SyntaxError", handler="mod_python.psp")
    assert site.get("/page.psp").status == site.get("/page.psp").status == 500
    site.write("page.psp", "3")
    assert site.get("/page.psp").text == "3"
    for number in range(20):
        site.write("page.psp", f"{number:02}")
        assert site.get("/page.psp").text == f"{number:02}"
    (site.docroot / "page.psp").unlink()
    assert site.get("/page.psp").status == 404


def test_more_pages_than_are_kept(psp):
    count = 700
    site = psp({f"{number}.psp": f"page <%= {number} %>" for number in range(count)})
    for _ in range(2):
        with site.connection() as connection:
            for number in range(count):
                assert site.ask(connection, "GET", f"/{number}.psp", None, None, None, None).text == f"page {number}"


@pytest.mark.every_mpm
def test_threads_and_pages(psp):
    """Each page shows its own request, whatever others run at the same time, also the same page."""
    template = """\
        <%
        import time
        mine = req.args
        def again():
            return mine
        for number in range(50):
            # each
        %>[<%= mine %>]<%
            if number % 25 == 0:
                time.sleep(0.001)
            # on
        %><%= again() %>
        <%
        # end
        %>"""
    template = "\n".join(line[8:] for line in template.splitlines())
    pages = {f"{number}.psp": template for number in range(3)}
    site = psp(pages)
    wrong = []

    def client(who):
        for number in range(30):
            text = site.get(f"/{number % 3}.psp?{who}-{number}").text
            if re.findall(r"\[(.*?)\]", text) != [f"{who}-{number}"] * 50 or text.count(f"{who}-{number}") != 100:
                wrong.append(text)

    threads = [threading.Thread(target=client, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_interpreters_have_pages_of_their_own(psp):
    template = "<%= apache.interpreter %> <% import sys\nsys.seen = getattr(sys, 'seen', 0) + 1 %><%= sys.seen %>"
    site = psp({"one/page.psp": template, "two/page.psp": template}, config="PythonInterpPerDirectory On", children=1)
    for number in (1, 2):
        for directory in ("one", "two"):
            assert site.get(f"/{directory}/page.psp").text == f"{site.docroot}/{directory}/ {number}"


def test_forms(psp):
    site = psp(
        {
            "form.psp": "<%= form['name'] %>|<%= ','.join(form.getlist('n')) %>|<%= req.form is form %>",
            "late.psp": "<%\ndef show():\n    return form.getfirst('name')\n%><%\n%><%= show() %>",
            "apply.psp": "<%\ndef add(req, a, b='2', *, c='0'):\n    return '-'.join([req.uri, a, b, c])\n%><%\n%><%= psp.apply_data(add, c='3') %>",
        }
    )
    assert site.get("/form.psp?name=%C3%A9&n=1&n=&n=3").text == "\u00e9|1,,3|True"
    assert site.post("/form.psp?n=1", "name=x+y&n=2", headers=FORM).text == "x y|1,2|True"
    assert site.get("/late.psp?name=me").text == "me"
    assert site.get("/apply.psp?a=1").text == "/apply.psp-1-2-3"
    assert site.post("/apply.psp", "a=8&b=9&req=x", headers=FORM).text == "/apply.psp-8-9-3"


@pytest.mark.every_mpm
def test_sessions(psp):
    site = psp(
        {
            "count.psp": "<%\nsession['hits'] = session.get('hits', 0) + 1\n%><%= session['hits'] %> <%= req.session is session %>",
            "deep.psp": "<%\ndef hits():\n    return session['hits']\n%><%\n%><%= hits() %>",
            "away.psp": "<%\nsession['hits'] = 10\npsp.redirect('/count.psp')\n%>",
            "fails.psp": "<%\nsession['hits'] = 99\n1 / 0\n%>",
            "none.psp": "<%= hasattr(req, 'session') %>",
        }
    )
    site.expect_traceback("ZeroDivisionError", handler="mod_python.psp")
    first = site.get("/count.psp")
    assert first.text == "1 True"
    cookie = {"Cookie": first.headers["Set-Cookie"].partition(";")[0]}
    assert site.get("/count.psp", headers=cookie).text == "2 True"
    assert site.get("/deep.psp", headers=cookie).text == "2"
    assert site.get("/fails.psp", headers=cookie).status == 500
    assert site.get("/count.psp", headers=cookie).text == "3 True"
    assert site.get("/away.psp", headers=cookie).status == 302
    assert site.get("/count.psp", headers=cookie).text == "11 True"
    none = site.get("/none.psp", headers=cookie)
    assert none.text == "False" and "Set-Cookie" not in none.headers


def test_redirects(psp):
    site = psp(
        {
            "away.psp": "some text<% psp.redirect('/else?a=1&b=2') %>more",
            "moved.psp": "<% psp.redirect('/else', permanent=1) %>",
            "late.psp": "text<% req.flush() %><% psp.redirect('/else') %>",
        }
    )
    away = site.get("/away.psp")
    assert (away.status, away.headers["Location"]) == (302, "/else?a=1&b=2")
    assert away.text.startswith("some text") and "more" not in away.text and "500" not in away.text
    assert site.get("/moved.psp").status == 301
    site.expect_traceback("OSError", handler="mod_python.psp")
    assert site.get("/late.psp").text.startswith("text")


def test_everything_is_written_in_order(psp):
    site = psp(
        {
            "page.psp": "a<% req.write('b') %>c<% req.flush() %>d<% req.write(b'e', 0) %><%= 'f' %>"
            "<% req.sendfile(req.document_root() + '/file') %>h<%= PSP(req, 'inner.psp') %>j<% inner = PSP(req, 'inner.psp') %>"
            "k<%= inner %>l<%\nclass Odd:\n    def __str__(self):\n        req.write('n', 0)\n        return 'o'\n%><%\nodd = Odd()\n%>m<%= odd %>p",
            "inner.psp": "i",
            "file": "g",
            "sub.psp": "1<%\nwith req.subrequest_uri('/inner.psp') as inner:\n    inner.run()\n%>2",
            "other.psp": "first <% req.internal_redirect('/inner.psp') %>",
        }
    )
    assert site.get("/page.psp").text == "abcdefghijkilmnop"
    assert site.get("/sub.psp").text == "1i2"
    assert site.get("/other.psp").text.endswith("i")


def test_large_pages(psp):
    site = psp(
        {
            "large.psp": "<%\nfor number in range(100000):\n    # each\n%>line <%= number %>\n<%\n%>",
            "literal.psp": b"x" * 3_000_000 + b"<%= 1 %>",
            "line.psp": "".join(f"<%= {number} %>," for number in range(1000)),
        }
    )
    assert site.get("/large.psp").text == "".join(f"line {number}\n" for number in range(100000))
    assert site.get("/literal.psp").body == b"x" * 3_000_000 + b"1"
    assert site.get("/line.psp").text == "".join(f"{number}," for number in range(1000))


def test_escaping(psp):
    pages = {
        "page.psp": "<%= '<&>\"' %><%= \"'\" %>|<%= raw('<b>') %>|<%= 5 %>|<%= None %>|<%= [1, '<'] %>|<%= 1.5 %>|<%= own %>".replace(
            "<%= '<&", "<%\nclass Own:\n    def __html__(self):\n        return '<i>'\nown = Own()\n%><%= '<&", 1
        ),
        "bound.psp": "<% req = req %><%= '<' %><%= raw('<') %><%= 5 %>",
        "inner.psp": "<p><%= PSP(req, string='<b><%' + '= \"<\" %' + '>') %>",
    }
    site = psp(pages, config="PythonOption mod_python.psp.escape html")
    assert site.get("/page.psp").text == "&lt;&amp;&gt;&quot;&#x27;|<b>|5|None|[1, &#x27;&lt;&#x27;]|1.5|<i>"
    assert site.get("/bound.psp").text == "&lt;<5"
    assert site.get("/inner.psp").text == "<p><b>&lt;"
    for config in ("", "PythonOption mod_python.psp.escape none"):
        plain = psp(pages, config=config)
        assert plain.get("/page.psp").text.startswith("<&>\"'|<b>|5|None|[1, '<']|1.5|<") is True
        assert plain.get("/bound.psp").text == "<<5"
    wrong = psp(pages, config="PythonOption mod_python.psp.escape yes")
    wrong.expect_traceback("ValueError: PythonOption mod_python.psp.escape must be html or none, not yes", handler="mod_python.psp")
    assert wrong.get("/page.psp").status == 500


def test_fragments(psp):
    site = psp(
        {
            "page.psp": '<%@ include file="parts/head.inc" %>body<%@ include file="parts/tail.inc"%>',
            "parts/head.inc": '<h1><%@ include file="parts/title.inc"%></h1>\n<%\nfor i in (1, 2):\n%>',
            "parts/title.inc": "\ufefftitle".encode(),
            "parts/tail.inc": " <%= i %>,<%\n%>",
            "missing.psp": '<%@ include file="none.inc" %>',
            "round.psp": '<%@ include file="round.inc" %>',
            "round.inc": 'x\n<%@ include file="round.inc" %>',
        }
    )
    site.write("absolute.psp", f'<%@ include file="{site.docroot}/parts/title.inc" %>!')
    assert site.get("/page.psp").text == "<h1>title</h1>\nbody 1,body 2,"
    assert site.get("/absolute.psp").text == "title!"
    site.expect_traceback(rf"FileNotFoundError: .*{site.docroot}/none.inc", handler="mod_python.psp")
    site.expect_traceback("SyntaxError: the fragment includes itself: .*round.inc includes .*round.inc", handler="mod_python.psp")
    site.expect_traceback(rf'File "{site.docroot}/round.inc", line 2', handler="mod_python.psp")
    assert site.get("/missing.psp").status == 500
    assert site.get("/round.psp").status == 500


def test_the_cache_of_old(psp):
    site = psp({"page.psp": "a", "other.psp": "b"}, config='PythonOption mod_python.psp.cache_database_filename "${scratch}/pages"')
    assert (site.get("/page.psp").text, site.get("/other.psp").text) == ("a", "b")
    assert site.error_log.count("cache_database_filename has no effect: pages are kept in memory") == 1
    assert list(site.scratch.iterdir()) == []


def test_a_module_beside_the_page(psp):
    site = psp({"page.psp": "<% import beside %><%= beside.NAME %>", "beside.py": "NAME = 'found'"})
    assert site.get("/page.psp").text == "found"


def test_the_source_of_a_page(psp):
    pages = {"page.psp": '<h1>"T & T"</h1>\n<%\nx = "<"\n\ty = 1\n%>', "broken.psp": "<% ( %>"}
    site = psp(pages, config="PythonDebug On")
    response = site.get("/page.psp_")
    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f"{site.docroot}/page.psp" in response.text
    assert "&lt;h1&gt;&quot;T&nbsp;&amp;&nbsp;T&quot;&lt;/h1&gt;" in response.text
    assert "x&nbsp;=&nbsp;&quot;&lt;&quot;" in response.text and "&nbsp;&nbsp;&nbsp;&nbsp;y" in response.text
    assert site.get("/broken.psp_").status == 200
    assert site.get("/missing.psp_").status == 404
    assert psp(pages).get("/page.psp_").status == 404
