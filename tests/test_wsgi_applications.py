"""Django with its admin, Flask, Pyramid and Bottle: logging in, posting, uploading, downloading, static files by httpd.

They run in the virtual environment target/environment, which scripts/install-dependencies makes of tests/requirements.txt.
"""

import hashlib
import os
import re
import subprocess
import sys
import urllib.parse

import pytest

import wsgi_applications
from client import Response
from httpd import PROJECT

ENVIRONMENT = PROJECT / "target/environment"
BOUNDARY = "----0123456789"
FILE = bytes(range(256)) * 4000


@pytest.fixture(scope="module", autouse=True)
def environment():
    if not (ENVIRONMENT / "installed.txt").exists():
        pytest.fail(f"{ENVIRONMENT} does not exist: scripts/install-dependencies test")
    assert all(os.stat(parent).st_mode & 1 for parent in [ENVIRONMENT, *ENVIRONMENT.parents]), "httpd's children cannot read it"


class Browser:
    """A client that keeps cookies."""

    def __init__(self, site):
        self.site, self.cookies = site, {}

    def __call__(self, method, path, body=None, headers=None) -> Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**(headers or {}), **({"Cookie": cookie} if cookie else {})}
        response = self.site.request(method, path, body=body, headers=headers)
        for line in response.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response

    def post_form(self, path, headers=None, **fields):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self("POST", path, urllib.parse.urlencode(fields), {**kind, **(headers or {})})


def multipart(**fields):
    parts = []
    for name, value in fields.items():
        if isinstance(value, bytes):
            parts.append(f'name="{name}"; filename="a b.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode() + value)
        else:
            parts.append(f'name="{name}"\r\n\r\n{value}'.encode())
    body = b"".join(b"--%s\r\nContent-Disposition: form-data; %s\r\n" % (BOUNDARY.encode(), part) for part in parts)
    return body + f"--{BOUNDARY}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def check_common(browser, site):
    """What all four do."""
    body, headers = multipart(name="caf", file=FILE)
    told = browser("POST", "/app/upload", body, headers)
    assert told.text == f"caf a b.bin {len(FILE)} {hashlib.sha256(FILE).hexdigest()}"
    download = browser("GET", "/app/download")
    own = (site.docroot / "site.wsgi").read_bytes()
    assert (download.status, download.body, download.headers["Content-Length"]) == (200, own, str(len(own)))
    assert browser("GET", "/app/stream").text == "".join(f"{number}\n" for number in range(1000))
    assert browser("GET", "/static/style.css").text == "body {}"
    assert browser("GET", "/app/none").status == 404
    head = browser("HEAD", "/app/download")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(own)))


def start(httpd, script, **options):
    return httpd(
        modules=("alias", "mime"),
        server=f"""
            PythonWSGIAlias /app ${{docroot}}/site.wsgi home={ENVIRONMENT}
            Alias /static/style.css ${{docroot}}/static/style.css
            Alias /static/admin {ENVIRONMENT}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages/django/contrib/admin/static/admin
        """,
        files={"site.wsgi": script, "static/style.css": "body {}"},
        **options,
    )


@pytest.mark.threads_and_processes
@pytest.mark.parametrize("framework", ["FLASK", "PYRAMID", "BOTTLE"])
def test_flow(httpd, framework):
    site = start(httpd, getattr(wsgi_applications, framework))
    browser = Browser(site)
    assert browser("GET", "/app/?q=%C3%BC").text == "Hello stranger, caf\u00e9 \u00fc"
    response = browser.post_form("/app/login", user="jos\u00e9")
    assert response.status in (302, 303)
    assert urllib.parse.urlsplit(response.headers["Location"]).path == "/app/"
    assert browser("GET", "/app/").text == "Hello jos\u00e9, caf\u00e9 "
    check_common(browser, site)
    if framework == "FLASK":
        chunked = browser("PUT", "/app/raw", iter([FILE[:1000], FILE[1000:]]), {"Content-Type": "text/x"})
        assert chunked.json() == {"size": len(FILE), "type": "text/x"}


@pytest.mark.threads_and_processes
def test_django(httpd):
    script = "import os\nSCRATCH = os.path.join(os.path.dirname(os.path.dirname(__file__)), 'scratch')\n"
    site = start(httpd, script + wsgi_applications.DJANGO)
    set_up_django(site.scratch)
    browser = Browser(site)
    response = browser("GET", "/app/admin/")
    assert response.status == 302 and response.headers["Location"] == "/app/admin/login/?next=/app/admin/"
    page = browser("GET", "/app/admin/login/")
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    fields = {"csrfmiddlewaretoken": token, "username": "admin", "next": "/app/admin/"}
    assert "Please enter the correct username" in browser.post_form("/app/admin/login/", password="wrong", **fields).text
    response = browser.post_form("/app/admin/login/", password="secret", **fields)
    assert (response.status, response.headers["Location"]) == (302, "/app/admin/")
    assert "Site administration" in browser("GET", "/app/admin/").text
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', browser("GET", "/app/admin/auth/group/add/").text)[1]
    response = browser.post_form("/app/admin/auth/group/add/", csrfmiddlewaretoken=token, name="Caf\u00e9")
    assert response.status == 302, response.text
    assert "Caf\u00e9" in browser("GET", "/app/admin/auth/group/").text
    assert browser("GET", "/static/admin/css/base.css").status == 200
    assert browser.post_form("/app/admin/auth/group/add/", name="x").status == 403
    check_common(browser, site)


def set_up_django(scratch):
    """The database, made from outside as an administrator would, and writable for httpd's children."""
    code = f"SCRATCH = {str(scratch)!r}\n" + wsgi_applications.DJANGO.replace("ROOT_URLCONF=__name__", "ROOT_URLCONF='x'")
    subprocess.run([ENVIRONMENT / "bin/python", "-c", code + wsgi_applications.DJANGO_SET_UP], check=True, cwd="/")
    (scratch / "django.sqlite3").chmod(0o666)
