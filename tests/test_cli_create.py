"""`mod_python create`, `genconfig`, `start`, `stop`, `restart` and `version`, in the order in which they are used."""

import os
import re
import signal
import subprocess
import sys

import pytest

import client
import httpd as real

HANDLER = """
    def handler(req):
        req.content_type = "text/plain"
        req.write("made " + req.get_options().get("word", ""))
        return 0
"""


class Server(client.Client):
    """What `create` has made, started and stopped with the command."""

    def __init__(self, command, root):
        self.command = command
        self.root = root
        self.port = real.free_port()

    def create(self, *arguments, handler="app"):
        return self.command("create", self.root, f"--pythonhandler={handler}", f"--listen=127.0.0.1:{self.port}", *arguments)

    def genconfig(self):
        result = self.command("genconfig", self.root / "conf/httpd_conf.py")
        assert (result.returncode, result.stderr) == (0, "")
        conf = self.root / "conf/httpd.conf"
        text = result.stdout
        if os.geteuid() == 0:
            user, group = real.child_user()
            text += f"User {user}\nGroup {group}\n"
        conf.write_text(text)
        return conf

    def pid(self):
        file = self.root / "logs/httpd.pid"
        return int(file.read_text()) if file.exists() and file.read_text().strip() else None

    def kill(self):
        if self.pid():
            os.kill(self.pid(), signal.SIGTERM)
            real.wait_until(lambda: self.pid() is None, "httpd's end")


@pytest.fixture
def server(command):
    server = Server(command, command.directory / "my site")
    yield server
    server.kill()


def test_from_nothing_to_a_page(command, server):
    lib = command.directory / "li'b"
    command.write("li'b/app.py", HANDLER)
    result = server.create(f"--pythonpath={lib}", "--pythonoption=word twice", "--pythonoption=other 1")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in server.root.iterdir()) == ["conf", "logs", "public"]
    assert f"mod_python genconfig '{server.root}/conf/httpd_conf.py'" in result.stdout
    conf = server.genconfig()
    checked = command("check", conf)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    # Relative names are this directory's.
    relative = os.path.relpath(conf, command.directory)
    started = command("start", relative)
    assert started.returncode == 0, started.stderr
    real.wait_until(server.pid, "httpd's process id")
    assert server.get("/x").text == "made twice"
    before = (server.root / "logs/error_log").read_text().count("resuming normal operations")
    assert command("restart", relative).returncode == 0
    real.wait_until(
        lambda: (server.root / "logs/error_log").read_text().count("resuming normal operations") > before, "the restart"
    )
    assert server.get("/x").text == "made twice"
    assert command("stop", relative).returncode == 0
    real.wait_until(lambda: server.pid() is None, "httpd's end")
    assert "GET /x HTTP/1.1" in (server.root / "logs/access_log").read_text()


def test_nothing_is_overwritten(command, server):
    assert server.create().returncode == 0
    script = server.root / "conf/httpd_conf.py"
    script.write_text("# mine")
    (server.root / "conf/mime.types").write_text("text/mine mine")
    result = server.create()
    assert (result.returncode, result.stdout, script.read_text()) == (1, "", "# mine")
    assert f"{script} exists already" in result.stderr
    script.unlink()
    assert server.create().returncode == 0
    assert (server.root / "conf/mime.types").read_text() == "text/mine mine"


def test_what_is_made_says_what_it_is(command, server):
    server.create(handler="mod_python.wsgi")
    script = (server.root / "conf/httpd_conf.py").read_text()
    assert script.startswith(f"#!{sys.executable}\n")
    assert "PythonOption mod_python.wsgi.base_uri" in script
    conf = server.genconfig().read_text()
    directives = dict(line.split(" ", 1) for line in conf.splitlines() if re.match("[A-Z]", line))
    assert directives["ServerRoot"] == f'"{server.root}"'
    assert directives["DocumentRoot"] == f'"{server.root}/public"'
    assert directives["Listen"] == f"127.0.0.1:{server.port}"
    assert directives["PythonHandler"] == "mod_python.wsgi"
    assert "PythonPath" not in directives


