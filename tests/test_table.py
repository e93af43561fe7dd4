"""Tables: httpd's ordered multi-maps with keys that ignore case, as mappings of text."""

import pytest

pytestmark = pytest.mark.threads_and_processes


def test_mapping(httpd):
    site = httpd(
        functions="""
            def subscript(req):
                t = apache.table()
                t["Key"] = "value"
                t[b"bytes"] = b"v"
                return t["KEY"], t["bytes"], "key" in t, t.has_key("kEy"), "no" in t, len(t), bool(t), bool(apache.table())

            def missing(req):
                t = apache.table({"a b": "1", "x0": "2"})
                answer = []
                for key in ("ab", "x 0", "nothing"):
                    try:
                        answer.append(t[key])
                    except KeyError as error:
                        answer.append(error.args)
                del t["nothing"]
                return answer

            def duplicates(req):
                t = apache.table({"a": "1"})
                t.add("A", "2")
                t.add("b", "3")
                before = (t["a"], t.get("a"), len(t), t.keys(), t.values(), t.items())
                t["a"] = "4"
                after = (t.items(), len(t))
                t.add("b", "5")
                del t["B"]
                return before, after, t.items()

            def iteration(req):
                t = apache.table([("a", "1"), ("b", "2")])
                iterator = t.iterkeys()
                return (list(t), list(t.iterkeys()), list(t.itervalues()), list(t.iteritems()), iterator.next(), next(iterator),
                        [type(part()).__name__ for part in (t.keys, t.values, t.items)], dict(t), {**t})

            def resize(req):
                t = apache.table({"a": "1", "b": "2"})
                for key in t:
                    t[key] = "other"
                try:
                    for key in t:
                        t["new"] = "x"
                except RuntimeError:
                    return t.items()

            def defaults(req):
                t = apache.table({"a": "1"})
                return (t.get("a"), t.get("b"), t.get("b", 5), t.setdefault("a", "9"), t.setdefault("b", "2"), t.setdefault("c"),
                        t.items())

            def removal(req):
                t = apache.table([("a", "1"), ("b", "2"), ("c", "3")])
                last = t.popitem()
                left = t.items()
                copy = t.copy()
                t.clear()
                try:
                    t.popitem()
                except KeyError:
                    return last, left, copy.items(), len(t), repr(t)

            def copy(req):
                t = apache.table([("a", "1"), ("b", "2")])
                t.add("a", "3")
                other = t.copy()
                other["b"] = "5"
                return other.items(), t["b"]

            def more(req):
                t = apache.table({"a": "1", "b": "2"})
                t.update({"c": 3, "a": None})
                t.update([("d", "4")])
                t.update(e="5")
                try:
                    t.update(None)
                except AttributeError:
                    return t.pop("b"), t.pop("nothing", 7), (t | {"z": "26"})["z"], t.items()
        """
    )
    assert site.call("subscript") == ("value", "v", True, True, False, 2, True, False)
    assert site.call("missing") == [("ab",), ("x 0",), ("nothing",)]
    before, after, left = site.call("duplicates")
    assert before == (["1", "2"], "1", 3, ["a", "A", "b"], ["1", "2", "3"], [("a", "1"), ("A", "2"), ("b", "3")])
    assert after == ([("a", "4"), ("b", "3")], 2)
    assert left == [("a", "4")]
    assert site.call("iteration") == (
        ["a", "b"],
        ["a", "b"],
        ["1", "2"],
        [("a", "1"), ("b", "2")],
        "a",
        "b",
        ["list", "list", "list"],
        {"a": "1", "b": "2"},
        {"a": "1", "b": "2"},
    )
    assert site.call("resize") is not None
    assert site.call("defaults") == ("1", None, 5, "1", "2", "", [("a", "1"), ("b", "2"), ("c", "")])
    assert site.call("removal") == (("c", "3"), [("a", "1"), ("b", "2")], [("a", "1"), ("b", "2")], 0, "{}")
    assert site.call("copy") == ([("a", "1"), ("b", "5"), ("a", "3")], "2")
    assert site.call("more") == ("2", 7, "26", [("a", "None"), ("c", "3"), ("d", "4"), ("e", "5")])


def test_construction(httpd):
    site = httpd(
        functions="""
            def made(req):
                return [
                    apache.table().items(),
                    apache.table({"a": 1, "b": None}).items(),
                    apache.table([("a", 1), ["b", 2.5]]).items(),
                    apache.table([("a", 1), ("A", 2)]).items(),
                    apache.table(items={"k": "v"}).items(),
                    apache.make_table({"k": "v"}).items(),
                    apache.table is apache.make_table,
                ]

            def refused(req):
                answer = []
                for arguments, keywords in (((5,), {}), (((1, 2),), {}), ((["a"],), {}), (([("a", "b", "c")],), {}),
                                            (({}, {}), {}), ((), {"other": {}})):
                    try:
                        apache.table(*arguments, **keywords)
                        answer.append(None)
                    except (TypeError, ValueError) as error:
                        answer.append(type(error).__name__)
                return answer

            class Own(apache.table):
                def shout(self):
                    return [value.upper() for value in self.values()]

            def subclass(req):
                own = Own({"a": "x"})
                return isinstance(own, Own), own.shout(), own["A"]
        """
    )
    assert site.call("made") == [
        [],
        [("a", "1"), ("b", "None")],
        [("a", "1"), ("b", "2.5")],
        [("a", "2")],
        [("k", "v")],
        [("k", "v")],
        True,
    ]
    assert site.call("refused") == ["TypeError", "TypeError", "ValueError", "ValueError", "TypeError", "TypeError"]
    assert site.call("subclass") == (True, ["X"], "x")


