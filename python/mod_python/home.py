"""Virtual environments (PEP 405) for `PythonHome` and `home=`: what `site` does for a Python that was started in one.

The standard library stays that of the Python which runs in httpd.
"""

from __future__ import annotations

import os
import site
import sys


def activate(home: str) -> None:
    """Make this interpreter find what is installed in the virtual environment `home`, in place of what was there."""
    installed = {os.path.realpath(path) for path in site.getsitepackages([sys.prefix, sys.exec_prefix])}
    kept = [path for path in sys.path if os.path.realpath(path) not in installed]
    system = [path for path in sys.path if os.path.realpath(path) in installed]
    sys.prefix = sys.exec_prefix = home
    site.PREFIXES[:] = [home]
    sys.path[:] = kept
    for path in _site_packages(home):
        site.addsitedir(path)
    if _includes_system(home):
        site.PREFIXES += [sys.base_prefix, sys.base_exec_prefix]
        sys.path += system
    importer = sys.modules.get("mod_python.importer")
    if importer is not None:
        importer.initial_path_changed()


def _site_packages(home: str) -> list[str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    paths = [os.path.join(home, lib, version, "site-packages") for lib in dict.fromkeys(("lib", sys.platlibdir))]
    return [path for path in paths if os.path.isdir(path)]


def _includes_system(home: str) -> bool:
    try:
        with open(os.path.join(home, "pyvenv.cfg"), encoding="utf-8") as file:
            rows = [line.partition("=") for line in file]
    except OSError:
        return False
    settings = {key.strip().lower(): value.strip().lower() for key, _, value in rows}
    return settings.get("include-system-site-packages") == "true"
