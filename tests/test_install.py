"""`make install` into directories of one's own, what it installs at work, and `make uninstall`."""

import os
import pathlib
import subprocess
import sys

import pytest

import httpd as real

BUILT = {"MOD_PYTHON_SO": str(real.MODULE), "PATH": os.environ["PATH"]}
HELLO = "def handler(req): return req.write('installed') or 0"


def make(goal, **variables):
    names = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "-s", goal, *names], cwd=real.PROJECT, env=BUILT, capture_output=True, text=True, timeout=real.DEADLINE
    )


def files_of(directory):
    return {str(path.relative_to(directory)) for path in pathlib.Path(directory).rglob("*")}


@pytest.fixture
def places(command):
    """Every place that can be named, below one directory."""
    root = command.directory / "usr"
    names = {"LIBEXECDIR": "modules", "BINDIR": "bin", "PYTHONDIR": "python", "MANDIR": "man", "CONFDIR": "conf"}
    return {name: root / path for name, path in names.items()}


def test_what_is_installed_works_where_it_is(command, places):
    assert make("install", **places).returncode == 0
    root = command.directory / "usr"
    assert f'LoadModule python_module "{root}/modules/mod_python.so"' in (root / "conf/python.load").read_text()
    installed = str(root / "bin/mod_python")
    # Neither environment nor checkout says where anything is.
    version = subprocess.run([installed, "version"], env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True)
    assert version.returncode == 0, version.stderr
    rows = dict(line.split(":", 1) for line in version.stdout.splitlines())
    assert str(root / "python/mod_python") in rows["mod_python"]
    assert str(root / "modules/mod_python.so") in rows["module"]
    file = command.write("hello.py", HELLO)
    site = command.serve(file, program=[installed], env={"PYTHONPATH": "", "MOD_PYTHON_SO": ""})
    assert site.get("/").text == "installed"


def test_installed_files_go_again_and_others_stay(command, places):
    root = command.directory / "usr"
    for name in ("python/other.py", "conf/alias.load", "modules/mod_alias.so"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("other")
    before = files_of(root)
    for _ in range(2):
        assert make("install", **places).returncode == 0
    program = [str(root / "bin/mod_python"), "module-location"]
    told = subprocess.run(program, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True).stdout
    assert told == f"{root}/modules/mod_python.so\n"
    assert list((root / "python/mod_python").rglob("__pycache__"))
    assert make("uninstall", **places).returncode == 0
    assert files_of(root) == before
    again = make("uninstall", **places)
    assert again.returncode != 0 and "nothing is installed" in again.stderr


def test_destdir_is_put_before_every_path_and_named_in_no_file(command):
    destdir = command.directory / "image"
    python = f"lib/python3.{sys.version_info[1]}/site-packages"
    assert make("install", DESTDIR=destdir, PREFIX="/opt/web", CONFDIR="/etc/web").returncode == 0
    present = files_of(destdir)
    assert {"opt/web/bin/mod_python", f"opt/web/{python}/mod_python/apache.py", "opt/web/share/man/man1/mod_python.1"} < present
    assert {"etc/web/python.load", "etc/web/python.conf"} < present
    for name in present - {name for name in present if name.endswith(".so") or (destdir / name).is_dir()}:
        assert str(destdir) not in (destdir / name).read_text(), name
    assert make("uninstall", DESTDIR=destdir, PREFIX="/opt/web", CONFDIR="/etc/web").returncode == 0
    assert files_of(destdir) == set()


def test_a_fedora_gets_one_file_that_loads_and_one_for_settings(command):
    destdir = command.directory / "image"
    names = {
        "DESTDIR": destdir,
        "PREFIX": "/usr",
        "LIBEXECDIR": "/usr/lib64/httpd/modules",
        "MODCONFDIR": "/etc/httpd/conf.modules.d",
    }
    assert make("install", **names).returncode == 0
    load = (destdir / "etc/httpd/conf.modules.d/10-python.conf").read_text()
    assert 'LoadModule python_module "/usr/lib64/httpd/modules/mod_python.so"' in load
    assert (destdir / "etc/httpd/conf.d/python.conf").read_text().startswith("# mod_python")
    assert make("uninstall", **names).returncode == 0
    assert files_of(destdir) == set()


def test_a_changed_configuration_stays(command, places):
    assert make("install", **places).returncode == 0
    conf = places["CONFDIR"] / "python.conf"
    conf.write_text("PythonDebug On\n")
    assert "was changed" in make("install", **places).stdout
    assert conf.read_text() == "PythonDebug On\n"
    assert "was changed" in make("uninstall", **places).stdout
    assert files_of(command.directory / "usr") == {"conf", "conf/python.conf"}


def test_the_package_goes_into_the_chosen_python(command):
    environment = command.directory / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    before = files_of(environment)
    names = {
        "PYTHON": environment / "bin/python3",
        "LIBEXECDIR": command.directory / "modules",
        "CONFDIR": command.directory / "conf",
    }
    assert make("install", **names).returncode == 0
    found = subprocess.run(
        [environment / "bin/python3", "-c", "import mod_python; print(mod_python.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(environment))
    command.serve(
        command.write("hello.py", HELLO), program=[environment / "bin/mod_python"], env={"PYTHONPATH": "", "MOD_PYTHON_SO": ""}
    )
    assert make("uninstall", **names).returncode == 0
    assert files_of(environment) == before


def test_what_is_missing_is_said(command, places):
    missing = make("install", PYTHON="/usr/bin/false", **places)
    assert missing.returncode != 0 and "/usr/bin/false is no Python 3.11 or newer" in missing.stderr
    no_apxs = make("install", APXS="/usr/bin/false", DESTDIR=command.directory)
    assert no_apxs.returncode != 0 and "install apache2-dev" in no_apxs.stderr
    assert files_of(command.directory) == {"tmp"}


def test_the_manual_page_names_every_command(command):
    text = (real.PROJECT / "packaging/mod_python.1").read_text().replace("\\-", "-")
    helped = command("--help").stdout
    commands = [
        line.split()[0] for line in helped.partition("commands:")[2].splitlines() if line.startswith("    ") and line[4] != " "
    ]
    assert len(commands) > 8
    assert [name for name in commands if name not in text.replace("\\fP", "")] == []
