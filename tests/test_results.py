"""What handlers of the phases return: whether the next one is asked, and what httpd makes of it."""

import functools

import pytest

from every_phase import AUTH_MODULES, finish

pytestmark = pytest.mark.threads_and_processes


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


# Each phase gives the result that the query has for it, as a Python expression in the names of `apache`.
OBEDIENT = """
    from mod_python import apache

    def phase(req):
        if req.phase == "PythonTransHandler":
            req.filename = req.document_root() + "/page"
        if req.phase == "PythonTypeHandler":
            req.content_type = "text/x-own"
        if req.phase == "PythonAuthenHandler":
            req.user = "somebody"
        wanted = dict(pair.split("=") for pair in (req.args or "").split("&") if "=" in pair)
        declining = req.phase in ("PythonTransHandler", "PythonTypeHandler")
        return eval(wanted.get(req.phase, "DECLINED" if declining else "OK"), vars(apache))

    def handler(req):
        req.write("page", 0)
        return phase(req)
"""
OBEDIENT_SERVER = """
    PythonPath "sys.path+['${docroot}']"
    PythonInterpreter main_interpreter
    PythonPostReadRequestHandler app::phase
    PythonInitHandler app::phase
    PythonTransHandler app::phase
"""
OBEDIENT_DIRECTORY = """
    SetHandler mod_python
    PythonHandler app
    AuthType Basic
    AuthName x
    Require valid-user
    PythonHeaderParserHandler app::phase
    PythonAccessHandler app::phase
    PythonAuthenHandler app::phase
    PythonAuthzHandler app::phase
    PythonTypeHandler app::phase
    PythonFixupHandler app::phase
    PythonLogHandler app::phase
"""
PHASES = [
    "PythonPostReadRequestHandler",
    "PythonInitHandler",
    "PythonTransHandler",
    "PythonHeaderParserHandler",
    "PythonAccessHandler",
    "PythonAuthenHandler",
    "PythonAuthzHandler",
    "PythonTypeHandler",
    "PythonFixupHandler",
    "PythonHandler",
    "PythonLogHandler",
]
# Result: status, and whether there is a body.
MEANINGS = {
    "DONE": (200, False),
    "HTTP_OK": (200, True),
    "HTTP_NO_CONTENT": (204, False),
    "HTTP_MOVED_TEMPORARILY": (302, True),
    "HTTP_FORBIDDEN": (403, True),
    "HTTP_UNAUTHORIZED": (401, True),
    "HTTP_INTERNAL_SERVER_ERROR": (500, True),
    "7": (500, True),
    "-5": (500, True),
    "99999": (500, True),
}


def obedient(httpd, **options):
    """A site whose phases answer as the query says."""
    return httpd(
        handler=OBEDIENT,
        server=OBEDIENT_SERVER,
        config=OBEDIENT_DIRECTORY,
        files={"page": "file"},
        late_modules=AUTH_MODULES,
        **options,
    )


@pytest.mark.parametrize("phase", PHASES)
def test_what_a_result_means(httpd, phase):
    site = obedient(httpd)
    expected, seen = {"OK": (200, "page"), "DECLINED": (200, "page")}, {}
    for result, (status, body) in MEANINGS.items():
        expected[result] = (status, "error" if body else "")
    if phase == "PythonHandler":
        expected |= {"DECLINED": (200, "pagefile"), "DONE": (200, "page")}
    if phase == "PythonAuthenHandler":
        # The next to be asked is mod_auth_basic, and the client has not said who it is.
        expected["DECLINED"] = (401, "error")
    if phase == "PythonLogHandler":
        expected = dict.fromkeys(expected, (200, "page"))
    else:
        site.expect_log("invalid result code|Invalid response status")
    for result in expected:
        response = site.get(f"/page?{phase}={result}")
        own = response.status == 200 and response.text in ("", "page", "file", "pagefile")
        seen[result] = (response.status, response.text if own or not response.text else "error")
        asked_for_a_name = phase == "PythonAuthenHandler" and response.status == 401
        assert response.headers["WWW-Authenticate"] == ('Basic realm="x"' if asked_for_a_name else None)
    assert seen == expected


def test_a_phase_returns_its_last_result(httpd):
    """What a list returns is what the last handler that ran returned; httpd acts on that."""
    site = httpd(
        handler="""
            from mod_python import apache

            def declines(req):
                return apache.DECLINED

            def accepts(req):
                req.content_type = "text/x-own"
                return apache.OK

            def names(req):
                req.filename = req.document_root() + "/elsewhere"
                return apache.OK

            def unnamed(req):
                return apache.OK if req.uri == "/unnamed" else apache.DECLINED

            def not_reached(req):
                req.content_type = "text/x-wrong"
                return apache.OK

            def named_early(req):
                req.notes["seen"] = f"{req.hlist.handler}"
                req.add_handler("PythonAccessHandler", "app::named")
                return apache.OK

            def named(req):
                req.notes["seen"] += f" {req.hlist.handler}"
                return apache.OK

            def handler(req):
                req.write(req.notes["seen"])
                return apache.OK
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonTransHandler app::unnamed
            <Location /moved>
                PythonTypeHandler app::declines app::accepts app::not_reached
            </Location>
        """,
        config="""
            <Files list>
                SetHandler mod_python
                PythonHandler app
                PythonAccessHandler app::named_early app::named
            </Files>
        """,
        files={"moved": "moved", "elsewhere": "elsewhere"},
        late_modules=("mime",),
    )
    moved = site.get("/moved")
    assert (moved.text, moved.headers["Content-Type"]) == ("moved", "text/x-own")
    assert site.get("/list").text == "app::named_early app::named app::named"
    # A translation that says it is done and names no file has found none.
    assert site.get("/unnamed").status == 404


def test_what_ends_early_has_no_list_of_its_directory(httpd):
    """Log and cleanup handlers of a directory belong to requests for which it was found."""
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def note(req):
                with open(os.path.dirname(req.document_root()) + "/scratch/ran", "a") as file:
                    file.write(f"{req.phase}:{req.uri} ")
                return apache.OK

            def refuse(req):
                return apache.HTTP_FORBIDDEN if req.uri == "/refused" else apache.DECLINED
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonPostReadRequestHandler app::refuse
        """,
        config="PythonLogHandler app::note\nPythonCleanupHandler app::note\n",
        files={"page": "page", "finished": "finished"},
        children=1,
    )
    assert site.get("/refused").status == 403
    assert finish(site, "/page").status == 200
    ran = (site.scratch / "ran").read_text().split()
    assert not [word for word in ran if word.endswith("/refused")]
    assert {"PythonLogHandler:/page", "PythonCleanupHandler:/page"} <= set(ran)


def test_a_log_handler_decides_who_logs_after_it(httpd):
    """Its result is for httpd's later log hooks alone: the client has its answer."""
    site = httpd(
        handler="""
            def loghandler(req):
                return 0 if req.args == "go-on" else 500
        """,
        server='LogFormat "%r" line\nCustomLog access_log line\n',
        config="PythonLogHandler app\n",
        files={"page": "page", "finished": "finished"},
    )
    assert finish(site, "/page?stop").text == "page"
    assert finish(site, "/page?go-on").text == "page"
    assert "GET /page?go-on" in (site.root / "access_log").read_text()
