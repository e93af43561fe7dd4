"""A site as they are in the world: TLS, HTTP/2, and httpd's own modules at work with ours, loaded before it and after it."""

import base64
import gzip
import hashlib
import json
import ssl
import subprocess
import urllib.request

import pytest

from every_phase import BY_DIRECTORY, BY_SERVER, EVERY_PHASE, finish
from httpd import wait_until

MODULES = (
    "socache_shmcb", "ssl", "http2", "rewrite", "mime", "dir", "filter", "deflate", "include", "alias", "headers", "env", "setenvif",
    "authn_core", "authn_file", "authz_host", "authz_user", "auth_basic", "auth_digest", "status", "autoindex", "negotiation",
    "proxy", "proxy_http",
)  # fmt: skip
ORDERS = ("modules", "late_modules")
EVERY_ONE = [
    "PythonInitHandler", "PythonPostReadRequestHandler", "PythonTransHandler", "PythonHeaderParserHandler", "PythonAccessHandler",
    "PythonAuthenHandler", "PythonAuthzHandler", "PythonTypeHandler", "PythonFixupHandler", "PythonHandler", "PythonLogHandler",
    "PythonCleanupHandler",
]  # fmt: skip


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """The files of a certificate for localhost and of its key."""
    directory = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += (
        " -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out certificate.pem"
    )
    subprocess.run(command.split(), cwd=directory, check=True, capture_output=True, timeout=60)
    return directory / "certificate.pem", directory / "key.pem"


def tls(certificate):
    """TLS and HTTP/2 on the site's one port."""
    return f"""
        SSLEngine On
        SSLCertificateFile "{certificate[0]}"
        SSLCertificateKeyFile "{certificate[1]}"
        Protocols h2 http/1.1
    """


def curl(site, certificate, path, *options):
    """(HTTP version, status, body) of an HTTPS request that checks the certificate."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(certificate[0]), "--noproxy", "*"]
    command += ["--resolve", f"localhost:{site.port}:127.0.0.1", "--write-out", "\n%{http_version} %{http_code}", *options]
    command.append(f"https://localhost:{site.port}{path}")
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    body, _, numbers = answer.rpartition(b"\n")
    version, status = numbers.decode().split()
    return version, int(status), body


# Phases


@pytest.mark.every_mpm
@pytest.mark.parametrize("order", ORDERS)
def test_every_phase_among_all_modules(httpd, order):
    site = httpd(handler=EVERY_PHASE, server=BY_SERVER, config=BY_DIRECTORY, **{order: MODULES})
    response = finish(site, "/file.html", user=("j\u00f6rg", "s\u00e9same"))
    assert (response.status, response.body) == (200, b"body")
    assert response.headers["Content-Type"] == "text/x-phases"
    assert (site.scratch / "trail").read_text().split() == EVERY_ONE


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_every_phase_over_tls(httpd, certificate, order, version):
    site = httpd(handler=EVERY_PHASE, server=BY_SERVER + tls(certificate), config=BY_DIRECTORY, **{order: MODULES})
    login = ("--user", "j\u00f6rg:s\u00e9same".encode("latin-1"))
    spoken, status, body = curl(site, certificate, "/file.html", version, *login)
    assert (spoken, status, body) == (version.removeprefix("--http").replace("2.0", "2"), 200, b"body")
    site.stop()
    assert (site.scratch / "trail").read_text().split() == EVERY_ONE


TLS_FACTS = """
    def facts(req):
        return (req.is_https(), req.ssl_var_lookup("SSL_PROTOCOL")[:3], req.ssl_var_lookup("SSL_SERVER_S_DN_CN"), req.protocol,
                req.construct_url("/x"), len(req.read()))
