"""Readers in C through Python input filters: every mode of reading, and the modules that read bodies."""

import functools
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import httpd as real
from client import receive
from filters import UPPER

FILTERS = (
    UPPER
    + """
    def by_lines(filter):
        line = filter.readline()
        while line:
            filter.write(line.upper())
            line = filter.readline()
        if line is None:
            filter.close()

    def one_byte(filter):
        data = filter.read(1)
        if data is None:
            filter.close()
        elif data:
            filter.write(data.upper())

    def gather(filter):
        # One piece, at the end.
        req = filter.req
        data = filter.read()
        while data:
            req.gathered = getattr(req, "gathered", b"") + data
            data = filter.read()
        if data is None:
            filter.write(req.gathered.upper())
            filter.close()

    def one_line(filter):
        filter.write(filter.readline().upper())
        filter.disable()

    def handler(req):
        req.write(req.read())
        return apache.OK
"""
)


@functools.cache
def read_modes():
    """The module in C beside this file, compiled."""
    source = pathlib.Path(__file__).parent / "modules/mod_read_modes.c"
    directory = real.PROJECT / "target/tests"
    module = directory / ".libs/mod_read_modes.so"
    if not module.exists() or module.stat().st_mtime < source.stat().st_mtime:
        own = directory / str(os.getpid())
        own.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, own)
        subprocess.run([os.environ.get("APXS", "apxs"), "-c", source.name], cwd=own, check=True, capture_output=True)
        module.parent.mkdir(exist_ok=True)
        (own / ".libs" / module.name).replace(module)
        shutil.rmtree(own)
    return module


@pytest.fixture
def reading(httpd):
    """A site on which `read(filter, steps, body)` gives what each step has read, as bytes."""
    site = httpd(
        handler=FILTERS,
        server=f'LoadModule read_modes_module "{read_modes()}"',
        config="SetHandler read-modes\n"
        + "".join(
            f"PythonInputFilter app::{name} {name}\n<Files {name}>\nSetInputFilter {name}\n</Files>\n"
            for name in ("inputfilter", "by_lines", "one_byte", "gather", "one_line")
        ),
    )

    def read(name, steps, body):
        answer = site.post(f"/{name}?{','.join(steps)}", body)
        assert answer.status == 200
        return answer.body

    read.site = site
    return read


LINES = b"first line\nsecond line\n\nthird line without end"
STEPS = ("s4", "g", "s6", "r3", "g", "g", "s100", "r5", "g", "r10", "r10")
FILTERED = (
    b"FIRS|\nFIRST LINE\n|\nSECOND|\nSEC|\nOND LINE\n|\n\n|\nTHIRD LINE WITHOUT END|\nTHIRD|\n LINE WITHOUT END|end\n|end\n|end\n"
)


@pytest.mark.parametrize("name", ["inputfilter", "by_lines", "gather"])
def test_every_mode(reading, name):
    assert reading(name, STEPS, LINES) == FILTERED


def test_every_mode_through_a_filter_that_gives_little(reading):
    # A look ahead, as any read, may get less than it asked for, but something.
    steps = ("s4", "g", "r3", "g", "s1", "g", "g", "r10")
    wanted = b"F|\nFIRST LINE\n|\nS|\nECOND LINE\n|\n\n|\n\n|\nTHIRD LINE WITHOUT END|end\n|end\n"
    assert reading("one_byte", steps, LINES) == wanted


def test_a_filter_that_lets_the_rest_go_by(reading):
    assert reading("one_line", ("g", "s6", "g", "r100", "r10"), b"one\ntwo three\nfour") == (
        b"ONE\n|\ntwo th|\ntwo three\n|\nfour|end\n|end\n"
    )


def test_lines_that_are_longer_than_lines_are(reading):
    body = b"x" * 20_000 + b"\n" + b"y" * 10
    long = b"X" * 8192
    assert reading("inputfilter", ("g", "g", "g", "g"), body) == b"%s|\n%s|\n%s\n|\n%s|end\n" % (long, long, b"X" * 3616, b"Y" * 10)


