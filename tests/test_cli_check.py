"""`mod_python check`: what is wrong with a configuration, in words, and nothing else happens."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import httpd as real

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look with the eyes of the server's user")


class Site:
    """A configuration to check. Its modules are below `app`."""

    def __init__(self, command):
        self.command = command
        self.app = command.directory / "app"
        self.app.mkdir()

    def write(self, **files):
        for name, source in files.items():
            self.command.write(f"app/{name}.py", source)

    def configuration(self, lines, module=None):
        load = [real.load_module(name) for name in ("mpm_event", "unixd", "authz_core", "log_config")]
        user, group = real.child_user()
        lines = textwrap.dedent(lines).replace("$app", str(self.app))
        return self.command.write(
            "httpd.conf",
            "\n".join(
                [
                    *load,
                    f'LoadModule python_module "{module or real.MODULE}"' if module != "" else "",
                    *([f"User {user}", f"Group {group}"] if os.geteuid() == 0 else []),
                    f"ServerRoot {self.command.directory}",
                    "ErrorLog error_log",
                    "PidFile httpd.pid",
                    "Listen 127.0.0.1:1",
                    "ServerName main",
                    lines,
                ]
            ),
        )

    def check(self, lines, *arguments, **options):
        """(exit status, all that is said) of the command."""
        result = self.command("check", self.configuration(lines), *arguments, **options)
        assert "Traceback" not in result.stderr
        return result.returncode, result.stdout + result.stderr


@pytest.fixture
def site(command):
    return Site(command)


IN_APP = """
    <Directory "$app">
        {}
    </Directory>
