"""Phases that only httpd's C modules had: quick, map to storage, pre-connection, start and end of a child."""

import pytest

PATH = "PythonPath \"sys.path + ['${docroot}']\"\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.every_mpm
def test_a_quick_handler_answers_before_all_phases(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def quickhandler(req):
                if req.uri != "/quick":
                    return apache.DECLINED
                req.content_type = "text/plain"
                req.write(f"{req.phase} {req.filename}")
                return apache.OK

            def forbid(req):
                return apache.HTTP_FORBIDDEN if req.uri == "/forbidden" else apache.DECLINED
        """,
        server=PATH + "PythonQuickHandler app app::forbid",
        config="Require all denied",
    )
    answer = site.get("/quick")
    assert (answer.status, answer.text) == (200, "PythonQuickHandler None")
    assert site.get("/forbidden").status == 403
    site.expect_log("AH01630")
    assert site.get("/other").status == 403


def test_a_quick_handler_is_not_asked_about_subrequests(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def quickhandler(req):
                req.notes["asked"] = "yes"
                return apache.DECLINED

            def handler(req):
                req.write(f"{req.notes.get('asked')} ")
                if not req.main:
                    req.subrequest_uri("/part").run()
                return apache.OK
        """,
        server=PATH + "PythonQuickHandler app",
        config="SetHandler mod_python\nPythonHandler app",
    )
    assert site.get("/whole").text == "yes None "


def test_errors_of_a_quick_handler(httpd):
    site = httpd(handler="def quickhandler(req):\n    raise KeyError(req.uri)", server=PATH + "PythonQuickHandler app")
    site.expect_traceback("KeyError: '/x'", phase="PythonQuickHandler")
    assert site.get("/x").status == 500


def test_a_map_to_storage_handler(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def maptostoragehandler(req):
                req.notes["seen"] = req.filename
                if not req.uri.startswith("/virtual"):
                    return apache.DECLINED
                req.handler = "mod_python"
                req.add_handler("PythonHandler", "app::virtual")
                return apache.OK

            def virtual(req):
                req.write("virtual " + req.notes["seen"])
                return apache.OK

            def handler(req):
                req.write("file " + req.notes["seen"])
                return apache.OK
        """,
        server=PATH + "PythonMapToStorageHandler app",
        config="""
            SetHandler mod_python
            PythonHandler app
            <Files "virtual">
                Require all denied
            </Files>
        """,
    )
    assert site.get("/file").text == f"file {site.docroot}/file"
    # With OK no section for directories and files applies.
    assert site.get("/virtual").text == f"virtual {site.docroot}/virtual"


@pytest.mark.every_mpm
def test_a_pre_connection_handler(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            state = {"refuse": False}

            def preconnectionhandler(conn):
                conn.notes["before"] = conn.client_ip
                return apache.HTTP_FORBIDDEN if state["refuse"] else apache.OK

            def second(conn):
                conn.notes["before"] += " second"
                return apache.DECLINED

            def handler(req):
                state["refuse"] = req.uri == "/refuse"
                req.write(req.connection.notes["before"])
                return apache.OK
        """,
        server=PATH + "PythonPreConnectionHandler app app::second",
        config="SetHandler mod_python\nPythonHandler app",
        children=1,
    )
    with site.connection() as connection:
        assert site.ask(connection, "GET", "/").text == "127.0.0.1 second"
        if site.mpm == "prefork":
            return
        assert site.ask(connection, "GET", "/refuse").text == "127.0.0.1 second"
        assert site.raw(REQUEST) == b""
        # Who is connected already is not asked again.
        assert site.ask(connection, "GET", "/").text == "127.0.0.1 second"
    assert site.raw_status(REQUEST) == 200


def test_errors_of_a_pre_connection_handler(httpd):
    site = httpd(
        handler="""
            def preconnectionhandler(conn):
                raise KeyError("expected")
        """,
        server=PATH + "PythonPreConnectionHandler app",
    )
    site.expect_log(r"PreConnectionHandler app: ")
    assert site.raw(REQUEST) == b""
    assert "PreConnectionHandler app: KeyError: 'expected'" in site.error_log


HOSTS = """
    PythonChildInitHandler app
    PythonChildExitHandler app app::broken app::last
    <VirtualHost *:${port}>
        ServerName one
    </VirtualHost>
    <VirtualHost *:${port}>
        ServerName two
        PythonChildInitHandler app::two
    </VirtualHost>
"""


@pytest.mark.every_mpm
def test_start_and_end_of_a_child(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def childinithandler(server):
                server.log_error(f"child begins {apache.interpreter} {server.server_hostname}", apache.APLOG_NOTICE)

            def two(server):
                server.log_error(f"child begins too {apache.interpreter} {server.server_hostname}", apache.APLOG_NOTICE)

            def childexithandler(server):
                server.log_error("child ends", apache.APLOG_NOTICE)

            def broken(server):
                raise KeyError("expected")

            def last(server):
                server.log_error("child is gone", apache.APLOG_NOTICE)

            def handler(req):
                return apache.OK
        """,
        server=PATH + HOSTS,
        children=1,
    )
    site.wait_log("child begins too two two")
    assert "child begins localhost localhost" in site.error_log
    assert "child begins one" not in site.error_log
    children = site.error_log.count("child begins localhost")
    site.expect_log("PythonChildExitHandler app::broken: ")
    site.stop()
    log = site.error_log
    # One of them may be a child that httpd began in the meantime.
    assert log.count("child ends") == log.count("child is gone") >= children
    assert log.index("child ends") < log.index("KeyError: 'expected'") < log.index("child is gone")


def test_errors_at_the_start_of_a_child(httpd):
    site = httpd(
        handler="def handler(req):\n    req.write('served')\n    return 0",
        server=PATH + "PythonChildInitHandler app::missing nowhere::f",
        config="SetHandler mod_python\nPythonHandler app",
    )
    site.expect_log("PythonChildInitHandler app::missing: ")
    site.expect_log("PythonChildInitHandler nowhere::f: ")
    assert site.get("/").text == "served"
    assert "contains no 'missing'" in site.error_log


@pytest.mark.parametrize("name", ["Quick", "MapToStorage", "PreConnection", "ChildInit", "ChildExit"])
def test_at_server_level_only(httpd, name):
    with pytest.raises(RuntimeError, match="not allowed"):
        httpd(handler="", config=f"Python{name}Handler app")
