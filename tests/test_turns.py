"""Early and late handlers of a phase: where they run among httpd's own modules, which lists they make, what is refused."""

import pytest

PATH = "PythonPath \"sys.path + ['${docroot}']\"\n"
# Notes, by the turn of its list, what a handler finds in the environment.
WITNESS = """
    from mod_python import apache

    def note(req, value):
        req.notes[(req.hlist.turn or "usual").lstrip("@")] = str(value)
        return apache.DECLINED

    def environment(req):
        return note(req, req.subprocess_env.get("SEEN"))

    def handler(req):
        turns = ("early", "usual", "late")
        req.write(" ".join(f"{turn}:{req.notes.get(turn)}" for turn in turns))
        return apache.OK
"""


@pytest.mark.every_mpm
def test_fixups_around_mod_rewrite(httpd):
    site = httpd(
        handler=WITNESS,
        modules=("rewrite",),
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonFixupHandler @early app::environment
            PythonFixupHandler @late app::environment
            RewriteEngine On
            RewriteRule . - [E=SEEN:rewritten]
        """,
    )
    assert site.get("/x").text == "early:None usual:None late:rewritten"


def test_fixups_around_those_of_modules_that_are_late_and_of_the_core(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def early(req):
                req.notes["handler"] = req.handler
                if req.uri == "/other":
                    req.handler = "server-status"
                return apache.OK

            def late(req):
                req.notes["late"] = str(req.headers_in.get("X-Added"))
                return apache.OK

            def usual(req):
                req.notes["usual"] = str(req.headers_in.get("X-Added"))
                return apache.OK

            def handler(req):
                req.write(" ".join(req.notes[name] for name in ("handler", "usual", "late")))
                return apache.OK
        """,
        modules=("headers", "status"),
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonFixupHandler @early app::early
            PythonFixupHandler app::usual
            PythonFixupHandler @late app::late
            RequestHeader set X-Added yes
        """,
    )
    assert site.get("/x").text == "mod_python None yes"
    # What SetHandler says was known already, so that a handler may change it.
    assert "Apache Server Status" in site.get("/other").text


def test_header_parsers_around_mod_setenvif(httpd):
    site = httpd(
        handler=WITNESS,
        modules=("setenvif",),
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonHeaderParserHandler @early app::environment
            PythonHeaderParserHandler @late app::environment
            SetEnvIf Request_URI . SEEN=set
        """,
    )
    assert site.get("/x").text == "early:None usual:None late:set"


def test_post_read_request_around_mod_remoteip(httpd):
    site = httpd(
        handler=WITNESS + "\n    def address(req):\n        return note(req, req.useragent_ip)",
        modules=("remoteip",),
        server=PATH
        + """
            RemoteIPHeader X-Client
            PythonPostReadRequestHandler @early app::address
            PythonPostReadRequestHandler app::address
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    assert site.get("/", headers={"X-Client": "192.0.2.7"}).text == "early:127.0.0.1 usual:192.0.2.7 late:None"


def test_early_handlers_come_before_those_of_python_init_handler(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def leave(req):
                req.notes["trail"] = f"{req.notes.get('trail', '')} {req.phase}{req.hlist.turn or ''}"
                return apache.OK

            inithandler = postreadrequesthandler = headerparserhandler = leave

            def handler(req):
                req.write(req.notes["trail"].replace("Python", "").replace("Handler", ""))
                return apache.OK
        """,
        server=PATH
        + """
            PythonInitHandler app
            PythonPostReadRequestHandler app
            PythonPostReadRequestHandler @early app
            PythonPostReadRequestHandler @late app
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonInitHandler app
            PythonHeaderParserHandler @late app
            PythonHeaderParserHandler @early app
        """,
    )
    trail = "PostReadRequest@early Init PostReadRequest PostReadRequest@late HeaderParser@early Init HeaderParser@late"
    assert site.get("/").text.split() == trail.split()


