"""Handlers that a request adds to its own phases, and the list it runs through."""

import textwrap

import pytest

import httpd as real

pytestmark = pytest.mark.threads_and_processes


def test_callables_are_added_beside_texts(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            class Speaker:
                def __init__(self, word):
                    self.word = word
                def __call__(self, req):
                    req.write(f"{self.word} ")
                    return apache.OK
                def method(self, req):
                    req.write(f"method of {self.word} ")
                    return apache.OK

            def text(req):
                req.write("text ")
                return apache.OK

            def fixuphandler(req):
                req.handler = "mod_python"
                for handler in (Speaker("one"), "app::text", lambda req: Speaker("two")(req), Speaker("three").method, text):
                    req.add_handler("PythonHandler", handler)
                return apache.OK
        """,
        config="PythonFixupHandler app",
    )
    for _ in range(2):
        assert site.get("/").text == "one text two method of three text "


def test_what_cannot_be_called_is_refused(httpd):
    site = httpd(
        functions="""
            def refused(req):
                answer = []
                for handler in (None, 5, b"app::x", ["app::x"]):
                    try:
                        answer.append(req.add_handler("PythonLogHandler", handler))
                    except TypeError as error:
                        answer.append(str(error))
                try:
                    req.add_handler("PythonLogHandler", "a\\0b")
                except ValueError as error:
                    answer.append(str(error))
                return answer
        """
    )
    classes = ("NoneType", "int", "bytes", "list")
    expected = [f"handler must be str or callable, not {name}" for name in classes]
    assert site.call("refused") == [*expected, "handler contains a NUL character"]


def test_a_callable_in_the_list_and_in_errors(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            class Thing:
                def __call__(self, req):
                    return show(req)

            def show(req):
                hlist = req.hlist
                req.write(f"{hlist.handler} {hlist.directory} {hlist.is_location} {hlist.silent}\\n")
                return apache.OK

            def broken(req):
                1/0

            def handler(req):
                req.add_handler("PythonHandler", show)
                req.add_handler("PythonHandler", Thing(), "/some//where")
                if req.args:
                    req.add_handler("PythonHandler", broken)
                return apache.OK
        """
    )
    shown = f"app::show {site.docroot}/ 0 0\nThing /some/where/ 0 0\n"
    assert site.get("/").text == shown
    site.expect_traceback("ZeroDivisionError", handler="app::broken")
    assert site.get("/?broken").text.startswith(shown)


def test_results_of_callables_go_on_or_stop_as_those_of_others(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def say(word, result):
                def handler(req):
                    req.write(word)
                    if result == "raise":
                        raise apache.SERVER_RETURN(apache.OK)
                    return result
                return handler

            def handler(req):
                for word, result in (("a", apache.OK), ("b", "raise"), ("c", apache.DONE), ("d", apache.OK)):
                    req.add_handler("PythonHandler", say(word, result))
                return apache.OK

            def bad(req):
                req.add_handler("PythonHandler", lambda req: None)
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            <Files bad>
                PythonHandler app::bad
            </Files>
        """,
    )
    assert site.get("/").text == "abc"
    site.expect_log("PythonHandler app::bad.<locals>.<lambda>: the handler returned None")
    assert site.get("/bad").status == 500


def test_a_handler_may_add_itself(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.write("x")
                req.times = getattr(req, "times", 0) + 1
                if req.times < 5:
                    req.add_handler("PythonHandler", handler)
                return apache.OK
        """
    )
    assert site.get("/").text == "xxxxx"


