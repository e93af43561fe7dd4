"""PythonConnectionHandler: a handler has a whole connection, below HTTP, or leaves it to HTTP."""

import concurrent.futures
import socket
import ssl
import threading
import time

import pytest

from client import receive
from connections import ECHO_LINES, REQUEST, Connections, exactly
from memory import memory
from real_site import certificate as certificate


@pytest.mark.every_mpm
def test_echo_by_lines(httpd):
    server = Connections(httpd, ECHO_LINES)
    with server.open() as connection:
        for line in (b"one\n", b"\n", b"two \xff\x00\r\n", b"x" * 100_000 + b"\n"):
            connection.sendall(line)
            assert exactly(connection, len(line)) == line
        # Several lines in one packet, and the last one without its newline.
        connection.sendall(b"a\nb\nc")
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection) == b"a\nb\nc"
    assert server.site.get("/").text == "served by HTTP"


@pytest.mark.every_mpm
def test_echo_by_blocks(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            while True:
                try:
                    conn.write(conn.read())
                except OSError:
                    return apache.OK
        """,
    )
    data = bytes(range(256)) * 4000
    with server.open() as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        assert receive(connection) == data
        sender.join()


@pytest.mark.every_mpm
def test_bounded_reads(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            answer = [conn.read(3), conn.read(1), conn.readline(2), conn.readline(100), conn.readline(), conn.read(5), conn.readline(-1)]
            conn.write(repr(answer))
            return apache.OK
        """,
    )
    expected = [b"abc", b"d", b"ef", b"g\n", b"next\n", b"12345", b"end\n"]
    assert eval(server.talk(b"abcdefg\nnext\n12345end\nnever read", half_close=False)) == expected


@pytest.mark.every_mpm
def test_read_until_the_client_closes(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            first = conn.readline()
            data = conn.read(-1)
            answer = [first, len(data), data[:4], data[-4:]]
            for function, length in ((conn.read, -1), (conn.read, 0), (conn.read, 5), (conn.readline, 0)):
                try:
                    answer.append(function(length))
                except OSError as error:
                    answer.append((type(error).__name__, str(error)))
            conn.write(repr(answer))
            return apache.OK
        """,
    )
    answer = eval(server.talk(b"line\nstart" + b"x" * 300_000 + b"stop"))
    closed = ("OSError", "Connection read error: the client has closed the connection")
    assert answer == [b"line\n", 300_009, b"star", b"stop"] + [closed] * 4


@pytest.mark.every_mpm
def test_a_silent_client_is_a_timeout(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            answer = []
            for function, length in ((conn.read, 0), (conn.readline, 0), (conn.read, -1)):
                try:
                    answer.append(function(length))
                except OSError as error:
                    answer.append((type(error).__name__, str(error)))
            conn.write(repr(answer))
            return apache.OK
        """,
        config="Timeout 1",
    )
    late = ("TimeoutError", "Connection read error: the client sent nothing for too long")
    assert eval(server.talk(b"", half_close=False)) == [late] * 3


