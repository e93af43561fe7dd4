"""The importer: whose module is it, and is it up to date."""

import gettext
import os
import sys
import traceback
import types

import pytest

# Whose module


def test_first_directory_has_the_plain_name(site):
    module = site.write(app="x = 1").load()
    assert module.__name__ == "app"
    assert sys.modules["app"] is module
    assert module.__file__ == str(site.directory / "app.py")


def test_same_name_in_two_directories_is_two_modules(site, other):
    first = site.write(app="import helper; x = helper.x", helper="x = 1").load()
    second = other.write(app="import helper; x = helper.x", helper="x = 2").load()
    assert (first.x, second.x) == (1, 2)
    assert first is not second
    assert site.load() is first
    assert other.load() is second


def test_order_of_sys_path_does_not_matter(site, other):
    site.write(app="import helper; x = helper.x", helper="x = 1")
    other.write(app="import helper; x = helper.x", helper="x = 2")
    for place in (site, other):
        place.importer.prepare_path(None, f"{place.directory}/")
    assert site.load().x == 1
    assert other.load().x == 2


def test_same_package_in_two_directories(site, other):
    for number, place in enumerate((site, other)):
        place.write(pkg__in____init__="", pkg__in__a="from .b import x\nimport pkg.b\ny = pkg.b.x")
        place.write(pkg__in__b=f"x = {number}")
    assert (site.load("pkg.a").x, other.load("pkg.a").x) == (0, 1)
    assert (site.load("pkg.a").y, other.load("pkg.a").y) == (0, 1)


def test_namespace_packages_of_two_directories(site, other):
    for number, place in enumerate((site, other)):
        place.write(pk__in__sub=f"x = {number}")
        assert place.load("pk.sub").x == number


def test_name_of_the_standard_library(site):
    module = site.write(calendar="x = 1").load("calendar")
    assert module.x == 1
    assert module.__name__ != "calendar"
    import calendar

    assert calendar.isleap(2024)


def test_module_that_wants_the_standard_library_module_of_its_own_name(site):
    assert site.write(html="from html import escape").load("html").escape("<") == "&lt;"


def test_name_of_an_installed_package(site, tmp_path):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "vendored.py").write_text("x = 'installed'")
    sys.path.append(str(installed))
    assert site.write(vendored="x = 'own'").load("vendored").x == "own"
    import vendored

    assert vendored.x == "installed"


def test_installed_packages_and_the_standard_library_are_not_watched(site, tmp_path):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "vendored.py").write_text("x = 1")
    sys.path.append(str(installed))
    site.write(app="import vendored, json, http.client")
    assert site.watched() == {"app.py"}
    assert site.importer.load("json", None, True, False)[1] == ()


def test_neighbour_s_module_is_not_found(site, other):
    site.write(secret="x = 1").load("secret")
    other.write(app="import secret")
    with pytest.raises(ModuleNotFoundError, match="'secret'"):
        other.load()


def test_module_on_sys_path(site, other):
    other.write(shared="x = 1")
    sys.path.append(str(other.directory))
    site.write(app="import shared; x = shared.x")
    assert site.load().x == 1
    other.write(shared="x = 2")
    assert site.load().x == 2
    assert site.importer.load("shared", None, True, False)[0] is sys.modules["shared"]


def test_package_beside_module_wins_as_in_python(site):
    site.write(app="x = 'file'", app__in____init__="x = 'package'")
    assert site.load().x == "package"
    assert site.load(str(site.directory / "app.py")).x == "file"


@pytest.mark.parametrize("name", ["", ".app", "absent", "./absent", "/absent/x.py", "~/absent", "absent.py"])
def test_what_is_not_there(site, name):
    with pytest.raises((ModuleNotFoundError, ValueError)):
        site.load(name)


def test_paths(site):
    site.write(app="x = 1", sub__in__deep="x = 2")
    (site.directory / "my-app.v2.py").write_text("x = 3")
    app = site.load()
    for name in (f"{site.directory}/app.py", f"{site.directory}/app", "./app.py", "./app", "~/app", "../site/app"):
        assert site.load(name) is app
    assert site.load("./sub/deep.py").x == 2
    assert site.load("./my-app.v2.py").x == 3


def test_import_module_from_a_module(site):
    site.write(
        app="""
            from mod_python.importer import import_module
            a = import_module('helper'); b = import_module('./helper.py'); c = import_module('~/helper')
            d = import_module('../sub/deep', path=[])
        """.replace("    ", ""),
        helper="x = 1",
        sub__in__deep="from mod_python.importer import import_module\ntop = import_module('../helper')",
    )
    (site.directory / "app.py").write_text(
        (site.directory / "app.py").read_text().replace("../sub", f"{site.directory}/sub")
    )
    app = site.load()
    assert app.a is app.b is app.c is app.d.top
    site.write(helper="x = 2")
    assert site.load().a.x == 2