def test_directories_are_absolute(command):
    result = command("create", "here", "--pythonhandler=app")
    assert result.returncode == 0
    assert f"ServerRoot('\"{command.directory}/here\"')" in (command.directory / "here/conf/httpd_conf.py").read_text()
    assert "Port 8888 is open to other machines" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen=80\nInclude /etc/passwd"],
        ["--pythonoption=a b\nInclude /etc/passwd"],
        ["--pythonpath=/a\nb"],
    ],
)
def test_no_argument_becomes_another_directive(command, arguments):
    result = command("create", "here", "--pythonhandler=app", *arguments)
    if result.returncode == 0:
        script = command.directory / "here/conf/httpd_conf.py"
        assert "\nInclude" not in command("genconfig", script).stdout
    else:
        assert (result.returncode, "cannot hold a line end" in result.stderr) == (1, True)
        assert not (command.directory / "here").exists()
    assert command("create", "new\nline", "--pythonhandler=app").returncode == 1


def test_what_goes_wrong(command, server):
    assert command("create", server.root).returncode == 2
    assert command("create").returncode == 2
    assert command("create", "a", "b", "--pythonhandler=app").returncode == 2
    assert command("create", command.directory / "no/parent", "--pythonhandler=app").returncode == 1
    assert command("create", "x", "--pythonhandler=app", env={"HTTPD": "/none"}).returncode == os.EX_UNAVAILABLE
    assert not (command.directory / "x").exists()
    assert command("genconfig").returncode == 2
    missing = command("genconfig", "missing.py")
    assert (missing.returncode, "there is no file missing.py" in missing.stderr) == (1, True)
    failing = command("genconfig", command.write("failing.py", "raise LookupError('no')"))
    assert (failing.returncode, "LookupError: no" in failing.stderr) == (1, True)
    for name in ("start", "stop", "restart"):
        assert command(name).returncode == 2
        assert command(name, "missing.conf").returncode == 1
    assert command().returncode == 2
    assert command("unknown").returncode == 2
    assert command("start", "x", env={"HTTPD": "/none"}).returncode == os.EX_UNAVAILABLE


def test_genconfig_runs_a_script_as_a_program(command):
    script = command.write(
        "conf.py",
        """
        from mod_python.httpdconf import *

        if __name__ == "__main__":
            print(Container(Listen(80), only_if="mod_python.version.version"))
        """,
    )
    result = command("genconfig", script)
    assert (result.returncode, result.stdout) == (0, "Listen 80\n\n")


def test_version_says_what_is_installed(command):
    result = command("version", "whatever", "--is", "given")
    rows = dict(line.split(":", 1) for line in result.stdout.splitlines())
    assert list(rows) == ["mod_python", "module", "Python", "httpd", "APR", "platform"]
    assert str(real.program()) in rows["httpd"] and re.search(r"2\.4\.\d+", rows["httpd"])
    assert sys.executable in rows["Python"]
    assert str(real.MODULE) in rows["module"]
    assert result.returncode == 0
    without = command("version", env={"HTTPD": "/none"})
    assert (without.returncode, "not found" in without.stdout) == (0, True)


@pytest.mark.parametrize(
    "name", [[], ["create"], ["genconfig"], ["start"], ["stop"], ["restart"], ["version"], ["serve"], ["check"]]
)
def test_help(command, name):
    result = command(*name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: mod_python")


def test_the_package_outside_of_httpd(command):
    """It imports, without what only httpd has, and without what is not needed."""
    source = """
        import sys
        import mod_python
        assert not [name for name in sys.modules if name.startswith("mod_python.") and name != "mod_python.version"]
        assert not hasattr(mod_python, "apache")
        try:
            from mod_python import apache
        except ImportError as error:
            print(error)
        import mod_python.httpdconf, mod_python.python22
        assert "subprocess" not in sys.modules
    """
    script = command.write("outside.py", source)
    result = subprocess.run([sys.executable, str(script)], env=command.environment(), capture_output=True, text=True)
    assert result.stdout == "mod_python.apache exists only inside httpd, which brings its other half, _apache\n", result.stderr
