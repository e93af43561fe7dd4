"""What is done with the packages in clean roots, as a user does it, and what must come of it."""

from __future__ import annotations

import pathlib
import re

from . import documents
from .layer import Failure, Layer

# Downloaded and not installed: the commands that are tested install it, without a network.
DOWNLOAD = """
apt-get update -qq
apt-get install -y -qq curl >/dev/null
apt-get install -y -qq --download-only {packages}
"""

# All that a package leaves in the system, but for what belongs to dpkg, apt and the log files.
LIST = """
outside='/(proc|dev|run|tmp|root|build|var/(log|cache|lib/dpkg|lib/apt))|.*/__pycache__'
find / -xdev -regextype egrep -regex "$outside" -prune -o -print | sort
"""

REMOVE = """
a2disconf -q app hello
apt-get remove -y -qq libapache2-mod-python >&2
test ! -e /etc/apache2/mods-enabled/python.load
test ! -e /usr/lib/apache2/modules/mod_python.so
apachectl restart
curl --silent --fail http://localhost/
rm -r /var/www/html/app /srv/www /etc/apache2/conf-available/{app,hello}.conf hello.py hello.conf
apt-get purge -y -qq libapache2-mod-python >&2
"""

OFF_AND_ON = """
a2disconf -q app hello
a2dismod -q python
apachectl restart
(! apachectl -M 2>&1 | grep python_module)
a2enmod -q python
a2enconf -q app hello
apachectl restart
curl --silent --show-error --fail http://localhost/hello/
"""

# The publisher with a session, a page of PSP, a module from PythonPath that lets people in.
OLD_SITE = """
apt-get install -y -qq apache2 libapache2-mod-python={old} >&2
mkdir /var/www/html/shop /srv/lib
cat >/var/www/html/shop/index.py <<'END'
from mod_python import Session


def index(req, name="nobody"):
    session = Session.Session(req)
    session["name"] = name
    session.save()
    return "published for " + name + ", " + ("new" if session.is_new() else "known")
END
cat >/var/www/html/shop/list.psp <<'END'
<ul>
<%
for number in range(3):
    # begin
%><li><%= number %></li>
<%
# end
%></ul>
END
cat >/srv/lib/doorkeeper.py <<'END'
from mod_python import apache


def authenhandler(req):
    password = req.get_basic_auth_pw()
    return apache.OK if (req.user, password) == ("ada", "countess") else apache.HTTP_UNAUTHORIZED
END
cat >/etc/apache2/conf-available/shop.conf <<'END'
<IfModule mod_python.c>
    PythonPath "['/srv/lib'] + sys.path"
    <Directory "/var/www/html/shop">
        AddHandler mod_python .py .psp
        PythonHandler mod_python.publisher | .py
        PythonHandler mod_python.psp | .psp
        PythonDebug Off
        PythonOption mod_python.session.session_type FileSession
        AuthType Basic
        AuthName shop
        AuthBasicAuthoritative Off
        AuthUserFile /dev/null
        Require valid-user
        PythonAuthenHandler doorkeeper
    </Directory>
</IfModule>
END
a2enconf -q shop
echo "ServerTokens Full" >/etc/apache2/conf-enabled/tokens.conf
"""

ASK = """
apachectl restart
ask="curl --silent --show-error --write-out %{http_code}\\n http://localhost/shop"
$ask/index.py --output /dev/null
$ask/index.py --user ada:wrong --output /dev/null
$ask/index.py?name=Ada --user ada:countess
$ask/list.psp --user ada:countess
curl --silent --head http://localhost/
apachectl -M
"""

# A handler as a page of the httpd of the system.
SITE = """
mkdir /var/www/html/app
cp {handler} /var/www/html/app/
cat >/etc/apache2/conf-enabled/app.conf <<'END'
<Directory /var/www/html/app>
    SetHandler mod_python
    PythonHandler hello
</Directory>
END
apachectl restart
curl --silent --show-error --fail http://localhost/app/
"""

SERVE = """
mod_python serve {handler} >/tmp/log 2>&1 &
curl --silent --fail --retry 30 --retry-delay 1 --retry-connrefused http://127.0.0.1:8080/ || cat /tmp/log
"""

WHEEL_NEEDS = """
apt-get update -qq
apt-get install -y -qq apache2 curl python3-venv $(apt-cache search --names-only '^libpython3.1[1-9]$' | cut -d' ' -f1)
"""


def clean_install(layer: Layer, package: pathlib.Path) -> None:
    """The commands of the documents, the package's own tests, and nothing left at the end."""
    layer.put(package, f"/root/{package.name}")
    layer.run("what is needed, without the package", "cd; " + DOWNLOAD.format(packages="apache2 ./*.deb"), network=True)
    layer.run("httpd", "apt-get install -y -qq apache2 && apt-get install -y -qq --download-only /root/*.deb")
    dependencies = "apt-get install -y -qq $(dpkg-deb -f /root/*.deb Depends | tr ',' '\\n' | grep -o '^ *[a-z0-9.+-]*') apache2"
    layer.run("what the package depends on", dependencies)
    before = layer.run("files before", LIST)
    told = layer.run("installation", "cd; " + documents.block("debian"))
    expect(layer, told, "Hello from mod_python!")
    expect(layer, layer.run("the quick start", "cd; " + _quick_start()), "Hello from mod_python!")
    expect(layer, layer.run("a2dismod and a2enmod", OFF_AND_ON), "Hello from mod_python!")
    parts = "mod_python version; man -w mod_python 2>/dev/null || test -e /usr/share/man/man1/mod_python.1.gz; mod_python check"
    expect(layer, layer.run("its parts", parts), "0 errors")
    served = layer.run("serve", SERVE.format(handler="/usr/share/doc/libapache2-mod-python/examples/hello/hello.py"))
    expect(layer, served, "Hello from mod_python!")
    tests = pathlib.Path(__file__).parents[2] / "packaging/debian/tests"
    for name in ("quick-start", "examples"):
        layer.put(tests / name, f"/root/{name}")
        layer.run(f"the package's own test {name}", f"apachectl stop 2>/dev/null || true; /root/{name}")
    expect(layer, layer.run("remove and purge", "cd; " + REMOVE), "Apache2")
    _compare(layer, before, layer.run("files after", LIST))