"""


@pytest.mark.parametrize("order", ORDERS)
def test_what_a_handler_knows_of_tls(httpd, certificate, order):
    site = httpd(functions=TLS_FACTS, server=tls(certificate), **{order: MODULES})
    url = f"https://localhost:{site.port}/x"
    for version, protocol in (("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")):
        answer = curl(site, certificate, "/facts", version, "--data-binary", "x" * 100000)
        assert eval(answer[2]) == (1, "TLS", "localhost", protocol, url, 100000)


def test_python_speaks_to_it_over_tls(httpd, certificate):
    site = httpd(functions=TLS_FACTS, server=tls(certificate), modules=MODULES)
    context = ssl.create_default_context(cafile=certificate[0])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"https://localhost:{site.port}/facts", timeout=20) as response:
        assert eval(response.read())[:2] == (1, "TLS")


def test_many_streams_of_one_connection(httpd, certificate):
    """HTTP/2 runs requests in threads of its own, which Python has never seen."""
    site = httpd(
        functions="""
            import threading

            local = threading.local()

            def stream(req):
                local.last = req.args
                for number in range(50):
                    req.write(f"{number}")
                    req.flush()
                assert local.last == req.args and req.connection.client_ip == "127.0.0.1"
                return req.args
        """,
        server=tls(certificate),
        modules=MODULES,
    )
    urls = [f"/stream?{number}" for number in range(60)]
    options = ["--parallel", "--parallel-max", "20", "--http2"]
    for url in urls[:-1]:
        options += [f"https://localhost:{site.port}{url}", "--output", f"{site.scratch}/{url.rpartition('?')[2]}"]
    _, status, body = curl(site, certificate, urls[-1], *options)
    digits = "".join(map(str, range(50)))
    assert digits.encode() in body or status == 200
    for number in range(59):
        assert (site.scratch / str(number)).read_text() == f"{digits}'{number}'"


# What httpd's modules do


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


@pytest.mark.parametrize("order", ORDERS)
def test_objects_of_relatives(httpd, order):
    """main, prev and next are the objects that the other requests' handlers had, and a sub-request's ends with it."""
    site = httpd(
        handler="""
            from mod_python import apache

            kept = []

            def fixuphandler(req):
                req.own = f"own of {req.uri}"
                return apache.OK

            def handler(req):
                if req.main:
                    kept[:] = [req, req.headers_out]
                    req.write(f"{req.main.own}, {req.own}, {req.main.main}, {req.main.next}")
                elif req.prev:
                    req.write(f"{req.prev.own}, {req.own}, {req.prev.next is req}")
                elif req.args == "gone":
                    return apache.HTTP_GONE
                else:
                    for old in (lambda: kept[0].uri, lambda: kept[0].main, lambda: len(kept[1])):
                        try:
                            old()
                            return apache.HTTP_CONFLICT
                        except RuntimeError:
                            pass
                    req.write("ended")
                return apache.OK
        """,
        server="ErrorDocument 410 /sorry\n",
        config="""
            Options +Includes
            AddOutputFilter INCLUDES html
            PythonFixupHandler app
            PythonHandler app
            <FilesMatch "^[a-z]+$">
                SetHandler mod_python
            </FilesMatch>
        """,
        files={"page.html": '<!--#include virtual="/sub" -->'},
        **{order: MODULES},
    )
    assert site.get("/page.html").text == "own of /page.html, own of /sub, None, None"
    # The client has its answer a moment before httpd is done with the request.
    wait_until(lambda: site.get("/stale").text == "ended", "the end of the page's request")
    assert site.get("/x?gone").text == "own of /x, own of /sorry, True"


# Which request sees which phase


TRAIL = """
    import os
    from mod_python import apache

    def record(req, result):
        kind = "sub" if req.main else "redirect" if req.prev else "main"
        with open(os.path.dirname(req.document_root()) + "/scratch/ran", "a") as file:
            phase = req.phase.removeprefix("Python").removesuffix("Handler") or "Handler"
            file.write(f"{phase}:{kind}:{req.uri} ")
        return result

    def go_on(req):
        return record(req, apache.DECLINED)

    def handler(req):
        record(req, apache.OK)
        if req.args == "redirect":
            req.internal_redirect("/python/target")
            return apache.OK
        if req.args == "gone":
            return apache.HTTP_GONE
        req.content_type = "text/plain"
        req.write("page")
        return apache.OK

    def last(req):
        end = req
        while end.next:
            end = end.next
        assert req.prev is None and req.main is None
        if end is not req:
            assert end.prev is not None
        return record(req, apache.OK)
