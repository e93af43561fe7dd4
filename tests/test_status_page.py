"""`SetHandler python-status` for people, and the section in mod_status's page."""

import html
import html.parser
import pathlib
import re
import tempfile

import pytest

from httpd import wait_until
from scrape import SERVER, scrape, wait_for

APP = """
    def handler(req):
        if req.args == "error":
            raise ValueError("<b>bad & ugly</b>")
        req.write("hello")
        return 0
"""
LATE = {"late_modules": ("status",)}
EARLY = {"modules": ("status",)}
MOD_STATUS = SERVER + "<Location /server-status>\nSetHandler server-status\nRequire all granted\n</Location>\n"


class Page(html.parser.HTMLParser):
    """Tables of a page, by the heading above, as rows of cells' text."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.heading, self.open, self.into = {}, "", [], None
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "hr", "br", "img"):
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.heading = ""
        if tag == "tr":
            self.tables.setdefault(self.heading, []).append([])
        if tag in ("td", "th"):
            self.tables[self.heading][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.heading += data
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[self.heading][-1][-1] += data

    def rows(self, heading):
        head, *rows = self.tables[heading]
        assert all(len(row) == len(head) for row in rows)
        return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.every_mpm
def test_a_page_that_starts_no_python(httpd):
    site = httpd(handler=APP, server=SERVER, children=2)
    response = site.get("/status")
    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["Cache-Control"] == "no-store"
    rows = Page(response.text).rows("Processes")
    assert {int(row["process"]) for row in rows} <= set(site.child_pids())
    assert {(row["interpreter"], row["requests"], row["generation"]) for row in rows} == {("none yet", "", "0")}
    assert all(float(row["RSS, MiB"]) > 1 for row in rows)
    # The child that answers sees its own.
    assert any(row["PSS, MiB"] != "\u2013" for row in rows)
    assert "Python/" in site.get("/status").headers["Server"] and "Python 3." in response.text


def test_numbers_of_the_page(httpd):
    site = httpd(handler=APP, server=SERVER)
    for _ in range(3):
        assert site.get("/").text == "hello"
    assert site.get("/?error").status == 500
    site.expect_traceback("ValueError")
    wait_for(site, {"2xx": 3, "5xx": 1}, "requests_total", "status")
    page = Page(site.get("/status").text)
    [row] = page.rows("Interpreters")
    assert (row["interpreter"], row["requests"], row["2xx"], row["5xx"], row["other"]) == ("localhost", "4", "3", "1", "0")
    assert (row["errors"], row["busy threads"]) == ("1", "0")
    [calls] = page.rows("Calls")
    assert (calls["content"], calls["wsgi"]) == ("4", "0")
    [process] = page.rows("Processes")
    assert (process["interpreter"], process["requests"], process["errors"]) == ("localhost", "4", "1")
    assert [process[name] for name in ("1xx", "2xx", "3xx", "4xx", "5xx", "other")] == ["0", "3", "0", "0", "1", "0"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", process["started"])


def test_interpreters_are_summed_up(httpd):
    site = httpd(handler=APP, config="SetHandler mod_python\nPythonHandler app\nPythonInterpPerDirectory On", server=SERVER)
    for name in ("one", "two"):
        (site.docroot / name).mkdir()
        assert site.get(f"/{name}/x").status == 200
    wait_for(site, {"2xx": 2}, "requests_total", "status")
    page = Page(site.get("/status").text)
    assert [row["requests"] for row in page.rows("Interpreters")] == ["1", "1", "2"]
    first, second = page.rows("Processes")
    assert first["process"] and not second["process"]
    assert first["interpreter"].endswith("/one/") and second["interpreter"].endswith("/two/")


def test_last_errors_are_on_the_page_only(httpd):
    site = httpd(handler=APP, server=SERVER)
    site.expect_traceback("ValueError")
    assert site.get("/%3Cscript%3E?error").status == 500
    text = site.get("/status").text
    assert "<script>" not in text and "<b>bad" not in text
    [row] = Page(text).rows("Last errors")
    assert row["URI"] == "/<script>"
    assert row["error"] == "PythonHandler app: ValueError: <b>bad & ugly</b>"
    assert (row["interpreter"], int(row["process"]) in site.child_pids()) == ("localhost", True)
    assert row["time"].endswith(" GMT")
    assert "ugly" not in site.get("/status?format=prometheus").text
    assert scrape(site).sum("errors_total") == 1


def test_the_ring_of_errors_is_bounded(httpd):
    site = httpd(
        handler="def handler(req): raise RuntimeError(req.uri + 'x' * 5000)",
        server=SERVER,
    )
    site.expect_traceback("RuntimeError")
    for number in range(40):
        assert site.get(f"/{number}").status == 500
    rows = Page(site.get("/status").text).rows("Last errors")
    assert [row["URI"] for row in rows] == [f"/{number}" for number in range(39, 7, -1)]
    assert all(len(row["error"]) < 1000 for row in rows)
    assert scrape(site).sum("errors_total") == 40


def test_errors_without_a_request(httpd):
    site = httpd(
        handler="""
            def childinithandler(server):
                raise KeyError("at the start")
            def handler(req):
                req.register_cleanup(lambda data: 1 / 0)
                return 0
        """,
        server=SERVER + "PythonPath \"sys.path + ['${docroot}']\"\nPythonChildInitHandler app\nPythonImport missing_module here",
    )
    site.expect_log("PythonChildInitHandler app: ")
    site.expect_log("PythonImport .*missing_module")
    site.expect_log("mod_python: error in the cleanup|division by zero")
    assert site.get("/late").status == 200

    def errors():
        rows = Page(site.get("/status").text).rows("Last errors")
        return rows if len(rows) == 3 else None

    cleanup, start, imported = wait_until(errors, "three errors")
    assert "ZeroDivisionError" in cleanup["error"] and cleanup["URI"] == "/late"
    assert "KeyError" in start["error"] and start["URI"] == ""
    assert "ModuleNotFoundError" in imported["error"] and imported["interpreter"] == "here"


def test_an_interpreter_that_is_not_to_be_had(httpd):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        (directory / "sitecustomize.py").write_text("import sys\nsys.modules['time'] = None\n")
        site = httpd(handler=APP, server=SERVER, env={"PYTHONPATH": name})
        site.expect_log("PythonHandler: interpreter 'localhost' could not be prepared: ")
        assert site.get("/page").status == 500
        [row] = Page(site.get("/status").text).rows("Last errors")
        assert (row["interpreter"], row["URI"]) == ("localhost", "/page") and "could not be prepared" in row["error"]


def test_methods_and_formats(httpd):
    site = httpd(server=SERVER)
    head = site.request("HEAD", "/status")
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "text/html; charset=utf-8")
    for method in ("POST", "PUT", "DELETE"):
        refused = site.request(method, "/status")
        assert refused.status == 405
        assert set(refused.headers["Allow"].replace(",", " ").split()) >= {"GET", "HEAD"}
        assert "POST" not in refused.headers["Allow"]
    assert site.get("/status?format=json").status == 400
    assert site.get("/status?format=html").status == 200


def test_types_and_helps(httpd):
    site = httpd(handler=APP, server=SERVER)
    assert site.get("/").status == 200
    wait_for(site, {"2xx": 1}, "requests_total", "status")
    families = scrape(site).families
    assert all(name.startswith("mod_python_") and family.documentation for name, family in families.items())
    kinds = {name: family.type for name, family in families.items()}
    assert {kinds[f"mod_python_{name}"] for name in ("requests", "calls", "errors", "in_python_seconds", "gil_waits")} == {
        "counter"
    }
    assert {kinds[f"mod_python_{name}"] for name in ("busy_threads", "processes", "info", "start_time_seconds")} == {"gauge"}
    [info] = families["mod_python_info"].samples
    assert set(info.labels) == {"version", "python"} and info.value == 1


@pytest.mark.parametrize("order", [EARLY, LATE], ids=["early", "late"])
def test_a_section_of_mod_status(httpd, order):
    site = httpd(handler=APP, server=MOD_STATUS, **order)
    for _ in range(2):
        assert site.get("/").status == 200
    site.expect_traceback("ValueError")
    assert site.get("/?error").status == 500
    wait_for(site, {"2xx": 2, "5xx": 1}, "requests_total", "status")
    text = site.get("/server-status").text
    page = Page(text[text.index("<h2>mod_python</h2>") : text.index("</body>")])
    [row], [process], [error] = (page.rows(heading) for heading in ("mod_python", "Processes", "Last errors"))
    for counted in (row, process):
        assert [counted[name] for name in ("interpreter", "requests", "2xx", "5xx", "errors")] == ["localhost", "3", "2", "1", "1"]
    assert float(process["RSS, MiB"]) > 1 and int(process["process"]) in site.child_pids()
    assert (error["URI"], error["error"]) == ("/", "PythonHandler app: ValueError: <b>bad & ugly</b>")
    lines = dict(line.split(": ", 1) for line in site.get("/server-status?auto").text.splitlines() if ": " in line)
    assert (lines["PythonRequests"], lines["PythonRequests2xx"], lines["PythonRequests5xx"]) == ("3", "2", "1")
    assert (lines["PythonErrors"], lines["PythonBusyThreads"], lines["PythonProcesses"]) == ("1", "0", "1")
    assert float(lines["PythonSeconds"]) >= 0
    plain = site.get("/server-status?notable").text
    plain = plain[plain.index("<h2>mod_python</h2>") :]
    assert "<table" not in plain and "<b>" not in plain
    counted = r"localhost: 3 requests \(0 other, 0 1xx, 2 2xx, 0 3xx, 0 4xx, 1 5xx\), 1 errors"
    assert len(re.findall(counted, plain)) == 2 and re.search(rf"Process {process['process']}, \d+\.\d MiB: {counted}", plain)
    assert "localhost /: PythonHandler app: ValueError: <b>bad & ugly</b>" in html.unescape(plain)


def test_the_section_after_restarts(httpd):
    site = httpd(handler=APP, server=MOD_STATUS, **LATE)
    for _ in range(2):
        site.graceful()
    wait_until(lambda: site.get("/server-status").text.count("<h2>mod_python</h2>") == 1, "one section")
    assert "PythonRequests: 0" in site.get("/server-status?auto").text
