"""What the status page counts: every request once, whatever Python had to do with it, and by whose interpreter."""

import concurrent.futures
import textwrap

import pytest

from connections import ECHO_LINES, Connections
from crowd import CLIENTS, crowd
from httpd import wait_until
from scrape import SERVER, scrape, wait_for
from wsgi_applications import CONFIG as WSGI

STATUSES = """
    from mod_python import apache

    def handler(req):
        status = int(req.args or 200)
        if status == 200:
            req.write("hello")
            return apache.OK
        return status
"""
# How often the handler is asked for a status.
PLAN = {"200": 40, "204": 3, "302": 4, "404": 5, "410": 2, "503": 6}


@pytest.mark.every_mpm
def test_every_request_is_counted_once_over_all_children(httpd, mpm):
    site = httpd(handler=STATUSES, server=SERVER, children=4 if mpm == "prefork" else 3)
    asked = [status for status, count in PLAN.items() for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        answered = list(clients.map(lambda status: site.get(f"/?{status}").status, asked))
    assert sorted(map(str, answered)) == sorted(asked)
    wait_for(site, {"2xx": 43, "3xx": 4, "4xx": 7, "5xx": 6}, "requests_total", "status")
    samples = scrape(site)
    assert samples.by("requests_total", "interpreter") == {"localhost": 60}
    assert samples.by("calls_total", "kind") == {"content": 60}
    assert samples.sum("errors_total") == 0
    assert samples.sum("in_python_seconds_total") > 0
    assert len(samples.by("process_resident_memory_bytes", "pid")) == samples.sum("processes") == len(site.child_pids())


def test_a_crowd_is_counted(httpd):
    site = httpd(handler=STATUSES, server=SERVER, children=2)
    each = 100

    def talk(ask, _number):
        return [ask("GET", "/").status for _ in range(each)]

    assert crowd(site, talk) == [[200] * each] * CLIENTS
    wait_for(site, {"2xx": CLIENTS * each}, "requests_total", "status")
    assert scrape(site).sum("calls_total") == CLIENTS * each


def test_what_python_has_nothing_to_do_with_is_not_counted(httpd):
    site = httpd(server=SERVER, files={"page.txt": "text"})
    assert [site.get(path).status for path in ("/page.txt", "/none", "/status")] == [200, 404, 200]
    samples = scrape(site)
    assert samples.families["mod_python_requests"].samples == []
    assert samples.sum("processes") == len(site.child_pids())


def test_interpreters_count_apart(httpd):
    site = httpd(
        handler=STATUSES,
        config="""
            SetHandler mod_python
            PythonHandler app
            <Files ab>
                PythonInterpreter 'one "two" \\\\ three'
            </Files>
        """,
        server=SERVER,
    )
    for path in ("/ab", "/ab", "/other"):
        assert site.get(path).status == 200
    wait_for(site, {'one "two" \\ three': 2, "localhost": 1}, "requests_total", "interpreter", status="2xx")
    page = site.get("/status").text
    assert "one &quot;two&quot; \\ three" in page and 'one "two"' not in page


def test_more_interpreters_than_there_is_room_for(httpd):
    site = httpd(handler=STATUSES, config="SetHandler mod_python\nPythonHandler app\nPythonInterpPerDirectory On", server=SERVER)
    for number in range(70):
        (site.docroot / f"d{number}").mkdir()
        assert site.get(f"/d{number}/x").status == 200

    def counted():
        return scrape(site).sum("requests_total") == 70

    wait_until(counted, "70 requests")
    by_interpreter = scrape(site).by("requests_total", "interpreter")
    assert len(by_interpreter) == 64
    assert by_interpreter.pop("other") == 7
    assert set(by_interpreter.values()) == {1}


PHASES = """
    from mod_python import apache

    def accesshandler(req):
        return apache.OK

    def loghandler(req):
        return apache.OK

    def outputfilter(filter):
        while text := filter.read():
            filter.write(text.upper())
        if text is None:
            filter.close()
"""


def test_phases_and_filters_of_a_plain_file(httpd):
    site = httpd(
        handler=PHASES,
        config="""
            PythonOutputFilter app UPPER
            <Files page.txt>
                PythonAccessHandler app
                PythonLogHandler app
                SetOutputFilter UPPER
            </Files>
        """,
        server=SERVER,
        files={"page.txt": "text"},
    )
    for _ in range(3):
        assert site.get("/page.txt").text == "TEXT"
    wait_for(site, {"2xx": 3}, "requests_total", "status")
    calls = scrape(site).by("calls_total", "kind")
    assert calls["phase"] == 6
    assert calls["filter"] >= 3


def test_wsgi(httpd):
    application = """
        def application(environ, start_response):
            start_response(environ["QUERY_STRING"] + " Word", [])
            return [b"body"]
    """
    site = httpd(handler=application, config=WSGI, server=SERVER + "PythonWSGIAlias /alias ${docroot}/app.py")
    for path in ("/?200", "/?404", "/alias?201"):
        assert site.get(path).status == int(path.partition("?")[2])
    wait_for(site, {"2xx": 2, "4xx": 1}, "requests_total", "status")
    assert scrape(site).by("calls_total", "kind") == {"wsgi": 3}


def test_connections(httpd):
    site = Connections(httpd, ECHO_LINES, main=SERVER)
    for _ in range(2):
        assert site.talk(b"one\ntwo\n") == b"one\ntwo\n"
    wait_for(site.site, {"connection": 2}, "calls_total", "kind")
    assert scrape(site.site).sum("requests_total") == 0


def test_includes_and_providers(httpd):
    check = """
        from mod_python import apache
        def check(req, user, password):
            return apache.AUTH_GRANTED if password == "secret" else apache.AUTH_DENIED
    """
    site = httpd(
        handler=check,
        server=SERVER + "PythonPath \"sys.path + ['${docroot}']\"\nPythonAuthnProvider users app::check",
        config="""
            Options Includes
            AddType text/html .html
            SetOutputFilter INCLUDES
            AuthType Basic
            AuthName here
            AuthBasicProvider users
            Require valid-user
        """,
        modules=("include", "mime", "filter", "authn_core", "auth_basic", "authz_user"),
        files={
            "page.html": '<!--#python eval="1 + 1" --> <!--#include virtual="/inner.html" -->',
            "inner.html": "<!--#python eval='3'-->",
        },
    )
    assert site.get("/page.html", user=("alice", "secret")).text == "2 3"
    site.expect_log("AH01617")
    assert site.get("/page.html", user=("alice", "wrong")).status == 401
    # The page that is included is no request of a client's.
    wait_for(site, {"2xx": 1, "4xx": 1}, "requests_total", "status")
    calls = scrape(site).by("calls_total", "kind")
    assert calls["include"] == 2 and calls["provider"] >= 2


def test_a_redirection_is_one_request(httpd):
    site = httpd(
        handler="""
            from mod_python import apache
            def handler(req):
                if req.uri == "/away":
                    req.internal_redirect("/there")
                    return apache.OK
                if req.uri == "/page":
                    req.write("sorry")
                    return apache.OK
                return {"/there": 0}.get(req.uri, 404)
        """,
        config="SetHandler mod_python\nPythonHandler app\nErrorDocument 404 /page",
        server=SERVER,
    )
    assert site.get("/away").status == 200
    wait_for(site, {"2xx": 1}, "requests_total", "status")
    response = site.get("/missing")
    assert (response.status, response.text) == (404, "sorry")
    wait_for(site, {"2xx": 1, "4xx": 1}, "requests_total", "status")
    assert scrape(site).sum("calls_total") == 4


def test_a_page_for_what_python_has_not_refused(httpd):
    site = httpd(
        handler="def handler(req): return req.write('sorry') or 0",
        config="<Files page>\nSetHandler mod_python\nPythonHandler app\n</Files>\nErrorDocument 404 /page",
        server=SERVER,
    )
    assert (site.get("/missing").status, site.get("/page").status) == (404, 200)
    wait_for(site, {"2xx": 1, "4xx": 1}, "requests_total", "status")


def test_reloads(httpd):
    site = httpd(
        handler="import part\ndef handler(req): return req.write(part.text) or 0", files={"part.py": "text = 'one'"}, server=SERVER
    )
    assert site.get("/").text == "one"
    assert scrape(site).sum("reloads_total") == 0
    site.write("part.py", "text = 'two'")
    assert site.get("/").text == "two"
    # The part, and who imported it.
    assert scrape(site).sum("reloads_total") == 2


WAITS = """
    import threading, time
    from mod_python import apache

    go = threading.Event()

    def handler(req):
        if req.uri == "/wait":
            assert go.wait(30)
        elif req.uri == "/go":
            go.set()
        elif req.uri == "/sleep":
            time.sleep(0.25)
        elif req.uri == "/work":
            end = time.perf_counter() + 0.25
            while time.perf_counter() < end:
                pass
        return apache.OK
"""


def test_busy_threads(httpd):
    site = httpd(handler=textwrap.dedent(WAITS), server=SERVER)
    with concurrent.futures.ThreadPoolExecutor(3) as clients:
        answers = [clients.submit(site.get, "/wait") for _ in range(3)]
        wait_until(lambda: scrape(site).sum("busy_threads") == 3, "three busy threads")
        assert site.get("/go").status == 200
        assert [answer.result().status for answer in answers] == [200] * 3
    wait_until(lambda: scrape(site).sum("busy_threads") == 0, "no busy thread")


def test_time_in_python(httpd):
    site = httpd(handler=textwrap.dedent(WAITS), server=SERVER)
    assert site.get("/sleep").status == 200
    before = scrape(site).sum("in_python_seconds_total")
    assert before >= 0.25
    assert site.get("/sleep").status == 200
    assert scrape(site).sum("in_python_seconds_total") >= before + 0.25


def test_who_waits_for_python(httpd):
    site = httpd(handler=textwrap.dedent(WAITS), server=SERVER)
    assert site.get("/go").status == 200
    with concurrent.futures.ThreadPoolExecutor(2) as clients:
        assert [answer.status for answer in clients.map(site.get, ["/work"] * 2)] == [200] * 2
    samples = scrape(site)
    assert samples.sum("gil_waits_total") > 0
    assert samples.sum("gil_wait_seconds_total") > 0


def test_a_thread_of_pythons_own_makes_others_wait(httpd):
    site = httpd(
        handler="""
            import threading
            is_over = threading.Event()
            def work():
                while not is_over.is_set():
                    pass
            def handler(req):
                if req.uri == "/start":
                    threading.Thread(target=work).start()
                elif req.uri == "/stop":
                    is_over.set()
                return 0
        """,
        server=SERVER,
    )
    assert site.get("/start").status == 200
    before = scrape(site).sum("gil_wait_seconds_total")

    def has_waited():
        assert site.get("/").status == 200
        # CPython lets a thread run for 5 ms, once the kernel has.
        return scrape(site).sum("gil_wait_seconds_total") - before > 0.001

    wait_until(has_waited, "a request waits for the thread")
    assert site.get("/stop").status == 200
