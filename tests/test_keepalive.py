"""One connection for many requests: whatever became of one, the next is answered as if it were the first."""

import http.client
import subprocess

import pytest

from real_site import certificate as certificate
from real_site import tls

HANDLER = """
    from mod_python import apache

    class Own(Exception):
        pass

    def handler(req):
        what = req.uri.strip("/")
        if what == "limited":
            what = "read"
        if what == "raises":
            raise Own("before the response")
        if what == "raises_with_body":
            req.read(3)
            raise Own("with half of the body")
        if what == "status":
            return int(req.args)
        if what == "returns":
            raise apache.SERVER_RETURN(int(req.args))
        if what == "read":
            req.write(req.read())
        elif what == "half":
            req.write(req.read(3))
        elif what == "line":
            req.write(req.readline())
        elif what == "discard":
            req.discard_request_body()
            req.write("discarded")
        elif what == "declined":
            return apache.DECLINED
        elif what == "own_page":
            req.status = 404
            req.write("own page")
        elif what == "too_long":
            req.set_content_length(3)
            req.write("abc")
        else:
            req.write(f"{req.method} {req.uri}")
        return apache.OK

    def accesshandler(req):
        return apache.HTTP_FORBIDDEN if req.uri == "/secret" else apache.OK

    def application(environ, start_response):
        what = environ["PATH_INFO"].strip("/")
        if what == "raises":
            raise Own("in the application")
        body = environ["wsgi.input"].read(3) if what == "half" else environ["wsgi.input"].read() if what == "read" else what.encode()
        start_response("404 Own" if what == "missing" else "200 OK", [("Content-Length", str(len(body)))])
        return [body]
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    SetHandler mod_python
    <LocationMatch "^/(?!wsgi)">
        PythonHandler app
        PythonAccessHandler app
    </LocationMatch>
    <Location /wsgi>
        PythonHandler mod_python.wsgi
        PythonOption mod_python.wsgi.application app
        PythonOption mod_python.wsgi.base_uri /wsgi
    </Location>
    <Location /limited>
        LimitRequestBody 10
    </Location>
"""
BODY = b"a body of\nsome bytes"

# Path, method, body, status, body of the answer (None: httpd's page).
CASES = [
    ("/x", "GET", None, 200, b"GET /x"),
    ("/raises", "GET", None, 500, None),
    ("/raises", "POST", BODY, 500, None),
    ("/raises_with_body", "POST", BODY, 500, None),
    ("/status?404", "GET", None, 404, None),
    ("/status?404", "POST", BODY, 404, None),
    ("/status?403", "POST", BODY, 403, None),
    ("/returns?410", "POST", BODY, 410, None),
    ("/status?304", "GET", None, 304, b""),
    ("/status?204", "GET", None, 204, b""),
    ("/status?204", "POST", BODY, 204, b""),
    ("/read", "POST", BODY, 200, BODY),
    ("/half", "POST", BODY, 200, BODY[:3]),
    ("/line", "POST", BODY, 200, BODY[:10]),
    ("/discard", "POST", BODY, 200, b"discarded"),
    ("/unread", "POST", BODY, 200, b"POST /unread"),
    ("/unread", "PUT", BODY * 5000, 200, b"PUT /unread"),
    ("/half", "POST", BODY * 5000, 200, BODY[:3]),
    ("/declined", "GET", None, 404, None),
    ("/own_page", "POST", BODY, 404, b"own page"),
    ("/too_long", "GET", None, 200, b"abc"),
    ("/secret", "POST", BODY, 403, None),
    ("/limited", "POST", BODY, 413, None),
    ("/wsgi/raises", "POST", BODY, 500, None),
    ("/wsgi/half", "POST", BODY, 200, BODY[:3]),
    ("/wsgi/read", "POST", BODY, 200, BODY),
    ("/wsgi/missing", "POST", BODY, 404, b"missing"),
    ("/x", "OWN", None, 200, b"OWN /x"),
]


# After these httpd closes the connection, whoever answers.
CLOSING = (413, 500)


@pytest.fixture
def site(httpd):
    return httpd(handler=HANDLER, server=SERVER, config="")


