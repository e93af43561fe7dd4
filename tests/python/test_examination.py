"""What is said beside httpd's own words when it refuses a configuration."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
from mod_python.cli import examination

LINE = "Cannot load /x/mod_python.so into server: /x/mod_python.so: undefined symbol: "


@pytest.mark.parametrize("symbol", ["PyList_Type", "Py_Initialize", "_Py_DecRef"])
def test_whichever_of_pythons_symbols_the_linker_misses(symbol):
    assert "takes its Python from a LoadFile line" in examination.remedy(LINE + symbol)


@pytest.mark.parametrize("symbol", ["ap_hook_handler", "SSL_new", "_ZN6PySide"])
def test_another_symbol_is_no_matter_of_loadfile(symbol):
    assert examination.remedy(LINE + symbol) == ""


def test_a_directive_above_the_module():
    assert "not loaded above that line" in examination.remedy("Invalid command 'PythonHandler', perhaps misspelled")
