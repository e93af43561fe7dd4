"""req.log and apache.LogHandler: Python's logging in httpd's error log, at httpd's levels."""

import re

import pytest

LEVELS = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", *(f"trace{n}" for n in range(1, 9))]

EVERY_LEVEL = """
    def handler(req):
        log = req.log
        for name in ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"):
            getattr(log, name)("line %s", name)
        for number in range(1, 9):
            getattr(log, f"trace{number}")("line trace%d", number)
        return 0
"""


def written(site):
    """The level of each line that the handler wrote."""
    found = re.findall(r"\[python:(\w+)\] \[pid [^\]]*\] (?:(app\.py)\(\d+\): )?\[client [^\]]*\] line (\w+)", site.error_log)
    assert all(level == name or (level, name) == ("warn", "warning") for level, _, name in found), found
    # httpd shows the file at debug levels only.
    assert all(bool(file) == (LEVELS.index(level) >= LEVELS.index("debug")) for level, file, _ in found)
    return [level for level, _, _ in found]


@pytest.mark.parametrize("level", ["notice", "info", "debug", "trace3", "trace8"])
def test_levels_of_a_request(httpd, level):
    site = httpd(handler=EVERY_LEVEL, server=f"LogLevel notice python:{level}")
    for name in LEVELS[:4]:
        site.expect_log(f"line {name}")
    assert site.get("/").status == 200
    assert written(site) == LEVELS[: LEVELS.index(level) + 1]


def test_file_and_line_are_those_of_the_call(httpd):
    site = httpd(
        functions="""
            import inspect
            import logging

            def line():
                return inspect.currentframe().f_back.f_lineno

            def calls(req):
                req.log.trace1("a %s", "b"); one = line()
                req.log.log(9, "c"); two = line()
                req.log.log(logging.DEBUG, "d"); three = line()
                def wrapped():
                    req.log.debug("e", stacklevel=2)
                wrapped(); four = line()
                return one, two, three, four
        """,
        server="LogLevel python:trace1",
    )
    lines = site.call("calls")
    found = re.findall(r"app\.py\((\d+)\): \[client [^\]]*\] (a b|c|d|e)$", site.error_log, re.M)
    assert found == list(zip(map(str, lines), ("a b", "c", "d", "e"), strict=True))


def test_level_of_a_directory(httpd):
    site = httpd(
        handler="""
            def handler(req):
                enabled = [req.log.isEnabledFor(number) for number in (20, 10, 9, 2)]
                req.log.debug("written for %s", req.uri)
                req.write(repr((enabled, req.log.getEffectiveLevel())))
                return 0
        """,
        server="""
            LogLevel info
            <Location "/loud">
                LogLevel python:trace1
            </Location>
        """,
    )
    assert site.get("/quiet").text == "([True, False, False, False], 20)"
    assert site.get("/loud").text == "([True, True, True, False], 9)"
    assert "written for /loud" in site.error_log and "written for /quiet" not in site.error_log


def test_exceptions_and_lines(httpd):
    site = httpd(
        functions="""
            def lines(req):
                try:
                    {}["key"]
                except KeyError:
                    req.log.exception("while %s", "looking", extra={"more": 1})
                req.log.warning("one\\ntwo\\0three")
                req.log.warning("")
        """
    )
    site.expect_log(r"client [^\]]*\] (while looking|Traceback|  |KeyError: 'key')")
    site.call("lines")
    for text in (r"while looking$", r"Traceback \(most recent call last\):$", r"KeyError: 'key'$", "one$", r"two\^@three$"):
        assert re.search(r"client [^\]]*\] " + text, site.error_log, re.M), text


def test_a_handler_for_pythons_logging(httpd):
    site = httpd(
        handler="""
            import logging
            import threading
            from mod_python import apache

            logger = logging.getLogger("site.part")
            logger.setLevel(1)
            handler_of_log = apache.LogHandler()
            handler_of_log.setFormatter(logging.Formatter("%(name)s: %(message)s"))
            logging.getLogger("site").addHandler(handler_of_log)

            def handler(req):
                logger.debug("in a request")
                logger.log(8, "too fine")
                logger.info("by extra", extra={"req": req})
                thread = threading.Thread(target=logger.debug, args=("in a thread",))
                thread.start()
                thread.join()
                req.write("x")
                return 0

            def loghandler(req):
                logger.debug("in the log phase")
                return 0

            def cleanuphandler(req):
                logger.debug("in a cleanup")
                return 0
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonLogHandler app
            PythonCleanupHandler app
        """,
        server="LogLevel python:debug",
    )
    site.get("/")
    site.wait_log("in a cleanup")
    log = site.error_log
    for text in ("in a request", "in the log phase", "in a cleanup"):
        assert re.search(rf":debug\] .*app\.py\(\d+\): \[client [^\]]*\] site\.part: {text}", log), text
    assert re.search(r":info\] .*\[client [^\]]*\] site\.part: by extra", log)
    assert re.search(r":debug\] \[pid [^\]]*\] threading\.py\(\d+\): site\.part: in a thread", log)
    assert "too fine" not in log


def test_a_target_for_all_records(httpd):
    site = httpd(
        functions="""
            import logging

            def targets(req):
                for target in (req, req.connection, req.server, None):
                    logger = logging.Logger("own")
                    logger.addHandler(apache.LogHandler(logging.WARNING, target))
                    logger.warning("to %s", type(target).__name__)
                    logger.info("below the level of the handler")

            def natively(req):
                apache.log_line("plain", apache.APLOG_NOTICE)
                apache.log_line("from afar", apache.APLOG_NOTICE, req.server, "/x/far.c", 12)
                found = []
                for arguments in (("x", 16), ("x", -1), (b"x", 3), ("x", 3, 5), ("x",)):
                    try:
                        apache.log_line(*arguments)
                    except (TypeError, ValueError) as error:
                        found.append(type(error).__name__)
                return found, apache.log_enabled(apache.APLOG_NOTICE), apache.log_enabled(apache.APLOG_TRACE1, req.server)
        """,
        server="LogLevel info",
    )
    site.call("targets")
    log = site.error_log
    assert re.search(r":warn\] .*\[client [^\]]*\] to mp_request", log)
    assert re.search(r":warn\] .*\[client [^\]]*\] to mp_conn", log)
    assert re.search(r":warn\] \[pid [^\]]*\] to mp_server", log)
    assert re.search(r":warn\] .*\[client [^\]]*\] to NoneType", log)
    assert "below the level" not in log
    assert site.call("natively") == (["ValueError", "ValueError", "TypeError", "TypeError", "TypeError"], True, False)


def test_req_log_can_be_replaced(httpd):
    """Handlers that have always kept something of their own there go on."""
    site = httpd(
        functions="""
            def replaced(req):
                before = type(req.log).__name__
                req.log = ["mine"]
                mine = req.log
                req.log = None
                return before, mine, req.log
        """
    )
    assert site.call("replaced") == ("RequestLog", ["mine"], None)


def test_a_log_kept_beyond_its_request(httpd):
    site = httpd(
        functions="""
            kept = []

            def keep(req):
                kept.append(req.log)

            def use(req):
                try:
                    kept[0].error("late")
                except RuntimeError as error:
                    return str(error)
        """,
        mpm="prefork",
        children=1,
    )
    with site.connection() as connection:
        site.ask(connection, "GET", "/keep")
        assert "its request is over" in site.ask(connection, "GET", "/use").text
