"""A request that other threads use while httpd works on it: they wait, or hear that it is over, and nothing breaks."""

import pytest

from crowd import crowd

HANDLER = """
    import threading
    from mod_python import apache

    told = []

    def use(req):
        number = 0
        try:
            while True:
                number += 1
                req.headers_out["X-Number"] = str(number)
                req.notes["number"] = req.headers_in.get("Host") + str(number)
                if number % 3 == 0:
                    req.write("")
                req.the_request, req.connection.client_ip, dict(req.headers_out)
        except RuntimeError as error:
            told.append(str(error))

    def accesshandler(req):
        for _ in range(2):
            threading.Thread(target=use, args=(req,)).start()
        return apache.OK

    def handler(req):
        if req.uri == "/told":
            req.write(repr(told[:]))
            told.clear()
        else:
            req.write("x" * 20000, 0)
        return apache.OK
"""
CONFIG = "SetHandler mod_python\nPythonAccessHandler app\nPythonHandler app"


@pytest.mark.every_mpm
def test_threads_that_outlive_their_handler(httpd):
    site = httpd(handler=HANDLER, config=CONFIG, children=1)

    def talk(ask, number):
        return [len(ask("GET", "/page").body) for _ in range(6)]

    assert all(sizes == [20000] * 6 for sizes in crowd(site, talk))
    told = eval(site.get("/told").text)
    assert set(told) == {"this request object can no longer be used: its request is over"}


FAILING = """
    def failing(req):
        req.write("x" * 20000, 0)
        raise KeyError("of the test")
"""


@pytest.mark.every_mpm
def test_threads_of_a_request_that_fails(httpd):
    config = "SetHandler mod_python\nPythonAccessHandler app\nPythonHandler app::failing\nPythonDebug On"
    site = httpd(handler=HANDLER + FAILING, config=config, children=1)
    site.expect_log("MP0101")
    site.expect_log("KeyError")

    def talk(ask, number):
        return [ask("GET", "/page").text for _ in range(6)]

    for pages in crowd(site, talk):
        assert all("KeyError: &#x27;of the test&#x27;" in page for page in pages)
