"""Configuration: what is accepted where, how sections are merged, and what handlers see of it."""

import subprocess

import pytest

import httpd as real

ANYWHERE = {
    "PythonHeaderParserHandler": "app",
    "PythonInitHandler": "app",
    "PythonAccessHandler": "app",
    "PythonAuthenHandler": "app",
    "PythonAuthzHandler": "app",
    "PythonTypeHandler": "app",
    "PythonFixupHandler": "app",
    "PythonHandler": "app",
    "PythonLogHandler": "app",
    "PythonCleanupHandler": "app",
    "PythonHandlerModule": "app",
    "PythonInterpreter": "name",
    "PythonInterpPerDirectory": "On",
    "PythonInterpPerDirective": "On",
    "PythonAutoReload": "Off",
    "PythonDebug": "On",
    "PythonEnablePdb": "Off",
    "PythonOption": "key value",
    "PythonPath": '"sys.path"',
}
SERVER_ONLY = {
    "PythonPostReadRequestHandler": "app",
    "PythonTransHandler": "app",
    "PythonConnectionHandler": "app",
    "PythonImport": "app name",
    "PythonOptimize": "Off",
}
NOT_IN_HTACCESS = {"PythonInputFilter": "app name", "PythonOutputFilter": "app name"}
SECTIONS = (
    ("<Directory /x>", "</Directory>"),
    ("<DirectoryMatch /x>", "</DirectoryMatch>"),
    ("<Location /x>", "</Location>"),
    ("<LocationMatch /x>", "</LocationMatch>"),
    ("<Files x>", "</Files>"),
    ("<FilesMatch x>", "</FilesMatch>"),
    ('<If "true">', "</If>"),
)
VIRTUAL = ("<VirtualHost *:80>", "</VirtualHost>")


@pytest.fixture
def syntax(tmp_path):
    """What `httpd -t` says of lines of configuration: None if it takes them, else its message."""
    head = "\n".join(
        [
            *(real.load_module(name) for name in ("mpm_event", "unixd", "log_config", "authz_core")),
            f'LoadModule python_module "{real.MODULE}"',
            f"ServerRoot {tmp_path}\nListen 127.0.0.1:80\nServerName localhost\nErrorLog {tmp_path}/error_log\n",
        ]
    )

    def check(text):
        (tmp_path / "httpd.conf").write_text(head + text + "\n")
        command = [str(real.program()), "-t", "-d", str(tmp_path), "-f", str(tmp_path / "httpd.conf")]
        answer = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60)
        return None if answer.returncode == 0 else answer.stderr

    return check


def test_every_directive_at_server_level(syntax):
    everything = {**ANYWHERE, **SERVER_ONLY, **NOT_IN_HTACCESS}
    text = "\n".join(f"{name} {value}" for name, value in everything.items())
    assert syntax(text) is None
    assert syntax("\n".join([VIRTUAL[0], text, VIRTUAL[1]])) is None
    assert syntax(text.lower()) is None


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section[0])
def test_directives_in_sections(syntax, section):
    allowed = {**ANYWHERE, **NOT_IN_HTACCESS}
    assert syntax("\n".join([section[0], *(f"{name} {value}" for name, value in allowed.items()), section[1]])) is None
    for name, value in SERVER_ONLY.items():
        message = syntax("\n".join([section[0], f"{name} {value}", section[1]]))
        assert message and "not allowed" in message, name


ACCEPTED = [
    "PythonHandler",
    "PythonHandler |",
    "PythonHandler   ",
    "PythonHandler a b::c d::e.f | .x .y | .z",
    "PythonDebug oN",
    "PythonDebug off more words",
    "PythonOption key",
    'PythonOption key ""',
    "PythonHandler no_such_module::nothing",
    'PythonPath "1/0"',
    "PythonOutputFilter app",
    "<IfModule mod_python.c>\nPythonDebug On\n</IfModule>\n<IfModule python_module>\nPythonDebug Off\n</IfModule>",
]
REFUSED = {
    "PythonDebug": "On or Off",
    "PythonDebug 1": "On or Off",
    "PythonAutoReload yes": "On or Off",
    "PythonInterpPerDirectory maybe": "On or Off",
    "PythonImport module": "takes",
    "PythonImport module name more": "takes",
    "PythonInterpreter": "takes",
    "PythonInterpreter a b": "takes",
    'PythonPath ""': "takes",
    "PythonPath": "takes",
    "PythonPath a b": "takes",
    "PythonOption": "takes",
    "PythonOption a b c": "takes",
    'PythonOption "" x': "takes",
    "PythonOutputFilter": "takes",
    "PythonInputFilter a b c": "takes",
    "PythonTransHandler app | .x": "PythonTransHandler",
    "PythonPostReadRequestHandler app|.x": "PythonPostReadRequestHandler",
    "PythonNoReload On": "Invalid command",
    "PythonInterpPerServer On": "Invalid command",
}


