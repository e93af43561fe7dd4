"""Request phases: when each runs, and in which order."""

import pytest

from every_phase import AUTH_MODULES, BY_DIRECTORY, BY_SERVER, EVERY_ONE, EVERY_PHASE, finish

pytestmark = pytest.mark.threads_and_processes


@pytest.mark.every_mpm
@pytest.mark.parametrize("order", ["modules", "late_modules"])
def test_every_phase_in_order_wherever_the_others_are_loaded(httpd, order):
    site = httpd(handler=EVERY_PHASE, server=BY_SERVER, config=BY_DIRECTORY, **{order: AUTH_MODULES})
    response = finish(site, "/file.html", user=("j\u00f6rg", "s\u00e9same"))
    assert (response.status, response.body) == (200, b"body")
    # mod_mime would have said text/html.
    assert response.headers["Content-Type"] == "text/x-phases"
    assert (site.scratch / "trail").read_text().split() == EVERY_ONE


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


@pytest.mark.parametrize("order", ["modules", "late_modules"])
def test_a_module_for_all_phases(httpd, order):
    """PythonHandlerModule: what the module has no handler for is left out, connections and filters are none of its business."""
    handler = (
        EVERY_PHASE + "\n    def connectionhandler(conn):\n        return apache.OK\n\n    inputfilter = outputfilter = None\n"
    )
    login = 'SetHandler mod_python\nAuthType Basic\nAuthName "phases"\nRequire valid-user\n'
    for where in ("server", "config"):
        module = "PythonHandlerModule app few\n"
        site = httpd(
            handler=handler,
            server="PythonPath \"sys.path+['${docroot}']\"\n" + (module if where == "server" else ""),
            config=login + (module if where == "config" else ""),
            files={"few.py": "def fixuphandler(req):\n    req.trail.append('few')\n    return 0\n"},
            **{order: AUTH_MODULES},
        )
        response = finish(site, "/file.html", user=("j\u00f6rg", "s\u00e9same"))
        assert (response.status, response.body) == (200, b"body")
        trail = (site.scratch / "trail").read_text().split()
        early = ["PythonInitHandler", "PythonPostReadRequestHandler", "PythonTransHandler", "PythonHeaderParserHandler"]
        assert trail == (early if where == "server" else ["PythonInitHandler", "PythonHeaderParserHandler"]) + [
            "PythonAccessHandler",
            "PythonAuthenHandler",
            "PythonAuthzHandler",
            "PythonTypeHandler",
            "PythonFixupHandler",
            "few",
            "PythonHandler",
            "PythonLogHandler",
            "PythonCleanupHandler",
        ]


def test_authentication_handlers_run_where_a_user_is_required(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def note(req):
                req.notes.add("ran", req.phase)
                req.user = "somebody"
                return apache.OK

            def handler(req):
                req.write(repr(req.notes.get("ran")))
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonAuthenHandler app::note
            PythonAuthzHandler app::note
            <Files required>
                AuthType Own
                AuthName x
                Require valid-user
            </Files>
            <Files granted>
                Require all granted
            </Files>
        """,
        modules=AUTH_MODULES,
    )
    assert site.get("/open").text == site.get("/granted").text == "None"
    assert site.get("/required").text == "'PythonAuthenHandler'"
