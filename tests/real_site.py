"""A site as they are in the world: its modules, loaded before ours or after it, its certificate, and requests over TLS."""

import subprocess

import pytest

MODULES = (
    "socache_shmcb", "ssl", "http2", "rewrite", "mime", "dir", "filter", "deflate", "include", "alias", "headers", "env",
    "setenvif", "authn_core", "authn_file", "authz_host", "authz_user", "auth_basic", "auth_digest", "status", "autoindex",
    "negotiation", "proxy", "proxy_http",
)  # fmt: skip


ORDERS = ("modules", "late_modules")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """The files of a certificate for localhost and of its key."""
    directory = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += (
        " -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out certificate.pem"
    )
    subprocess.run(command.split(), cwd=directory, check=True, capture_output=True, timeout=60)
    return directory / "certificate.pem", directory / "key.pem"


def tls(certificate):
    """TLS and HTTP/2 on the site's one port."""
    return f"""
        SSLEngine On
        SSLCertificateFile "{certificate[0]}"
        SSLCertificateKeyFile "{certificate[1]}"
        Protocols h2 http/1.1
    """


def curl(site, certificate, path, *options):
    """(HTTP version, status, body) of an HTTPS request that checks the certificate."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(certificate[0]), "--noproxy", "*"]
    command += ["--resolve", f"localhost:{site.port}:127.0.0.1", "--write-out", "\n%{http_version} %{http_code}", *options]
    command.append(f"https://localhost:{site.port}{path}")
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    body, _, numbers = answer.rpartition(b"\n")
    version, status = numbers.decode().split()
    return version, int(status), body
