"""Interim responses: what goes out before the response."""

import subprocess

import client

REQUEST = b"GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def heads(answer):
    """The heads of all responses in an answer, each as its status line and its header lines; and the body."""
    found = []
    while True:
        head, _, answer = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        found.append((lines[0], lines[1:]))
        if not lines[0].split()[1].startswith("1"):
            return found, answer


def test_early_hints(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.headers_out["Link"] = "</style.css>; rel=preload"
                req.send_interim_response()
                assert (req.status, req.status_line) == (200, None)
                del req.headers_out["Link"]
                req.headers_out["X-Last"] = "1"
                req.write("body")
                return apache.OK
        """
    )
    (hints, final), body = heads(site.raw(REQUEST % b""))
    assert hints == ("HTTP/1.1 103 Early Hints", ["Link: </style.css>; rel=preload"])
    assert final[0] == "HTTP/1.1 200 OK"
    assert "X-Last: 1" in final[1] and not any(line.startswith("Link") for line in final[1])
    assert b"body" in body


def test_headers_stay_for_the_response(httpd):
    site = httpd(
        handler="""
            def handler(req):
                kept = req.headers_out
                kept["Link"] = "</a>"
                for _ in range(3):
                    req.send_interim_response(103)
                kept.add("Link", "</b>")
                req.status = 404
                req.write("x")
                return 0
        """
    )
    found, _ = heads(site.raw(REQUEST % b""))
    assert [line for line, _ in found] == ["HTTP/1.1 103 Early Hints"] * 3 + ["HTTP/1.1 404 Not Found"]
    assert [line for line in found[-1][1] if line.startswith("Link")] == ["Link: </a>", "Link: </b>"]


def test_the_hints_go_out_at_once(httpd):
    site = httpd(
        handler="""
            import os, time

            def handler(req):
                req.headers_out["Link"] = "</a>"
                req.send_interim_response()
                while not os.path.exists(req.args):
                    time.sleep(0.01)
                req.write("late")
                return 0
        """
    )
    signal = site.scratch / "go"
    with site.socket() as connection:
        connection.sendall(REQUEST % f"?{signal}".encode())
        first = connection.recv(65536)
        assert first.startswith(b"HTTP/1.1 103 ") and first.endswith(b"Link: </a>\r\n\r\n")
        signal.touch()
        assert client.receive(connection).endswith(b"late\r\n0\r\n\r\n")


def test_other_interim_statuses(httpd):
    site = httpd(
        handler="""
            import http

            def handler(req):
                req.headers_out["X"] = "1"
                req.send_interim_response(http.HTTPStatus.PROCESSING)
                req.send_interim_response(199)
                req.write("x")
                return 0
        """
    )
    found, _ = heads(site.raw(REQUEST % b""))
    assert found[:2] == [("HTTP/1.1 102 Processing", []), ("HTTP/1.1 199 ", ["X: 1"])]


def test_clients_of_http_1_0_get_no_interim_response(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.send_interim_response()
                req.write("x")
                return 0
        """
    )
    assert site.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_what_is_no_interim_response(httpd):
    site = httpd(
        functions="""
            def refused(req):
                found = []
                for status in (99, 101, 200, 1 << 40, -1, "103"):
                    try:
                        req.send_interim_response(status)
                    except (TypeError, ValueError, OverflowError) as error:
                        found.append(type(error).__name__)
                return found

            def late(req):
                req.write(" ")
                try:
                    req.send_interim_response()
                except ValueError as error:
                    return str(error)
        """
    )
    assert site.call("refused") == ["ValueError"] * 5 + ["TypeError"]
    assert "has begun" in site.get("/late").text


def test_early_hints_over_http2(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.headers_out["Link"] = f"</{req.args}>; rel=preload"
                req.send_interim_response()
                req.write("body")
                return 0
        """,
        modules=("http2",),
        server="Protocols h2c http/1.1\nH2EarlyHints On",
    )
    command = ["curl", "-s", "-i", "--max-time", "20", "--http2-prior-knowledge", f"http://localhost:{site.port}/?x"]
    hints, final, body = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n\n")
    assert hints.split("\n") == ["HTTP/2 103 ", "link: </x>; rel=preload"]
    assert final.startswith("HTTP/2 200") and "link: </x>; rel=preload" in final
    assert body == "body"