def test_arguments_that_are_taken(syntax):
    for text in ACCEPTED:
        assert syntax(text) is None, text


@pytest.mark.parametrize("text", REFUSED)
def test_arguments_that_are_refused(syntax, text):
    message = syntax(text)
    assert message and REFUSED[text] in message
    assert "Syntax error on line" in message


def test_htaccess(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write(f"{req.hlist.directory} {dict(req.get_options())}")
                return 0
        """,
        config="AllowOverride FileInfo AuthConfig\n",
        files={
            "sub/.htaccess": "SetHandler mod_python\nPythonHandler inner\nPythonOption of htaccess\n",
            "sub/inner.py": """
                def handler(req):
                    req.write(f"{req.hlist.directory} {dict(req.get_options())}")
                    return 0
            """,
            "bad/.htaccess": "PythonImport app name\n",
            "filter/.htaccess": "PythonOutputFilter app name\n",
            "all/.htaccess": "".join(f"{name} {value}\n" for name, value in ANYWHERE.items() if "Handler" not in name),
            "all/file": "served",
        },
    )
    site.expect_log("PythonImport not allowed here")
    site.expect_log("PythonOutputFilter not allowed here")
    assert site.get("/sub/x").text == f"{site.docroot}/sub/ {{'of': 'htaccess'}}"
    assert site.get("/bad/").status == 500
    assert site.get("/filter/").status == 500
    assert site.get("/all/file").text == "served"


def test_htaccess_may_be_switched_off(httpd):
    site = httpd(
        server="PythonAllowHtaccess Off",
        config="AllowOverride All\n",
        files={
            "sub/.htaccess": "PythonHandler app\n",
            "path/.htaccess": 'PythonPath "sys.path"\n',
            "option/.htaccess": "PythonOption a b\n",
            "option/file": "served",
        },
    )
    site.expect_log("PythonHandler")
    site.expect_log("PythonPath")
    assert site.get("/sub/").status == 500
    assert site.get("/path/").status == 500
    assert site.get("/option/file").text == "served"


SHOW = """
    def handler(req):
        req.write("outer")
        return 0

    def inner(req):
        req.write("inner")
        return 0
"""


def test_merging_of_handler_lists(httpd):
    site = httpd(
        handler=SHOW,
        server="""
            PythonPath "sys.path+['${docroot}']"
            <Directory ${docroot}/hides>
                PythonHandler app::inner
            </Directory>
            <Directory ${docroot}/extension>
                PythonHandler app::inner | .txt
            </Directory>
            <Directory ${docroot}/other>
                PythonDebug On
            </Directory>
            <Directory ${docroot}/twice>
                PythonHandler app::inner
            </Directory>
            <Directory ${docroot}/twice>
                PythonHandler app::handler
            </Directory>
            <Directory ${docroot}/appended>
                PythonHandler app::inner
                PythonHandler app::handler
            </Directory>
            <VirtualHost *:${port}>
                ServerName localhost
                PythonHandler app
            </VirtualHost>
            <VirtualHost *:${port}>
                ServerName other.example
            </VirtualHost>
            PythonHandler app::inner
        """,
        config="SetHandler mod_python\n",
        files={f"{name}/x": "" for name in ("hides", "extension", "other", "twice", "appended")},
    )
    assert site.get("/x").text == "outer"
    assert site.get("/x", host="other.example").text == "inner"
    assert site.get("/hides/x").text == "inner"
    assert site.get("/extension/x.txt").text == "inner"
    assert site.get("/extension/x.html").text == "outer"
    assert site.get("/other/x").text == "outer"
    assert site.get("/twice/x").text == "outer"
    assert site.get("/appended/x").text == "innerouter"


OPTIONS = """
    from mod_python import apache

    def handler(req):
        options = (req.get_options(), req.server.get_options(), req.get_config(), req.server.get_config())
        req.write(repr([dict(table) for table in options]))
        return 0
"""


def test_options(httpd):
    site = httpd(
        handler=OPTIONS,
        server="""
            PythonOption Server one
            PythonOption removed one
            PythonOption also one
            PythonOption replaced one
            <VirtualHost *:${port}>
                ServerName localhost
                PythonOption vhost two
                PythonDebug On
            </VirtualHost>
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonOption removed ""
            PythonOption also
            PythonOption REPLACED three
            PythonOption own four
            PythonInterpreter named
            PythonDebug Off
        """,
    )
    request, server, request_config, server_config = eval(site.get("/").text)
    assert {name.lower(): value for name, value in request.items()} == {
        "server": "one",
        "replaced": "three",
        "own": "four",
        "vhost": "two",
    }
    assert {name.lower(): value for name, value in server.items()} == {
        "server": "one",
        "removed": "one",
        "also": "one",
        "replaced": "one",
        "vhost": "two",
    }
    assert request_config == {"PythonInterpreter": "named", "PythonDebug": "0"}
    assert server_config == {"PythonDebug": "1"}


def test_options_are_views_of_one_request(httpd):
    site = httpd(
        functions="""
            def change(req):
                options, config = req.get_options(), req.get_config()
                assert options is req.get_options() and config is req.get_config()
                options["new"] = "x"
                config["PythonDebug"] = "1"
                apache.main_server.get_options()["shared"] = "stored"
                return options["new"], req.get_options()["new"], req.get_config()["PythonDebug"]

            def look(req):
                return "new" in req.get_options(), "PythonDebug" in req.get_config(), apache.main_server.get_options().get("shared")
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonOption a b\n<Files other>\nPythonInterpreter other\n</Files>",
    )
    assert site.call("change") == ("x", "x", "1")
    assert site.call("look") == (False, False, "stored")