"""
TRAILED = """
    PythonPath "sys.path+['${docroot}']"
    PythonPostReadRequestHandler app::go_on
    PythonInitHandler app::go_on
    PythonTransHandler app::go_on
    ErrorDocument 410 /python/sorry
    <Directory "${docroot}/python">
        SetHandler mod_python
        PythonHandler app
    </Directory>
    <Directory "${docroot}/index">
        DirectoryIndex page.txt
        Options +Includes
        AddOutputFilter INCLUDES html
    </Directory>
"""
TRAILED_DIRECTORY = """
    PythonHeaderParserHandler app::go_on
    PythonAccessHandler app::go_on
    PythonTypeHandler app::go_on
    PythonFixupHandler app::go_on
    PythonLogHandler app::last
"""


@pytest.mark.parametrize("order", ORDERS)
def test_phases_of_relatives(httpd, order):
    files = {"index/page.txt": "index", "index/a.html": '<!--#include virtual="/python/x" -->', "python/x": ""}
    site = httpd(handler=TRAIL, server=TRAILED, config=TRAILED_DIRECTORY, files=files, **{order: MODULES})
    ran = site.scratch / "ran"

    def trail(path, status=200):
        ran.unlink(missing_ok=True)
        with site.connection() as connection:
            assert site.ask(connection, "GET", path).status == status
            site.ask(connection, "GET", "/finished")
        return [word for word in ran.read_text().split() if not word.endswith("/finished")]

    full = ["Init", "PostReadRequest", "Trans", "HeaderParser", "Access", "Type", "Fixup", "Handler"]

    def of(phases, kind, uri):
        return [f"{phase}:{kind}:{uri}" for phase in phases]

    main = of(full, "main", "/python/x")
    assert trail("/python/x") == [*main, "Log:main:/python/x"]
    # httpd asks for access again only where other sections apply.
    again = [phase for phase in full if phase != "Access"]
    assert trail("/python/x?redirect") == [*main, *of(again, "redirect", "/python/target"), "Log:main:/python/x"]
    gone = trail("/python/x?gone", 410)
    assert gone == [*main, *of(again, "redirect", "/python/sorry"), "Log:main:/python/x"]
    included = trail("/index/a.html")
    assert [word for word in included if ":sub:" in word] == of(("Trans", "Access", "Type", "Fixup", "Handler"), "sub", "/python/x")
    index = trail("/index/")
    assert [word for word in index if word.startswith("Log")] == ["Log:main:/index/page.txt"]
    assert [word for word in index if word.endswith(":main:/index/")] == of(
        ["Init", "PostReadRequest", "Trans", "HeaderParser", "Access", "Type", "Fixup"], "main", "/index/"
    )
    # One log line for each request of a client, wherever it went on to.
    for words in (included, gone, index):
        assert sum(word.startswith("Log:") for word in words) == 1


def test_attributes_of_an_index(httpd):
    """What mod_dir finds takes the place of the request, in place: the request's object and its attributes stay."""
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                if req.main is None:
                    req.own = "of the request"
                return apache.OK

            def fixuphandler(req):
                req.notes.add("seen", f"{bool(req.main)} {req.filename.rpartition('/')[2]}")
                return apache.OK

            def handler(req):
                req.write(f"{req.own} {req.uri} {req.filename.rpartition('/')[2]} {req.hlist.directory == req.document_root() + '/'} {req.main}")
                return apache.OK
        """,
        config="PythonAccessHandler app\nPythonFixupHandler app\nDirectoryIndex page.x\nSetHandler mod_python\nPythonHandler app\n",
        files={"page.x": "", "sub/page.x": ""},
        modules=MODULES,
    )
    assert site.get("/sub/").text == "of the request /sub/page.x page.x True None"
