"""Request phases: when each runs, in which order, and after which results the next handler is asked."""

import functools

import pytest

AUTH_MODULES = ("authn_core", "authn_file", "auth_basic", "authz_user", "mime")
PHASES = {
    "PythonPostReadRequestHandler": "postreadrequesthandler",
    "PythonTransHandler": "transhandler",
    "PythonHeaderParserHandler": "headerparserhandler",
    "PythonInitHandler": "inithandler",
    "PythonAccessHandler": "accesshandler",
    "PythonAuthenHandler": "authenhandler",
    "PythonAuthzHandler": "authzhandler",
    "PythonTypeHandler": "typehandler",
    "PythonFixupHandler": "fixuphandler",
    "PythonHandler": "handler",
    "PythonLogHandler": "loghandler",
    "PythonCleanupHandler": "cleanuphandler",
}

# A handler for each phase, each leaving the name of its phase in a list on the request, which the last one files.
EVERY_PHASE = """
    import os
    from mod_python import apache

    def trail(req):
        if not hasattr(req, "trail"):
            req.trail = []
        return req.trail

    def leave(req, result=apache.OK):
        trail(req).append(req.phase)
        return result

    def postreadrequesthandler(req):
        return leave(req)

    def inithandler(req):
        return leave(req)

    def transhandler(req):
        return leave(req, apache.DECLINED)

    def headerparserhandler(req):
        return leave(req)

    def accesshandler(req):
        return leave(req)

    def authenhandler(req):
        assert req.get_basic_auth_pw() == "s\\u00e9same", req.get_basic_auth_pw()
        return leave(req)

    def authzhandler(req):
        assert req.user == "j\\u00f6rg", req.user
        return leave(req)

    def typehandler(req):
        req.content_type = "text/x-phases"
        return leave(req)

    def fixuphandler(req):
        return leave(req)

    def handler(req):
        leave(req)
        req.write("body")
        return apache.OK

    def loghandler(req):
        return leave(req)

    def cleanuphandler(req):
        leave(req)
        path = os.path.dirname(req.document_root()) + "/scratch/trail"
        with open(path + ".new", "w") as file:
            file.write(" ".join(req.trail))
        os.rename(path + ".new", path)
        return apache.OK
"""
BY_SERVER = """
    PythonPath "sys.path+['${docroot}']"
    PythonInitHandler app
    PythonPostReadRequestHandler app
    PythonTransHandler app
"""
BY_DIRECTORY = """
    SetHandler mod_python
    AuthType Basic
    AuthName "phases"
    Require valid-user
    PythonHeaderParserHandler app
    PythonAccessHandler app
    PythonAuthenHandler app
    PythonAuthzHandler app
    PythonTypeHandler app
    PythonFixupHandler app
    PythonHandler app
    PythonLogHandler app
    PythonCleanupHandler app
"""


def finish(site, path, **options):
    """A request that is over, cleanups included: the next one on its connection has been answered."""
    with site.connection() as connection:
        response = site.ask(connection, "GET", path, **options)
        site.ask(connection, "GET", "/finished", **options)
    return response


@pytest.mark.every_mpm
@pytest.mark.parametrize("order", ["modules", "late_modules"])
def test_every_phase_in_order_wherever_the_others_are_loaded(httpd, order):
    site = httpd(handler=EVERY_PHASE, server=BY_SERVER, config=BY_DIRECTORY, **{order: AUTH_MODULES})
    response = finish(site, "/file.html", user=("j\u00f6rg", "s\u00e9same"))
    assert (response.status, response.body) == (200, b"body")
    # mod_mime would have said text/html.
    assert response.headers["Content-Type"] == "text/x-phases"
    assert (site.scratch / "trail").read_text().split() == [
        "PythonInitHandler",
        "PythonPostReadRequestHandler",
        "PythonTransHandler",
        "PythonHeaderParserHandler",
        "PythonAccessHandler",
        "PythonAuthenHandler",
        "PythonAuthzHandler",
        "PythonTypeHandler",
        "PythonFixupHandler",
        "PythonHandler",
        "PythonLogHandler",
        "PythonCleanupHandler",
    ]


