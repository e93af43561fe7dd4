"""`mod_python serve`: from a file to a page, and nothing left behind."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys

import pytest

import httpd as real

HANDLER = """
    import os
    from mod_python import apache

    def handler(req):
        req.content_type = "text/plain; charset=utf-8"
        req.write(f"{req.uri} {os.getpid()} {os.geteuid()}")
        return apache.OK
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' children")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serves_a_handler_until_it_is_told_to_end(command, number):
    file = command.write("hello.py", HANDLER)
    site = command.serve(file)
    response = site.get("/any/path")
    assert (response.status, response.text.split()[0]) == (200, "/any/path")
    children = site.children()
    assert children
    assert site.stop(number) == 0
    assert command.leftovers() == []
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]
    # Ctrl-C must not reach httpd beside us: it would log that it was interrupted.
    assert "Traceback" not in site.told and "] AH" not in site.told


def test_the_logs_are_copied(command):
    file = command.write(
        "hello.py",
        """
        from mod_python import apache

        def handler(req):
            req.log_error("a line of the error log", apache.APLOG_WARNING)
            raise KeyError("lost")
        """,
    )
    site = command.serve(file)
    response = site.get("/page")
    assert (response.status, "KeyError" in response.text) == (500, False)
    site.wait_told(r'"GET /page HTTP/1.1" 500')
    site.wait_told(r"warn: a line of the error log")
    site.wait_told(r"KeyError: 'lost'")


def test_tracebacks_are_shown_on_demand(command):
    file = command.write("hello.py", "def handler(req): raise KeyError('lost')")
    response = command.serve(file, "--debug").get("/")
    assert (response.status, "KeyError" in response.text) == (500, True)


def test_output_goes_to_where_it_belongs(command):
    file = command.write("hello.py", HANDLER)
    access, error = command.directory / "access", command.directory / "error"
    with open(access, "wb") as out, open(error, "wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "mod_python", "serve", str(file), "--port", "0"],
            env=command.environment(),
            stdout=out,
            stderr=err,
        )
    try:
        port = real.wait_until(lambda: error.read_text().partition("http://127.0.0.1:")[2].partition("/")[0], "a server")
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            connection.sendall(b"GET /x HTTP/1.0\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        real.wait_until(lambda: "GET /x" in access.read_text(), "the access log")
    finally:
        process.terminate()
        assert process.wait(real.DEADLINE) == 0
    assert access.read_text().count("\n") == 1


def test_serves_a_directory_of_modules_pages_and_files(command):
    command.write("site/index.py", "def index(req): return 'first page'\ndef hello(req, name='you'): return 'hello ' + name\n")
    command.write("site/shop.py", "def price(): return '12'\n_secret = 'hidden'\n")
    command.write("site/page.psp", "<p><%= 6 * 7 %></p>\n")
    command.write("site/style.css", "body {}\n")
    command.write("site/part/index.html", "<p>part</p>\n")
    for name in ("shop.py~", "shop.py.bak", ".env", "__pycache__/shop.cpython-311.pyc", ".git/config"):
        command.write(f"site/{name}", "password\n")
    site = command.serve(command.directory / "site")
    pages = {
        "/": "first page",
        "/hello?name=Grace": "hello Grace",
        "/shop/price": "12",
        "/page.psp": "<p>42</p>\n",
        "/style.css": "body {}\n",
        "/part/": "<p>part</p>\n",
    }
    assert {path: site.get(path).text for path in pages} == pages
    for path in ("/shop.py~", "/shop.py.bak", "/.env", "/__pycache__/shop.cpython-311.pyc", "/.git/config", "/shop/_secret"):
        assert site.get(path).status in (403, 404), path
    assert "price" not in site.get("/shop.py").text


def test_modules_are_reloaded_on_demand(command):
    file = command.write("hello.py", "def handler(req): return req.write('before') or 0")
    kept, reloading = command.serve(file), command.serve(file, "--reload")
    assert [site.get("/").text for site in (kept, reloading)] == ["before", "before"]
    file.write_text("def handler(req): return req.write('afterwards') or 0")
    assert [site.get("/").text for site in (kept, reloading)] == ["before", "afterwards"]


def test_processes_and_threads(command):
    file = command.write("hello.py", HANDLER)
    site = command.serve(file, "--processes", "3", "--threads", "2")
    httpd = site.children()[0]
    assert real.wait_until(lambda: len(site.children()) == 4, "three children")
    assert site.get("/").text.split()[1] != str(httpd)


def test_the_environment_is_clean(command):
    file = command.write(
        "hello.py",
        """
        import os

        def handler(req):
            req.write(ascii(sorted(os.environ.items())))
            return 0
        """,
    )
    outside = {"SECRET": "x", "PYTHONHOME": "", "GIVEN": "value", "LD_PRELOAD": ""}
    site = command.serve(file, "--env", "GIVEN", "--env", "SET=to this", env=outside)
    variables = dict(eval(site.get("/").text))
    assert (variables["GIVEN"], variables["SET"]) == ("value", "to this")
    assert not {"SECRET", "PYTHONPATH", "PYTHONHOME", "LD_PRELOAD"} & set(variables)


def test_directories_of_modules_may_be_added(command):
    command.write("lib/helpful.py", "text = 'helped'")
    file = command.write("app/hello.py", "import helpful\ndef handler(req): return req.write(helpful.text) or 0")
    assert command.serve(file, "--pythonpath", command.directory / "lib").get("/").text == "helped"


def test_modules_of_the_virtual_environment_are_found(command):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(command.directory / "venv")], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    command.write(f"venv/lib/{version}/site-packages/installed.py", "text = 'from the environment'")
    file = command.write("app/hello.py", "import installed\ndef handler(req): return req.write(installed.text) or 0")
    site = command.serve(file, env={"VIRTUAL_ENV": str(command.directory / "venv")})
    assert site.get("/").text == "from the environment"


