"""The importer, asked by several threads at once: whatever one of them gets is whole."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import waiting


def in_threads(count, function):
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# Not complete before 15 other threads want it.
SLOW = "import builtins, waiting; builtins.executions.append(1); a = 1; waiting.until_others_wait(15); b = 1"


@pytest.fixture
def executions(monkeypatch):
    import builtins

    monkeypatch.setattr(builtins, "executions", [], raising=False)
    return builtins.executions


def test_all_threads_get_the_complete_module_which_is_executed_once(site, executions):
    site.write(app=SLOW)
    modules = in_threads(16, lambda _: (site.load(), site.load().b)[0])
    assert len(set(map(id, modules))) == 1
    assert len(executions) == 1


def test_all_threads_get_the_complete_reloaded_module(site, executions):
    site.write(app="import helper", helper="import builtins; builtins.executions.append(1)").load()
    site.write(helper=SLOW + "\nc = 1")
    modules = in_threads(16, lambda _: (site.load(), site.load().helper.c)[0])
    assert len(set(map(id, modules))) == 1
    assert len(executions) == 2


def test_circle_entered_at_both_ends(site):
    for number in range(5):
        # Neither goes on before all want one of them.
        site.write(left="import waiting; waiting.until_others_wait(7); import right; x = 1")
        site.write(right=f"import waiting; waiting.until_others_wait(7); import left; x = {number}")
        results = in_threads(
            8, lambda n: (lambda m: (m.x, getattr(m, "left", None) or m.right))(site.load("left" if n % 2 else "right"))
        )
        assert all(hasattr(module, "x") for _, module in results)


def test_a_circle_that_python_takes_for_a_deadlock(site, monkeypatch):
    """A module comes into sys.modules after Python has not found it there, and before it waits for it."""
    from importlib import _bootstrap

    find_and_load, is_late = _bootstrap._find_and_load, threading.Event()

    def late(name, import_):
        if name == "right" and not is_late.is_set():
            is_late.set()
            waiting.until(lambda: "'left'" in str([*_bootstrap._blocking_on.values()]))
        return find_and_load(name, import_)

    def load(number):
        if number:
            assert is_late.wait(waiting.DEADLINE)
        return site.load(("left", "right")[number])

    monkeypatch.setattr(_bootstrap, "_find_and_load", late)
    site.write(left="import right; x = 1", right="import left; x = 2")
    assert [module.x for module in in_threads(2, load)] == [1, 2]


def test_what_another_thread_takes_out_is_what_was_imported(site, importer, monkeypatch):
    """At the moment when the import is over, and the module not yet looked for."""
    from mod_python import generations

    class Importing(generations.Importing):
        def __exit__(self, *exception):
            super().__exit__(*exception)
            site.write(app="x = 22")
            names = [name for name in sys.modules if name.startswith("app")]
            in_threads(1, lambda _: generations.remove_stale(names))
            assert not sys.modules.keys() & names

    site.write(app="x = 1")
    monkeypatch.setattr(importer, "Importing", Importing)
    assert site.load().x == 1


def test_what_importlib_is_not_done_with_stays(site, importer, monkeypatch):
    """Two modules import each other, and one fails just when the other has been executed."""
    from mod_python import generations

    end, removed = generations.Generation._end, []

    def end_and_see_another_fail(self, failed):
        end(self, failed)
        if self.name.startswith("app"):
            with generations._lock:
                removed.extend(generations._remove({self}))

    monkeypatch.setattr(generations.Generation, "_end", end_and_see_another_fail)
    site.write(app="x = 1")
    assert site.load().x == 1
    assert removed == []


def test_threads_under_constant_change(site):
    """Whatever a request gets is whole: a package and its parts, each of one version."""
    changes, loads = 100, [0] * 6
    pkg = site.directory / "pkg"

    def replace(name, source):
        (site.directory / "new").write_text(source)
        os.rename(site.directory / "new", pkg / name)

    site.write(app="import pkg.a, pkg.b\ndef f(): return pkg.a.x, pkg.b.x, pkg.x", pkg__in____init__="from .a import x")
    site.write(pkg__in__a="x = 0", pkg__in__b="from . import a; x = a.x")

    def change():
        for count in range(1, changes + 1):
            replace("a.py", f"x = {count}")
            before = list(loads)
            waiting.until(lambda before=before: sum(map(int.__gt__, loads, before)) >= 2)
        loads[0] = changes

    def work(number):
        if number == 0:
            return change()
        while loads[0] < changes:
            site.load().f()
            loads[number] += 1

    in_threads(6, work)
    waiting.until(lambda: site.load().f() == (changes, changes, changes))