@pytest.mark.every_mpm
def test_a_callable_of_another_interpreter(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            class Noted:
                def __init__(self, req):
                    self.req = req
                def __call__(self, req):
                    assert req is self.req
                    req.write(f"added of {apache.interpreter}, ")
                    return apache.OK
                def __del__(self):
                    apache.log_error(f"let go in {apache.interpreter}", apache.APLOG_NOTICE)

            def postreadrequesthandler(req):
                req.add_handler("PythonHandler", Noted(req))
                return apache.OK

            def handler(req):
                req.write(f"configured of {apache.interpreter}, ")
                req.add_handler("PythonHandler", handler2)
                return apache.OK

            def handler2(req):
                req.write(f"appended of {apache.interpreter}")
                return apache.OK
        """,
        server="""
            PythonInterpreter early
            PythonPath "sys.path + ['${docroot}']"
            PythonPostReadRequestHandler app
        """,
        config="""
            PythonInterpreter late
            SetHandler mod_python
            PythonHandler app
        """,
    )
    for _ in range(3):
        assert site.get("/").text == "configured of late, added of early, appended of late"
    site.wait_log("let go in early")
    assert "let go in late" not in site.error_log


@pytest.mark.every_mpm
def test_callables_that_never_run_go_with_the_request(httpd):
    site = httpd(
        functions="""
            import weakref
            alive = weakref.WeakSet()

            class Handler:
                def __init__(self, req):
                    self.req, self.hlist = req, req.hlist
                    alive.add(self)
                def __call__(self, req):
                    return apache.OK

            def add(req):
                # A phase that is over, this very list, which stops here, and a phase to come.
                for phase in ("PythonAccessHandler", "PythonHandler", "PythonLogHandler"):
                    req.add_handler(phase, Handler(req))
                req.register_cleanup(lambda data: req.add_handler("PythonLogHandler", Handler(req)))
                return len(alive)

            def count(req):
                import gc
                gc.collect()
                return len(alive)
        """,
        children=1,
    )
    for _ in range(20):
        assert site.call("add") > 0
    # A request is over a little after its response.
    real.wait_until(lambda: site.call("count") == 0, "the end of all callables")


def test_handlers_are_added_in_odd_moments(httpd):
    """In a cleanup no phase runs any more: what is added there is kept for phases that never come."""
    site = httpd(
        handler="""
            from mod_python import apache

            def never(req):
                req.log_error("never", apache.APLOG_ERR)
                return apache.OK

            def cleanup(req):
                for phase in ("PythonHandler", "PythonLogHandler", "PythonPostReadRequestHandler"):
                    req.add_handler(phase, "app::never")
                    req.add_handler(phase, never)
                req.log_error(f"cleanup over {req.phase} {req.hlist.handler} {req.hlist!r}", apache.APLOG_NOTICE)

            def handler(req):
                req.register_cleanup(cleanup, req)
                req.add_handler("PythonTransHandler", never)
                return apache.OK

            def cleanuphandler(req):
                req.add_handler("PythonHandler", never)
                req.log_error(f"phase {req.phase} {req.hlist.handler}", apache.APLOG_NOTICE)
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonCleanupHandler app
        """,
    )
    assert site.get("/").status == 200
    site.wait_log("cleanup over None None {}")
    site.wait_log("phase PythonCleanupHandler app")


def test_added_handlers_of_every_phase(httpd):
    phases = ("HeaderParser", "Access", "Authen", "Authz", "Type", "Fixup", "", "Log")
    names = [f"{phase}Handler" for phase in phases]
    site = httpd(
        handler=f"NAMES = {names}"
        + textwrap.dedent("""
            from mod_python import apache

            def noting(phase):
                def handler(req):
                    assert req.phase == phase
                    req.notes["seen"] = req.notes.get("seen", "") + " " + phase
                    if phase == "PythonAuthenHandler":
                        req.user = "me"
                        return apache.OK
                    if phase == "PythonHandler":
                        req.write(req.notes["seen"])
                    if phase == "PythonLogHandler":
                        req.log_error("logged" + req.notes["seen"], apache.APLOG_NOTICE)
                    return apache.DECLINED if phase == "PythonTypeHandler" else apache.OK
                return handler

            def postreadrequesthandler(req):
                for name in NAMES:
                    req.add_handler(f"Python{name}", noting(f"Python{name}"))
                return apache.OK
        """),
        server="""
            PythonPath "sys.path + ['${docroot}']"
            PythonPostReadRequestHandler app
        """,
        config="""
            SetHandler mod_python
            AuthType Own
            AuthName own
            Require valid-user
        """,
        modules=("authn_core", "authz_user"),
    )
    assert site.get("/").text == "".join(f" Python{name}" for name in names[:-1])
    site.wait_log("logged" + "".join(f" Python{name}" for name in names))


def test_the_list_shows_silent_handlers_and_locations(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                hlist = req.hlist
                req.write(repr([req.notes["silent"], (hlist.handler, hlist.directory, hlist.is_location, hlist.silent), repr(hlist)]))
                for name in ("handler", "directory", "is_location", "silent"):
                    try:
                        setattr(hlist, name, None)
                    except AttributeError:
                        req.write(".")
                hlist.next("any", "arguments")
                req.write(repr([hlist.handler, hlist.directory, hlist.is_location, hlist.silent, repr(hlist)]))
                return apache.OK
        """,
        server="""
            <Location /located>
                SetHandler mod_python
                PythonPath "sys.path + ['${docroot}']"
                PythonHandlerModule early
                PythonHandler app
            </Location>
        """,
        config="",
        files={
            "early.py": """
                def fixuphandler(req):
                    req.notes["silent"] = repr((req.hlist.handler, req.hlist.silent, req.hlist.is_location))
                    return 0
            """
        },
    )
    shown = "{'handler': 'app', 'directory': '/located', 'is_location': 1, 'silent': 0}"
    entries, _, rest = site.get("/located").text.partition("....")
    assert eval(rest) == [None, None, None, None, "{}"]
    assert eval(entries) == ["('early', 1, 1)", ("app", "/located", 1, 0), shown]


