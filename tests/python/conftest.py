"""The package as a fresh interpreter of httpd has it, less what is native."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

PACKAGE = Path(__file__).parents[2] / "python"


@pytest.fixture
def importer(monkeypatch):
    """The importer, without memory of other tests."""
    before = dict(sys.modules)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mod_python"]:
        del sys.modules[name]
    monkeypatch.setattr(sys, "path", [str(PACKAGE), *sys.path])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    from mod_python import importer

    yield importer
    sys.modules.clear()
    sys.modules.update(before)


class Site:
    """A directory of modules."""

    def __init__(self, importer, directory):
        self.importer = importer
        self.directory = directory
        directory.mkdir(exist_ok=True)

    def write(self, **files):
        for name, source in files.items():
            path = self.directory / (name.replace("__in__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        return self

    def load(self, name="app", autoreload=True):
        return self.importer.load(name, f"{self.directory}/", autoreload, False)[0]

    def watched(self, name="app"):
        return {os.path.relpath(stamp[0], self.directory) for stamp in self.load_all(name)[1]}

    def load_all(self, name="app"):
        return self.importer.load(name, f"{self.directory}/", True, False)


@pytest.fixture
def site(importer, tmp_path):
    return Site(importer, tmp_path / "site")


@pytest.fixture
def other(importer, tmp_path):
    return Site(importer, tmp_path / "other")


@pytest.fixture
def package(monkeypatch):
    """Path of the package's sources, importable."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    return PACKAGE / "mod_python"
