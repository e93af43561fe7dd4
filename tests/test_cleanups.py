"""What is called at the end of a request and of a child process, in which order, and what it may use."""

import pytest

from httpd import wait_until

pytestmark = pytest.mark.threads_and_processes


def test_cleanups_in_order(httpd):
    site = httpd(
        handler="""
            import os
            from mod_python import apache

            def handler(req):
                path = os.path.dirname(req.document_root()) + "/scratch/order"

                def note(text):
                    with open(path, "a") as file:
                        file.write(f"{text} {req.phase}\\n")

                req.register_cleanup(note, "first")
                req.register_cleanup(note, "second")
                req.register_cleanup(lambda data: note(repr(data)))
                req.note = note
                for wrong in (None, 5, "x"):
                    try:
                        req.register_cleanup(wrong)
                        return 500
                    except ValueError:
                        pass
                req.register_cleanup(fail)
                return apache.OK

            def fail(data):
                raise ValueError("in a cleanup")

            def cleanuphandler(req):
                req.note("list")
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonCleanupHandler app",
        files={"finished": ""},
    )
    site.expect_log("ValueError.*in a cleanup")
    site.expect_log("fail")
    assert site.get("/").status == 200
    site.wait_log("in a cleanup")
    site.stop()
    assert (site.scratch / "order").read_text().splitlines()[:4] == [
        "None None",
        "second None",
        "first None",
        "list PythonCleanupHandler",
    ]


def test_a_cleanup_in_a_cleanup(httpd):
    site = httpd(
        handler="""
            import os

            def handler(req):
                path = os.path.dirname(req.document_root()) + "/scratch/inner"
                req.register_cleanup(lambda _: req.register_cleanup(lambda _: open(path, "w").close()))
                return 0
        """
    )
    site.get("/")
    site.stop()
    assert (site.scratch / "inner").exists()


def test_cleanup_at_the_end_of_the_child(httpd):
    site = httpd(
        functions="""
            import os
            PATH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch", "ended")

            def note(text):
                with open(PATH, "a") as file:
                    file.write(f"{text} {apache.interpreter}\\n")

            def fail(data):
                raise ValueError("at the end")

            def register(req):
                apache.register_cleanup(note, "first")
                req.server.register_cleanup(req, note, "second")
                req.server.register_cleanup(req, note)
                apache.register_cleanup(fail)
                wrong = []
                for act in (lambda: apache.register_cleanup(5), lambda: req.server.register_cleanup(5, note),
                            lambda: req.server.register_cleanup(req, 5)):
                    try:
                        act()
                        wrong.append(act)
                    except ValueError:
                        pass
                return len(wrong)
        """
    )
    site.expect_log("fail")
    site.expect_log("ValueError.*at the end")
    assert site.call("register") == 0
    assert not (site.scratch / "ended").exists()
    site.stop()
    assert (site.scratch / "ended").read_text().split("\n") == ["None localhost", "second localhost", "first localhost", ""]


def test_a_request_is_itself_to_its_end(httpd):
    """Every phase, filter and cleanup has the same object, and what was sent can still be read."""
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                req.own = req
                return apache.OK

            def handler(req):
                assert req.own is req
                req.register_cleanup(at_the_end, req)
                req.write("12345")
                return apache.OK

            def loghandler(req):
                assert req.own is req and req.bytes_sent >= 5
                return apache.OK

            def cleanuphandler(req):
                assert req.own is req
                req.log_error(f"list: {req.phase} {req.hlist.handler}", apache.APLOG_NOTICE)
                return apache.OK

            def at_the_end(req):
                assert req.own is req
                facts = (req.phase, req.bytes_sent >= 5, req.status, req.uri, req.connection.client_ip)
                req.log_error(f"cleanup: {facts} {req.hlist.handler}", apache.APLOG_NOTICE)
        """,
        config="""
            SetHandler mod_python
            PythonAccessHandler app
            PythonHandler app
            PythonLogHandler app
            PythonCleanupHandler app
        """,
    )
    assert site.get("/page").text == "12345"
    site.wait_log("list: PythonCleanupHandler app")
    # The list of the phase that was last is exhausted.
    site.wait_log(r"cleanup: \(None, True, 200, '/page', '127.0.0.1'\) None")


def test_cleanups_of_the_child_run_where_they_were_registered(httpd):
    site = httpd(
        functions="""
            import _apache

            def note(data):
                with open(data, "a") as file:
                    file.write(f"{apache.interpreter} ")

            def register(req):
                path = req.document_root() + "/../scratch/order"
                apache.register_cleanup(note, path)
                _apache.register_cleanup(apache.interpreter, req.server, note, path)
                wrong = []
                # A callable belongs to the interpreter that made it.
                for arguments in (("foreign", req.server, note), (apache.interpreter, 5, note), (apache.interpreter, req.server, 5)):
                    try:
                        _apache.register_cleanup(*arguments)
                    except ValueError:
                        wrong.append(arguments)
                return len(wrong)
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            <If "%{QUERY_STRING} == 'other'">
                PythonInterpreter other
            </If>
        """,
        children=1,
    )
    assert site.call("register") == 3
    assert site.call("register", query="?other") == 3
    site.stop()
    assert (site.scratch / "order").read_text().split() == ["other", "other", "localhost", "localhost"]


@pytest.mark.every_mpm
def test_nothing_can_be_sent_once_the_response_is_over(httpd):
    """httpd logs and clears up inside its last output filter, and what were sent then would be taken for the next response."""
    site = httpd(
        handler="""
            from mod_python import apache

            def tell(req):
                def run(act):
                    try:
                        act()
                    except RuntimeError as error:
                        return str(error).partition(":")[0]
                    return "sent"

                acts = (lambda: req.write("stray"), lambda: req.write("stray", 0), req.flush, lambda: req.sendfile(__file__),
                        lambda: req.internal_redirect("/x"), lambda: req.connection.write("stray"), req.subrequest_uri("/x").run)
                req.log_error(f"told {req.args}: {req.phase} {sorted({run(act) for act in acts})}", apache.APLOG_NOTICE)
                return apache.OK

            loghandler = cleanuphandler = tell

            def handler(req):
                req.register_cleanup(tell, req)
                req.write(f"answer {req.args}", 0)
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonLogHandler app\nPythonCleanupHandler app\n",
        children=1,
    )
    with site.connection() as connection:
        for number in range(20):
            assert site.ask(connection, "GET", f"/?{number}").text == f"answer {number}"
    for phase in ("PythonLogHandler", "None", "PythonCleanupHandler"):
        site.wait_log(rf"told 19: {phase} \['the response is over'\]")


@pytest.mark.every_mpm
def test_a_cleanup_that_looks_at_the_request_redirected_to(httpd):
    """That one has ended before."""
    site = httpd(
        handler="""
            from mod_python import apache

            def look(req):
                try:
                    apache.log_error(f"next: {req.next.uri}")
                except RuntimeError as error:
                    apache.log_error(f"next: {error}")

            def handler(req):
                if req.prev is None:
                    req.register_cleanup(look, req)
                    req.internal_redirect("/x?again")
                else:
                    req.write("redirected")
                return apache.OK
        """,
        config='<FilesMatch "^x$">\nSetHandler mod_python\nPythonHandler app\n</FilesMatch>',
    )
    for _ in range(2 * 16):
        assert site.get("/x").text == "redirected"
    site.expect_log("next: ")
    wait_until(lambda: site.error_log.count("next: ") == 2 * 16, "all cleanups")
