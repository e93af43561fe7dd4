"""`PythonHome` and `home=`: virtual environments that are used, and those that httpd refuses to start with."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from httpd import Site

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
APPLICATION = """
    import importlib.util, sys

    def application(environ, start_response):
        import only_here
        start_response("200 OK", [("Content-Type", "text/plain")])
        told = [sys.prefix, only_here.NAME, str(importlib.util.find_spec("hypothesis") is not None)]
        return ["|".join(told).encode()]
"""


@pytest.fixture
def environments():
    """A function that makes a virtual environment with a module of its own, where httpd's children can read it."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="environments-"))
    root.chmod(0o755)

    def make(name, system=False):
        directory = root / name
        options = ["--system-site-packages"] if system else []
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", *options, directory], check=True)
        (directory / f"lib/python{VERSION}/site-packages/only_here.py").write_text(f"NAME = {name!r}\n")
        return directory

    yield make
    shutil.rmtree(root)


@pytest.mark.every_mpm
def test_environments_of_mounts(environments, httpd):
    one, two = environments("one"), environments("two", system=True)
    site = httpd(
        server=f"""
            PythonWSGIAlias /one ${{docroot}}/demo.wsgi home={one}
            PythonWSGIAlias /again ${{docroot}}/demo.wsgi home={one}
            PythonWSGIAlias /two ${{docroot}}/demo.wsgi home={two} interpreter=two
        """,
        files={"demo.wsgi": APPLICATION},
    )
    for path in ("/one", "/again", "/one"):
        assert site.get(path).text == f"{one}|one|False"
    assert site.get("/two").text == f"{two}|two|True"


@pytest.mark.every_mpm
def test_environment_of_the_server(environments, httpd):
    home = environments("home")
    site = httpd(
        server=f"""
            PythonHome {home}
            PythonWSGIAlias /mounted ${{root}}/demo.wsgi
            PythonImport only_here other
        """,
        handler="""
            import sys
            import only_here
            def handler(req):
                req.write("|".join((sys.prefix, only_here.NAME, req.interpreter)))
                return 0
        """,
        files={"../demo.wsgi": APPLICATION},
        config="SetHandler mod_python\nPythonHandler app\nPythonInterpreter sub\nPythonPath \"['${docroot}'] + sys.path\"",
    )
    assert site.get("/").text == f"{home}|home|sub"
    assert site.get("/mounted").text == f"{home}|home|False"


def test_an_installation_may_be_a_home(httpd):
    site = httpd(
        server="PythonHome /usr",
        handler="""
            import sys
            def handler(req):
                req.write(sys.prefix)
                return 0
        """,
    )
    assert site.get("/").text == "/usr"


def refused(server):
    """What httpd says when it does not start, and `httpd -t` too."""
    site = Site("event", server=server)
    try:
        with pytest.raises(RuntimeError) as error:
            site.start()
        checked = subprocess.run([*site.command(), "-t"], env=site.env, capture_output=True, text=True)
        assert checked.returncode != 0
        told = str(error.value)
        assert told.splitlines()[-1].rpartition("] ")[2] in checked.stderr
        return told
    finally:
        site.remove()


def test_wrong_environments(environments, tmp_path):
    other = environments("other")
    configuration = (other / "pyvenv.cfg").read_text().replace(VERSION, "3.9")
    (other / "pyvenv.cfg").write_text(configuration)
    fine, empty = environments("fine"), tmp_path / "empty"
    empty.mkdir()
    for server, sentence in {
        f"PythonHome {other}": f"PythonHome: {other} is a virtual environment of Python 3.9, but mod_python runs Python {VERSION} (",
        f"PythonHome {empty}": f"PythonHome: {empty} is neither a virtual environment (it has no pyvenv.cfg) nor",
        "PythonHome nowhere": "/nowhere is no directory",
        f"PythonWSGIAlias /a app:a home={other}": f"PythonWSGIAlias /a: home={other} is a virtual environment of Python 3.9",
        "PythonWSGIAlias /a app:a home=/usr": "PythonWSGIAlias /a: home=/usr is no virtual environment",
        f"PythonWSGIAlias /a app:a home={fine}\nPythonWSGIAlias /b app:a home={environments('more')}": "cannot be in the interpreter "
        f"main_interpreter, which has {fine} (PythonWSGIAlias /a): give one of them interpreter=",
        f"<VirtualHost *>\nPythonHome {fine}\n</VirtualHost>": "it cannot stand in a virtual host",
        "PythonWSGIAlias /a": "PythonWSGIAlias takes a URI path, an application",
        "PythonWSGIAlias a app:a": "the URI path must begin with a slash: a",
        "PythonWSGIAlias /a app-a": "app-a is neither module:callable nor the path of a script",
        "PythonWSGIAlias /a app:a threads=3": "threads=3 is not understood",
        "PythonWSGIAlias /a app:a\nPythonWSGIAlias /a/ app:b": "there is another PythonWSGIAlias /a/ in this server",
    }.items():
        assert sentence in refused(server), server
