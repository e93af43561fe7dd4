"""The same site under Debian's mod_python and under ours: phases, their results, authentication, cleanups, connections.

The modules that Debian's is hidden by (quirk 38) are loaded after it, as ours needs not.
"""

import pytest

import httpd as real
from connections import Connections
from every_phase import AUTH_MODULES
from test_differential import OTHER
from test_results import MEANINGS, PHASES, obedient

pytestmark = pytest.mark.skipif(not OTHER.exists(), reason=f"{OTHER} is not installed")
PATH = "PythonPath \"sys.path+['${docroot}']\"\n"

# Name: (what app.py holds, configuration of the server, of the directory, what is asked: path and user).
SITES = {
    "every phase of a request": (
        """
            def note(req, result=apache.OK):
                req.trail = getattr(req, "trail", []) + [(req.phase, req.hlist.handler, req.hlist.silent, bool(req.hlist.is_location),
                                                         req.filename is None, req.user, req.extension)]
                return result

            postreadrequesthandler = inithandler = headerparserhandler = accesshandler = authzhandler = fixuphandler = note

            def transhandler(req):
                return note(req, apache.DECLINED)

            def typehandler(req):
                req.content_type = "text/x-own"
                return note(req)

            def authenhandler(req):
                req.get_basic_auth_pw()
                return note(req)

            def handler(req):
                note(req)
                req.write(repr(req.trail))
                return apache.OK
        """,
        PATH + "PythonPostReadRequestHandler app\nPythonInitHandler app\nPythonTransHandler app\n",
        """
            SetHandler mod_python
            PythonHeaderParserHandler app
            PythonAccessHandler app
            PythonAuthenHandler app
            PythonAuthzHandler app
            PythonTypeHandler app
            PythonFixupHandler app
            PythonHandler app
            AuthType Basic
            AuthName x
            Require valid-user
        """,
        [("/page.txt", ("user", "word")), ("/sub/", ("j\u00f6rg", "")), ("/page/info.x", ("a", "b:c"))],
    ),
    "authentication": (
        """
            def authenhandler(req):
                password = req.get_basic_auth_pw()
                req.notes["seen"] = repr([password, req.user, req.ap_auth_type, req.auth_type(), req.auth_name()])
                if req.args == "no-user":
                    req.user = None
                    return apache.OK
                return apache.OK if password == "word" else apache.HTTP_UNAUTHORIZED

            def authzhandler(req):
                return apache.OK if req.user == "user" else apache.HTTP_FORBIDDEN

            def handler(req):
                req.write(req.notes["seen"])
                return apache.OK
        """,
        "",
        """
            SetHandler mod_python
            PythonHandler app
            PythonAuthenHandler app
            PythonAuthzHandler app
            AuthType Basic
            AuthName "a realm"
            Require valid-user
        """,
        [("/", None), ("/", ("user", "word")), ("/", ("user", "wrong")), ("/", ("other", "word")), ("/?no-user", ("user", "word"))],
    ),
    "handlers that are added": (
        """
            def fixuphandler(req):
                req.handler = "mod_python"
                req.add_handler("PythonHandler", "app::first")
                req.add_handler("PythonHandler", "app::second", "/some//where")
                req.add_handler("PythonAccessHandler", "app::second")
                req.add_handler("PythonFixupHandler", "app::late")
                return apache.OK

            def late(req):
                req.write("late ")
                return apache.OK

            def first(req):
                req.write(f"first {req.hlist.handler} {req.phase} ")
                req.add_handler("PythonHandler", "app::last")
                return apache.OK

            def second(req):
                req.write(f"second {req.hlist.directory} ")
                raise apache.SERVER_RETURN(apache.OK)

            def last(req):
                req.write("last")
                return apache.DONE
        """,
        "",
        "PythonFixupHandler app\n",
        [("/page", None)],
    ),
    "stacks": (
        """
            def run(req):
                req.write(req.hlist.handler + " ")
                results = dict(pair.split("=") for pair in req.args.split("&"))
                return getattr(apache, results.get(req.hlist.handler[5:], "OK"))

            one = two = three = run
        """,
        "",
        "SetHandler mod_python\nPythonHandler app::one app::two\nPythonHandler app::three\n",
        [(f"/page?{query}", None) for query in ("a=OK", "one=DONE", "two=DECLINED", "three=DECLINED", "two=HTTP_GONE")],
    ),
    "extensions": (
        """
            def handler(req):
                req.write(repr([req.extension, req.hlist.handler, req.path_info]))
                return apache.OK

            other = handler
        """,
        "",
        "SetHandler mod_python\nPythonHandler app\nPythonHandler app::other | .txt .b.py hid\n",
        [(path, None) for path in ("/x.txt", "/x.a.txt", "/a.b.py", "/.hid", "/none", "/x.txt/more.c", "/page.txt", "/d.txt/")],
    ),
    "sections": (
        """
            def handler(req):
                root = req.document_root()
                req.write(repr([req.hlist.directory.replace(root, ""), sorted(req.get_options().items()), req.interpreter.replace(root, ""),
                                sorted(req.get_config().items())]))
                return apache.OK
        """,
        PATH
        + """
            PythonOption outer 1
            PythonOption replaced 1
            <Directory "${docroot}/sub">
                PythonOption Replaced 2
                PythonInterpPerDirectory On
            </Directory>
            <DirectoryMatch "/reg[ex]+">
                PythonHandler app
                PythonOption outer ""
                PythonInterpPerDirective On
            </DirectoryMatch>
            <Directory "${docroot}/wild*/deep">
                PythonHandler app
                PythonInterpreter own
            </Directory>
        """,
        "SetHandler mod_python\nPythonHandler app\n",
        [(path, None) for path in ("/x", "/sub/x", "/sub/", "/regex/x", "/wild1/deep/x", "/wild1/deep/er/x", "/wild2/x")],
    ),
    "subrequests and redirects": (
        """
            def fixuphandler(req):
                req.notes.add("trail", f"{req.uri} {req.main and req.main.uri} {req.prev and req.prev.uri}")
                req.seen = req.uri
                return apache.OK

            def handler(req):
                if req.args == "redirect":
                    req.internal_redirect("/target?x")
                    return apache.OK
                if req.args == "gone":
                    return apache.HTTP_GONE
                req.write(repr([req.notes.get("trail"), req.seen, req.prev and req.prev.seen, req.prev and req.prev.status, req.status,
                                req.main and req.main.uri, req.args, req.method]))
                return apache.OK
        """,
        "ErrorDocument 410 /sorry\n",
        "SetHandler mod_python\nPythonHandler app\nPythonFixupHandler app\nDirectoryIndex page.txt\n",
        [(path, None) for path in ("/page?redirect", "/page?gone", "/sub/", "/page")],
    ),
    "wrong handlers": (
        """
            number = 5

            def nothing(req):
                pass

            def exit(req):
                raise SystemExit

            def nested(req):
                raise apache.SERVER_RETURN(apache.HTTP_CONFLICT, 418, "more")
        """,
        "",
        "SetHandler mod_python\n" + "".join(f"<Files {name}>\nPythonHandler app::{name}\n</Files>\n" for name in (
            "number", "nothing", "exit", "nested", "missing", "a.b")) + "<Files module>\nPythonHandler nowhere\n</Files>\n",
        [(f"/{name}", None) for name in ("number", "nothing", "exit", "nested", "missing", "a.b", "module")],
    ),
}  # fmt: skip
FILES = dict.fromkeys(("page", "page.txt", "sub/page.txt", "sub/x", "regex/x", "wild1/deep/er/x", "wild2/x"), "a file")
KEPT = ("Content-Type", "Content-Length", "Transfer-Encoding", "WWW-Authenticate", "Allow", "Location")