def test_all_at_once_and_what_is_not_the_body_s(reading):
    body = b"\r\n" + bytes(range(65, 91)) * 5000
    # How much there is at a time is for the network to say; a look for empty lines does not wait for it.
    answer = reading("gather", ("e", *["x"] * 30), body)
    is_whole = re.sub(rb"\|(end|again)?\n", b"", answer) == body
    assert is_whole and answer.endswith(b"|end\n"), len(answer)
    assert reading("inputfilter", ("s0", "r1", "x"), b"abc") == b"|\nA|\nBC|end\n"
    assert reading("inputfilter", ("s5", "g", "g"), b"") == b"|end\n|end\n|end\n"


@pytest.mark.parametrize("step", ["R100", "G", "S10"])
def test_a_reader_that_does_not_wait(reading, step):
    head = b"POST /inputfilter?%s,%s,r100 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    with reading.site.socket() as connection:
        connection.sendall(head % (step.encode(), step.lower().encode()))
        received = b""
        while not received.endswith((b"|\n", b"|\n\r\n", b"again\n", b"again\n\r\n")):
            received += connection.recv(1000)
        connection.sendall(b"a\nbc")
        received += receive(connection)
    first, second = (b"A\nBC|", b"|end") if step == "R100" else (b"A\n|", b"BC|end") if step == "G" else (b"A\nBC|", b"A\nBC|end")
    assert first in received and received.index(first) < received.index(second)


CGI = r"""#!/usr/bin/python3
import os, sys
body = sys.stdin.buffer.read()
sys.stdout.write("Content-Type: text/plain\n\n" + os.environ.get("CONTENT_LENGTH", "none") + " ")
sys.stdout.flush()
sys.stdout.buffer.write(body)
"""


@pytest.mark.parametrize(("model", "module"), [("prefork", "cgi"), ("event", "cgid")])
def test_programs(httpd, model, module):
    site = httpd(
        mpm=model,
        handler=FILTERS,
        files={"program": CGI},
        modules=(module,),
        server="ScriptSock cgisock" if module == "cgid" else "",
        config="""
            Options +ExecCGI
            <Files program>
                SetHandler cgi-script
                PythonInputFilter app upper
                SetInputFilter upper
            </Files>
        """,
    )
    (site.docroot / "program").chmod(0o755)
    for body in (b"a body", b"", b"abc\n" * 100_000):
        assert site.post("/program", body).body == b"%d " % len(body) + body.upper()
    chunked = site.request("POST", "/program", body=iter([b"one ", b"two"]))
    assert chunked.body.partition(b" ")[2] == b"ONE TWO"


PROXY = """
    Listen 127.0.0.1:${port2}
    <Location /out>
        ProxyPass http://127.0.0.1:${port2}/inner
        PythonInputFilter app upper
        SetInputFilter upper
        PythonOutputFilter app::outputfilter upper
        SetOutputFilter upper
    </Location>
    PythonPath "sys.path + ['${docroot}']"
"""


@pytest.mark.every_mpm
def test_a_proxy(httpd):
    """The body goes filtered to the server behind, and its answer filtered to the client."""
    site = httpd(
        handler=FILTERS + "\n    def inner(req):\n        req.write('behind: ')\n        return handler(req)",
        server=f"Define port2 {real.free_port()}\n" + PROXY,
        modules=("proxy", "proxy_http"),
        config="SetHandler mod_python\nPythonHandler app::inner",
    )
    body = os.urandom(200_000)
    for sent in (b"text", b"", body):
        assert site.post("/out", sent).body == b"BEHIND: " + sent.upper()
    chunked = site.request("POST", "/out", body=iter([body[:70_000], body[70_000:]]))
    assert chunked.body == b"BEHIND: " + body.upper()
    assert site.get("/out").text == "BEHIND: "


def test_modules_that_read_bodies(httpd):
    """mod_reflector sends the body back, mod_buffer gathers it before."""
    site = httpd(
        handler=FILTERS,
        modules=("reflector", "buffer"),
        config="""
            SetHandler reflector
            PythonInputFilter app upper
            SetInputFilter upper
            <Files buffered>
                SetInputFilter upper;BUFFER
            </Files>
        """,
    )
    body = b"some text " * 50_000
    assert site.post("/mirror", body).body == body.upper()
    assert site.post("/buffered", body).body == body.upper()
