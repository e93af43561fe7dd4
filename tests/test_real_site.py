"""httpd's own modules at work with ours, loaded before it and after it."""

import base64
import gzip
import hashlib
import json
import subprocess

import pytest

from every_phase import BY_DIRECTORY, BY_SERVER, EVERY_ONE, EVERY_PHASE, finish
from real_site import MODULES, ORDERS
from real_site import certificate as certificate
from real_site import curl as curl
from real_site import tls as tls


@pytest.mark.every_mpm
@pytest.mark.parametrize("order", ORDERS)
def test_every_phase_among_all_modules(httpd, order):
    site = httpd(handler=EVERY_PHASE, server=BY_SERVER, config=BY_DIRECTORY, **{order: MODULES})
    response = finish(site, "/file.html", user=("j\u00f6rg", "s\u00e9same"))
    assert (response.status, response.body) == (200, b"body")
    assert response.headers["Content-Type"] == "text/x-phases"
    assert (site.scratch / "trail").read_text().split() == EVERY_ONE


PAGES = """
    import json
    from mod_python import apache

    def handler(req):
        req.content_type = "text/plain"
        req.write(json.dumps({
            "uri": req.uri, "args": req.args, "user": req.user, "file": req.filename.rpartition("/")[2],
            "main": req.main and req.main.uri, "prev": req.prev and req.prev.uri, "env": req.subprocess_env.get("FROM_REWRITE"),
        }) + " " * 2000)
        return apache.OK
"""
SITE = """
    RewriteEngine On
    RewriteRule ^/rewritten/(.*)$ /python/$1?rewritten [E=FROM_REWRITE:yes,PT]
    Alias /aliased "${docroot}/python/aliased"
    ProxyPass /proxied http://127.0.0.1:${port}/python
    <Location /server-status>
        SetHandler server-status
        Require local
    </Location>
    <Location /basic>
        AuthType Basic
        AuthName "by file"
        AuthUserFile "${docroot}/users"
        Require valid-user
    </Location>
    <Location /digest>
        AuthType Digest
        AuthName "digested"
        AuthDigestProvider file
        AuthUserFile "${docroot}/digests"
        Require valid-user
    </Location>
    <Directory "${docroot}/python">
        SetHandler mod_python
        PythonHandler app
        PythonPath "sys.path+['${docroot}']"
        SetOutputFilter DEFLATE
        Header set X-Ours "%{FROM_REWRITE}e"
    </Directory>
    <Directory "${docroot}/pages">
        Options +Includes +Indexes
        AddOutputFilter INCLUDES html
        DirectoryIndex index.html
    </Directory>
    <Directory "${docroot}/index">
        DirectoryIndex index.py
        <Files index.py>
            SetHandler mod_python
            PythonHandler app
            PythonPath "sys.path+['${docroot}']"
        </Files>
    </Directory>
    <Directory "${docroot}/conditional">
        PythonPath "sys.path+['${docroot}']"
        <If "%{QUERY_STRING} == 'python'">
            SetHandler mod_python
            PythonHandler app
        </If>
    </Directory>
    ErrorDocument 404 /python/missing
"""
USERS = "".join(f"{name}:{{SHA}}{base64.b64encode(hashlib.sha1(b'word').digest()).decode()}\n" for name in ("user", "other"))
FILES = {
    "users": USERS,
    "digests": f"user:digested:{hashlib.md5(b'user:digested:word').hexdigest()}\n",
    "basic/page": "for users",
    "digest/page": "for users",
    "pages/index.html": 'one <!--#include virtual="/python/included?x=1" --> two',
    "index/index.py": "",
    "conditional/page": "as it is",
    "python/aliased": "",
}


@pytest.fixture(params=ORDERS)
def site(request, httpd):
    return httpd(handler=PAGES, config="", server=SITE, files=FILES, **{request.param: MODULES})


def facts(response):
    return json.loads(response.body)