def test_what_a_read_in_vain_has_seen_is_read_again(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            answer = []
            for function, length in ((conn.readline, 0), (conn.read, -1), (conn.read, 2), (conn.readline, 4), (conn.readline, 0)):
                try:
                    answer.append(function(length))
                except TimeoutError:
                    answer.append(None)
                    conn.write("late\\n")
            conn.write(repr(answer))
            return apache.OK
        """,
        config="Timeout 1",
    )
    with server.open() as connection:
        connection.sendall(b"abcdef")
        assert exactly(connection, 10) == b"late\nlate\n"
        connection.sendall(b"gh\n")
        assert eval(receive(connection)) == [None, None, b"ab", b"cdef", b"gh\n"]


def test_the_list_of_handlers(httpd):
    server = Connections(
        httpd,
        """
        kept = []

        def connectionhandler(conn):
            hlist = conn.hlist
            answer = [hlist.handler, hlist.directory, hlist.is_location, hlist.silent, repr(hlist)]
            hlist.next()
            answer += [conn.hlist.handler]
            hlist.next()
            hlist.next()
            answer += [conn.hlist.handler, repr(hlist)]
            conn.write(repr(answer) + "\\n")
            return apache.OK if conn.readline() == b"close\\n" else apache.DECLINED

        def second(conn):
            conn.write("never")
            return apache.OK

        def handler(req):
            req.write(f"afterwards {req.connection.hlist}")
            return apache.OK
        """,
        words="app app::second",
    )
    shown = "{'handler': 'app', 'is_location': 0, 'silent': 0}"
    answer = server.talk(b"close\n")
    assert eval(answer) == ["app", None, 0, 0, shown, "app::second", None, "{}"]
    assert b"afterwards None" in server.talk(b"HTTP\n" + REQUEST)


def test_what_a_connection_handler_sees(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            conn.write(repr([str(type(conn)), conn.client_ip, conn.local_addr[1], conn.aborted, conn.keepalives, repr(conn.notes),
                             conn.base_server.get_options().items(), apache.interpreter]))
            return apache.OK
        """,
        config="PythonInterpreter own\nPythonOption key value",
    )
    expected = ["<class 'mp_conn'>", "127.0.0.1", server.port, 0, 0, "{}", [("key", "value")], "own"]
    assert eval(server.talk(b"")) == expected


def test_a_virtual_host_inherits_the_handler(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            if conn.base_server.is_virtual:
                conn.write(f"virtual {conn.hlist.handler}")
                return apache.OK
            return apache.DECLINED
        """,
        main="PythonPath \"sys.path + ['${docroot}']\"\nPythonConnectionHandler app::connectionhandler",
        words=None,
    )
    assert server.talk(b"") == b"virtual app::connectionhandler"
    assert server.site.get("/").text == "served by HTTP"


@pytest.mark.every_mpm
def test_a_kept_connection_is_over_with_its_connection(httpd):
    server = Connections(
        httpd,
        """
        kept = []

        def connectionhandler(conn):
            for old in kept:
                answer = []
                for use in (old.read, old.readline, lambda: old.write("x"), lambda: old.client_ip, lambda: old.hlist):
                    try:
                        answer.append(use())
                    except RuntimeError as error:
                        answer.append(str(error))
                conn.write(repr(answer))
            kept[:] = [conn]
            return apache.OK
        """,
        children=1,
    )
    assert server.talk(b"") == b""
    server.site.settle()
    assert eval(server.talk(b"")) == ["this connection object can no longer be used: its connection is over"] * 5


@pytest.mark.every_mpm
def test_a_client_that_is_gone(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            try:
                while True:
                    conn.write(b"x" * 100_000)
            except OSError as error:
                conn.log_error(f"told: {error} {conn.aborted}", apache.APLOG_NOTICE)
            return apache.OK
        """,
    )
    with server.open() as connection:
        exactly(connection, 10)
    server.site.wait_log("told: Connection write failed, client closed connection. 1")


@pytest.mark.every_mpm
def test_slow_clients_do_not_keep_others_from_python(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            try:
                if conn.readline() == b"write\\n":
                    conn.write("go\\n")
                    conn.write(b"x" * 20_000_000)
                else:
                    conn.write("go\\n")
                    conn.readline()
            except OSError:
                pass
            return apache.OK
        """,
    )
    with server.open() as silent, server.open() as deaf:
        silent.sendall(b"read\n")
        deaf.sendall(b"write\n")
        for connection in (silent, deaf):
            assert exactly(connection, 3) == b"go\n"
        for _ in range(20):
            assert server.site.get("/").text == "served by HTTP"


# Not under event, whose children do not end while anybody is waited for: neither for the head of a plain HTTP request.
@pytest.mark.parametrize("threading_model", ["worker", "prefork"])
def test_a_handler_that_waits_does_not_hold_up_the_end(httpd, threading_model):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            conn.write("go")
            try:
                conn.readline()
            except OSError as error:
                conn.log_error(f"told: {error}", apache.APLOG_NOTICE)
            return apache.OK
        """,
        config="Timeout 60",
        mpm=threading_model,
    )
    with server.open() as connection:
        assert exactly(connection, 2) == b"go"
        began = time.monotonic()
        server.site.stop()
        assert time.monotonic() - began < 10


