"""What all objects of a request have in common: identity, copies, attributes of one's own, arguments of methods."""

import pathlib

import pytest

import names

pytestmark = pytest.mark.threads_and_processes

OBJECTS = """
    import copy
    import pickle
    import weakref

    import names


    def objects(req):
        found = (req, req.server, req.connection, req.hlist, req.finfo, apache.table(), iter(req.notes))
        return {type(item).__name__: item for item in found}


    def outcome(act, *arguments, **keywords):
        try:
            return f"{type(act(*arguments, **keywords)).__name__}"
        except Exception as error:
            return type(error).__name__


    def copies(req):
        acts = {"weakref": weakref.ref, "pickle": pickle.dumps, "copy": copy.copy, "deepcopy": copy.deepcopy}
        return {name: {how: outcome(act, item) for how, act in acts.items()} for name, item in objects(req).items()}


    def introspection(req):
        wrong = []
        for name, item in objects(req).items():
            if item.__class__ is not type(item) or not dir(item) or type(item).__module__ != "builtins":
                wrong.append(name)
            if name != "mp_table" and (item != item or not isinstance(item.__doc__, (str, type(None)))):
                wrong.append(name)
        return wrong


    def own(req):
        return {name: outcome(setattr, item, "own", 1) for name, item in objects(req).items()}


    def unknown(req):
        return {name: outcome(getattr, item, "unknown") for name, item in objects(req).items()}


    def undeletable(req):
        wrong = []
        for name, item in objects(req).items():
            for attribute, kind in names.kinds(name).items() if name in names.TABLES else ():
                if attribute[0] != "_" and outcome(delattr, item, attribute) not in ("AttributeError", "TypeError"):
                    wrong.append((name, attribute, kind))
        return wrong


    # What takes whatever it is given.
    LENIENT = {("mp_hlist", "next"), ("mp_table", "update")}


    def arity(req):
        wrong = []
        for name, item in objects(req).items():
            for attribute, kind in names.kinds(name).items() if name in names.TABLES else ():
                if kind != "callable" or attribute[0] == "_" or (name, attribute) in LENIENT:
                    continue
                for arguments, keywords in ((("x",) * 9, {}), ((), {"keyword": 1}), (("x",), {"keyword": 1})):
                    error = outcome(getattr(item, attribute), *arguments, **keywords)
                    if error != "TypeError":
                        wrong.append((name, attribute, len(arguments), error))
        return wrong


    def functions(req):
        wrong = []
        for name in ("config_tree", "server_root", "log_error", "mpm_query", "exists_config_define", "stat"):
            for arguments, keywords in ((("x",) * 9, {}), ((), {"keyword": 1})):
                error = outcome(getattr(apache, name), *arguments, **keywords)
                if error != "TypeError":
                    wrong.append((name, error))
        return wrong


    def equality(req):
        return [req == req, req == req.connection, req.server == req.server, req.connection == req.connection, len({req, req}),
                req.finfo == req.finfo, req.connection.base_server is req.connection.base_server]


    def same_everywhere(req):
        req.own = "mine"
        seen = []

        def outputfilter(filter):
            seen.append(filter.req is req and filter.req.own)
            filter.pass_on()

        req.register_output_filter("own", outputfilter)
        req.add_output_filter("own")
        req.write("")
        req.flush()
        return seen[0]
"""


@pytest.fixture
def site(httpd):
    return httpd(functions=OBJECTS, files={"names.py": pathlib.Path(names.__file__).read_text()})


def test_no_references_and_no_copies_beside_the_objects(site):
    for name, outcomes in site.call("copies").items():
        assert set(outcomes.values()) == {"TypeError"}, name


def test_objects_can_be_looked_at(site):
    assert site.call("introspection") == []


def test_attributes_of_ones_own(site):
    taken = site.call("own")
    assert {name for name, outcome in taken.items() if outcome == "NoneType"} == {"mp_request", "mp_server"}
    assert set(taken.values()) == {"NoneType", "AttributeError"}
    assert set(site.call("unknown").values()) == {"AttributeError"}


def test_nothing_can_be_deleted(site):
    assert site.call("undeletable") == []


def test_arguments_are_counted_and_have_no_names(site):
    assert site.call("arity") == []
    assert site.call("functions") == []


def test_identity(site):
    assert site.call("equality") == [True, False, True, True, 1, True, True]
    assert site.call("same_everywhere") == "mine"
