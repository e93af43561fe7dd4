"""What only httpd's C modules had, with much to do: providers, subrequests, expressions, interim responses, further phases
and turns, Python's logging. No wrong answer, and memory that does not grow with requests or restarts."""

import base64
import concurrent.futures
import os
import re

import pytest

from test_interim import heads
from test_restart import descriptors, memory

CLIENTS = 16
ROUNDS = int(os.environ.get("HTTPD_TEST_ROUNDS", "24"))
RESTARTS = int(os.environ.get("HTTPD_TEST_RESTARTS", "20"))
MODULES = ("authn_core", "auth_basic", "auth_digest", "authz_user")
APP = """
    import hashlib
    import logging
    from mod_python import apache

    logger = logging.getLogger("app")
    logger.propagate = False
    logger.addHandler(apache.LogHandler())
    logger.setLevel(1)

    def check(req, user, password):
        if not user.startswith("user"):
            return apache.AUTH_USER_NOT_FOUND
        return password == f"secret of {user}"

    class Users:
        def __init__(self, req):
            self.req = req

        def get_realm_hash(self, req, user, realm):
            assert self.req is req
            return hashlib.md5(f"{user}:{realm}:secret of {user}".encode()).hexdigest()

    def team(req, arguments):
        if req.user is None:
            return apache.AUTHZ_DENIED_NO_USER
        return req.user[-1] in arguments.split()

    def note(req):
        req.notes["trail"] = req.notes.get("trail", "") + req.phase[6] + (req.hlist.turn or "")
        return apache.DECLINED

    quickhandler = maptostoragehandler = early = fixuphandler = late = note

    def preconnectionhandler(conn):
        conn.notes["met"] = "yes"
        return apache.OK

    def childinithandler(server):
        logger.info("a child of %s", server.server_hostname)

    def handler(req):
        trail = "MF@earlyFF@late" if req.main else "QMF@earlyFF@late"
        assert req.notes["trail"] == trail, req.notes["trail"]
        assert req.connection.notes["met"] == "yes"
        req.content_type = "text/plain"
        return globals()[req.uri.split("/")[1]](req)

    def member(req):
        req.write(f"{req.user} {req.args}")
        return apache.OK

    def part(req):
        req.write(f"part {req.args} of {req.main.args};")
        return apache.OK

    def whole(req):
        req.write("begin;", 0)
        for number in range(3):
            with req.subrequest_uri(f"/part?{number}") as sub:
                assert sub.status == 200 and sub.run() == apache.OK
        left = req.subrequest_uri("/part?left")
        req.write(f"end {left.request.args} {req.args}")
        return apache.OK

    def expr(req):
        value = req.expr_string("<%{QUERY_STRING}> %{REQUEST_URI}")
        req.write(f"{value} {req.expr(f'%{{QUERY_STRING}} == {chr(39)}{req.args}{chr(39)}')} {req.expr('-z %{QUERY_STRING}')}")
        return apache.OK

    def hints(req):
        req.headers_out["Link"] = f"</{req.args}>"
        req.send_interim_response()
        req.write(req.args)
        return apache.OK

    def logs(req):
        req.log.debug("by request %s", req.args)
        logger.info("by logger %s", req.args)
        req.write(req.args)
        return apache.OK
"""
SERVER = """
    LogLevel python:debug
    MaxKeepAliveRequests 0
    PythonPath "sys.path + ['${docroot}']"
    PythonAuthnProvider people app::check
    PythonAuthnProvider digests app::Users
    PythonAuthzProvider team app::team
    PythonQuickHandler app
    PythonMapToStorageHandler app
    PythonPreConnectionHandler app
    PythonChildInitHandler app
"""
CONFIG = """
    SetHandler mod_python
    PythonHandler app
    PythonFixupHandler @early app::early
    PythonFixupHandler app
    PythonFixupHandler @late app::late
    <Files member>
        AuthType Basic
        AuthName inside
        AuthBasicProvider people
        Require team 0 1 2 3 4 5 6 7
    </Files>
    <Files digest>
        AuthType Digest
        AuthName inside
        AuthDigestProvider digests
        Require valid-user
    </Files>
"""


class Visitor:
    """One client, which asks for every part and knows what must come back."""

    def __init__(self, site, number):
        self.site, self.number, self.wrong = site, number, []

    def expect(self, path, text, status=200, **headers):
        answer = self.site.get(path, headers=headers)
        if answer.status != status or (text is not None and answer.text != text):
            self.wrong.append((path, answer.status, answer.text[:200]))

    def login(self, password):
        name = f"user{self.number % 10}"
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password.format(name)}".encode()).decode()}

    def once(self, turn):
        mark = f"{self.number}.{turn}"
        may = self.number % 10 < 8
        self.expect(
            f"/member?{mark}", f"user{self.number % 10} {mark}" if may else None, 200 if may else 401, **self.login("secret of {}")
        )
        self.expect("/member", None, 401, **self.login("wrong"))
        self.expect("/digest", None, 401)
        self.expect(f"/whole?{mark}", f"begin;part 0 of {mark};part 1 of {mark};part 2 of {mark};end left {mark}")
        self.expect(f"/expr?{mark}", f"<{mark}> /expr True False")
        self.expect(f"/logs?{mark}", mark)
        answer = self.site.raw(b"GET /hints?%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % mark.encode())
        found, body = heads(answer)
        if found[0] != ("HTTP/1.1 103 Early Hints", [f"Link: </{mark}>"]) or mark.encode() not in body:
            self.wrong.append(answer)

    def stay(self, turns):
        for turn in turns:
            self.once(turn)
        return self.wrong


def visit(site, turns):
    """What all clients found wrong."""
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        visitors = [pool.submit(Visitor(site, number).stay, turns) for number in range(CLIENTS)]
        return [wrong for visitor in visitors for wrong in visitor.result()]


@pytest.mark.every_mpm
def test_every_part_under_load(httpd, mpm):
    site = httpd(handler=APP, server=SERVER, config=CONFIG, modules=MODULES, threads=32, children=8 if mpm == "prefork" else 1)
    site.expect_log("AH01617|AH01618|AH01631|AH01790|AH01776")
    assert visit(site, range(ROUNDS // 3)) == []
    children = site.child_pids()
    before = sum(memory(pid) for pid in children)
    assert visit(site, range(ROUNDS // 3, ROUNDS)) == []
    assert site.child_pids() == children
    # Each logged line once.
    marks = [f"{number}.{turn}" for number in range(CLIENTS) for turn in range(ROUNDS)]
    for how in ("request", "logger"):
        assert sorted(re.findall(rf"by {how} (\S+)", site.error_log)) == sorted(marks)
    requests = CLIENTS * ROUNDS * 7
    assert sum(memory(pid) for pid in children) - before < 3072 + requests // 8, "KiB"


def test_restarts_with_providers(httpd):
    site = httpd(handler=APP, server=SERVER, config=CONFIG, modules=MODULES)
    site.expect_log("AH01617")

    def restart():
        site.graceful()
        assert Visitor(site, 1).stay([0]) == []

    for _ in range(3):
        restart()
    before = memory(site.pid), descriptors(site.pid)
    for _ in range(RESTARTS):
        restart()
    after = memory(site.pid), descriptors(site.pid)
    assert after[0] - before[0] <= 256 + 2 * RESTARTS, f"the parent grew from {before[0]} to {after[0]} KiB"
    assert after[1] <= before[1]
