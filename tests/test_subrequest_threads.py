"""Threads that use what takes its memory where a request does: its subrequests, and its filters."""

from crowd import crowd

THREADS = """
    import contextlib, os, threading
    from mod_python import apache

    @contextlib.contextmanager
    def in_threads(use, count=2):
        over = threading.Event()

        def again():
            while not over.is_set():
                use()

        threads = [threading.Thread(target=again) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
"""
LOOKED_UP = """
    def looked_up(req):
        path = os.path.join(req.document_root(), "plain.txt")
        sub = req.subrequest_uri("/plain.txt").request

        def use():
            sub.subrequest_file(path).close()

        with in_threads(use):
            for _ in range(200):
                req.subrequest_file(path).close()
        return "whole"
"""


def test_threads_that_look_up_inside_of_what_was_looked_up(httpd):
    site = httpd(functions=THREADS + LOOKED_UP, files={"plain.txt": "plain"}, threads=4)

    def talk(ask, number):
        for _ in range(20):
            assert ask("GET", "/looked_up").text == "'whole'"

    crowd(site, talk, clients=4)


FILTERED = """
    def filtered(filter):
        req = filter.req
        path = os.path.join(req.document_root(), "plain.txt")

        def use():
            req.subrequest_file(path).close()

        with in_threads(use):
            data = filter.read()
            while data:
                for start in range(0, len(data), 500):
                    filter.write(data[start : start + 500])
                    filter.flush()
                data = filter.read()
        if data is None:
            filter.close()
"""


def test_threads_that_use_the_request_while_a_filter_sends(httpd):
    site = httpd(
        handler=THREADS + FILTERED,
        config="PythonOutputFilter app::filtered OWN\n<Files large>\nSetOutputFilter OWN\n</Files>",
        files={"plain.txt": "plain", "large": "large" * 20_000},
        threads=4,
    )

    def talk(ask, number):
        for _ in range(50):
            assert ask("GET", "/large").text == "large" * 20_000

    crowd(site, talk, clients=4)


BOTH = """
    def inner(req):
        with in_threads(lambda: req.headers_in["Host"]):
            for _ in range(10):
                req.write("inner " + req.main.uri, 0)
        return apache.OK

    def handler(req):
        if req.main:
            return inner(req)
        with req.subrequest_uri("/inner") as sub:
            with in_threads(lambda: sub.request.headers_in["Host"]):
                sub.run()
            looking = threading.Thread(target=lambda: req.write(sub.request.uri))
            looking.start()
            looking.join()
        return apache.OK
"""


def test_threads_of_a_request_and_of_its_subrequest_wait_for_nobody_who_waits_for_them(httpd):
    site = httpd(handler=THREADS + BOTH, config="SetHandler mod_python\nPythonHandler app", threads=4)

    def talk(ask, number):
        for _ in range(3):
            assert ask("GET", "/outer").text == "inner /outer" * 10 + "/inner"

    crowd(site, talk, clients=2)