"""


def test_all_is_well(site):
    site.write(app="import helpful\ndef handler(req): pass\nclass Shop:\n    def show(self, req): pass", helpful="")
    status, said = site.check(IN_APP.format("PythonHandler app app::Shop.show"))
    lines = (site.command.directory / "httpd.conf").read_text().splitlines()
    place = f"{site.command.directory}/httpd.conf:{1 + [line.strip()[:13] for line in lines].index('PythonHandler')}"
    assert f"PythonHandler app for directory {site.app}/ ({place}), in interpreter main: ok" in said
    assert "2 handlers, 0 errors, 0 warnings" in said
    assert status == 0
    assert sorted(path.name for path in site.command.directory.iterdir()) == ["app", "httpd.conf", "tmp"]


@pytest.mark.parametrize(
    ("source", "sentences"),
    [
        ("def handler(req):\n    print 'hello'", ["app.py, line 2", "print 'hello'", "a print statement of Python 2"]),
        ("def handler(req):\n    raise apache.SERVER_RETURN, 404", ["line 2", "`raise apache.SERVER_RETURN(status)`"]),
        ("def handler(req): return 0777", ["an octal number of Python 2"]),
        ("def handler(req): return 1 <> 2", ["`<>` of Python 2"]),
        ("def handler(req): return `req`", ["backquotes of Python 2"]),
        ("def handler(req):\n\tpass\n        pass", ["tabs"]),
        ("def handler(req):\n    return (", ["app.py, line 2", "'(' was never closed"]),
        ("import urllib2\ndef handler(req): pass", ["app.py, line 1: no module urllib2", "it is of Python 2: use urllib.request"]),
        ("import nowhere.found\ndef handler(req): pass", ["app.py, line 1: no module nowhere was found; looked in "]),
        ("from os import nothing\ndef handler(req): pass", ["app.py, line 1", "cannot import name 'nothing' from 'os'"]),
        ("def other(req): pass", ["app.py has no 'handler'"]),
        ("def Handler(req): pass", ["app.py has no 'handler'; did you mean 'Handler'?"]),
        ("handler = 'text'", ["'handler' of ", "app.py cannot be called: it is str"]),
        ("def load(): raise LookupError('no such thing')\nload()", ["app.py, line 1: LookupError: no such thing"]),
        ("import sys\nsys.exit('usage: app')", ["app.py, line 2: importing app calls sys.exit()"]),
        ("open('/no/such/file')", ["app.py, line 1: /no: No such file or directory"]),
        ("import os\nos.kill(os.getpid(), 9)", ["importing it kills the process with SIGKILL"]),
    ],
)
def test_what_is_wrong_with_a_module(site, source, sentences):
    site.write(app=source)
    status, said = site.check(IN_APP.format("PythonHandler app"))
    assert [sentence for sentence in sentences if sentence not in said] == [], said
    assert "1 handler, 1 error, 0 warnings" in said
    assert status == 1


def test_an_exception_caught_as_in_python_2(site):
    site.write(app="def handler(req):\n    try: pass\n    except IOError, e: pass")
    status, said = site.check(IN_APP.format("PythonHandler app"))
    if sys.version_info >= (3, 14):  # where it means something else (PEP 758)
        assert "app.py, line 3: e would have to be an exception; Python 2's `except X, e` is `except X as e`" in said
        assert "1 handler, 0 errors, 1 warning" in said
    else:
        assert "app.py, line 3: " in said
        assert "`except X, e` of Python 2" in said
        assert "1 handler, 1 error, 0 warnings" in said
    assert status == (0 if sys.version_info >= (3, 14) else 1)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("req.write(unicode(req.uri))", "unicode is of Python 2; write str, which req.write sends as UTF-8"),
        ("return {}.has_key(1)", "has_key(): mod_python's tables have it, a dict has not; write `key in mapping`"),
        ("for key in {}.iteritems(): pass", "iteritems(): mod_python's tables have it, a dict has not"),
        ("return isinstance(req, basestring)", "basestring is of Python 2; write str"),
        ("print >>req, 'text'", "`print >>file, ...` of Python 2; write print(..., file=file)"),
        ("import StringIO", "the module StringIO is of Python 2: use io"),
        ("raise 'text'", "a text cannot be raised"),
        ("return 'text'.encode('hex')", "'hex' is no encoding of text"),
        ("{}.keys().sort()", "keys(), values() and items() are no lists any more"),
        ("req.requires()", "req.requires() does not exist with httpd 2.4"),
    ],
)
def test_leftovers_of_python_2_that_only_a_request_would_meet(site, statement, sentence):
    site.write(app=f"def handler(req):\n    {statement}\n")
    status, said = site.check(IN_APP.format("PythonHandler app"))
    assert f"app.py, line 2: {sentence}" in said
    assert "1 handler, 0 errors, 1 warning" in said
    assert status == 0


def test_a_missing_module_and_where_it_was_looked_for(site):
    site.write(Shop="")
    status, said = site.check(IN_APP.format("PythonHandler shop"))
    assert f"the module shop was not found; looked in {site.app}, /usr/lib/python3" in said
    assert "has Shop.py, which is spelled otherwise" in said
    assert status == 1


def test_handlers_of_every_kind_are_found(site):
    site.write(app="")
    status, said = site.check("""
        PythonImport none.a main
        PythonTransHandler none.b
        PythonConnectionHandler none.c
        PythonChildInitHandler none.d
        PythonAuthnProvider name none.e::check
        <Directory "$app">
            PythonHandler none.f | .html
            PythonOutputFilter none.g NAME
            PythonHandlerModule none.h
            PythonFixupHandler @early none.n | .txt
            <Files "*.cgi">
                PythonAccessHandler none.i
            </Files>
        </Directory>
        <Location "/here">
            PythonHandler none.j
            <If "true">
                PythonFixupHandler none.k
            </If>
        </Location>
        <VirtualHost *:1>
            ServerName other
            <Directory "/tmp/*/pattern">
                PythonHandler none.l
            </Directory>
            PythonLogHandler none.m
        </VirtualHost>
    """)
    named = [line for line in said.splitlines() if line.startswith("Python")]
    for letter in "abcdefghijklmn":
        assert [line for line in named if f"none.{letter}" in line], letter
    assert status == 1
    places = {
        "PythonImport none.a at server level": "main",
        "PythonHandlerModule none.h for directory": "main, other",
        "PythonHandler none.l for directories /tmp/*/pattern": "other",
        "PythonHandler none.j for location /here": "main, other",
        "PythonLogHandler none.m at server level": "other",
    }
    for start, names in places.items():
        (line,) = [line for line in named if line.startswith(start)]
        assert f"in interpreter {names}:" in line


def test_what_is_in_force_comes_from_the_sections_around(site):
    site.write(app="def handler(req): pass")
    lib = site.command.write("lib/deep.py", "def handler(req): pass").parent
    status, said = site.check(f"""
        PythonPath "sys.path + ['{lib}']"
        <Directory "$app">
            PythonInterpreter inner
        </Directory>
        <Directory "$app/part">
            PythonHandler deep
        </Directory>
        <Location "/x">
            PythonHandler deep app
        </Location>
    """)
    assert f"PythonHandler deep for directory {site.app}/part/" in said
    assert "in interpreter inner: ok" in said
    # A path that is said to be one is all there is: another handler's directory does not help.
    assert "the module app was not found" in said
    assert status == 1


def test_handlers_do_not_help_each_other(site):
    """Which request comes first is not known."""
    site.write(app="def handler(req): pass")
    status, said = site.check(IN_APP.format("PythonHandler app") + "<Location /x>\nPythonHandler app\n</Location>")
    assert said.count("the module app was not found") == 1
    assert status == 1


def test_a_wrong_python_path(site):
    site.write(app="def handler(req): pass")
    path = "/opt/venv/lib/python3.1/site-packages"
    status, said = site.check(IN_APP.format(f"PythonPath \"['$app', '{path}'] + sys.path\"\nPythonHandler app"))
    assert f"{path} of the module search path: /opt/venv: No such file or directory" in said
    assert status == 0
    status, said = site.check(IN_APP.format('PythonPath "sys.pth"\nPythonHandler app'))
    assert "PythonPath cannot be evaluated: AttributeError" in said
    assert status == 1


def test_packages_for_another_python(site):
    site.write(app="def handler(req): pass")
    other = site.command.write("venv/lib/python3.1/site-packages/x.py", "").parent
    status, said = site.check(IN_APP.format(f"PythonPath \"['$app', '{other}'] + sys.path\"\nPythonHandler app"))
    assert f"warning: {other} is for Python 3.1, and the server runs Python 3." in said
    assert status == 0


def test_a_module_that_this_command_would_find(site):
    """The usual surprise: it is installed where the user works, and not where the server looks."""
    site.write(app="import mine\ndef handler(req): pass")
    lib = site.command.write("lib/mine.py", "").parent
    path = f"{site.command.environment()['PYTHONPATH']}:{lib}"
    status, said = site.check(IN_APP.format("PythonHandler app"), env={"PYTHONPATH": path})
    assert f"hint: mine is in {lib}; to have the server look there: PythonPath \"sys.path + ['{lib}']\"" in said
    assert status == 1


@as_root
def test_permissions_along_the_path(site):
    user = real.child_user()[0]
    site.write(app="def handler(req): pass")
    site.app.chmod(0o700)
    status, said = site.check(IN_APP.format("PythonHandler app"))
    assert f"the user {user} may not enter the directory {site.app} (drwx------, of root:root)" in said
    assert status == 1
    site.app.chmod(0o755)
    (site.app / "app.py").chmod(0o600)
    status, said = site.check(IN_APP.format("PythonHandler app"))
    assert f"the user {user} may not read {site.app}/app.py (-rw-------, of root:root)" in said
    assert status == 1


@as_root
def test_importing_happens_as_the_server_s_user_and_leaves_nothing(site):
    site.write(
        app=f"""
        import os, pathlib, pwd, subprocess
        place = pathlib.Path({str(site.command.temporary)!r})
        (place / "who").write_text(pwd.getpwuid(os.geteuid()).pw_name)
        (place / "groups").write_text(repr(0 in os.getgroups()))
        subprocess.Popen(["sleep", "1000", str(place)])
        def handler(req): pass
        """
    )
    status, said = site.check(IN_APP.format("PythonHandler app"))
    assert status == 0, said
    assert (site.command.temporary / "who").read_text() == real.child_user()[0]
    assert (site.command.temporary / "groups").read_text() == "False"
    for name in ("who", "groups"):
        (site.command.temporary / name).unlink()
    assert site.command.leftovers() == []


def test_an_import_that_blocks(site):
    site.write(app="import threading\nthreading.Event().wait()", other="def handler(req): pass")
    status, said = site.check(IN_APP.format("PythonHandler app other"), "--timeout", "1")
    assert "importing it does not end within 1 second" in said
    assert "PythonHandler other" in said and ": ok" in said
    assert status == 1
    assert site.command.leftovers() == []


def test_what_is_printed_does_not_matter(site):
    site.write(app="import os\nprint('{')\nos.write(2, b'noise')\ndef handler(req): pass")
    status, said = site.check(IN_APP.format("PythonHandler app"))
    assert "1 handler, 0 errors, 0 warnings" in said
    assert status == 0


def test_published_modules_are_looked_at_without_importing_them(site):
    site.write(index="raise RuntimeError('not now')", old="def page(req):\n    print 'x'")
    status, said = site.check(IN_APP.format("PythonHandler mod_python.publisher"))
    assert f"{site.app}/old.py, line 2" in said and "not now" not in said
    assert status == 1


def test_a_configuration_that_httpd_refuses(site):
    result = site.command("check", site.configuration("NoSuchDirective on"))
    assert result.returncode == os.EX_CONFIG
    assert "httpd refuses the configuration" in result.stderr
    assert "httpd.conf:" in result.stderr or "line 12" in result.stderr
    result = site.command("check", site.configuration("PythonHandler app", module=""))
    assert "mod_python is not loaded above that line" in result.stderr


def test_a_configuration_without_mod_python(site):
    result = site.command("check", site.configuration("", module=""))
    assert (result.returncode, "does not load mod_python" in result.stderr) == (os.EX_CONFIG, True)
    result = site.command("check", site.command.directory / "nothing.conf")
    assert (result.returncode, "there is no file" in result.stderr) == (os.EX_NOINPUT, True)


def test_another_make_of_mod_python(site):
    original = pathlib.Path(real.apxs("LIBEXECDIR")) / "mod_python.so"
    if not original.exists():
        pytest.skip("the C module is not installed")
    result = site.command("check", site.configuration("", module=original))
    assert (result.returncode, "of another make" in result.stderr) == (os.EX_CONFIG, True)


def test_defines_are_passed_on(site):
    site.write(app="def handler(req): pass")
    lines = "<IfDefine Special>" + IN_APP.format("PythonHandler app") + "</IfDefine>"
    assert "0 handlers" in site.check(lines)[1]
    assert "1 handler," in site.check(lines, "-D", "Special")[1]


def test_httpd_itself_tells_when_it_is_asked(site):
    """Without the command: `httpd -t -D PYTHON_CHECK` prints the report, and only then."""
    site.write(app="def handler(req): pass")
    file = site.configuration(IN_APP.format("PythonHandler app"))
    ask = [str(real.program()), "-t", "-f", str(file)]
    plain, asked = (
        subprocess.run([*ask, *more], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
        for more in ([], ["-D", "PYTHON_CHECK"])
    )
    assert plain.stdout == ""
    assert '"index": 0, "findings": []' in asked.stdout
    assert "Syntax OK" in asked.stderr


def test_wsgi_applications(site):
    site.write(shop="def application(environ, start_response): pass\nnumber = 5")
    script = site.command.write("script.py", "import nothing_there")
    status, said = site.check(f"""
        PythonPath "['$app'] + sys.path"
        PythonWSGIAlias /shop shop:application
        PythonWSGIAlias /number shop:number interpreter=special
        PythonWSGIAlias /script {script}:app
        <Location /handler>
            PythonHandler mod_python.wsgi
            PythonOption mod_python.wsgi.application shop
        </Location>
        <Location /other>
            PythonHandler mod_python.wsgi
            PythonOption mod_python.wsgi.application shop::absent
        </Location>
        <Location /none>
            PythonHandler mod_python.wsgi
        </Location>
    """)
    lines = said.splitlines()

    def after(start):
        (index,) = [index for index, line in enumerate(lines) if line.startswith(start)]
        return lines[index] + lines[index + 1]

    assert "in interpreter main_interpreter: ok" in after("PythonWSGIAlias /shop")
    assert "interpreter special:" in after("PythonWSGIAlias /number") and "'number' of " in after("PythonWSGIAlias /number")
    assert "script.py, line 1: no module nothing_there" in after("PythonWSGIAlias /script")
    assert "in interpreter main_interpreter: ok" in after("PythonHandler mod_python.wsgi for location /handler")
    assert "has no 'absent'" in after("PythonHandler mod_python.wsgi for location /other")
    assert "no application is named" in after("PythonHandler mod_python.wsgi for location /none")
    assert status == 1


def test_virtual_environments(site):
    """Those that the configuration names, for the whole server and for one application."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in ("server", "own"):
        venv = site.command.directory / name
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
        site.command.write(f"{name}/lib/{version}/site-packages/in_{name}.py", "")
    site.write(a="import in_server\nhandler = id", b="import in_own\nhandler = id")
    status, said = site.check(f"""
        PythonHome {site.command.directory}/server
        PythonPath "['$app'] + sys.path"
        PythonWSGIAlias /a a:handler
        PythonWSGIAlias /b b:handler home={site.command.directory}/own interpreter=other
        PythonWSGIAlias /c a:handler home={site.command.directory}/own interpreter=other
    """)
    assert "PythonWSGIAlias /a" in said and said.count(": ok") == 2
    assert "no module in_server was found" in said
    assert status == 1
    status, said = site.check("PythonHome /no/such")
    assert "/no/such is no directory" in said and status == os.EX_CONFIG


def test_classes_and_objects(site):
    """A class is right where it is called, and wrong where one of its methods is."""
    source = """
        class Thing:
            def check_password(self, req, user, password): pass

        thing = Thing()
        number = 5
    """
    site.command.write("app/app.py", source)
    status, said = site.check("""
        PythonPath "['$app'] + sys.path"
        PythonWSGIAlias / app:Thing
        PythonImport app::Thing main
        PythonAuthnProvider one app::thing
        PythonAuthnProvider two app::Thing
        PythonAuthnProvider three app::number
        <Location /x>
            PythonHandler app::Thing app::Thing.handler
        </Location>
    """)
    assert "'number' of " in said and "cannot be called: it is int" in said
    assert "'Thing' of " in said and "is a class; a method of it is meant" in said
    assert "7 handlers, 1 error, 1 warning" in said
    assert status == 1