def test_init_handler_of_a_directory(httpd):
    handler = """
        def inithandler(req):
            req.notes["count"] = str(int(req.notes.get("count", "0")) + 1)
            req.notes["phase"] = req.phase
            return 0

        def headerparserhandler(req):
            req.notes["seen"] = req.notes.get("count", "0")
            return 0

        def handler(req):
            req.write(f"{req.notes.get('count')} {req.notes.get('seen')} {req.notes.get('phase')}")
            return 0
    """
    config = "SetHandler mod_python\nPythonHandler app\n"
    site = httpd(handler=handler, config=config + "PythonInitHandler app\nPythonHeaderParserHandler app\n")
    # The list of the directory runs with the header parsers, before them, once.
    assert site.get("/").text == "1 1 PythonInitHandler"
    both = httpd(handler=handler, config=config, server="PythonPath \"sys.path+['${docroot}']\"\nPythonInitHandler app\n")
    # The list of the server ran before the translation and does not run again.
    assert both.get("/").text == "1 None PythonInitHandler"


def continuation_site(httpd, phase):
    """A site where `app::first` answers as its directory (or host) is called, and `app::second` follows."""
    handlers = f"{phase} app::first app::second"
    results = ("OK", "DECLINED", "DONE", "HTTP_FORBIDDEN")
    python_path = "PythonPath \"sys.path+['${docroot}']\"\nPythonInterpreter main_interpreter\n"
    config = "SetHandler mod_python\nPythonHandler app::page\n"
    if phase in ("PythonAuthenHandler", "PythonAuthzHandler"):
        config += "AuthType Basic\nAuthName x\nRequire valid-user\n"
    if phase == "PythonAuthzHandler":
        config += "PythonAuthenHandler app::somebody\n"
    early = phase in ("PythonPostReadRequestHandler", "PythonTransHandler")
    server = python_path
    for result in results:
        name = f"{result.lower()}.example"
        if early:
            server += f"<VirtualHost *:${{port}}>\nServerName {name}\n{python_path}{handlers}\n</VirtualHost>\n"
        else:
            server += f"<VirtualHost *:${{port}}>\nServerName {name}\n{python_path}"
            server += f'<Directory "${{docroot}}/sub">\n{handlers}\n</Directory>\n</VirtualHost>\n'
    return httpd(
        handler="""
            import os
            from mod_python import apache

            def record(req, name):
                with open(os.path.dirname(req.document_root()) + "/scratch/ran", "a") as file:
                    file.write(name + "\\n")

            def first(req):
                if req.uri != "/sub/page":
                    return apache.DECLINED
                record(req, "first")
                req.user = "somebody"
                req.filename = req.document_root() + "/sub/page"
                return getattr(apache, req.hostname.split(".")[0].upper())

            def second(req):
                if req.uri != "/sub/page":
                    return apache.DECLINED
                record(req, "second")
                return apache.OK

            def somebody(req):
                req.user = "somebody"
                return apache.OK

            def page(req):
                return apache.OK
        """,
        server=server,
        config=config,
        files={"sub/page": "page", "finished": "finished"},
        modules=("authn_core", "auth_basic", "authn_file", "authz_user"),
    )


GO_ON_AFTER_BOTH = {"OK", "DECLINED"}
CONTINUATION = {
    "PythonPostReadRequestHandler": GO_ON_AFTER_BOTH,
    "PythonInitHandler": GO_ON_AFTER_BOTH,
    "PythonHeaderParserHandler": GO_ON_AFTER_BOTH,
    "PythonAccessHandler": GO_ON_AFTER_BOTH,
    "PythonFixupHandler": GO_ON_AFTER_BOTH,
    "PythonLogHandler": GO_ON_AFTER_BOTH,
    "PythonTransHandler": {"DECLINED"},
    "PythonAuthenHandler": {"DECLINED"},
    "PythonAuthzHandler": {"DECLINED"},
    "PythonTypeHandler": {"DECLINED"},
    "PythonHandler": {"OK"},
    "PythonCleanupHandler": {"OK"},
}