@pytest.mark.parametrize("name", ["a b", "it's", 'say "so"', "[brackets]", "ünï", "per%cent", "da$h", "#1", "<tag>", "\udcff"])
def test_directories_may_have_any_name(command, name):
    file = command.write(f"{name}/hello.py", HANDLER)
    assert command.serve(file).get("/x").text.startswith("/x ")


def test_what_httpd_would_replace_is_refused(command):
    file = command.write("${PATH}/hello.py", HANDLER)
    result = command("serve", file, "--port", "0")
    assert (result.returncode, "${...}" in result.stderr) == (os.EX_DATAERR, True)


@as_root
def test_children_of_root_are_unprivileged(command):
    file = command.write("hello.py", HANDLER)
    assert command.serve(file).get("/").text.split()[2] == str(pwd.getpwnam(real.child_user()[0]).pw_uid)
    assert command.serve(file, "--user", "nobody").get("/").text.split()[2] == str(pwd.getpwnam("nobody").pw_uid)
    assert command("serve", file, "--user", "nobody-at-all").returncode == os.EX_NOUSER


@as_root
def test_root_is_warned_of_what_the_children_cannot_read(command):
    command.write("site/index.html", "page")
    site, user = command.directory / "site", real.child_user()[0]
    site.chmod(0o711)
    serving = command.serve(site)
    assert f"warning: the user {user} may not read {site} (drwx--x--x, of root:root)" in serving.told
    assert serving.get("/index.html").text == "page"
    site.chmod(0o700)
    serving = command.serve(site)
    assert f"warning: the user {user} may not enter the directory {site} (drwx------, of root:root)" in serving.told
    assert serving.get("/index.html").status == 403