def test_changed_options_are_seen_by_later_phases(httpd):
    site = httpd(
        handler="""
            def transhandler(req):
                req.get_options()["early"] = "changed"
                req.get_options()["replaced"] = "changed"
                return -1

            def accesshandler(req):
                del req.get_options()["removed"]
                return 0

            def handler(req):
                req.write(str(sorted(req.get_options().items())))
                return 0
        """,
        server="PythonPath \"sys.path+['${docroot}']\"\nPythonOption server one\nPythonTransHandler app\n",
        config="""
            SetHandler mod_python
            PythonAccessHandler app
            PythonHandler app
            PythonOption replaced two
            PythonOption removed three
            PythonOption own four
        """,
    )
    for _ in range(2):
        assert site.get("/").text == "[('early', 'changed'), ('own', 'four'), ('replaced', 'changed'), ('server', 'one')]"


def test_shared_options_reach_every_interpreter(httpd):
    site = httpd(
        functions="""
            def store(req):
                apache.main_server.get_options()["shared"] = apache.interpreter
                return apache.interpreter

            def look(req):
                return apache.interpreter, apache.main_server.get_options().get("shared")
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            <Files look>
                PythonInterpreter other
            </Files>
        """,
    )
    assert site.call("store") == "localhost"
    assert site.call("look") == ("other", "localhost")


def test_directories_of_handlers(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write(f"{req.hlist.directory} {req.hlist.is_location}")
                return 0
        """,
        server="""
            <Directory "${docroot}/wild*/deep">
                PythonHandler app
            </Directory>
            <DirectoryMatch "/reg[ex]+">
                PythonHandler app
            </DirectoryMatch>
            <Directory "${docroot}//double">
                PythonHandler app
            </Directory>
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            <Files named>
                PythonHandler app
            </Files>
            <If "%{QUERY_STRING} == 'if'">
                PythonHandler app
            </If>
        """,
        files={
            f"{directory}/app.py": """
                def handler(req):
                    req.write(f"{req.hlist.directory} {req.hlist.is_location}")
                    return 0
            """
            for directory in ("wild1/deep", "wild1/deep/er", "regex", "double")
        },
    )
    root = site.docroot
    assert site.get("/x").text == f"{root}/ 0"
    assert site.get("/named").text == f"{root}/ 0"
    assert site.get("/x?if").text == f"{root}/ 0"
    assert site.get("/wild1/deep/x").text == f"{root}/wild1/deep/ 0"
    assert site.get("/wild1/deep/er/x").text == f"{root}/wild1/deep/ 0"
    assert site.get("/regex/x").text == f"{root}/regex/ 0"
    assert site.get("/double/x").text == f"{root}/double/ 0"


def test_directives_of_other_modules_are_untouched(httpd):
    site = httpd(
        server="<IfModule mod_python.c>\nHeader always set X-Seen yes\n</IfModule>",
        files={"x": ""},
        modules=("headers",),
    )
    assert site.get("/x").headers["X-Seen"] == "yes"


def test_version_string(httpd):
    site = httpd(files={"x": ""}, server="ServerTokens Full")
    server = site.get("/x").headers["Server"]
    assert "mod_python/" in server and "Python/3." in server


def test_server_without_python_work(httpd):
    site = httpd(files={"x": "plain"})
    assert site.get("/x").text == "plain"
