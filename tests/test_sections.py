"""Sections and .htaccess files: what a directive does where it stands, and which of several is in force."""

import pytest

pytestmark = pytest.mark.threads_and_processes

OVERRIDES = ("AuthConfig", "FileInfo", "Indexes", "Limit", "Options")
IN_HTACCESS = """
    SetHandler mod_python
    PythonHandler app
    PythonHeaderParserHandler app::note
    PythonInitHandler app::note
    PythonAccessHandler app::note
    PythonAuthenHandler app::note
    PythonAuthzHandler app::note
    PythonTypeHandler app::note
    PythonFixupHandler app::note
    PythonLogHandler app::note
    PythonCleanupHandler app::note
    PythonHandlerModule silent
    PythonInterpreter own
    PythonInterpPerDirectory Off
    PythonInterpPerDirective Off
    PythonAutoReload On
    PythonDebug Off
    PythonEnablePdb Off
    PythonOption key value
    PythonPath "sys.path+['{directory}']"
"""
NOTING = """
    from mod_python import apache

    def note(req):
        if req.phase == "PythonAuthenHandler":
            req.user = "somebody"
        req.notes.add("phases", req.phase.removeprefix("Python").removesuffix("Handler"))
        return apache.DECLINED if req.phase == "PythonTypeHandler" else apache.OK

    def handler(req):
        req.write(f"{' '.join(req.notes['phases'])} in {req.interpreter} with {dict(req.get_options())}")
        return apache.OK
"""


@pytest.mark.parametrize("override", OVERRIDES)
def test_directives_in_htaccess_under_each_override(httpd, override):
    """Any class will do, as it always did; AllowOverride None has no .htaccess read."""
    site = httpd(
        handler=None, files={"sub/app.py": NOTING, "sub/silent.py": ""}, config=f"AllowOverride {override}\nSetHandler mod_python\n"
    )
    text = IN_HTACCESS.format(directory=site.docroot / "sub")
    site.write("sub/.htaccess", text if override == "FileInfo" else text.replace("SetHandler mod_python\n", ""))
    answer = site.get("/sub/page").text
    # Nobody has to say who he is.
    assert answer == "Init HeaderParser Access Type Fixup in own with {'key': 'value'}"


def test_no_htaccess_without_an_override(httpd):
    site = httpd(files={"sub/.htaccess": "PythonHandler app\nSetHandler mod_python\n", "sub/page": "a file"})
    assert site.get("/sub/page").text == "a file"


SHOWN = """
    import sys
    from mod_python import apache

    def handler(req):
        hlist = req.hlist
        added = [item for item in sys.path if "htdocs" in item or item.startswith("^") or item.startswith("/located")]
        req.write(repr([hlist.directory, hlist.is_location, [item.replace(req.document_root(), "") for item in added]]))
        return apache.OK
"""


def test_what_is_remembered_of_where_a_handler_stands(httpd):
    """The directory with its slash, a location as it was written, nothing at server level; only directories go on sys.path."""
    site = httpd(
        handler=SHOWN,
        config="",
        server="""
            PythonInterpPerDirectory On
            SetHandler mod_python
            PythonHandler ${docroot}/app.py
            <Files "of-server">
                PythonHandler ${docroot}/app.py
            </Files>
            <Location /located>
                PythonHandler ${docroot}/app.py
            </Location>
            <LocationMatch "^/matched/[0-9]+">
                PythonHandler ${docroot}/app.py
            </LocationMatch>
            <Location ~ "^/tilde">
                PythonHandler ${docroot}/app.py
            </Location>
            <Directory "${docroot}/directory">
                PythonHandler app
                <Files "named">
                    PythonHandler app
                </Files>
                <FilesMatch "^matched$">
                    PythonHandler app
                </FilesMatch>
                <If "%{QUERY_STRING} == 'if'">
                    PythonHandler app
                </If>
            </Directory>
        """,
        files={"directory/app.py": SHOWN, "directory/x": ""},
    )
    directory = [f"{site.docroot}/directory/", 0, ["/directory/"]]
    expected = {
        "/x": [None, 0, []],
        "/of-server": [None, 0, []],
        "/located/x": ["/located", 1, []],
        "/matched/12": ["^/matched/[0-9]+", 1, []],
        "/tilde": ["^/tilde", 1, []],
        "/directory/x": directory,
        "/directory/named": directory,
        "/directory/matched": directory,
        "/directory/x?if": directory,
    }
    assert {path: eval(site.get(path).text) for path in expected} == expected


