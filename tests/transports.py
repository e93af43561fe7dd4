"""A site that can be asked in four ways, HTTP/1.1 and HTTP/2, in the clear and over TLS; and what curl gets there."""

import dataclasses
import subprocess
import textwrap

import httpd as real
from real_site import tls

MODULES = ("socache_shmcb", "ssl", "http2")
# curl's options, and whether over TLS.
TRANSPORTS = {
    "HTTP/1.1": ("--http1.1", False),
    "HTTP/1.1 over TLS": ("--http1.1", True),
    "HTTP/2": ("--http2-prior-knowledge", False),
    "HTTP/2 over TLS": ("--http2", True),
}


@dataclasses.dataclass
class Answer:
    version: str
    status: int
    headers: dict
    body: bytes

    def __getitem__(self, name):
        return self.headers.get(name.lower())


class Transports:
    """A site with TLS at a second port."""

    def __init__(self, httpd, certificate, server="", modules=(), **options):
        self.port = real.free_port()
        secure = f"""
            Protocols h2c http/1.1
            Listen 127.0.0.1:{self.port}
            <VirtualHost 127.0.0.1:{self.port}>
                ServerName localhost
                {tls(certificate)}
            </VirtualHost>
        """
        self.certificate = certificate[0]
        self.site = httpd(server=textwrap.dedent(server) + textwrap.dedent(secure), modules=(*MODULES, *modules), **options)

    def ask(self, transport, path, *options, headers=None):
        """The final answer to one request."""
        option, secure = TRANSPORTS[transport]
        url = f"https://localhost:{self.port}" if secure else f"http://localhost:{self.site.port}"
        command = ["curl", "--silent", "--show-error", "--include", "--max-time", "60", "--noproxy", "*"]
        command += ["--cacert", str(self.certificate), "--resolve", f"localhost:{self.port}:127.0.0.1", "-4", option]
        for name, value in (headers or {}).items():
            command += ["--header", f"{name}: {value}"]
        result = subprocess.run([*command, *options, url + path], capture_output=True, timeout=120, check=False)
        assert result.returncode == 0, f"{transport} {path}: {result.stderr.decode()}"
        return parsed(result.stdout)


def parsed(data):
    """The last head in what came, and the body after it."""
    while True:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = first.split()
        if int(status) >= 200:
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return Answer(version, int(status), headers, data)
