"""Every name of the programming interface is there, as what it should be: callable, read-only, writable, this number."""

import pathlib

import pytest

import names

LIVE = """
    import importlib
    import types
    import _apache
    import names


    def kind(owner, name):
        if not hasattr(owner, name):
            return "missing"
        if name not in dir(owner):
            return "not in dir()"
        value = getattr(owner, name)
        if isinstance(value, type):
            return "class"
        if isinstance(value, types.ModuleType):
            return "module"
        if callable(value):
            return "callable"
        if isinstance(owner, (types.ModuleType, type)):
            return "value"
        try:
            setattr(owner, name, value)
        except AttributeError:
            return "read-only"
        except (TypeError, ValueError):
            pass  # None, where only a text may be assigned
        return "writable"


    def differences(owner, table):
        return {name: kind(owner, name) for name, wanted in names.kinds(table).items() if kind(owner, name) != wanted}


    def modules(req):
        answer = {}
        for name in ("_apache", "mod_python", "mod_python.version", "mod_python.cache"):
            answer[name] = differences(importlib.import_module(name), name)
        answer["mod_python.cache.Cache"] = differences(importlib.import_module("mod_python.cache").Cache, "mod_python.cache.Cache")
        answer["apache"] = differences(apache, "apache")
        for name in ("CallBack", "NullIO", "CGIStdin", "CGIStdout"):
            answer[f"apache.{name}"] = differences(getattr(apache, name), f"apache.{name}")
        return answer


    def types_of_a_request(req):
        answer = {type(item).__name__: differences(item, type(item).__name__)
                  for item in (req, req.server, req.connection, req.hlist, req.finfo, req.notes, apache.table())}
        for iterator in (iter(req.notes), req.notes.iterkeys(), req.notes.itervalues(), req.notes.iteritems()):
            answer.setdefault("the iterator of a table", {}).update(differences(iterator, "the iterator of a table"))
        return answer


    def filtered(req):
        def probe(filter):
            filter.write(ascii({type(filter).__name__: differences(filter, "mp_filter")}))
            filter.read()
            filter.close()

        req.register_output_filter("probe", probe)
        req.add_output_filter("probe")


    def numbers(req):
        return {name: value for name, value in vars(apache).items() if isinstance(value, (int, str))}
"""


@pytest.fixture
def site(httpd):
    return httpd(functions=LIVE, files={"names.py": pathlib.Path(names.__file__).read_text()})


@pytest.mark.every_mpm
@pytest.mark.parametrize("what", ["modules", "types_of_a_request", "filtered"])
def test_every_name_is_there_as_what_it_should_be(site, what):
    found = site.call(what)
    assert {owner: wrong for owner, wrong in found.items() if wrong} == {}
    assert set(found) <= set(names.TABLES)


def test_every_table_is_asked_for(site):
    asked = {owner for what in ("modules", "types_of_a_request", "filtered") for owner in site.call(what)}
    assert asked == set(names.TABLES)


def test_every_number_and_text_has_its_value(site):
    live = site.call("numbers")
    wanted = names.CONSTANTS | names.TEXTS
    assert {name: live.get(name) for name in wanted} == wanted
    assert {value for name, value in live.items() if name.startswith("HTTP_")} >= names.LATER_STATUSES
    assert live["MODULE_MAGIC_NUMBER_MAJOR"] >= 20120211 and live["MODULE_MAGIC_NUMBER_MINOR"] >= 0
    assert live["interpreter"] == "localhost"
