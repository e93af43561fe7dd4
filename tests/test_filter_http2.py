"""Python filters and connection handlers under HTTP/2, whose requests run in threads and on connections of their own."""

import subprocess

import pytest

from test_filter import UPPER
from test_real_site import certificate as certificate
from test_real_site import curl as encrypted
from test_real_site import tls

TLS_MODULES = ("socache_shmcb", "ssl", "http2")
FILTERS = (
    UPPER
    + """
    def handler(req):
        if req.args:
            for number in range(int(req.args)):
                req.write(f"piece {number}\\n")
        req.write(req.read())
        return apache.OK

    def broken(filter):
        if filter.read():
            1/0

    def broken_late(filter):
        data = filter.read()
        if filter.req.sent_bodyct:
            1/0
        filter.write(data)
        filter.flush()
"""
)
CONFIG = """
    SetHandler mod_python
    PythonHandler app
    PythonInputFilter app in
    PythonOutputFilter app out
    PythonInputFilter app::broken broken_in
    PythonOutputFilter app::broken broken_out
    SetInputFilter in
    SetOutputFilter out
    <Files bad_output>
        SetOutputFilter broken_out
    </Files>
    PythonOutputFilter app::broken_late broken_late
    <Files late>
        SetOutputFilter broken_late
    </Files>
    <Files bad_input>
        SetInputFilter broken_in
    </Files>
"""
PROTOCOL = "Protocols h2c http/1.1\n"
FACTS = "%{http_version} %{http_code} %{exitcode}"


def curl(site, path, *options, body=None):
    """Version, status and curl's exit code, and the body, of a request over HTTP/2 without TLS."""
    command = [
        "curl",
        "-s",
        "--max-time",
        "20",
        "--http2-prior-knowledge",
        "-w",
        "\n" + FACTS,
        f"http://localhost:{site.port}{path}",
    ]
    command += [*options, *(["--data-binary", "@-"] if body is not None else [])]
    answer = subprocess.run(command, input=body, capture_output=True, check=False).stdout
    content, _, facts = answer.rpartition(b"\n")
    return (*facts.decode().split(), content)


@pytest.mark.every_mpm
def test_bodies(httpd):
    site = httpd(handler=FILTERS, server=PROTOCOL, config=CONFIG, modules=("http2",))
    body = b"some text\n" * 30_000
    pieces = b"".join(b"PIECE %d\n" % number for number in range(200))
    for sent in (b"", b"text", body):
        assert curl(site, "/x?200", body=sent) == ("2", "200", "0", pieces + sent.upper())
    assert curl(site, "/x?3") == ("2", "200", "0", pieces[:24])


def test_errors(httpd):
    site = httpd(handler=FILTERS, server=PROTOCOL, config=CONFIG, modules=("http2",))
    site.expect_log("broken_out app::broken: .*ZeroDivisionError")
    site.expect_log("broken_in app::broken: .*ZeroDivisionError")
    site.expect_log("(broken_out|broken_in) app::broken: ")
    site.expect_log("PythonHandler app: ")
    assert curl(site, "/bad_output?3")[:3] == ("2", "500", "0")
    assert curl(site, "/bad_input", body=b"text")[:3] == ("2", "500", "0")
    # One that breaks off is told from one that ends.
    site.expect_log("broken_late app::broken_late: .*ZeroDivisionError")
    site.expect_log("broken_late app::broken_late: ")
    assert curl(site, "/late?20000")[2] != "0"


@pytest.mark.parametrize("model", ["event", "worker"])
def test_many_streams_of_one_connection(httpd, certificate, model):
    site = httpd(mpm=model, handler=FILTERS, server=tls(certificate), config=CONFIG, modules=TLS_MODULES, threads=32)
    body = b"some text " * 2000
    wanted = b"".join(b"PIECE %d\n" % number for number in range(300)) + body.upper()
    (site.scratch / "sent").write_bytes(body)
    options = ["--parallel", "--parallel-max", "50", "--http2", "--data-binary", f"@{site.scratch}/sent"]
    for number in range(200):
        options += [f"https://localhost:{site.port}/x?300", "--output", f"{site.scratch}/{number}"]
    encrypted(site, certificate, "/x", *options)
    wrong = [number for number in range(200) if (site.scratch / str(number)).read_bytes() != wanted]
    assert wrong == []


CONNECTIONS = """
    from mod_python import apache

    def preconnectionhandler(conn):
        conn.notes["handlers"] = "pre"
        apache.log_error("before the connection", apache.APLOG_NOTICE)
        return apache.OK

    def connectionhandler(conn):
        conn.notes["handlers"] += " connection"
        apache.log_error("a connection", apache.APLOG_NOTICE)
        return apache.DECLINED

    def handler(req):
        conn = req.connection
        req.write(f"{req.protocol} {conn.client_ip} {conn.aborted} {req.main} {conn.hlist}")
        return apache.OK
"""


def test_connection_handlers(httpd, certificate):
    """Called for the client's connection, not for those that mod_http2 makes for each request."""
    site = httpd(
        handler=CONNECTIONS,
        server=tls(certificate)
        + "PythonPath \"sys.path + ['${docroot}']\"\nPythonConnectionHandler app\nPythonPreConnectionHandler app",
        config="SetHandler mod_python\nPythonHandler app",
        modules=TLS_MODULES,
    )
    # The one by which it was seen that httpd answers.
    site.wait_log("a connection")
    before = site.error_log.count("a connection")
    options = []
    for number in range(20):
        options += [f"https://localhost:{site.port}/{number}", "--output", f"{site.scratch}/{number}"]
    encrypted(site, certificate, "/x", "--http2", *options)
    answers = {(site.scratch / str(number)).read_text() for number in range(20)}
    assert answers == {"HTTP/2.0 127.0.0.1 0 None None"}
    assert site.error_log.count("a connection") - before == 1
    assert site.error_log.count("before the connection") == site.error_log.count("a connection")
    assert encrypted(site, certificate, "/x", "--http1.1")[2].startswith(b"HTTP/1.1 127.0.0.1")


def test_a_connection_handler_that_answers(httpd):
    site = httpd(
        handler="""
            def connectionhandler(conn):
                try:
                    conn.write(conn.read(14)[:3])
                except OSError:
                    pass
                return 0
        """,
        server=PROTOCOL + "PythonPath \"sys.path + ['${docroot}']\"\nPythonConnectionHandler app",
        modules=("http2",),
    )
    assert site.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", half_close=True) == b"PRI"