def _quick_start() -> str:
    """The page's files, in the working directory, and its commands."""
    page = "quickstart.md"
    shown = {"hello.py": "examples/hello/hello.py", "hello.conf": "examples/_pages/quickstart/httpd.conf"}
    files = [f"cat >{name} <<'END'\n{documents.file(path, page)}END\n" for name, path in shown.items()]
    return "".join(files) + documents.block("quickstart", page)


def upgrade(layer: Layer, package: pathlib.Path) -> None:
    """A site of the distribution's own mod_python 3.5 goes on working, with its configuration."""
    layer.put(package, f"/root/{package.name}")
    old = layer.run("the old package", "apt-get update -qq; apt-cache policy libapache2-mod-python", network=True)
    version = re.search(r"(3\.5\S+) 500", old) or re.search(r"Candidate: (\S+)", old)
    if version is None:
        raise Failure(f"{layer.title}: there is no libapache2-mod-python to upgrade from:\n{old}")
    layer.run("downloads", "cd; " + DOWNLOAD.format(packages="apache2 ./*.deb"), network=True)
    layer.run("more downloads", f"apt-get install -y -qq --download-only apache2 libapache2-mod-python={version[1]}", network=True)
    layer.run("a site of mod_python 3.5", "cd; " + OLD_SITE.format(old=version[1]))
    before = layer.run("its answers", ASK)
    layer.run("the upgrade", "cd; apt-get install -y -qq ./libapache2-mod-python_4*.deb")
    after = layer.run("the same site's answers", ASK)
    for told, name in ((before, "mod_python/3.5"), (after, "mod_python/4")):
        expect(layer, told, name)
        expect(layer, told, "python_module (shared)")
        expect(layer, told, "401\n401\npublished for Ada, new200\n")
        expect(layer, told, "<li>2</li>")


def beside_wsgi(layer: Layer, package: pathlib.Path) -> None:
    """An httpd with mod_wsgi goes on as it is: both cannot be loaded."""
    layer.put(package, f"/root/{package.name}")
    needed = "cd; apt-get update -qq; apt-get install -y -qq apache2 libapache2-mod-wsgi-py3; a2query -m wsgi"
    layer.run("an httpd with mod_wsgi", needed, network=True)
    script = "cd; apt-get install -y -qq ./libapache2-mod-python_4*.deb; (! a2query -m python); apachectl configtest"
    expect(layer, layer.run("the package beside it", script, network=True), "mod_python is not switched on, since mod_wsgi is")


def wheel(layer: Layer, found: pathlib.Path) -> None:
    """The commands of the documents, with this Debian's own Python, and the httpd of the system."""
    layer.put(found, f"/root/dist/{found.name}")
    layer.run("httpd and Python", WHEEL_NEEDS, network=True)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/root/dist", "PIP_PRE": "1"}
    layer.run("pip install", "cd; " + documents.block("pip"), variables=offline)
    serve = "PATH=~/site/bin:$PATH" + SERVE.format(handler="~/hello.py")
    expect(layer, layer.run("serve", serve), "Hello from a virtual environment!")
    layer.run("module-location", 'test -f "$(~/site/bin/mod_python module-location)"')
    script = "cd; " + documents.block("pip-system") + SITE.format(handler="~/hello.py")
    expect(layer, layer.run("the httpd of the system", script), "Hello from a virtual environment!")


def make_install(layer: Layer) -> None:
    """`make install` into the system that built it: a page, and nothing left after `make uninstall`."""
    layer.run("httpd", "apt-get install -y -qq apache2 curl", network=True)
    before = layer.run("files before make install", LIST)
    site = SITE.format(handler="examples/hello/hello.py") + "mod_python version"
    told = layer.run("make install", "cd /build/source; " + documents.block("make-install") + site)
    expect(layer, told, "Hello from mod_python!")
    expect(layer, told, "/usr/local/lib/python3")
    end = "cd /build/source; rm -r /var/www/html/app /etc/apache2/conf-enabled/app.conf; "
    layer.run("make uninstall", end + documents.block("make-uninstall") + "apachectl configtest")
    _compare(layer, before, layer.run("files after", LIST))


def _compare(layer: Layer, before: str, after: str) -> None:
    # What a2enmod and a2dismod remember of the administrator's wishes, and where, is not the package's.
    noise = re.compile(r"/var/lib/apache2/(conf|module|site)/\w+(_maint|_admin(/.*)?)")
    ours = sorted(line for line in set(before.splitlines()) ^ set(after.splitlines()) if not noise.fullmatch(line))
    if ours:
        raise Failure(f"{layer.title}: not as before the installation: {ours}")


def expect(layer: Layer, told: str, wanted: str) -> None:
    if wanted not in told:
        raise Failure(f"{layer.title}: {wanted!r} is not in what came:\n{told[-3000:]}")
