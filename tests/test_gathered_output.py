"""What a handler writes without a flush: in one piece to httpd, in order with everything else, and gone when an error answers."""

import pytest

pytestmark = pytest.mark.threads_and_processes


@pytest.mark.parametrize("pieces", [[10, 20], [5000, 5000, 5000], [16000] * 3, [60000], [5000, 50000]])
def test_what_was_gathered_comes_after_the_last_header(httpd, pieces):
    site = httpd(
        handler="""
            def handler(req):
                req.content_type = "text/plain"
                for number, length in enumerate(req.args.split(",")):
                    req.write(chr(97 + number) * int(length), 0)
                assert req._bytes_queued == sum(map(int, req.args.split(",")))
                req.headers_out["X-Late"] = "in time"
                return 0
        """
    )
    response = site.get("/?" + ",".join(map(str, pieces)))
    assert response.text == "".join(chr(97 + number) * length for number, length in enumerate(pieces))
    assert response.headers["X-Late"] == "in time"


def test_pieces_of_all_sizes_keep_their_order(httpd):
    site = httpd(
        handler="""
            import random
            from mod_python import apache
            def handler(req):
                chance = random.Random(int(req.args))
                path = req.filename.rpartition("/")[0] + "/file.txt"
                expected = []
                for number in range(40):
                    length = chance.choice([1, 10, 4000, 9000, 20000, 40000, 70000, 200000])
                    piece = bytes([97 + number % 26]) * length
                    how = chance.randrange(6)
                    if how == 0:
                        req.flush()
                    if how == 1:
                        expected.append(b"file")
                        req.sendfile(path)
                    expected.append(piece)
                    req.write(piece, int(how == 2))
                with open(path + ".sent", "wb") as sent:
                    sent.write(b"".join(expected))
                return apache.OK
        """,
        files={"file.txt": "file"},
    )
    path = site.docroot / "file.txt.sent"
    path.touch()
    path.chmod(0o666)
    for seed in range(10):
        body = site.get(f"/?{seed}").body
        assert body == path.read_bytes()


@pytest.mark.parametrize("size", [100, 30_000, 60_000])
@pytest.mark.parametrize("how", ["returns", "raises"])
def test_an_error_answers_in_place_of_what_was_gathered(httpd, size, how):
    site = httpd(
        handler=f"""
            def handler(req):
                req.content_type = "text/plain"
                req.write("lost " * {size // 5}, 0)
                if {how == "raises"}:
                    raise ValueError("expected by the test")
                return 404
        """
    )
    response = site.get("/")
    assert response.status == (500 if how == "raises" else 404)
    assert b"lost" not in response.body and b"</html>" in response.body
    if how == "raises":
        site.expect_traceback("ValueError: expected by the test")


def test_a_page_of_pythondebug_comes_after_what_was_gathered(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write("before " * 2000, 0)
                raise ValueError("expected by the test")
        """,
        server="PythonDebug On",
    )
    text = site.get("/").text
    assert text.startswith("before before") and text.index("ValueError") > text.rindex("before ")
    site.expect_traceback("ValueError: expected by the test")


def test_a_client_that_is_gone_when_the_handler_ends(httpd):
    site = httpd(
        handler="""
            import time
            def handler(req):
                if req.args == "wait":
                    while not req.connection.aborted:
                        try:
                            req.write("x" * 1000)
                        except OSError:
                            break
                    req.log_error("gone", 6)
                    try:
                        req.write("y" * 1000, 0)
                    except OSError:
                        pass
                else:
                    req.write("here", 0)
                return 0
        """,
        server="LogLevel info",
    )
    connection = site.socket()
    connection.sendall(b"GET /?wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
    connection.close()
    site.wait_log("gone")
    assert site.get("/").text == "here"