def test_str_bytes_and_buffers_are_written(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            for data in ("\\u00fc", b"\\xff", bytearray(b"a"), memoryview(b"b"), "", b""):
                conn.write(data)
            return apache.OK
        """,
    )
    assert server.talk(b"") == b"\xc3\xbc\xffab"


def test_the_connection_of_a_request(httpd):
    """As for protocols that a request changes to."""
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                conn = req.connection
                conn.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: own\\r\\n\\r\\n")
                conn.write(conn.readline())
                conn.write(conn.read(3))
                req.connection.keepalive = apache.AP_CONN_CLOSE
                return apache.DONE
        """
    )
    answer = site.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: own\r\n\r\nline\n123")
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\n\r\nline\n123")


@pytest.mark.every_mpm
def test_many_connections_at_once(httpd):
    server = Connections(httpd, ECHO_LINES)

    def talk(number):
        for _ in range(10):
            data = b"".join(b"%d %d\n" % (number, line) for line in range(50))
            assert server.talk(data) == data

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for finished in [pool.submit(talk, number) for number in range(8)]:
            finished.result()


@pytest.mark.every_mpm
def test_tls_is_below_the_handler(httpd, certificate):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            conn.write("go\\n")
            while True:
                try:
                    line = conn.readline()
                except TimeoutError:
                    conn.write("late\\n")
                    return apache.DECLINED
                if line == b"HTTP\\n":
                    return apache.DECLINED
                conn.write(line)
        """,
        config=f"""
            Timeout 1
            SSLEngine on
            SSLCertificateFile "{certificate[0]}"
            SSLCertificateKeyFile "{certificate[1]}"
        """,
        modules=("reqtimeout", "socache_shmcb", "http2"),
        late_modules=("ssl",),
        main="Protocols h2 http/1.1",
    )
    context = ssl.create_default_context(cafile=certificate[0])
    for last in (b"HTTP\n", b""):
        with server.open() as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
            assert exactly(connection, 3) == b"go\n"
            connection.sendall(b"x" * 50_000 + b"\n")
            assert exactly(connection, 50_001) == b"x" * 50_000 + b"\n"
            start = b"" if last else REQUEST[:7]
            connection.sendall(last + start)
            if not last:
                assert exactly(connection, 5) == b"late\n"
            connection.sendall(REQUEST[len(start) :])
            assert b"served by HTTP" in receive(connection)


def test_a_long_connection_takes_no_more_memory(httpd):
    server = Connections(httpd, ECHO_LINES, children=1, mpm="prefork")
    with server.open() as connection:

        def talk(rounds):
            for _ in range(rounds):
                connection.sendall(b"x" * 99 + b"\n")
                exactly(connection, 100)
            return sum(memory(pid) for pid in server.site.child_pids())

        before = talk(3000)
        assert talk(15_000) - before < 500


@pytest.mark.every_mpm
def test_a_virtual_host_with_its_own_list_has_that_alone(httpd):
    server = Connections(
        httpd,
        """
        def main(conn):
            return apache.DECLINED if conn.local_addr[1] != conn.base_server.port else 1/0

        def own(conn):
            conn.write(f"own {conn.hlist.handler}")
            return apache.OK

        def second(conn):
            conn.write("never")
            return apache.OK
        """,
        main="PythonPath \"sys.path + ['${docroot}']\"\nPythonConnectionHandler app::main",
        # Of several only the first is called, and an extension means nothing.
        words="app::own app::second | .txt\nPythonConnectionHandler app::own app::second",
    )
    assert server.talk(b"") == b"own app::own"
    assert server.site.get("/").text == "served by HTTP"


def test_nothing_is_added_to_the_path_for_connections(httpd):
    server = Connections(
        httpd,
        """
        def connectionhandler(conn):
            import sys
            conn.write(repr([item for item in sys.path if "htdocs" in item]))
            return apache.OK
        """,
        config="PythonInterpreter alone",
    )
    assert eval(server.talk(b"")) == [str(server.site.docroot)]
