"""The server of a soak: everything that mod_python has, in one configuration."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import httpd
from soak import crash
from soak.log import Log

HTDOCS = pathlib.Path(__file__).parent / "htdocs"
DATA = bytes(range(256)) * 400
MODULES = ("include", "mime", "authn_core", "auth_basic", "authz_user")
INTERPRETERS = ("app", "second", "third", "main")
"""Directories with the same handlers, each in another interpreter: the server's, two of their own names, the main one."""

SERVER = """
    CoreDumpDirectory "${root}/cores"
    Timeout 5
    KeepAliveTimeout 3
    MaxKeepAliveRequests 200
    AcceptFilter http none
    PythonPath "sys.path + ['${docroot}/' + name for name in ('server', 'phases', 'inside', 'filters', 'reload')]"
    PythonAuthnProvider people inside::check
    PythonAuthzProvider team inside::team
    PythonPreConnectionHandler connections
    PythonQuickHandler phases
    PythonPostReadRequestHandler phases
    PythonTransHandler phases
    PythonMapToStorageHandler phases
    PythonWSGIAlias /wsgi ${docroot}/server/application.py
    PythonOption mod_python.session.database_directory ${disk}
    PythonOption mod_python.form.directory ${disk}
    PythonOption mod_python.session.session_type FileSession
    AddOutputFilter INCLUDES shtml
    <Directory "${docroot}/phases">
        SetHandler mod_python
        AuthType Basic
        AuthName phases
        Require valid-user
        PythonInitHandler phases
        PythonHeaderParserHandler phases
        PythonAccessHandler phases
        PythonAuthenHandler phases
        PythonAuthzHandler phases
        PythonTypeHandler phases
        PythonFixupHandler phases
        PythonHandler phases
        PythonLogHandler phases
        PythonCleanupHandler phases
    </Directory>
    <Directory "${docroot}/filters">
        SetHandler mod_python
        PythonHandler filters
        PythonInputFilter filters::upper IN
        PythonOutputFilter filters::upper OUT
        PythonOutputFilter filters::count COUNT
        <Files "in">
            SetInputFilter IN
        </Files>
        <Files "out">
            SetOutputFilter OUT
        </Files>
        <Files "both">
            SetInputFilter IN
            SetOutputFilter COUNT
        </Files>
    </Directory>
    <Directory "${docroot}/pub">
        SetHandler mod_python
        PythonHandler mod_python.publisher
    </Directory>
    <Directory "${docroot}/psp">
        SetHandler mod_python
        PythonHandler mod_python.psp
    </Directory>
    <Directory "${docroot}/cgi">
        SetHandler mod_python
        PythonHandler mod_python.cgihandler
    </Directory>
    <Directory "${docroot}/ssi">
        Options +Includes
    </Directory>
    <Directory "${docroot}/reload">
        SetHandler mod_python
        PythonHandler versioned
    </Directory>
    <Directory "${docroot}/inside">
        SetHandler mod_python
        PythonHandler inside
        AuthType Basic
        AuthName inside
        AuthBasicProvider people
        Require team 0 1 2 3 4 5 6 7 8 9
    </Directory>
"""
VERSIONED = """
    import shared
    VERSION = %d

    def handler(req):
        req.content_type = "text/plain"
        req.write(f"{VERSION} {shared.VERSION}")
        return 0
"""
PLACE = """
    <Directory "${docroot}/%s">
        SetHandler mod_python
        PythonHandler app
        PythonPath "sys.path + ['${docroot}/%s']"
        %s
        <Files ~ "^(%s)$">
            PythonHandler faulty
        </Files>
    </Directory>
"""
LINES = """
    Listen 127.0.0.1:%d
    <VirtualHost 127.0.0.1:%d>
        PythonConnectionHandler connections
    </VirtualHost>
"""


class Site(httpd.Site):
    """httpd with all features. `lines_port` is where a connection handler answers; sessions and uploads are kept on `disk`."""

    def __init__(self, mpm, children=None, threads=16):
        super().__init__(mpm, modules=MODULES, children=children or {"prefork": 24}.get(mpm, 2), threads=threads, config="")
        self.lines_port = httpd.free_port()
        self.disk = self.root / "disk"
        self.disk.mkdir()
        self.is_mounted = os.geteuid() == 0 and mount(self.disk)
        self.disk.chmod(0o1777)
        self.fill()
        modules, late_modules, _, config = self.sections
        places = "".join(PLACE % (name, name, interpreter_line(name), faulty_names()) for name in INTERPRETERS)
        server = f"Define disk {self.disk}\n" + SERVER + places + LINES % (self.lines_port, self.lines_port)
        self.sections = modules, late_modules, server, config
        crash.allow(self.root / "cores")
        self.log = Log(self.root / "error_log", lambda pid: crash.stack(pid, self.root / "cores", httpd.program()))

    def lines(self):
        return socket.create_connection(("127.0.0.1", self.lines_port), self.patience)

    def fill(self):
        shutil.copytree(HTDOCS, self.docroot, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name in INTERPRETERS[1:]:
            shutil.copytree(self.docroot / "app", self.docroot / name)
        self.write("data", DATA)
        self.rewrite(0)

    def rewrite(self, version):
        """A new version of the module that visitors ask which one it is, in one step."""
        self.write("reload/shared.py", f"VERSION = {version}\n")
        self.write("reload/versioned.py", VERSIONED % version)

    def restart(self):
        """Without waiting for connections to end: there are always some."""
        self.wait_for_generation(self.generations_before)
        self.log.expect_hard_restart()
        self.signal_restart(signal.SIGHUP)

    def generations(self):
        """From a log too long to be read again and again."""
        self.log.poll()
        return self.log.starts

    def wait_for_generation(self, count, deadline=120):
        super().wait_for_generation(count, deadline)

    def remove(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)
        super().remove()


def interpreter_line(name):
    return {"app": "", "main": "PythonInterpreter main_interpreter"}.get(name, f"PythonInterpreter {name}")


def faulty_names():
    """What faulty.py answers, for a FilesMatch."""
    return "|".join(re.findall(r"^def (\w+)\(req\)", (HTDOCS / "app/faulty.py").read_text(), re.MULTILINE))


def mount(directory):
    """A small disk of its own, where that is permitted."""
    command = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=1777", "soak", str(directory)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
