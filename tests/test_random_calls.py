"""Random calls of everything, with anything, from everywhere: nothing of it brings a child down.

HTTPD_TEST_CALLS asks for more requests of each client. Which calls a request makes is decided by the number in its query.
"""

import concurrent.futures
import http.client
import os
import random

import pytest

from crowd import CLIENTS

REQUESTS = int(os.environ.get("HTTPD_TEST_CALLS", "15"))
HANDLER = """
    import gc
    import math
    import random
    import threading

    from mod_python import apache

    VALUES = [None, True, 0, 1, -1, 200, 404, 2**31, 2**40, -(2**70), 1.5, math.nan, "", "x", "a\\0b", "\\r\\n", "\\udce9", "\\u20ac",
              b"", b"\\xff", bytearray(b"x"), memoryview(b"abc"), "x" * 5000, (), [], {}, [("a", "b")], {"a": "b"}, object(), slice(0, 1),
              "PythonHandler", "PythonLogHandler", "app::handler", "app", "/", "/file", "../..", "own", "text/plain", print, len,
              lambda *any: 0, lambda *any: 1 / 0, apache.SERVER_RETURN]
    # These wait for the client.
    LEFT_OUT = {("mp_conn", "read"), ("mp_conn", "readline"), ("mp_request", "__class__")}
    # What a thread has kept of requests that are over: another's may be in httpd's hands.
    local = threading.local()

    def keep(item):
        # Of ours only: a str that is kept would be asked to center itself in 2 GiB.
        if type(item).__name__.startswith("mp_") and type(item).__name__ not in ("mp_conn", "mp_server"):
            local.kept = [item, *getattr(local, "kept", ())][:20]

    def objects(req):
        found = [req, req.server, req.connection, req.hlist, req.finfo, req.headers_in, req.headers_out, req.err_headers_out, req.notes,
                 req.subprocess_env, req.connection.notes, req.get_options(), req.get_config(), req.prev, req.next, req.main,
                 apache.table({"a": "1"}), *getattr(local, "kept", ())]
        return [item for item in found if item is not None]

    def act(req, chance, item):
        name = chance.choice([name for name in dir(item) if name[:2] != "__" or name in ("__iter__", "__len__", "__repr__")])
        if (type(item).__name__, name) in LEFT_OUT:
            return
        arguments = [chance.choice([*VALUES, req, item]) for _ in range(chance.choice((0, 0, 1, 1, 1, 2, 3)))]
        how = chance.random()
        value = getattr(item, name)
        if not callable(value):
            if how < 0.8:
                setattr(item, name, chance.choice(VALUES))
            else:
                delattr(item, name)
            return
        result = value(*arguments)
        if how < 0.2:
            keep(result)
        if how < 0.02:
            gc.collect()

    def play(req, steps=6, extra=None):
        chance = getattr(req, "chance", None) or random.Random(req.args)
        for _ in range(steps):
            try:
                req.chance = chance
                act(req, chance, extra if extra and chance.random() < 0.5 else chance.choice(objects(req)))
                if chance.random() < 0.05:
                    keep(chance.choice(objects(req)))
            except (Exception, SystemExit):
                pass
        return chance

    def a_filter(filter):
        chance = play(filter.req, 4, filter)
        if not filter.closed and chance.random() < 0.9:
            filter.pass_on()

    def accesshandler(req):
        play(req)
        return apache.OK

    def fixuphandler(req):
        req.handler = "mod_python"
        chance = play(req)
        for register, add in ((req.register_output_filter, req.add_output_filter), (req.register_input_filter, req.add_input_filter)):
            if chance.random() < 0.4:
                register("own", a_filter)
                add("own")
        if chance.random() < 0.3:
            req.register_cleanup(play, req)
            req.add_handler("PythonHandler", handler)
        return apache.OK

    def handler(req):
        chance = play(req, 8)
        if req.main is None and chance.random() < 0.1:
            with req.subrequest_uri("/file") as subrequest:
                play(req, 4, subrequest)
        return chance.choice((apache.OK, apache.OK, apache.OK, apache.DECLINED, apache.DONE, apache.HTTP_NOT_FOUND))

    loghandler = cleanuphandler = accesshandler
"""


@pytest.mark.every_mpm
def test_random_calls(httpd, mpm):
    site = httpd(
        handler=HANDLER,
        server="""
            Timeout 1
            LogLevel crit
            ErrorDocument 404 /sorry
            PythonPath "sys.path+['${docroot}']"
        """,
        config="""
            <FilesMatch "^(x|file|sorry)$">
                SetHandler mod_python
                PythonAccessHandler app
                PythonFixupHandler app
                PythonHandler app
                PythonLogHandler app
                PythonCleanupHandler app
            </FilesMatch>
        """,
        files={"file": "x" * 10000, "plain": "plain"},
        children=8 if mpm == "prefork" else 1,
    )
    site.expect_log(r"\[python:|resuming normal operations")
    site.patience /= 10
    assert site.get("/plain").text == "plain"
    pids = set(site.child_pids())
    numbers = iter(range(REQUESTS * CLIENTS))

    def client(_):
        for number in numbers:
            chance = random.Random(number)
            body = b"body\n" * 100 if chance.random() < 0.5 else None
            with site.connection() as connection:
                try:
                    connection.request("POST" if body else chance.choice(("GET", "HEAD")), f"/x?{number}", body=body)
                    # A length that the handler has made up is not waited for.
                    connection.getresponse().read(1 << 16)
                except (OSError, http.client.HTTPException):
                    pass

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(client, range(CLIENTS)))
    assert site.get("/plain").text == "plain"
    if mpm != "prefork":
        assert set(site.child_pids()) == pids