def test_comparison_and_text(httpd):
    site = httpd(
        functions="""
            def compared(req):
                t = apache.table([("a", "1"), ("b", "2")])
                return (t == {"b": "2", "a": "1"}, {"a": "1", "b": "2"} == t, t == apache.table([("b", "2"), ("a", "1")]),
                        t != {"a": "1"}, t == {"A": "1", "b": "2"}, t == 5, t == None, t != [])

            def unordered(req):
                answer = []
                for compare in (lambda t: t < t, lambda t: t >= {}, hash):
                    try:
                        compare(apache.table())
                    except TypeError:
                        answer.append("TypeError")
                return answer

            def text(req):
                return repr(apache.table()), str(apache.table({"k": "v"})), repr(apache.table([("a", "1"), ("b", "2")]))
        """
    )
    assert site.call("compared") == (True, True, True, True, False, False, False, True)
    assert site.call("unordered") == ["TypeError"] * 3
    assert site.call("text") == ("{}", "{'k': 'v'}", "{'b': '2', 'a': '1'}")


def test_types_and_characters(httpd):
    site = httpd(
        functions="""
            class Text(str):
                pass

            def refused(req):
                answer = []
                for key, value in (("k", 5), ("k", None), (5, "v"), (None, "v"), ("k", ["v"])):
                    try:
                        apache.table()[key] = value
                        answer.append((key, value))
                    except TypeError:
                        pass
                return answer

            def control(req):
                answer = []
                for table in (apache.table(), req.headers_out, req.err_headers_out):
                    for key, value in (("k", "v\\0x"), ("k\\0", "v"), ("k", b"v\\0"), ("k", "v\\rx"), ("k", "v\\nx"), ("k\\n", "v")):
                        if table is not req.headers_out and "\\0" not in key + str(value):
                            continue
                        for store in (table.__setitem__, table.add):
                            try:
                                store(key, value)
                                answer.append((key, value))
                            except ValueError:
                                pass
                return answer

            def lossless(req):
                t = apache.table()
                t["k"] = "\\u00e9\\u20ac\\U0001f600"
                t["raw"] = b"\\xe9\\xff"
                t["sub"] = Text("class")
                t["back"] = t["raw"]
                return t["k"], t["raw"], t["back"], t["sub"], t.get("raw"), t.values()[1]

            def undecodable(req):
                return req.headers_in["X-Byte"], req.headers_in.get("x-byte"), dict(req.headers_in)["X-Byte"]
        """
    )
    assert site.call("refused") == []
    # NUL nowhere, CR and LF not in headers.
    assert site.call("control") == []
    text, raw = "\u00e9\u20ac\U0001f600", "\udce9\udcff"
    assert site.call("lossless") == (text, raw, raw, "class", raw, raw)
    answer = site.raw(b"GET /undecodable HTTP/1.1\r\nHost: x\r\nX-Byte: a\xe9b\r\nConnection: close\r\n\r\n")
    assert rb"('a\udce9b', 'a\udce9b', 'a\udce9b')" in answer


def test_no_injection_into_headers(httpd):
    site = httpd(
        functions="""
            def inject(req):
                done = []
                for name, store in {
                    "headers_out": lambda text: req.headers_out.__setitem__("X", text),
                    "add": lambda text: req.headers_out.add("X", text),
                    "update": lambda text: req.headers_out.update({"X": text}),
                    "setdefault": lambda text: req.err_headers_out.setdefault("X-New", text),
                    "key": lambda text: req.headers_out.__setitem__(text, "x"),
                    "content_type": lambda text: setattr(req, "content_type", text),
                    "status_line": lambda text: setattr(req, "status_line", text),
                    "filename": lambda text: setattr(req, "filename", text),
                    "uri": lambda text: setattr(req, "uri", text),
                }.items():
                    for wrong in ("a\\rb", "a\\nb", "a\\0b", b"a\\r\\nb"):
                        if (name, type(wrong)) == ("update", bytes):
                            continue  # stored as str() gives it
                        try:
                            store(wrong)
                            done.append((name, wrong))
                        except ValueError:
                            pass
                return done
        """
    )
    assert site.call("inject") == []


def test_tables_of_the_request_are_live(httpd):
    site = httpd(
        functions="""
            def live(req):
                req.headers_out["X-Live"] = "one"
                table = req.headers_out
                table["x-live"] = "two"
                del req.headers_in["X-Gone"]
                return "X-Gone" in req.headers_in, req.headers_out["X-LIVE"], repr(req.connection.notes)
        """
    )
    assert site.call("live", headers={"X-Gone": "1"}) == (False, "two", "{}")
