"""The client's side of a test: HTTP requests, whole ones and those that no library would send."""

import base64
import dataclasses
import http.client
import json
import os
import socket


@dataclasses.dataclass
class Response:
    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self):
        return self.body.decode("utf-8", "surrogateescape")

    def json(self):
        return json.loads(self.body)


class Client:
    """Requests to 127.0.0.1 at `port`, each on a connection of its own."""

    port: int
    patience = float(os.environ.get("HTTPD_TEST_DEADLINE", "30"))

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=b"", **options):
        return self.request("POST", path, body=body, **options)

    def request(self, method, path, body=None, headers=None, host=None, user=None):
        """Send one request. `user` is a (name, password) for Basic authentication."""
        with self.connection() as connection:
            return self.ask(connection, method, path, body, headers, host, user)

    def connection(self):
        return Connection("127.0.0.1", self.port, timeout=self.patience)

    def ask(self, connection, method, path, body=None, headers=None, host=None, user=None):
        """One request on a connection that may be kept for others."""
        headers = {"Host": host or f"localhost:{self.port}", **(headers or {})}
        if user is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode("latin-1")).decode()
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.reason, answer.headers, answer.read())

    def socket(self):
        return socket.create_connection(("127.0.0.1", self.port), self.patience)

    def raw(self, data, half_close=False):
        """Send bytes as they are and return all that comes back until the server closes."""
        with self.socket() as connection:
            try:
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return receive(connection)

    def raw_status(self, data, half_close=False):
        """The status of the answer to raw bytes; None if the server only closed the connection."""
        return status_of(self.raw(data, half_close))


class Connection(http.client.HTTPConnection):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def receive(connection):
    received = bytearray()
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            break
        if not data:
            break
        received += data
    return bytes(received)


def status_of(answer):
    words = answer.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else None