@pytest.mark.parametrize("phase", CONTINUATION)
def test_which_results_ask_the_next_handler(httpd, phase):
    site = continuation_site(httpd, phase)
    ran = site.scratch / "ran"
    for result in ("OK", "DECLINED", "DONE", "HTTP_FORBIDDEN"):
        ran.unlink(missing_ok=True)
        answered = phase in ("PythonLogHandler", "PythonCleanupHandler")
        ask = functools.partial(finish, site) if answered else site.get
        response = ask("/sub/page", host=f"{result.lower()}.example")
        expected = ["first", "second"] if result in CONTINUATION[phase] else ["first"]
        assert ran.read_text().split() == expected, f"{phase} after {result}"
        if result == "HTTP_FORBIDDEN" and not answered:
            assert response.status == 403, phase


@pytest.mark.parametrize("phase", ["PythonAccessHandler", "PythonAuthenHandler", "PythonTypeHandler", "PythonFixupHandler"])
def test_server_return_in_a_phase(httpd, phase):
    login = "AuthType Basic\nAuthName x\nRequire valid-user\n" if phase == "PythonAuthenHandler" else ""
    site = httpd(
        handler="""
            from mod_python import apache

            def stop(req):
                raise apache.SERVER_RETURN(apache.HTTP_GONE)
        """,
        config=f"{login}{phase} app::stop\n",
        modules=AUTH_MODULES,
        files={"page": ""},
    )
    assert site.get("/page").status == 410


AUTHENTICATION = """
    AuthType {type}
    AuthName "a realm"
    Require valid-user
    SetHandler mod_python
    PythonHandler app
    PythonAuthenHandler app
"""


def test_authentication(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def authenhandler(req):
                password = req.get_basic_auth_pw()
                if (req.user, password) == ("user", "pass:word"):
                    return apache.OK
                return apache.HTTP_UNAUTHORIZED

            def handler(req):
                req.write(f"{req.user} {req.ap_auth_type} {req.auth_type()} {req.auth_name()} {req.get_basic_auth_pw()}")
                return apache.OK
        """,
        config=AUTHENTICATION.format(type="Basic"),
        modules=("authn_core", "auth_basic", "authn_file", "authz_user"),
    )
    refused = site.get("/")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="a realm"'
    assert site.get("/", user=("user", "wrong")).status == 401
    assert site.get("/", user=("user", "pass:word")).text == "user Basic Basic a realm pass:word"
    assert site.get("/", headers={"Authorization": "Bearer x"}).status == 401


def test_authentication_that_names_no_user(httpd):
    site = httpd(
        handler="""
            def authenhandler(req):
                return 0
        """,
        config=AUTHENTICATION.format(type="Basic"),
        modules=("authn_core", "auth_basic", "authn_file", "authz_user"),
    )
    site.expect_log("req.user")
    assert site.get("/").status == 500


def test_authentication_without_another_module(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def authenhandler(req):
                req.user = "somebody"
                return apache.OK

            def authzhandler(req):
                return apache.OK if req.user == "somebody" else apache.HTTP_FORBIDDEN

            def handler(req):
                req.write(req.user)
                return apache.OK
        """,
        config=AUTHENTICATION.format(type="Mine") + "PythonAuthzHandler app\n",
        modules=("authn_core", "authz_user"),
    )
    assert site.get("/").text == "somebody"


