"""A site with a virtual host whose connections a Python handler has, and what is sent to it."""

import socket
import textwrap

import client
import httpd as real

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


HTTP = """

def handler(req):
    req.content_type = "text/plain"
    req.write("served by HTTP")
    return apache.OK
"""


class Connections:
    """A site with HTTP at its port, and a virtual host at another port whose connections a handler has."""

    def __init__(self, httpd, handler, config="", main="", words="app", **options):
        self.port = real.free_port()
        self.site = httpd(
            handler="from mod_python import apache\n" + textwrap.dedent(handler) + ("" if "def handler(" in handler else HTTP),
            server=textwrap.dedent(main)
            + textwrap.dedent(f"""
                AcceptFilter http none
                Listen 127.0.0.1:{self.port}
                <VirtualHost 127.0.0.1:{self.port}>
                    ServerName localhost
                    PythonPath "sys.path + ['${{docroot}}']"
                    {f"PythonConnectionHandler {words}" if words else ""}
            """)
            + textwrap.dedent(config)
            + "\n</VirtualHost>\n",
            **options,
        )

    def open(self):
        return socket.create_connection(("127.0.0.1", self.port), client.Client.patience)

    def talk(self, data, half_close=True):
        """All that comes back for these bytes."""
        with self.open() as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return client.receive(connection)


def exactly(connection, count):
    received = b""
    while len(received) < count:
        more = connection.recv(count - len(received))
        assert more, f"the connection ended after {received!r}"
        received += more
    return received


ECHO_LINES = """
    def connectionhandler(conn):
        while True:
            try:
                conn.write(conn.readline())
            except OSError:
                return apache.OK
"""