def test_the_directory_of_who_adds_is_that_of_what_is_added(httpd):
    """Without one of its own: that of a handler that the phase already has, else that of the handler that runs."""
    module = """
        from mod_python import apache

        def fixuphandler(req):
            req.handler = "mod_python"
            req.add_handler("PythonHandler", "app::added")
            req.add_handler("PythonLogHandler", "app::logged")
            return apache.OK

        def added(req):
            req.write(f"{NAME} {req.hlist.directory} {req.hlist.is_location} ")
            if not hasattr(req, "again"):
                req.again = True
                req.add_handler("PythonHandler", "app::added")
            return apache.OK

        def logged(req):
            req.log_error(f"logged {NAME} {req.hlist.directory}", apache.APLOG_NOTICE)
            return apache.OK
    """
    site = httpd(
        files={f"{name}/app.py": f"NAME = '{name}'\n" + textwrap.dedent(module) for name in ("one", "two", "other")},
        server="""
            <Directory "${docroot}/*">
                PythonFixupHandler app
            </Directory>
            <Directory "${docroot}/other">
                PythonLogHandler app::logged
            </Directory>
        """,
    )
    root = site.docroot
    for name in ("one", "two", "one", "other"):
        shown = f"{name} {root}/{name}/ 0 "
        assert site.get(f"/{name}/page").text == shown * 2
        site.wait_log(f"logged {name} {root}/{name}/")


@pytest.mark.parametrize("configured", [False, True])
def test_init_handlers_are_added_by_earlier_phases(httpd, configured):
    """With or without a list of the directory, as soon as it could be known; what is configured is run first, and once."""
    site = httpd(
        handler="""
            from mod_python import apache

            def leave(req):
                req.notes["trail"] = f"{req.notes.get('trail', '')} {req.phase[6:-7]}:{req.hlist.handler}"
                return apache.OK

            def add(req):
                leave(req)
                req.add_handler("PythonInitHandler", leave)
                req.add_handler("PythonInitHandler", "app::leave", "/some/where")
                return apache.DECLINED

            postreadrequesthandler = add
            inithandler = headerparserhandler = leave

            def handler(req):
                req.write(req.notes["trail"].strip())
                return apache.OK
        """,
        server="PythonPath \"sys.path + ['${docroot}']\"\nPythonInitHandler app\nPythonPostReadRequestHandler app",
        config=f"""
            SetHandler mod_python
            PythonHandler app
            PythonHeaderParserHandler app
            {"PythonInitHandler app::inithandler" if configured else ""}
        """,
    )
    listed = "Init:app::inithandler " if configured else ""
    added = "Init:app::leave Init:app::leave"
    assert site.get("/").text == f"Init:app PostReadRequest:app {listed}{added} HeaderParser:app"


def test_init_handlers_are_added_where_none_is_configured(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def transhandler(req):
                req.add_handler("PythonInitHandler", lambda req: apache.HTTP_FORBIDDEN)
                return apache.DECLINED
        """,
        server="PythonPath \"sys.path + ['${docroot}']\"\nPythonTransHandler app",
    )
    assert site.get("/").status == 403