def test_import_module_looks_into_path_first(site, other):
    site.write(helper="x = 1").load("helper")
    other.write(helper="x = 2")
    assert site.importer.import_module("helper", path=[str(other.directory)]).x == 2
    assert site.importer.import_module("helper", path=[str(site.directory)]).x == 1


# Is it up to date


def test_unchanged_is_the_same_object(site):
    assert site.write(app="x = 1").load() is site.load()


def test_changed_module_is_a_fresh_object(site):
    first = site.write(app="x = 1; gone = 1").load()
    second = site.write(app="x = 2").load()
    assert second is not first
    assert second.x == 2
    assert not hasattr(second, "gone")
    assert first.x == 1


def test_every_version_is_seen_even_of_equal_size(site):
    for number in range(10):
        assert site.write(app=f"x = {number}").load().x == number


def test_older_file_is_a_change_too(site):
    site.write(app="x = 1").load()
    site.write(app="x = 2")
    os.utime(site.directory / "app.py", (1, 1))
    assert site.load().x == 2


def test_autoreload_off(site):
    first = site.write(app="import helper", helper="x = 1").load()
    site.write(app="x = 2", helper="x = 2")
    assert site.load(autoreload=False) is first
    os.remove(site.directory / "app.py")
    assert site.load(autoreload=False) is first


def test_mtime_can_be_seen(site):
    module = site.write(app="").load()
    assert module.__mtime__ == pytest.approx(os.stat(site.directory / "app.py").st_mtime)
    assert module.__mtime_check__ > 0
    assert site.importer.module_mtime(module) == os.stat(site.directory / "app.py").st_mtime
    assert site.importer.module_mtime(sys) == 0


def test_no_bytecode_is_written(site):
    site.write(app="import pkg.a", pkg__in____init__="", pkg__in__a="").load()
    assert not list(site.directory.rglob("__pycache__"))


def test_watched_stamps(site):
    site.write(app="import helper", helper="import pkg.a", pkg__in____init__="", pkg__in__a="")
    _, watched = site.load_all()
    for path, mtime_ns, size, inode in watched:
        status = os.stat(path)
        assert (mtime_ns, size, inode) == (status.st_mtime_ns, status.st_size, status.st_ino)
    assert site.watched() == {"app.py", "helper.py", "pkg/__init__.py", "pkg/a.py"}


def test_indirect_change(site):
    site.write(app="from a import x", a="from b import x", b="x = 1", aside="x = 0")
    aside = site.load("aside")
    assert site.load().x == 1
    site.write(b="x = 2")
    assert site.load().x == 2
    assert site.load("aside") is aside


def test_child_reloaded_by_another_parent(site):
    site.write(one="from child import x", two="from child import x", child="x = 1")
    assert site.load("one").x == site.load("two").x == 1
    site.write(child="x = 2")
    assert site.load("one").x == 2
    assert site.load("two").x == 2
    assert site.load("one") is site.load("one")


def test_changed_submodule(site):
    site.write(app="import pkg.a, pkg.b\nx = pkg.a.x + pkg.b.x", pkg__in____init__="", pkg__in__a="x = 1")
    site.write(pkg__in__b="from . import a\nx = a.x")
    assert site.load().x == 2
    site.write(pkg__in__a="x = 2")
    assert site.load().x == 4


def test_changed_package(site):
    site.write(app="import pkg.a\nx = pkg.x + pkg.a.x", pkg__in____init__="x = 1", pkg__in__a="x = 1")
    assert site.load().x == 2
    site.write(pkg__in____init__="x = 2")
    assert site.load().x == 3


def test_changed_submodule_of_a_namespace_package(site):
    site.write(
        app="from pk import sub\nimport pk.more\nx = sub.x + pk.more.x", pk__in__sub="x = 1", pk__in__more="x = 1"
    )
    assert site.load().x == 2
    site.write(pk__in__sub="x = 2")
    assert site.load().x == 3
    site.write(pk__in__more="x = 2")
    assert site.load().x == 4


def test_failing_submodule_spares_its_package(site):
    site.write(app="import pkg.a", pkg__in____init__="", pkg__in__a="", pkg__in__b="1/0")
    app = site.load()
    with pytest.raises(ZeroDivisionError):
        site.load("pkg.b")
    assert site.load() is app