def both(site):
    """What `site(module)` says under Debian's module, and under ours."""
    return [site(module) for module in (OTHER, real.MODULE)]


@pytest.mark.parametrize("name", SITES)
def test_sites(httpd, name):
    handler, server, config, requests = SITES[name]

    def answers(module):
        site = httpd(
            module=module,
            mpm="prefork",
            handler="            from mod_python import apache\n" + handler,
            server="ServerTokens Prod\n" + server,
            config=config,
            files=FILES,
            late_modules=(*AUTH_MODULES, "dir"),
        )
        site.expect_log("Python|returned|:error") if name in ("wrong handlers", "authentication") else None
        told = []
        for path, user in requests:
            response = site.get(path, user=user)
            headers = [response.headers[header] for header in KEPT]
            text = response.text.replace(str(site.root), "ROOT").replace(str(site.port), "PORT")
            told.append((path, response.status, headers, text.replace("True", "1").replace("False", "0")))
        site.stop()
        return told

    theirs, ours = both(answers)
    assert ours == theirs


def test_results_of_every_phase(httpd):
    def answers(module):
        site = obedient(httpd, module=module, mpm="prefork")
        site.expect_log("invalid result code|Invalid response status")
        told = {}
        for phase in PHASES:
            for result in ("OK", "DECLINED", *MEANINGS):
                response = site.get(f"/page?{phase}={result}")
                told[phase, result] = (response.status, [response.headers[header] for header in KEPT], response.text)
        site.stop()
        return told

    theirs, ours = both(answers)
    assert ours == theirs


