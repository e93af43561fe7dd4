"""Clients that behave badly: slow ones, some that reset, pipeline, send endless headers or no HTTP at all. A table of functions."""

import random
import re
import socket
import struct
import time

import client
from soak.ledger import Broken, Unanswered, Wrong

MANY = b"X-Header: " + b"x" * 8000 + b"\r\n"
HEADERS = 100 << 20


def slow(site, chance, is_over):
    """One byte a second, until httpd has had enough or the request is whole."""
    request = b"GET /app/hello?slow HTTP/1.0\r\n\r\n"
    with site.socket() as connection:
        for index in range(len(request)):
            if is_over():
                return
            try:
                connection.send(request[index : index + 1])
            except OSError:
                return
            time.sleep(chance.choice((0.1, 1)))
        answer = client.receive(connection)
        if answer and not answer.endswith(b"hello slow") and b" 408 " not in answer[:20]:
            raise Wrong(f"to a slow client: {answer[:200]!r}")


def slow_reader(site, chance, is_over):
    """Takes a large answer slowly, and leaves before its end."""
    with site.socket() as connection:
        connection.sendall(b"GET /app/file?0,102400 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(10):
            if is_over() or not connection.recv(1000):
                return
            time.sleep(0.1)


def slow_body(site, chance, is_over):
    """Announces a body and stops half way."""
    path = chance.choice(("/app/echo", "/wsgi/echo", "/app/upload", "/filters/both"))
    with site.socket() as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 50)
        time.sleep(chance.choice((0, 0.5)))


def reset(site, chance, is_over):
    """Leaves without a farewell, in the middle of a request or of its answer."""
    request = b"POST /app/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50000
    request = chance.choice((request, b"GET /app/pieces?2000 HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    for _ in range(10):
        with site.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(request[: chance.randrange(len(request)) + 1])
            if chance.random() < 0.5:
                connection.settimeout(0.05)
                try:
                    connection.recv(100)
                except OSError:
                    pass


def pipeline(site, chance, is_over):
    """Many requests before the first answer: all are answered, in their order."""
    count = chance.choice((20, 100))
    places = [chance.choice(("app", "second", "wsgi")) for _ in range(count)]
    requests = [f"GET /{place}/hello?{number}. HTTP/1.1\r\nHost: localhost\r\n" for number, place in enumerate(places)]
    data = "\r\n".join(requests) + "Connection: close\r\n\r\n"
    with site.socket() as connection:
        connection.sendall(data.encode())
        answer = client.receive(connection)
    found = [int(number) for number in re.findall(rb"hello (\d+)\.", answer)]
    # A server that restarts announces that it will answer no more.
    if found == [*range(count)] or (found == [*range(len(found))] and b"\nConnection: close\r" in answer):
        return len(found)
    if found == [*range(len(found))]:
        is_whole = answer.endswith((b"hello %d." % (len(found) - 1), b"\r\n0\r\n\r\n"))
        kind = Unanswered if found and is_whole else Broken
        raise kind(f"{len(found)} answers of {count} in a line, then {answer[-200:]!r}")
    raise Wrong(f"answers in a line: {found}")


def endless_headers(site, chance, is_over):
    """100 MiB of headers, or as many as are taken."""
    with site.socket() as connection:
        try:
            connection.sendall(b"GET /app/hello HTTP/1.1\r\nHost: localhost\r\n")
            for _ in range(HEADERS // len(MANY)):
                connection.sendall(MANY)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return
        answer = client.receive(connection)
    # httpd reads on for a while when it has answered, so that its answer is not lost.
    if answer and not answer.startswith(b"HTTP/1.1 400"):
        raise Wrong(f"100 MiB of headers: {answer[:100]!r}")


def noise(site, chance, is_over):
    """Bytes that are no HTTP."""
    for _ in range(20):
        with site.socket() as connection:
            try:
                connection.sendall(chance.randbytes(chance.randrange(1, 3000)) + b"\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                answer = client.receive(connection)
            except OSError:
                continue
            if b" 200 " in answer[:20]:
                raise Wrong(f"noise was answered: {answer[:200]!r}")


def lingering(site, chance, is_over):
    """Connects and says nothing."""
    with site.socket():
        time.sleep(chance.choice((0.01, 1)))


ALL = (slow, slow_reader, slow_body, reset, pipeline, endless_headers, noise, lingering)


class Stranger:
    """Behaves badly in one way after the other."""

    def __init__(self, site, ledger, number, seed):
        self.site, self.ledger = site, ledger
        self.chance, self.ways = random.Random(f"{seed} stranger {number}"), ALL[number % len(ALL) :] + ALL[: number % len(ALL)]

    def stay(self, is_over):
        turn = 0
        while not is_over():
            self.behave(self.ways[turn % len(self.ways)], is_over)
            turn += 1

    def behave(self, way, is_over):
        began = self.ledger.now()
        try:
            answers = way(self.site, self.chance, is_over)
            self.ledger.note(f"stranger: {way.__name__}")
            self.ledger.answered("pipelined", answers or 0)
        except (Broken, Wrong) as error:
            self.ledger.judge(way.__name__, began, error)
        except OSError as error:
            self.ledger.judge(way.__name__, began, Broken(repr(error)))
        except Exception as error:
            self.ledger.fail(way.__name__, repr(error))
