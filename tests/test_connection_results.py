"""What connection handlers return: a connection that is left to HTTP, one that ends, and errors."""

import pytest

from client import receive
from connections import REQUEST, Connections, exactly

DECLINE = """
    def connectionhandler(conn):
        line = conn.readline()
        conn.notes["line"] = line.decode().strip()
        return apache.DECLINED

    def handler(req):
        req.content_type = "text/plain"
        req.write(f"{req.connection.notes.get('line')} {req.method} {len(req.read())}")
        return apache.OK
"""


BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000


@pytest.mark.every_mpm
def test_declined_leaves_the_unread_bytes_to_http(httpd):
    server = Connections(httpd, DECLINE)
    answer = server.talk(b"PROXY me\r\n" + BODY + REQUEST, half_close=False)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b"PROXY me POST 20000" in answer and b"PROXY me GET 0" in answer


@pytest.mark.every_mpm
def test_declined_once_for_all_requests(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            conn.notes.add("calls", "1")
            return apache.DECLINED

        def handler(req):
            req.write(f"calls: {req.connection.notes['calls']}.")
            return apache.OK
        """,
    )
    kept_alive = REQUEST.replace(b"Connection: close\r\n", b"")
    with server.open() as connection:
        for _ in range(3):
            connection.sendall(kept_alive)
            answer = b""
            while not answer.endswith(b"0\r\n\r\n"):
                answer += exactly(connection, 1)
            assert b"calls: 1." in answer
        connection.sendall(kept_alive + REQUEST)
        assert receive(connection).count(b"calls: 1.") == 2


@pytest.mark.every_mpm
def test_declined_after_a_read_in_vain(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            try:
                return conn.readline(1000) and apache.OK
            except TimeoutError:
                conn.write("?")
                return apache.DECLINED
        """,
        config="Timeout 1",
    )
    for start, rest in ((b"GET / HT", b""), (b"POST / HTTP/1.0", b"Content-Length: 5\r\n")):
        with server.open() as connection:
            connection.sendall(start)
            assert exactly(connection, 1) == b"?"
            connection.sendall((b"GET / HTTP/1.1\r\n" if not rest else b"POST / HTTP/1.0\r\n")[len(start) :])
            connection.sendall(b"Host: localhost\r\nConnection: close\r\n" + rest + b"\r\n12345")
            assert b"served by HTTP" in receive(connection)


@pytest.mark.every_mpm
@pytest.mark.parametrize("result", ["apache.OK", "apache.DONE", "apache.HTTP_FORBIDDEN", "12345"])
def test_any_other_integer_closes(httpd, result):
    server = Connections(
        httpd,
        f"""
        def connectionhandler(conn):
            conn.write("bye")
            return {result}
        """,
    )
    assert server.talk(REQUEST, half_close=False) == b"bye"


@pytest.mark.every_mpm
@pytest.mark.parametrize(
    "body, text",
    [
        ("1/0", "ZeroDivisionError: division by zero"),
        ("raise apache.SERVER_RETURN(apache.OK)", "SERVER_RETURN: 0"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("return None", "the handler returned None"),
        ("return True", "AssertionError: the handler returned a value of type bool"),
        ("return 'x'", "AssertionError: the handler returned a value of type str"),
        ("return 2**40", "out of range"),
        ("conn.write(5)", "TypeError: data must be str or a bytes-like object, not int"),
        ("conn.read('x')", "TypeError: length must be an integer"),
        ("conn.nothing", "AttributeError"),
    ],
)
def test_errors_close_the_connection_without_a_page(httpd, body, text):
    server = Connections(httpd, f"def connectionhandler(conn): {body}", config="PythonDebug On")
    server.site.expect_traceback(text, phase="ConnectionHandler")
    assert server.talk(REQUEST, half_close=False) == b""
    assert server.site.get("/").text == "served by HTTP"


@pytest.mark.parametrize(
    "words, text",
    [("missing", "ModuleNotFoundError"), ("app::nothing", "contains no 'nothing'"), ("app::a.b", "contains no 'a.b'")],
)
def test_a_handler_that_is_not_there(httpd, words, text):
    server = Connections(httpd, "", words=words)
    server.site.expect_traceback(text, phase="ConnectionHandler", handler=words)
    assert server.talk(REQUEST, half_close=False) == b""


def test_errors_go_to_the_log_of_the_server_that_listens(httpd):
    server = Connections(httpd, "def connectionhandler(conn): 1/0", config="ErrorLog ${scratch}/own_log")
    assert server.talk(REQUEST, half_close=False) == b""
    log = (server.site.scratch / "own_log").read_text()
    assert "ConnectionHandler app: ZeroDivisionError" in log and "[client" not in log