def expect_errors(site):
    site.expect_log("PythonHandler app: app.Own: before the response")
    site.expect_log("PythonHandler app: ")
    site.expect_log("PythonHandler mod_python.wsgi: app.Own: in the application")
    site.expect_log("PythonHandler mod_python.wsgi: ")


def framed(body, chunked):
    """Headers and bytes of a request's body."""
    if body is None:
        return b"", b""
    if not chunked:
        return b"Content-Length: %d\r\n" % len(body), body
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    return b"Transfer-Encoding: chunked\r\n", b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def send(connection, path, method, body, chunked=False):
    headers, data = framed(body, chunked)
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + headers + b"\r\n" + data)


class Kept:
    """What HTTPResponse takes for a socket: all responses have one stream, so that none keeps what is read for it too early."""

    def __init__(self, connection):
        self.stream = connection.makefile("rb")
        self.stream.close = lambda: None

    def makefile(self, _mode):
        return self.stream


def receive(connection, method):
    """(status, body, whether the connection is over) of the next answer."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    body = response.read()
    return response.status, body, response.will_close


def matches(answer, case):
    _, _, _, status, wanted = case
    return answer[0] == status and wanted in (None, answer[1])


@pytest.mark.threads_and_processes
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_the_next_request(site, chunked):
    expect_errors(site)
    for case in CASES:
        path, method, body, status, _ = case
        with site.socket() as connection:
            send(connection, path, method, body, chunked)
            answer = receive(connection, method)
            assert matches(answer, case), (case[:2], answer)
            assert answer[2] is (status in CLOSING), case[:2]
            if answer[2]:
                assert connection.recv(1) == b""
            else:
                send(connection, "/next", "GET", None)
                assert receive(connection, "GET") == (200, b"GET /next", False), case[:2]


@pytest.mark.threads_and_processes
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_all_requests_at_once(site, chunked):
    """Those that keep the connection open, sent before the first answer is read."""
    cases = [case for case in CASES if case[3] not in CLOSING and len(case[2] or "") < 1000]
    with site.socket() as connection:
        for path, method, body, *_ in cases:
            send(connection, path, method, body, chunked)
        stream = Kept(connection)
        for case in cases:
            answer = receive(stream, case[1])
            assert matches(answer, case), (case[:2], answer)


@pytest.mark.threads_and_processes
def test_what_comes_behind_a_closing_answer_is_not_seen(site):
    expect_errors(site)
    for path in ("/raises", "/wsgi/raises", "/limited"):
        headers, data = framed(BODY, False)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n".encode()
        received = site.raw(head + headers + b"\r\n" + data + b"GET /seen HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert received.count(b"HTTP/1.1 ") == 1 and b"seen" not in received


def test_errors_of_one_stream_are_not_those_of_another(httpd, certificate):
    """HTTP/2: there an error ends a stream, and never the connection."""
    cases = [case for case in CASES if case[2] is None] * 2
    site = httpd(handler=HANDLER, server=SERVER + tls(certificate), config="", modules=("socache_shmcb", "ssl", "http2"))
    site.expect_log("PythonHandler app: app.Own: before the response")
    site.expect_log("PythonHandler app: ")
    command = ["curl", "--silent"]
    for index, (path, method, body, *_) in enumerate(cases):
        command += ["--next"] if index else []
        command += ["--http2", "--request", method, "--output", str(site.scratch / str(index)), "--noproxy", "*"]
        command += ["--cacert", str(certificate[0]), "--resolve", f"localhost:{site.port}:127.0.0.1", "--max-time", "60"]
        command += ["--write-out", "%{http_code} %{num_connects}\n"]
        if body is not None:
            (site.scratch / f"body{index}").write_bytes(body)
            command += ["--data-binary", f"@{site.scratch}/body{index}"]
        command.append(f"https://localhost:{site.port}{path}")
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result
    told = result.stdout.splitlines()
    assert [int(line.split()[0]) for line in told] == [case[3] for case in cases]
    assert sum(int(line.split()[1]) for line in told) == 1
    for index, case in enumerate(cases):
        answer = site.scratch / str(index)
        assert case[4] in (None, answer.read_bytes() if answer.exists() else b""), case[:2]