def test_modules_do_what_they_do(site):
    rewritten = site.get("/rewritten/page")
    assert facts(rewritten)["uri"] == "/python/page" and facts(rewritten)["args"] == "rewritten"
    assert facts(rewritten)["env"] == "yes" and rewritten.headers["X-Ours"] == "yes"
    compressed = site.get("/python/page", headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["Content-Encoding"] == "gzip" and len(compressed.body) < 500
    assert json.loads(gzip.decompress(compressed.body))["uri"] == "/python/page"
    assert facts(site.get("/aliased"))["file"] == "aliased"
    assert facts(site.get("/proxied/page"))["uri"] == "/python/page"
    assert "Server Status" in site.get("/server-status").text
    assert site.get("/conditional/page").text == "as it is"
    assert facts(site.get("/conditional/page?python"))["args"] == "python"


def test_authentication_by_their_modules(site):
    assert site.get("/basic/page").status == 401
    assert site.get("/basic/page", user=("user", "wrong")).status == 401
    assert site.get("/basic/page", user=("user", "word")).text == "for users"
    site.expect_log("AH01617")
    url = f"http://127.0.0.1:{site.port}/digest/page"
    command = ["curl", "--silent", "--noproxy", "*", "--digest", "--user"]
    answers = [subprocess.run([*command, login, url], capture_output=True, timeout=60).stdout for login in ("user:word", "user:no")]
    assert answers[0] == b"for users" and b"401" in answers[1]
    site.expect_log("AH01794")


def test_a_request_and_its_relatives(site):
    included = site.get("/pages/")
    assert included.text.startswith("one {") and included.text.endswith(" two")
    inner = json.loads(included.text.removeprefix("one ").removesuffix(" two"))
    assert (inner["uri"], inner["args"], inner["main"], inner["prev"]) == ("/python/included", "x=1", "/pages/index.html", None)
    index = facts(site.get("/index/"))
    assert (index["uri"], index["file"], index["main"]) == ("/index/index.py", "index.py", None)
    missing = site.get("/nowhere")
    assert missing.status == 404
    assert (facts(missing)["uri"], facts(missing)["prev"]) == ("/python/missing", "/nowhere")


WORKING_TOGETHER = """
    from mod_python import apache

    def handler(req):
        req.content_type = "text/plain"
        if req.uri.startswith("/body"):
            req.write(req.read())
        else:
            req.write(f"{req.uri} {req.user} {req.ap_auth_type} {req.handler} {req.args}")
        return apache.OK

    def authzhandler(req):
        return apache.OK if req.user == "user" else apache.HTTP_FORBIDDEN

    def refuse(req):
        return apache.HTTP_FORBIDDEN if req.args == "refused" else apache.DECLINED

    def fixuphandler(req):
        req.headers_in["X-Added"] = "by Python"
        req.headers_out["X-Proxied"] = str(req.proxyreq)
        return apache.DECLINED

    def backend(req):
        req.write(f"{req.headers_in.get('X-Added')} {req.uri} {req.read()}")
        return apache.OK
"""


@pytest.mark.parametrize("order", ORDERS)
def test_python_and_modules_in_one_request(httpd, order):
    site = httpd(
        handler=WORKING_TOGETHER,
        server="""
            PythonPath "sys.path+['${docroot}']"
            RewriteEngine On
            RewriteRule ^/by-rewrite - [H=mod_python,QSA]
            <Location /body>
                SetHandler mod_python
                PythonHandler app
                SetInputFilter DEFLATE
            </Location>
            <LocationMatch "^/(users|others)">
                SetHandler mod_python
                PythonHandler app
                AuthType Basic
                AuthName "by file"
                AuthBasicProvider file
                AuthUserFile "${docroot}/users.txt"
                Require valid-user
                PythonAuthzHandler app
            </LocationMatch>
            <Location /proxied>
                PythonAccessHandler app::refuse
                PythonFixupHandler app
            </Location>
            ProxyPass /proxied http://127.0.0.1:${port}/backend
            <Location /backend>
                SetHandler mod_python
                PythonHandler app::backend
            </Location>
        """,
        config="PythonHandler app\nFallbackResource /fallback.x\n<Files fallback.x>\nSetHandler mod_python\n</Files>\n",
        files={"users.txt": USERS, "by-rewrite": "", "fallback.x": ""},
        **{order: MODULES},
    )
    body = b"a body " * 1000
    assert site.post("/body", gzip.compress(body), headers={"Content-Encoding": "gzip"}).body == body
    assert site.get("/by-rewrite?x").text == "/by-rewrite None None mod_python x"
    assert site.get("/nowhere/at/all").text == "/fallback.x None None mod_python None"
    assert site.get("/users").status == 401
    assert site.get("/users", user=("user", "word")).text == "/users user Basic mod_python None"
    assert site.get("/users", user=("other", "word")).status == 403
    proxied = site.post("/proxied/page", b"sent on")
    assert (proxied.text, proxied.headers["X-Proxied"]) == ("by Python /backend/page b'sent on'", None)
    assert site.get("/proxied/page?refused").status == 403