def test_translation(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def transhandler(req):
                if req.uri.startswith("/moved"):
                    req.filename = req.document_root() + "/real.txt"
                    return apache.OK
                return apache.DECLINED
        """,
        server="PythonPath \"sys.path+['${docroot}']\"\nPythonTransHandler app\n",
        config="",
        files={"real.txt": "real"},
    )
    assert site.get("/moved").text == "real"
    assert site.get("/real.txt").text == "real"


def test_handler_module(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                return apache.HTTP_FORBIDDEN if req.args == "no" else apache.OK

            def handler(req):
                req.write(f"{req.hlist.silent} {req.hlist.is_location}")
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandlerModule app
            <Files declined>
                PythonHandlerModule empty
            </Files>
        """,
        files={"empty.py": "", "declined": "a file"},
    )
    assert site.get("/").text == "1 0"
    assert site.get("/?no").status == 403
    assert site.get("/declined").text == "a file"


def test_location(httpd):
    """A content handler of a <Location> answers without a directory walk; access control always applies."""
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.write(f"{req.filename} {req.hlist.directory} {req.hlist.is_location}")
                return apache.OK

            def accesshandler(req):
                return apache.HTTP_FORBIDDEN if req.args == "no" else apache.OK
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            <Location /app>
                SetHandler mod_python
                PythonHandler app
            </Location>
            <Location /guarded>
                PythonAccessHandler app
            </Location>
            <Location /closed>
                SetHandler mod_python
                PythonHandler app
                Require all denied
            </Location>
        """,
        config="",
        files={"guarded": "a guarded file"},
    )
    site.expect_log("AH01630")
    assert site.get("/app/x").text == f"{site.docroot}/app/x /app 1"
    assert site.get("/guarded").text == "a guarded file"
    assert site.get("/guarded?no").status == 403
    assert site.get("/closed").status == 403


def test_dynamic_handlers(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def fixuphandler(req):
                req.handler = "mod_python"
                req.add_handler("PythonHandler", "app::added", "/some/where")
                req.add_handler("PythonAccessHandler", "app::never")
                req.add_handler("PythonFixupHandler", "app::another")
                return apache.OK

            def another(req):
                req.notes["another"] = "ran"
                return apache.OK

            def never(req):
                return apache.HTTP_FORBIDDEN

            def added(req):
                req.write(f"added {req.notes['another']} {req.hlist.directory}")
                return apache.OK

            def broken(req):
                for phase in ("PythonCleanupHandler", "PythonConnectionHandler", "pythonhandler", "", "PythonInputFilter"):
                    try:
                        req.add_handler(phase, "app::added")
                    except IndexError:
                        req.write(".")
                return apache.OK

            def empty(req):
                req.add_handler("PythonHandler", "")
                return apache.OK
        """,
        config="""
            <Files page>
                PythonFixupHandler app
            </Files>
            <Files broken>
                SetHandler mod_python
                PythonHandler app::broken
            </Files>
            <Files empty>
                SetHandler mod_python
                PythonHandler app::empty
            </Files>
        """,
    )
    assert site.get("/page").text == "added ran /some/where/"
    assert site.get("/broken").text == "....."
    site.expect_log("PythonHandler")
    assert site.get("/empty").status == 500


def test_phases_of_an_internal_redirect(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def record(req, name):
                with open(os.path.dirname(req.document_root()) + "/scratch/ran", "a") as file:
                    file.write(f"{name} {req.uri}\\n")
                return apache.OK

            def fixuphandler(req):
                return record(req, "fixup")

            def loghandler(req):
                return record(req, "log")

            def handler(req):
                if req.uri == "/from":
                    req.internal_redirect("/to?x=1")
                    assert req.next.uri == "/to"
                    return apache.OK
                req.write(f"{req.uri} {req.args} {req.prev and req.prev.uri} {req.main}")
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonFixupHandler app\nPythonLogHandler app\n",
    )
    with site.connection() as connection:
        assert site.ask(connection, "GET", "/from").text == "/to x=1 /from None"
        site.ask(connection, "HEAD", "/to")
    ran = (site.scratch / "ran").read_text().splitlines()
    assert ran[:3] == ["fixup /from", "fixup /to", "log /from"]
