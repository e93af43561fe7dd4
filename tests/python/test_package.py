"""The package outside httpd: what can be imported there, the embedded finder, the CGI header, the caches."""

import ast
import importlib
import linecache
import subprocess
import sys
import threading
import traceback

import pytest

import waiting


def run(package, *lines):
    code = "\n".join(("import sys", f"sys.path.insert(0, {str(package.parent)!r})", *lines))
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()


# Outside httpd


def test_import_outside_httpd(package):
    lines = "import mod_python", "print(mod_python.mp_version, hasattr(mod_python, 'apache'), *mod_python.__all__)"
    version, has_apache, *names = run(package, *lines)
    assert version == importlib.import_module("mod_python.version").version
    assert has_apache == "False"
    assert names == ["apache", "cgihandler", "psp", "publisher", "python22", "util", "version"]


def test_apache_names_what_is_missing(package):
    lines = "try: from mod_python import apache", "except ModuleNotFoundError as error: print(error.name)"
    assert run(package, *lines) == ["_apache"]


def test_python22_can_be_star_imported(package):
    assert run(package, "from mod_python.python22 import *") == []


def test_importer_needs_little(package):
    """An interpreter that only runs a small handler is to stay small."""
    lines = "before = set(sys.modules)", "import mod_python.importer", "print(*set(sys.modules) - before)"
    added = {name for name in run(package, *lines) if name.partition(".")[0] != "mod_python"}
    assert added <= {"__future__", "importlib", "importlib._bootstrap", "importlib._bootstrap_external",
                     "importlib.machinery", "warnings"}  # fmt: skip


def test_files_open_with_what_they_are(package):
    for path in package.glob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path.name


# The embedded finder


@pytest.fixture
def embedded(package, monkeypatch, tmp_path):
    """`install` as the server calls it, with a foreign mod_python on sys.path."""
    foreign = tmp_path / "mod_python"
    foreign.mkdir()
    for name in ("__init__", "a", "foreign"):
        (foreign / f"{name}.py").write_text("x = 'foreign'")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = dict(sys.modules)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mod_python"]:
        del sys.modules[name]
    namespace = {}
    exec((package / "bootstrap.py").read_text(), namespace)

    def install(**sources):
        namespace["install"](
            {
                ("mod_python." + name).removesuffix(".__init__"): (
                    memoryview(source.encode()),
                    name == "__init__",
                    f"/mod_python.so/mod_python/{name}.py",
                )
                for name, source in sources.items()
            },
            lambda source, file: compile(source, file, "exec", dont_inherit=True),
        )

    yield install
    sys.modules.clear()
    sys.modules.update(before)


def test_embedded_package_shadows_every_other(embedded):
    embedded(__init__="x = 'own'", a="from . import x")
    import mod_python.a

    assert mod_python.a.x == mod_python.x == "own"
    assert mod_python.a.__file__ == "/mod_python.so/mod_python/a.py"
    assert mod_python.__path__ == []
    with pytest.raises(ModuleNotFoundError, match=r"mod_python\.foreign"):
        importlib.import_module("mod_python.foreign")


def test_embedded_source_is_in_tracebacks(embedded):
    embedded(__init__="", a="def f():\n    raise KeyError  # here")
    import mod_python.a

    linecache.clearcache()
    with pytest.raises(KeyError) as caught:
        mod_python.a.f()
    assert "raise KeyError  # here" in "".join(traceback.format_exception(caught.value))
    loader = mod_python.a.__spec__.loader
    assert loader.get_source("mod_python.a").startswith("def f")
    assert loader.is_package("mod_python")
    assert loader.get_filename("mod_python").endswith("__init__.py")


def test_whole_package_from_memory(embedded, package):
    embedded(**{path.stem: path.read_text() for path in package.glob("*.py")})
    import mod_python.importer

    assert mod_python.importer.__file__ == "/mod_python.so/mod_python/importer.py"


# CGI headers


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (-1, -1)),
        (b"A: b\n", (-1, -1)),
        (b"A: b\n\nrest", (4, 6)),
        (b"A: b\r\n\r\nrest\n\n", (4, 8)),
        (b"A: b\n\nrest\r\n\r\n", (4, 6)),
        (b"\nrest", (0, 1)),
        (b"\r\nrest", (0, 2)),
    ],
)
def test_end_of_cgi_header(package, data, expected):
    assert importlib.import_module("mod_python.cgi_streams").header_end(data) == expected


def test_cgi_header_fields(package):
    fields = importlib.import_module("mod_python.cgi_streams").header_fields
    assert fields(b"Status: 404 Gone\r\nX-A:b:c\nEmpty:") == [("Status", "404 Gone"), ("X-A", "b:c"), ("Empty", "")]
    assert fields(b"X: \xff")[0][1].encode(errors="surrogateescape") == b"\xff"
    for bad in (b"no colon", b": no name", b"A: b\n continued"):
        with pytest.raises(ValueError, match="header line"):
            fields(bad)


# Caches


@pytest.fixture
def cache(package):
    return importlib.import_module("mod_python.cache")


def test_function_cache(cache):
    calls = []

    def double(n, plus=0):
        calls.append(n)
        return n * 2 + plus

    cached = cache.FunctionCache(double, max_size=2)
    assert [cached(1), cached(1), cached(1, plus=1), cached(2), cached(1)] == [2, 2, 3, 4, 2]
    assert calls == [1, 1, 2, 1]
    assert len(cached) == 2


def test_failed_build_is_tried_again(cache):
    results = [ZeroDivisionError, 5]

    def build():
        result = results.pop(0)
        if isinstance(result, type):
            raise result
        return result

    cached = cache.FunctionCache(build)
    with pytest.raises(ZeroDivisionError):
        cached()
    assert len(cached) == 0
    assert cached() == cached() == 5


def test_one_thread_builds(cache):
    calls = []

    def slow():
        calls.append(1)
        waiting.until_others_wait(7)
        return len(calls)

    cached = cache.FunctionCache(slow)
    threads = [threading.Thread(target=cached) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_assignment_and_order_of_use(cache):
    plain = cache.Cache(max_size=2)
    plain["a"], plain["b"] = 1, 2
    assert (plain["a"], plain.mru(), plain.lru()) == (1, "a", "b")
    plain["c"] = 3
    assert list(plain) == ["a", "c"]
    del plain["a"]
    assert "a" not in plain
    plain.clear()
    with pytest.raises(KeyError):
        plain.lru()


def test_weak_cache(cache):
    class Value:
        pass

    class Values(cache.WeakCache):
        built = 0

        def build(self, key, name, opened, entry):
            self.built += 1
            return Value()

    values = Values()
    kept = values["a"]
    assert values["a"] is kept
    del kept
    assert values["a"] is not None
    assert values.built == 2


def test_file_cache(cache, tmp_path):
    files = cache.FileCache(mode="r")
    path = str(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        files[path]
    (tmp_path / "a").write_text("one")
    assert files[path] == "one"
    (tmp_path / "a").write_text("three")
    assert files[path] == "three"


def test_module_cache(cache, tmp_path):
    modules = cache.ModuleCache()
    path = tmp_path / "page.py"
    path.write_text("x = 1")
    module = modules[str(path)]
    assert (module.x, module.__file__) == (1, str(path))
    assert modules[str(path)] is module
    assert module.__name__ not in sys.modules
    path.write_text("x = (")
    for _ in range(2):
        with pytest.raises(SyntaxError):
            modules[str(path)]
    path.write_text("x = 22")
    assert modules[str(path)].x == 22
