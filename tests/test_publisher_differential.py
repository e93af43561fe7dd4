"""The same pages under Debian's publisher and CGI handler and under ours: the same status, type and text.

Left out is what Debian's is known to get wrong: POSTs, credentials, short names, binary output, nested access rules.
"""

import re

import pytest

import httpd as real
from test_differential import OTHER
from test_publisher import RULES, URLS

pytestmark = pytest.mark.skipif(not OTHER.exists(), reason=f"{OTHER} is not installed")

PAGES = """
    from mod_python import apache

    def index(req): return "index"
    def hello(req, name="nobody", number="0"): return f"{name} {number}"
    def named(name): return name
    def several(value): return str(value)
    def anything(req, **values): return str(sorted(name for name in values if name != "req"))
    def html(name=""): return f"<html><body>{name}</body></html>\\n"
    def html_then_text(): return "<html></html> and more"
    def own_type(req):
        req.content_type = "text/x-own; charset=utf-8"
        return "caf\\u00e9"
    def nothing(req): return None
    def zero(): return 0
    def a_list(): return [1, "two"]
    def written(req): req.write("written")
    def status(req):
        req.status = 404
        return "not here"
    def gone(req): raise apache.SERVER_RETURN(apache.HTTP_GONE)
    def redirect(req):
        req.headers_out["Location"] = "/elsewhere"
        raise apache.SERVER_RETURN(apache.HTTP_MOVED_TEMPORARILY)
    def filename(req): return req.filename.rpartition("/")[2]
    def another(): return zero
    def raises(): return {}["missing"]
    text, number, a_dict = "text", 5, {"a": 1}

    class Object:
        inside = "inside"
        def method(self, name="nobody"): return name
        def __str__(self): return "an object"
    an_object = Object()

    class Closed:
        __access__ = 0
        __auth_realm__ = "closed"
        def __str__(self): return "closed"
    closed = Closed()

    class Asking:
        __auth__ = 1
        __auth_realm__ = "asking"
    asking = Asking()

    def access_first():
        def __access__(req, user): return 0
        return "x"
    def auth_first():
        def __auth__(req, user, password): return 1
        return "x"
"""
QUERIES = """/ /index /hello /hello?name=somebody /hello?name=somebody&number=5555&other=value /named?name=caf%C3%A9s /several?value=first&value=second
    /anything?first=some&second=thing /html /html?name=somebody /html_then_text /own_type /nothing /zero /a_list /written /status /gone
    /redirect /filename /another /raises /text /number /a_dict /an_object /an_object/inside /an_object/method?name=somebody
    /an_object/missing /Object /Closed /closed /asking /access_first /auth_first /_private /__name__ /apache /missing /hello/more
    /index.py /index.py/hello /index/hello/"""
RULED = """/number /text /a_list /a_dict /true /instance /colour /colour/value /function /a_lambda /callable_instance
    /namespace /number/real /instance/own /instance/method /instance/computed /instance/of_class /instance/static /Plain /module /os
    /getcwd /text/upper /instance/Nested /Plain/attribute /function/attribute /instance/method/x /namespace/a /code/co_code
    /_private /instance/_hidden /function/__code__ /instance/missing /dynamic/xyz /dynamic/y"""
CONFIG = "SetHandler mod_python\nPythonHandler mod_python."


def answers(httpd, handler, files, paths, method="GET"):
    told = []
    for module in (OTHER, real.MODULE):
        site = httpd(module=module, config=CONFIG + handler, files=files, modules=("mime",), server="ServerTokens Prod\n")
        site.expected.append((re.compile("resuming"), re.compile("PythonHandler|mod_python")))
        told.append({path: shown(site.request(method, path), site) for path in paths.split()})
        site.stop()
    return told


def shown(response, site):
    kind = (response.headers["Content-Type"] or "").partition(";")[0]
    text = response.text if response.status < 300 else ""
    location, realm = response.headers["Location"], response.headers["WWW-Authenticate"]
    return response.status, kind, text, location and location.replace(str(site.port), "PORT"), realm


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pages(httpd, method):
    theirs, ours = answers(httpd, "publisher", {"index.py": PAGES}, QUERIES, method)
    assert ours == theirs


def test_urls(httpd):
    paths = """/ /index /index/ /index.py /hello /hello/ /index/hello /index.py/hello /m /m.py /m.py/ /m/say /m.py/say /m.py/say/ /sub/
        /sub/foo /only/page /only/ /only/other /spam /spam/x /nodir/x /m.txt /m.pyc /m.say /hello/x"""
    theirs, ours = answers(httpd, "publisher", URLS, paths)
    assert ours == theirs


def test_rules(httpd):
    theirs, ours = answers(httpd, "publisher", {"index.py": RULES}, RULED)
    assert ours == theirs


@pytest.mark.parametrize("method", ["PUT", "DELETE", "FROB"])
def test_methods(httpd, method):
    theirs, ours = answers(httpd, "publisher", {"index.py": PAGES}, "/ /text", method)
    assert ours == theirs


def test_cgi(httpd):
    programs = {
        "plain.py": 'print("Content-Type: text/x-own\\n\\nbody")',
        "status.py": 'print("Status: 404 Nothing\\nContent-Type: text/x-own\\n\\nbody")',
        "variables.py": """
            import os
            print("Content-Type: text/x-own\\n")
            names = ("GATEWAY_INTERFACE", "REQUEST_METHOD", "QUERY_STRING", "PATH_INFO", "SCRIPT_NAME", "SERVER_PROTOCOL", "HTTP_HOST")
            print([(name, os.environ.get(name, "").split(":")[0]) for name in names])
        """,
        "here.py": 'import os, sys\nprint("Content-Type: text/x-own\\n\\n", os.getcwd() == os.path.dirname(__file__), sys.argv, __name__)',
        "raises.py": "1 / 0",
        "headers.py": 'print("Content-Type: text/x-own\\nLocation: http://elsewhere/\\nStatus: 302\\n\\n")',
    }
    paths = "/plain /plain.py /plain.txt /status /variables/a%20b?x=y /here /raises /headers /missing /missing.py"
    theirs, ours = answers(httpd, "cgihandler", programs, paths)
    assert ours == theirs
