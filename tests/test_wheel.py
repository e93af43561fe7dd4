"""What PyPI gets: a source distribution, the wheel that is made from it, and a virtual environment with that."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import pytest

import httpd as real

# One worker makes the wheel, once.
pytestmark = pytest.mark.xdist_group("wheel")

HELLO = """
    import sys

    from mod_python import apache


    def handler(req):
        req.content_type = "text/plain"
        req.write(f"{sys.version_info[:2]} {sys.base_prefix} {apache.__file__}")
        return apache.OK
"""
MINIMAL = "Listen 127.0.0.1:1\nServerName localhost\nErrorLog /dev/stderr\n"
ALONE = {"PYTHONPATH": "", "MOD_PYTHON_SO": ""}


@pytest.fixture(scope="module")
def dist():
    subprocess.run(["make", "-s", "wheel"], cwd=real.PROJECT, check=True, stdout=subprocess.DEVNULL)
    return real.PROJECT / "target/dist"


@pytest.fixture(scope="module")
def wheel(dist):
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel):
    """A fresh virtual environment, outside of the checkout, with nothing but the wheel."""
    # Not pytest's directory: the children of a root httpd are somebody else.
    with tempfile.TemporaryDirectory(prefix="environment-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        install = [directory / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", wheel]
        subprocess.run(install, check=True)
        yield directory


@pytest.fixture
def packages(environment):
    """Its directory of packages, in the state that it has now when the test is over."""
    (directory,) = environment.glob("lib/python3.*/site-packages")
    before = set(directory.iterdir())
    yield directory
    for path in set(directory.iterdir()) - before:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def run(environment, *arguments, **variables):
    program = [environment / "bin/mod_python", *arguments]
    env = {"PATH": "/usr/bin:/bin", **variables}
    return subprocess.run(program, env=env, cwd="/", capture_output=True, text=True, timeout=real.DEADLINE)


def test_the_wheel_is_for_every_supported_python_of_this_kind_of_machine(wheel):
    assert re.fullmatch(rf"mod_python-[\w.]+-cp311-abi3-manylinux_2_\d+_{os.uname().machine}\.whl", wheel.name)
    names = zipfile.ZipFile(wheel).namelist()
    assert {"mod_python/mod_python.so", "mod_python/_apache.pyi", "mod_python/py.typed", "mod_python/cli/serve.py"} < set(names)


def test_the_source_distribution_has_what_compiling_takes(dist):
    # The wheel was compiled from it: here only that nothing else went in.
    (archive,) = dist.glob("*.tar.gz")
    listed = subprocess.run(["tar", "-tzf", archive], capture_output=True, text=True, check=True).stdout.split()
    assert {name.split("/")[1] for name in listed} == {
        *("", ".cargo", "Cargo.lock", "Cargo.toml", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "build.rs"),
        *("pyproject.toml", "python", "setup.cfg", "setup.py", "src"),
    }


def test_a_page_is_served_from_a_virtual_environment(command, environment):
    file = command.write("hello.py", HELLO)
    site = command.serve(file, program=[environment / "bin/mod_python"], env=ALONE)
    assert site.get("/").text == f"{sys.version_info[:2]} {sys.base_prefix} <mod_python>/mod_python/apache.py"


def test_what_is_installed_beside_it_is_found(command, environment, packages):
    (packages / "shop.py").write_text("def app(environ, start):\n    start('200 OK', [])\n    return [b'shop']\n")
    site = command.serve("shop:app", program=[environment / "bin/mod_python"], env=ALONE)
    assert site.get("/").text == "shop"


def test_the_module_is_located_and_installed(command, environment):
    place = run(environment, "module-location").stdout.strip()
    assert pathlib.Path(place).parent.parent.name == "site-packages" and place.startswith(str(environment))
    target = command.directory / "modules"
    target.mkdir()
    installed = run(environment, "install-module", "--directory", target)
    assert installed.returncode == 0, installed.stderr
    assert (target / "mod_python.so").read_bytes() == pathlib.Path(place).read_bytes()
    load_file, load_module = installed.stdout.splitlines()
    library = re.fullmatch(r'LoadFile "(/.*/libpython3\.\d+\.so\.1\.0)"', load_file)[1]
    assert pathlib.Path(library).is_file()
    assert load_module == f'LoadModule python_module "{target}/mod_python.so"'
    assert f'PythonHome "{environment}"' in installed.stderr
    # httpd takes the lines as they are.
    configuration = command.write("httpd.conf", f"{real.load_module('mpm_event')}\n{installed.stdout}\n{MINIMAL}PythonDebug On\n")
    checked = subprocess.run([real.program(), "-t", "-f", configuration], capture_output=True, text=True)
    assert "Syntax OK" in checked.stderr


def test_a_server_of_ones_own_loads_the_same(command, environment):
    created = run(environment, "create", command.directory / "site", "--pythonhandler=app", "--listen=127.0.0.1:1")
    assert created.returncode == 0, created.stderr
    config = run(environment, "genconfig", command.directory / "site/conf/httpd_conf.py").stdout
    assert re.search(r"^LoadFile \S+/libpython3\.\d+\.so\.1\.0\nLoadModule python_module ", config, re.MULTILINE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_of_root_is_said_to_be_one(environment):
    refused = run(environment, "install-module", "--directory", "/usr/lib")
    assert refused.returncode == os.EX_CANTCREAT and "sudo" in refused.stderr


def test_a_python_without_a_shared_library_is_told_so(command, environment, packages):
    # As a Python that was built without --enable-shared would have it.
    (packages / "static.pth").write_text("import sysconfig; sysconfig.get_config_vars().update(LIBDIR='/nowhere', MULTIARCH='')\n")
    told = run(environment, "serve", command.write("hello.py", HELLO))
    assert told.returncode == os.EX_UNAVAILABLE
    assert "has no shared library libpython3." in told.stderr and "--enable-shared" in told.stderr
    assert run(environment, "install-module", "--directory", command.directory).returncode == os.EX_UNAVAILABLE
    assert not (command.directory / "mod_python.so").exists()


def test_a_module_without_its_loadfile_line_is_explained(command, environment):
    module = run(environment, "module-location").stdout.strip()
    configuration = command.write("httpd.conf", f'{real.load_module("mpm_event")}\nLoadModule python_module "{module}"\n{MINIMAL}')
    told = run(environment, "check", configuration)
    assert told.returncode == os.EX_CONFIG
    assert "takes its Python from a LoadFile line" in told.stderr
