"""The stub `_apache.pyi` and the live native module name the same things, of the same kinds."""

import ast

import httpd as real

STUB = real.PROJECT / "python/mod_python/_apache.pyi"
LIVE = """
    import _apache

    SPECIAL = ("__len__", "__contains__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__", "__or__")

    def kind(value):
        if isinstance(value, type):
            return "class"
        if isinstance(value, (int, str, float)):
            return "constant"
        return "function" if callable(value) else "attribute"

    def module(req):
        return {name: kind(getattr(_apache, name)) for name in dir(_apache) if not name.startswith("__")}

    def types(req):
        answer = {}
        classes = [type(item) for item in (req, req.server, req.connection, req.notes, req.finfo, req.hlist, req.subrequest_uri("/"))]
        for item in [*classes, _apache.mp_filter]:
            names = vars(item).items()
            answer[item.__name__] = {
                name: "function" if callable(value) else "attribute" for name, value in names
                if not name.startswith("__") or name in SPECIAL
            }
        return answer
"""


def declared(body):
    """Name and kind of each declaration of a stub's module or class."""
    kinds = {}
    for item in body:
        if isinstance(item, ast.AnnAssign):
            kinds[item.target.id] = "attribute"
        elif isinstance(item, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in item.decorator_list}
            is_property = any(name == "property" or name.endswith(".setter") for name in decorators)
            kinds[item.name] = "attribute" if is_property else "function"
        elif isinstance(item, ast.ClassDef):
            kinds[item.name] = "class"
        elif isinstance(item, ast.Assign) and isinstance(item.value, ast.Name):
            kinds[item.targets[0].id] = kinds.get(item.value.id, "attribute")
    return kinds


def public(kinds):
    return {name: kind for name, kind in kinds.items() if not name.startswith("__") or name in SPECIAL}


SPECIAL = ("__len__", "__contains__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__", "__or__")


def stub():
    return ast.parse(STUB.read_text())


def test_names_of_the_module(httpd):
    site = httpd(functions=LIVE)
    live = {name: "attribute" if kind == "constant" else kind for name, kind in site.call("module").items()}
    declarations = declared(stub().body)
    assert live == {name: kind for name, kind in declarations.items() if not name.startswith("_") or kind == "function"}


def test_names_of_the_types(httpd):
    site = httpd(functions=LIVE)
    live = site.call("types")
    classes = {item.name: public(declared(item.body)) for item in stub().body if isinstance(item, ast.ClassDef)}
    for name, members in live.items():
        assert members == classes[name], name


def test_values_of_the_stub_are_writable_where_it_says_so(httpd):
    """A property without a setter in the stub is refused by the live type, and one with a setter is not."""
    site = httpd(
        functions="""
            def writable(req):
                answer = {}
                for name in dir(type(req)):
                    if name.startswith("_") or callable(getattr(req, name)):
                        continue
                    try:
                        setattr(req, name, getattr(req, name))
                        answer[name] = True
                    except AttributeError:
                        answer[name] = False
                    except (TypeError, ValueError):
                        answer[name] = True
                return answer
        """
    )
    request = next(item for item in stub().body if isinstance(item, ast.ClassDef) and item.name == "mp_request")
    declared_writable = {}
    for item in request.body:
        if isinstance(item, ast.AnnAssign):
            declared_writable[item.target.id] = "Final" not in ast.unparse(item.annotation)
        elif isinstance(item, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in item.decorator_list}
            if "property" in decorators:
                declared_writable.setdefault(item.name, False)
            if any(name.endswith(".setter") for name in decorators):
                declared_writable[item.name] = True
    wanted = {name: value for name, value in declared_writable.items() if not name.startswith("_")}
    assert site.call("writable") == wanted
