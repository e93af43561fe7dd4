"""The package as a fresh interpreter of httpd has it, less what is native."""

import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def package(monkeypatch):
    """Path of the package's sources, importable."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    return PACKAGE / "mod_python"