def test_star_import_and_import_from_package(site):
    site.write(app="from pkg import *; from pkg import b; x = a.x + b.x", pkg__in____init__="__all__ = ['a']")
    site.write(pkg__in__a="x = 1", pkg__in__b="x = 1")
    assert site.load().x == 2
    site.write(pkg__in__a="x = 2")
    site.write(pkg__in__b="x = 2")
    assert site.load().x == 4


def test_import_inside_a_function_is_watched_once_it_ran(site):
    site.write(app="def f():\n from helper import x\n return x", helper="x = 1")
    assert site.load().f() == 1
    assert site.watched() == {"app.py", "helper.py"}
    site.write(helper="x = 2")
    assert site.load().f() == 2


def test_importlib_import_module_is_watched(site):
    site.importer.prepare_path(None, f"{site.directory}/")
    site.write(app="import importlib\nx = importlib.import_module('plugin').x", plugin="x = 1")
    assert site.load().x == 1
    site.write(plugin="x = 2")
    assert site.load().x == 2


def test_failing_reload_raises_until_mended(site):
    site.write(app="import helper", helper="x = 1").load()
    site.write(helper="x = 1/0")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            site.load()
        assert not {"app", "helper"} & set(sys.modules)
    site.write(helper="x = (")
    for _ in range(2):
        with pytest.raises(SyntaxError):
            site.load()
    assert site.write(helper="x = 3").load().helper.x == 3


def test_failure_of_one_module_spares_the_others(site):
    site.write(app="import helper, broken", helper="", broken="raise SystemExit")
    with pytest.raises(SystemExit):
        site.load()
    assert "helper" in sys.modules
    assert "app" not in sys.modules


def test_optional_module_is_watched_while_it_fails(site):
    site.write(app="try: import extra\nexcept Exception: extra = None", extra="import deep", deep="x = 1/0")
    app = site.load()
    assert app.extra is None
    assert site.load() is app
    site.write(deep="x = 1")
    assert site.load().extra.deep.x == 1


def test_deleted_file(site):
    site.write(app="import helper", helper="").load()
    os.remove(site.directory / "helper.py")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="No module named 'helper'"):
            site.load()
    site.write(helper="").load()
    os.remove(site.directory / "app.py")
    with pytest.raises(ModuleNotFoundError, match="No module named 'app'"):
        site.load()
    site.write(app="").load()


def test_unreadable_path_is_its_own_error(site):
    site.write(app="").directory.joinpath("app.py").write_bytes(b"x = '\xff'")
    with pytest.raises(SyntaxError):
        site.load()


def test_circle(site):
    site.write(app="import b\nx = 1", b="import app\ndef f(): return app.x")
    assert site.load().b.f() == 1
    assert site.load() is site.load()
    site.write(app="import b\nx = 2")
    assert site.load().b.f() == 2
    assert site.load("b").f() == 2


def test_failing_circle_leaves_nothing_behind(site):
    site.write(app="import b\nx = 1/0", b="import app\ndef f(): return app.x")
    with pytest.raises(ZeroDivisionError):
        site.load()
    assert not {"app", "b"} & set(sys.modules)
    assert site.write(app="import b\nx = 1").load("b").f() == 1


def test_module_that_replaces_itself(site):
    site.write(app="import sys\nclass A: x = 1\nsys.modules[__name__] = A")
    assert site.load().x == 1
    assert site.load() is site.load()


def test_traceback_has_only_the_site_s_frames(site):
    site.write(app="import helper", helper="def f(): 1/0\nf()")
    with pytest.raises(ZeroDivisionError) as caught:
        site.load()
    frames = [os.path.basename(frame.filename) for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert [name for name in frames if name not in ("conftest.py", "test_importer.py")] == [
        "app.py",
        "helper.py",
        "helper.py",
    ]


def test_package_keeps_submodules_that_cannot_be_reloaded(site):
    site.write(app="import pkg._speed\nx = pkg._speed.x", pkg__in____init__="y = 1")
    sys.modules["pkg._speed"] = types.SimpleNamespace(x=1)
    assert site.load().x == 1
    assert site.write(pkg__in____init__="y = 2").load().x == 1


def test_additions_to_builtins_are_seen(site):
    import builtins

    app = site.write(app="def f(): return _('x')").load()
    try:
        gettext.NullTranslations().install()
        assert site.write(app="def f(): return _('y')").load().f() == "y"
        assert app.f() == "x"
    finally:
        del builtins._


# sys.path


def test_directory_is_put_in_front_once(importer):
    importer.prepare_path(None, "/srv/app/")
    importer.prepare_path(None, "/srv/other/")
    importer.prepare_path(None, "/srv/app/")
    importer.prepare_path(None, None)
    assert sys.path[:2] == ["/srv/other/", "/srv/app/"]
    assert sys.path.count("/srv/app/") == 1
