"""`make install`'s script, into directories of one's own, and the command that it installs."""

import os
import subprocess

import httpd as real


def test_what_is_installed_works_where_it_is(command):
    root = command.directory / "usr"
    places = {"LIBEXECDIR": root / "modules", "BINDIR": root / "bin", "DATADIR": root / "share", "CONFDIR": root / "conf"}
    env = {"PATH": os.environ["PATH"], "MOD_PYTHON_SO": str(real.MODULE), **{name: str(path) for name, path in places.items()}}
    subprocess.run([str(real.PROJECT / "scripts/install")], env=env, check=True, capture_output=True)
    assert f"{root}/modules/mod_python.so" in (root / "conf/python.load").read_text()
    installed = str(root / "bin/mod_python")
    # Neither environment nor checkout says where anything is.
    version = subprocess.run([installed, "version"], env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True)
    assert version.returncode == 0, version.stderr
    rows = dict(line.split(":", 1) for line in version.stdout.splitlines())
    assert str(root / "share/mod_python/mod_python") in rows["mod_python"]
    assert str(root / "modules/mod_python.so") in rows["module"]
    file = command.write("hello.py", "def handler(req): return req.write('installed') or 0")
    site = command.serve(file, program=[installed], env={"PYTHONPATH": "", "MOD_PYTHON_SO": ""})
    assert site.get("/").text == "installed"