def test_filters_are_merged_by_their_names(httpd):
    site = httpd(
        handler="""
            def filtered(name):
                def outputfilter(filter):
                    filter.write(f"{name} ")
                    filter.pass_on()
                return outputfilter

            outer, inner, other = filtered("outer"), filtered("inner"), filtered("other")
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            PythonOutputFilter app::outer FIRST
            PythonOutputFilter app::other second
            <Directory "${docroot}/sub">
                PythonOutputFilter app::inner first
            </Directory>
            <VirtualHost *:${port}>
                ServerName localhost
            </VirtualHost>
            <VirtualHost *:${port}>
                ServerName own.example
                PythonOutputFilter app::inner Second
            </VirtualHost>
        """,
        config="SetOutputFilter First;Second",
        files={"page": "page", "sub/page": "page"},
    )
    assert site.get("/page").text == "other outer page"
    assert site.get("/sub/page").text == "other inner page"
    assert site.get("/page", host="own.example").text == "inner outer page"


FLAGS = ("PythonDebug", "PythonAutoReload", "PythonEnablePdb", "PythonInterpPerDirectory", "PythonInterpPerDirective")
CONFIGURED = """
    def handler(req):
        def shown(table):
            return {name: value for name, value in table.items()}
        req.write(repr([shown(req.get_config()), shown(req.server.get_config()), req.interpreter == req.hlist.directory]))
        return 0
"""


def test_flags_as_handlers_see_them(httpd):
    """By the directives' names, "1" or "0", and only where they are set; those of an inner section alone replace them."""
    site = httpd(
        handler=CONFIGURED,
        server="\n".join(f"{name} Off" for name in FLAGS)
        + "\nPythonPath \"sys.path+['/of/server']\"\nPythonInterpreter of-server\n",
        config="\n".join(f"{name} On" for name in FLAGS) + "\nSetHandler mod_python\nPythonHandler ${docroot}/app.py\n",
    )
    request, server, _ = eval(site.get("/").text)
    inherited = {"PythonPath": "sys.path+['/of/server']", "PythonInterpreter": "of-server"}
    assert request == dict.fromkeys(FLAGS, "1") | inherited
    assert server == dict.fromkeys(FLAGS, "0") | inherited


def test_an_inner_off_overrides_an_outer_on(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write(req.interpreter)
                return 0
        """,
        server="""
            PythonPath "sys.path+['${docroot}']"
            <Directory "${docroot}/directory">
                PythonInterpPerDirectory On
            </Directory>
            <Directory "${docroot}/directory/off">
                PythonInterpPerDirectory Off
            </Directory>
            <Directory "${docroot}/directive">
                PythonInterpPerDirective On
                PythonHandler app
            </Directory>
            <Directory "${docroot}/directive/off">
                PythonInterpPerDirective off
            </Directory>
        """,
        config="SetHandler mod_python\nPythonHandler app\n",
        files={f"{name}/x": "" for name in ("directory", "directory/off", "directive", "directive/off")},
    )
    names = {path: site.get(f"/{path}/x").text for path in ("directory", "directory/off", "directive", "directive/off")}
    assert names == {
        "directory": f"{site.docroot}/directory/",
        "directory/off": "localhost",
        "directive": f"{site.docroot}/directive/",
        "directive/off": "localhost",
    }


def test_a_handler_name_given_at_run_time_is_compared_exactly(httpd):
    site = httpd(
        handler="""
            from urllib.parse import unquote

            def fixuphandler(req):
                req.handler = req.args
                return 0

            def handler(req):
                req.write("handled")
                return 0
        """,
        config="PythonFixupHandler app\nPythonHandler app\n",
        files={"page": "a file"},
    )
    answers = {name: site.get(f"/page?{name}").text for name in ("mod_python", "python-program", "Mod_Python", "python")}
    assert answers == {"mod_python": "handled", "python-program": "handled", "Mod_Python": "a file", "python": "a file"}


def test_a_path_is_evaluated_once_in_each_interpreter(httpd):
    site = httpd(
        handler="""
            import sys

            def handler(req):
                req.write(str([item for item in sys.path if item.startswith("/mine")]))
                return 0
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonPath "open('${scratch}/evaluated', 'a').write(interpreter + os.linesep) and sys.path+['${docroot}', '/mine']"
            <Files other>
                PythonInterpreter other
            </Files>
        """,
        children=1,
    )
    for _ in range(3):
        assert site.get("/page").text == "['/mine']"
        assert site.get("/other").text == "['/mine']"
    assert (site.scratch / "evaluated").read_text().split() == ["localhost", "other"]
