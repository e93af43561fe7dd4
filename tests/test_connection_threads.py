"""Threads that use a connection which another thread serves: they may look, and never write into its memory."""

from connections import Connections
from crowd import crowd

THREADS = """
    import threading
    from mod_python import apache

    def tried(action):
        try:
            return action()
        except (RuntimeError, OSError) as error:
            return f"{type(error).__name__}: {error}"

    def in_a_thread(action):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(tried(action)))
        thread.start()
        thread.join()
        return answers[0]
"""
FOR_ITS_THREAD = (
    "RuntimeError: the notes and the bytes of a connection are for the thread that serves it: "
    "have the handler use them, or give the thread what it needs"
)


def test_what_a_thread_of_a_request_may_use(httpd):
    site = httpd(
        functions=THREADS
        + """
    def fields(req):
        conn = req.connection
        return in_a_thread(lambda: (conn.client_ip, conn.aborted, conn.keepalives, conn.base_server.server_hostname))

    def notes(req):
        conn = req.connection
        conn.notes["own"] = "kept"
        return (in_a_thread(lambda: conn.notes["own"]), in_a_thread(lambda: conn.notes.add("other", "x")), dict(conn.notes))

    def bytes_of_it(req):
        conn = req.connection
        return [in_a_thread(action) for action in (conn.read, conn.readline, lambda: conn.write("x"))]
"""
    )
    assert site.call("fields") == ("127.0.0.1", 0, 0, "localhost")
    assert site.call("notes") == (FOR_ITS_THREAD, FOR_ITS_THREAD, {"own": "kept"})
    assert site.call("bytes_of_it") == [FOR_ITS_THREAD] * 3


def test_what_a_thread_of_a_connection_handler_may_use(httpd):
    """All of it, until the handler is over."""
    server = Connections(
        httpd,
        THREADS
        + """
    def connectionhandler(conn):
        line = in_a_thread(conn.readline)
        in_a_thread(lambda: conn.notes.add("line", line.decode().strip()))
        in_a_thread(lambda: conn.write(f"{dict(conn.notes)}"))
        return apache.OK
""",
    )
    assert server.talk(b"first line\n") == b"{'line': 'first line'}"


def test_threads_that_write_notes_beside_requests(httpd):
    """They cannot, and what httpd and the requests have in the connection's memory is whole."""
    site = httpd(
        functions=THREADS
        + """
    def start(req):
        conn = req.connection

        def use():
            answer, number = "", 0
            while "over" not in answer:
                number += 1
                answer = str(tried(lambda: conn.notes.add(f"note{number % 5}", "x" * 100)))

        for _ in range(2):
            threading.Thread(target=use).start()

    def large(req):
        for number in range(30):
            req.headers_out.add(f"X-{number}", "y" * 100)
        req.flush()
        return "large"
""",
        threads=4,
    )

    def talk(ask, number):
        ask("GET", "/start")
        for _ in range(60):
            assert ask("GET", "/large").text == "'large'"

    crowd(site, talk, clients=3)