def test_the_end_of_a_request(httpd):
    def order(module):
        site = httpd(
            module=module,
            mpm="prefork",
            handler="""
                import os
                from mod_python import apache

                def handler(req):
                    path = os.path.dirname(req.document_root()) + "/scratch/order"

                    def note(text):
                        with open(path, "a") as file:
                            file.write(f"{text} {req.phase} {req.bytes_sent} {req.hlist.handler}\\n")

                    req.note = note
                    req.register_cleanup(note, "first")
                    req.register_cleanup(lambda data: (note(repr(data)), req.register_cleanup(note, "inner")))
                    req.register_cleanup(lambda data: 1 / 0, "fails")
                    req.server.register_cleanup(req, print)
                    req.write("12345")
                    return apache.OK

                def loghandler(req):
                    req.note("log")
                    return apache.OK

                def cleanuphandler(req):
                    req.note("list")
                    return apache.OK
            """,
            config="SetHandler mod_python\nPythonHandler app\nPythonLogHandler app\nPythonCleanupHandler app app::cleanuphandler\n",
        )
        site.expect_log("ZeroDivisionError")
        site.expect_log("lambda|division")
        assert site.get("/").text == "12345"
        site.stop()
        return (site.scratch / "order").read_text().splitlines()

    theirs, ours = both(order)
    assert ours == theirs


# Name: (handler of the connection, what is sent).
CONVERSATIONS = {
    "lines": (
        """
        def connectionhandler(conn):
            try:
                while True:
                    conn.write(repr(conn.readline()) + "|")
            except OSError:
                return apache.OK
        """,
        b"one\ntwo\r\n\nlast without end",
    ),
    "blocks": (
        """
        def connectionhandler(conn):
            conn.write(repr([conn.readline(), conn.readline(100), conn.read(4)]))
            return apache.DONE
        """,
        b"abcdefgh\nnext line\nmore",
    ),
    "facts": (
        """
        def connectionhandler(conn):
            conn.write(repr([str(type(conn)), conn.client_ip, conn.local_ip, conn.aborted, conn.keepalive, conn.keepalives,
                             conn.double_reverse, conn.remote_host, conn.hlist.handler, conn.hlist.directory, conn.hlist.silent,
                             repr(conn.notes), conn.base_server.is_virtual, conn.base_server.server_hostname]))
            return apache.OK
        """,
        b"",
    ),
    "declined": (
        """
        def connectionhandler(conn):
            conn.notes["line"] = conn.readline().decode().strip()
            return apache.DECLINED

        def handler(req):
            req.write(f"{req.connection.notes.get('line')} {req.uri}")
            return apache.OK
        """,
        b"mine\r\nGET /x HTTP/1.0\r\n\r\n",
    ),
    "an error": ("def connectionhandler(conn): 1/0", b"x\n"),
    "no integer": ("def connectionhandler(conn): return 'x'", b"x\n"),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversations(httpd, name):
    handler, sent = CONVERSATIONS[name]

    def answer(module):
        server = Connections(httpd, handler, module=module, mpm="prefork", main="ServerTokens Prod")
        if name in ("an error", "no integer"):
            server.site.expect_log("ConnectionHandler app")
        received = server.talk(sent)
        server.site.stop()
        return [line for line in received.split(b"\r\n") if not line.startswith(b"Date:")]

    theirs, ours = both(answer)
    assert ours == theirs