def test_translation_around_mod_rewrite_and_the_core(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def early(req):
                req.notes["early"] = req.uri
                return apache.DECLINED

            def late(req):
                req.notes["late"] = req.uri
                if req.uri.startswith("/virtual/"):
                    req.filename = req.document_root() + "/page.txt"
                    return apache.OK
                return apache.DECLINED

            def handler(req):
                req.write(f"{req.notes['early']} {req.notes.get('late')} {req.filename.rpartition('/')[2]}")
                return apache.OK
        """,
        modules=("rewrite", "alias"),
        server=PATH
        + """
            RewriteEngine On
            RewriteRule ^/old(.*) /virtual$1 [PT]
            Alias /aliased ${docroot}
            PythonTransHandler @early app::early
            PythonTransHandler @late app::late
        """,
        config="SetHandler mod_python\nPythonHandler app",
        files={"page.txt": "page"},
    )
    assert site.get("/old/x").text == "/old/x /virtual/x page.txt"
    assert site.get("/page.txt").text == "/page.txt /page.txt page.txt"
    # Whoever translates first ends the phase.
    assert site.get("/aliased/page.txt").text == "/aliased/page.txt None page.txt"


def test_a_location_with_a_content_handler_needs_no_translation(httpd):
    """An early handler that translates does not keep the location from being seen."""
    site = httpd(
        handler="""
            from mod_python import apache

            def early(req):
                req.filename = "/nowhere"
                return apache.OK

            def handler(req):
                req.write(req.filename)
                return apache.OK
        """,
        server=PATH
        + """
            PythonTransHandler @early app::early
            <Directory />
                Require all denied
            </Directory>
            <Location /here>
                SetHandler mod_python
                PythonHandler app
                Require all granted
            </Location>
        """,
    )
    assert site.get("/here").text == "/nowhere"


def test_map_to_storage_and_quick_handlers(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def leave(req):
                req.notes["trail"] = f"{req.notes.get('trail', '')} {req.phase[6:9]}{req.hlist.turn or ''}"
                return apache.DECLINED

            maptostoragehandler = quickhandler = leave

            def handler(req):
                req.write(req.notes["trail"])
                return apache.OK
        """,
        server=PATH
        + """
            PythonMapToStorageHandler @late app
            PythonMapToStorageHandler @early app
            PythonMapToStorageHandler app
            PythonQuickHandler @late app
            PythonQuickHandler @early app
            PythonQuickHandler app
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    assert site.get("/").text.split() == ["Qui@early", "Qui", "Qui@late", "Map@early", "Map", "Map@late"]


def test_access_around_mod_access_compat(httpd):
    site = httpd(
        handler="def pay(req):\n    return 402",
        modules=("access_compat", "authz_host"),
        config="""
            <Files early>
                PythonAccessHandler @early app::pay
            </Files>
            <Files late>
                PythonAccessHandler @late app::pay
            </Files>
            Order allow,deny
            Deny from all
            <Files allowed>
                PythonAccessHandler @late app::pay
                Allow from all
                Order deny,allow
            </Files>
        """,
    )
    site.expect_log("AH01797")
    assert site.get("/early").status == 402
    assert site.get("/late").status == 403
    assert site.get("/allowed").status == 402


AUTHENTICATION = """
    from mod_python import apache

    def token(req):
        if "X-Token" not in req.headers_in:
            return apache.DECLINED
        req.user = "token"
        return apache.OK

    def anybody(req):
        req.user = "anybody"
        return apache.OK

    def nobody(req):
        return apache.HTTP_UNAUTHORIZED

    def forgetful(req):
        return apache.OK

    def handler(req):
        req.write(req.user)
        return apache.OK
"""


def test_authentication_around_mod_auth_basic(httpd):
    site = httpd(
        handler=AUTHENTICATION,
        modules=("authn_core", "authn_file", "auth_basic", "authz_user"),
        files={"users": "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"},
        config="""
            SetHandler mod_python
            PythonHandler app
            AuthType Basic
            AuthName site
            AuthUserFile ${docroot}/users
            Require valid-user
            PythonAuthenHandler @early app::token
            PythonAuthenHandler @late app::anybody
            <Files custom>
                AuthType Custom
            </Files>
            <Files forgetful>
                PythonAuthenHandler @early app::forgetful
            </Files>
            <Files nobody>
                PythonAuthenHandler @early app::nobody
            </Files>
        """,
    )
    assert site.get("/", headers={"X-Token": "1"}).text == "token"
    assert site.get("/", user=("ann", "password")).text == "ann"
    assert site.get("/").status == 401
    # Nobody else answers for this type.
    assert site.get("/custom").text == "anybody"
    refused = site.get("/nobody", user=("ann", "password"))
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="site"')
    site.expect_log("assign req.user first")
    assert site.get("/forgetful").status == 500


def test_types_around_mod_mime(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def early(req):
                if not req.uri.endswith("x.txt"):
                    return apache.DECLINED
                req.content_type = "text/x-early"
                return apache.OK

            def late(req):
                req.content_type = "text/x-late"
                return apache.OK
        """,
        modules=("mime",),
        files={"x.txt": "x", "y.txt": "y"},
        config="""
            PythonTypeHandler @early app::early
            PythonTypeHandler @late app::late
        """,
    )
    assert site.get("/x.txt").headers["Content-Type"] == "text/x-early"
    assert site.get("/y.txt").headers["Content-Type"] == "text/plain"


def test_logging_around_mod_log_config(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def note(req):
                req.notes[req.hlist.turn.lstrip("@")] = "seen"
                if req.hlist.turn == "@late":
                    apache.log_error("late: " + req.notes["early"], apache.APLOG_NOTICE)
                return apache.OK
        """,
        server="""
            CustomLog access_log "%{early}n %{late}n"
        """,
        config="PythonLogHandler @early app::note\nPythonLogHandler @late app::note",
    )
    site.get("/")
    site.wait_log("late: seen")
    assert (site.root / "access_log").read_text() == "seen -\n"


def test_authorisation_before_mod_authz_core(httpd):
    site = httpd(
        handler=AUTHENTICATION + "\n    def pay(req):\n        return 402",
        modules=("authn_core", "authz_user"),
        config="""
            SetHandler mod_python
            PythonHandler app
            AuthType Custom
            AuthName site
            Require user somebody
            PythonAuthenHandler app::anybody
            PythonAuthzHandler @early app::pay
        """,
    )
    assert site.get("/").status == 402


def test_a_turn_in_htaccess(httpd):
    site = httpd(
        handler=WITNESS,
        modules=("rewrite",),
        server="<Directory ${docroot}>\n    AllowOverride All\n</Directory>",
        config="SetHandler mod_python\nPythonHandler app\nRewriteEngine On\nRewriteRule . - [E=SEEN:rewritten]",
        files={
            ".htaccess": "PythonFixupHandler @late app::environment\n",
            "wrong/.htaccess": "PythonFixupHandler @soon app::environment\n",
        },
    )
    assert site.get("/x").text == "early:None usual:None late:rewritten"
    site.expect_log("does not understand")
    assert site.get("/wrong/x").status == 500
