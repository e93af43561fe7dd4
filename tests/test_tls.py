"""TLS and HTTP/2: what phases and handlers know of them, and many streams of one connection."""

import ssl
import urllib.request

import pytest

from every_phase import BY_DIRECTORY, BY_SERVER, EVERY_ONE, EVERY_PHASE
from real_site import MODULES, ORDERS, curl, tls
from real_site import certificate as certificate


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_every_phase_over_tls(httpd, certificate, order, version):
    site = httpd(handler=EVERY_PHASE, server=BY_SERVER + tls(certificate), config=BY_DIRECTORY, **{order: MODULES})
    login = ("--user", "j\u00f6rg:s\u00e9same".encode("latin-1"))
    spoken, status, body = curl(site, certificate, "/file.html", version, *login)
    assert (spoken, status, body) == (version.removeprefix("--http").replace("2.0", "2"), 200, b"body")
    site.stop()
    assert (site.scratch / "trail").read_text().split() == EVERY_ONE


TLS_FACTS = """
    def facts(req):
        return (req.is_https(), req.ssl_var_lookup("SSL_PROTOCOL")[:3], req.ssl_var_lookup("SSL_SERVER_S_DN_CN"), req.protocol,
                req.construct_url("/x"), len(req.read()))
"""


@pytest.mark.parametrize("order", ORDERS)
def test_what_a_handler_knows_of_tls(httpd, certificate, order):
    site = httpd(functions=TLS_FACTS, server=tls(certificate), **{order: MODULES})
    url = f"https://localhost:{site.port}/x"
    for version, protocol in (("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")):
        answer = curl(site, certificate, "/facts", version, "--data-binary", "x" * 100000)
        assert eval(answer[2]) == (1, "TLS", "localhost", protocol, url, 100000)


def test_python_speaks_to_it_over_tls(httpd, certificate):
    site = httpd(functions=TLS_FACTS, server=tls(certificate), modules=MODULES)
    context = ssl.create_default_context(cafile=certificate[0])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"https://localhost:{site.port}/facts", timeout=site.patience) as response:
        assert eval(response.read())[:2] == (1, "TLS")


def test_many_streams_of_one_connection(httpd, certificate):
    """HTTP/2 runs requests in threads of its own, which Python has never seen."""
    site = httpd(
        functions="""
            import threading

            local = threading.local()

            def stream(req):
                local.last = req.args
                for number in range(50):
                    req.write(f"{number}")
                    req.flush()
                assert local.last == req.args and req.connection.client_ip == "127.0.0.1"
                return req.args
        """,
        server=tls(certificate),
        modules=MODULES,
    )
    urls = [f"/stream?{number}" for number in range(60)]
    options = ["--parallel", "--parallel-max", "20", "--http2"]
    for url in urls[:-1]:
        options += [f"https://localhost:{site.port}{url}", "--output", f"{site.scratch}/{url.rpartition('?')[2]}"]
    _, status, body = curl(site, certificate, urls[-1], *options)
    digits = "".join(map(str, range(50)))
    assert digits.encode() in body or status == 200
    for number in range(59):
        assert (site.scratch / str(number)).read_text() == f"{digits}'{number}'"