@as_root
def test_somebody_else_can_serve_from_a_copy_of_the_package(command):
    """All that is needed is beside the package: no checkout, no environment, no root."""
    user = pwd.getpwnam(real.child_user()[0])
    copy = command.directory / "installed"
    shutil.copytree(real.PROJECT / "python/mod_python", copy / "mod_python")
    shutil.copy(real.MODULE, copy / "mod_python/mod_python.so")
    subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
    file = command.write("hello.py", HANDLER)
    env = {"PYTHONPATH": str(copy), "MOD_PYTHON_SO": ""}
    site = command.serve(file, env=env, user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    assert site.get("/").text.split()[2] == str(user.pw_uid)
    assert site.stop() == 0
    assert command.leftovers() == []


def test_the_server_s_directory_is_nobody_else_s(command):
    site = command.serve(command.write("hello.py", HANDLER))
    (root,) = command.temporary.iterdir()
    assert stat.S_IMODE(root.stat().st_mode) == 0o711
    assert site.get("/").status == 200


def test_a_port_in_use_is_told(command):
    file = command.write("hello.py", HANDLER)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = command("serve", file, "--port", taken.getsockname()[1])
    assert result.returncode == os.EX_TEMPFAIL
    assert "is in use by another program" in result.stderr
    assert command.leftovers() == []


@pytest.mark.parametrize(
    ("source", "status", "sentence"),
    [
        (None, os.EX_NOINPUT, "there is no file or directory"),
        ("def handler(req:\n", os.EX_DATAERR, r"hello.py, line 1: '(' was never closed"),
        ("import nothing_like_it\ndef handler(req): pass", os.EX_DATAERR, "hello.py, line 1: no module nothing_like_it was found"),
        ("1 / 0\ndef handler(req): pass", os.EX_DATAERR, "hello.py, line 1: ZeroDivisionError: division by zero"),
        ("def page(req): pass", os.EX_DATAERR, "has no function handler(req)"),
        ("def app(environ, start_response): pass", os.EX_DATAERR, "For a WSGI application: hello.py:app"),
        ("import os\nos._exit(7)\ndef handler(req): pass", os.EX_DATAERR, "importing it ends the process with status 7"),
        (
            "import ctypes\nctypes.string_at(0)\ndef handler(req): pass",
            os.EX_DATAERR,
            "importing it kills the process with SIGSEGV",
        ),
        ("raise SystemExit\ndef handler(req): pass", os.EX_DATAERR, "calls sys.exit()"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_starts(command, source, status, sentence):
    file = command.directory / "hello.py"
    if source is not None:
        file.write_text(source)
    result = command("serve", file, "--port", "0")
    assert sentence in result.stderr
    assert result.returncode == status
    assert "Traceback" not in result.stderr and "Serving" not in result.stderr
    assert command.leftovers() == []


def test_a_missing_httpd_or_module_is_told(command):
    file = command.write("hello.py", HANDLER)
    result = command("serve", file, env={"HTTPD": "/no/such/httpd"})
    assert (result.returncode, "HTTPD is set to /no/such/httpd" in result.stderr) == (os.EX_UNAVAILABLE, True)
    result = command("serve", file, env={"MOD_PYTHON_SO": "/no/such.so"})
    assert (result.returncode, "MOD_PYTHON_SO is set to /no/such.so" in result.stderr) == (os.EX_UNAVAILABLE, True)
    result = command("serve", file, env={"LIBEXECDIR": str(command.temporary)})
    assert (result.returncode, "No MPM" in result.stderr) == (os.EX_UNAVAILABLE, True)
    assert command.leftovers() == []


def test_wrong_arguments(command):
    assert command("serve").returncode == 2
    assert command("serve", "x.py", "--port", "99999").returncode == 2
    assert command("serve", "x.py", "--processes", "0").returncode == 2
    assert command("serve", "x:", "--port", "0").returncode == os.EX_USAGE
    assert command("serve", "--help").returncode == 0


def test_a_killed_command_leaves_no_server(command):
    """Nothing can be tidied up then, but no process stays."""
    site = command.serve(command.write("hello.py", HANDLER))
    children = site.children()
    site.process.kill()
    site.process.wait()
    real.wait_until(lambda: not [pid for pid in children if os.path.exists(f"/proc/{pid}")], "httpd's end")


def test_an_httpd_that_ends_ends_the_command(command):
    site = command.serve(command.write("hello.py", HANDLER))
    os.kill(site.children()[0], signal.SIGKILL)
    assert site.process.wait(real.DEADLINE) == os.EX_SOFTWARE
    assert "httpd ended by itself" in site.told
    real.wait_until(lambda: command.leftovers() == [], "nothing left")


def test_a_request_that_never_ends_does_not_keep_the_server(command):
    file = command.write(
        "hello.py",
        """
        import threading

        def handler(req):
            req.write("begun")
            req.flush()
            threading.Event().wait()
        """,
    )
    site = command.serve(file)
    with site.socket() as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(5) == b"HTTP/"
        assert site.stop() == 0
    assert command.leftovers() == []


@pytest.mark.parametrize("name", ["hello", "request", "form"])
def test_the_examples_are_served(command, name):
    shutil.copytree(real.PROJECT / "examples" / name, command.directory / name)
    site = command.serve(command.directory / name / f"{name}.py")
    assert site.get("/").status == 200
    assert site.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_while_the_target_is_looked_at(command, number):
    file = command.write(
        "hello.py",
        f"""
        import pathlib, threading
        pathlib.Path({str(command.directory)!r}, "here").touch()
        threading.Event().wait()
        def handler(req): pass
        """,
    )
    command.directory.chmod(0o777)
    process = subprocess.Popen(
        [sys.executable, "-m", "mod_python", "serve", str(file), "--port", "0"],
        env=command.environment(),
        stderr=subprocess.PIPE,
    )
    try:
        real.wait_until((command.directory / "here").exists, "the import")
        process.send_signal(number)
        _, told = process.communicate(timeout=real.DEADLINE)
    finally:
        process.kill()
    assert (process.returncode, told) == (128 + number, b"")
    assert command.leftovers() == []


def test_signals_may_come_many_at_once(command):
    site = command.serve(command.write("hello.py", HANDLER))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        site.process.send_signal(number)
    assert site.process.wait(real.DEADLINE) == 0
    assert command.leftovers() == []


def test_a_process_that_a_handler_has_left_does_not_keep_the_command(command):
    file = command.write(
        "hello.py",
        """
        import subprocess

        def handler(req):
            sleeper = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            req.write(str(sleeper.pid))
            return 0
        """,
    )
    site = command.serve(file)
    sleeper = int(site.get("/").text)
    try:
        assert site.stop() == 0
    finally:
        os.kill(sleeper, signal.SIGKILL)
    assert command.leftovers() == []


def test_modules_of_the_working_directory_are_not_the_command_s(command):
    for name in ("signal", "json", "argparse"):
        command.write(f"{name}.py", "raise RuntimeError('mine')")
    file = command.write("app/hello.py", HANDLER)
    assert command.serve(file, cwd=command.directory).get("/").status == 200


def test_a_broken_module_of_a_directory_is_told_and_the_others_are_served(command):
    command.write("site/index.py", "def index(): return 'here'")
    command.write("site/broken.py", "def page(:")
    command.write("site/venv/pyvenv.cfg", "")
    command.write("site/venv/lib/installed.py", "print 'of Python 2'")
    site = command.serve(command.directory / "site")
    assert site.get("/").text == "here"
    assert "error: " in site.told and "broken.py, line 1" in site.told and "installed.py" not in site.told


APPLICATION = """
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr((environ["SCRIPT_NAME"], environ["PATH_INFO"], __name__)).encode()]

    class application:
        inner = staticmethod(app)
"""


@pytest.mark.parametrize(
    "target",
    ["shop:app", "shop::app", "shop.py:app", "pack.shop:app", "pack/shop.py:app", "my-shop.py:app", "./a b/my shop.py:app"],
)
def test_serves_a_wsgi_application(command, target):
    for name in ("shop.py", "pack/shop.py", "my-shop.py", "a b/my shop.py"):
        command.write(name, APPLICATION)
    command.write("pack/__init__.py", "")
    site = command.serve(target, cwd=command.directory)
    response = site.get("/a%20b/c?x=1")
    assert response.status == 200, site.told
    assert eval(response.text)[:2] == ("", "/a b/c")
    assert eval(site.get("/").text)[:2] == ("", "/")
    assert site.stop() == 0
    assert command.leftovers() == []


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        ("shop:nothing", os.EX_DATAERR, "has no 'nothing'"),
        ("shop:number", os.EX_DATAERR, "'number' of "),
        ("absent:app", os.EX_DATAERR, "the module absent was not found; looked in "),
        ("absent.py:app", os.EX_NOINPUT, "there is no file absent.py"),
        ("shop:app()", os.EX_USAGE, "MODULE:CALLABLE is meant"),
        ("sh op:app", os.EX_USAGE, "MODULE:CALLABLE is meant"),
        ("shop", os.EX_NOINPUT, "did you mean shop.py?"),
    ],
)
def test_a_wsgi_application_that_is_none(command, target, status, sentence):
    command.write("shop.py", APPLICATION + "\n    number = 5\n")
    result = command("serve", target, "--port", "0")
    assert (result.returncode, sentence in result.stderr) == (status, True), result.stderr
    assert command.leftovers() == []


def test_wsgi_applications_are_reloaded_on_demand(command):
    file = command.write("shop.py", APPLICATION)
    site = command.serve("shop:app", "--reload")
    assert site.get("/").text.startswith("('', '/'")
    file.write_text(file.read_text().replace('environ["SCRIPT_NAME"]', '"changed"'))
    assert site.get("/").text.startswith("('changed', '/'")


@pytest.mark.every_mpm
def test_any_mpm_will_do(command, mpm):
    """The first one that is installed is taken."""
    modules = command.directory / "modules"
    modules.mkdir()
    for file in pathlib.Path(real.apxs("LIBEXECDIR")).glob("mod_*.so"):
        if not file.name.startswith("mod_mpm_") or file.name == f"mod_mpm_{mpm}.so":
            (modules / file.name).symlink_to(file)
    file = command.write("hello.py", HANDLER)
    site = command.serve(file, "--processes", "2", env={"LIBEXECDIR": str(modules)})
    assert site.get("/").status == 200
    (root,) = command.temporary.iterdir()
    assert f"LoadModule mpm_{mpm}_module" in (root / "httpd.conf").read_text()
    assert site.stop() == 0
    assert command.leftovers() == []


def test_other_addresses(command):
    file = command.write("hello.py", HANDLER)
    assert "http://localhost:" in command.serve(file, "--host", "0.0.0.0").told
    assert command("serve", file, "--host", "no.such.host.invalid").returncode == os.EX_NOHOST
    if socket.has_ipv6:
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                pass
        except OSError:
            return
        site = command.serve(file, "--host", "::1")
        with socket.create_connection(("::1", site.port)) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
