"""`{python-interface} mod_python.util` and `{python-interface} mp_request`: the reference of a module or a native type, from the
sources: what of it is native lives only inside httpd, where Sphinx does not run."""

import ast
import inspect
from typing import ClassVar

from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

import sources

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class PythonInterface(SphinxDirective):
    """Modules are read from python/mod_python, types and `_apache` from the stub and the rows of native docstrings."""

    required_arguments = 1
    option_spec: ClassVar = {"only": directives.unchanged_required}

    def run(self):
        name = self.arguments[0]
        if name.startswith("mod_python."):
            path = sources.PROJECT / "python" / (name.replace(".", "/") + ".py")
            self.env.note_dependency(str(path))
            text = module(name, ast.parse(path.read_text()), self.options.get("only", "").split())
        elif name == "_apache":
            text = native_functions()
        elif name == "constants":
            text = constants()
        else:
            text = native_type(name)
        return self.parse_text_to_nodes(text)


# Modules in Python


def module(name, tree, only):
    wanted = only or exported(tree) or [defined(node) for node in tree.body]
    parts = [] if only else [documentation(tree)]
    parts.append(f"```{{py:currentmodule}} {name}\n```")
    for node, following in zip(tree.body, [*tree.body[1:], None]):
        if defined(node) is None or defined(node) not in wanted or defined(node).startswith("_"):
            continue
        if isinstance(node, FUNCTIONS):
            parts.append(entry("function", signature(node), documentation(node)))
        elif isinstance(node, ast.ClassDef):
            parts.append(python_class(node))
        elif (text := text_of(following)) is not None:
            parts.append(entry("data", defined(node), text))
    return "\n\n".join(parts)


def exported(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def defined(node):
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
    return target.id if isinstance(target, ast.Name) else None


def python_class(node):
    members, start = [], None
    for item, following in zip(node.body, [*node.body[1:], None]):
        name = defined(item)
        if isinstance(item, FUNCTIONS) and name == "__init__":
            start = item
        elif name is None or name.startswith("_"):
            continue
        elif isinstance(item, FUNCTIONS):
            members.append(method(item))
        elif (text := text_of(following)) is not None:
            members.append(entry("attribute", name, text))
    arguments = signature(start, without_self=True).removeprefix("__init__") if start else ""
    body = [documentation(node), documentation(start) if start else "", *members]
    return entry("class", node.name + arguments.partition(" -> ")[0], "\n\n".join(filter(None, body)))


def method(node):
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    if any(name.endswith((".setter", ".deleter")) for name in decorators):
        return ""
    if "property" in decorators:
        return entry("property", node.name, documentation(node))
    kind = "staticmethod" if "staticmethod" in decorators else "classmethod" if "classmethod" in decorators else "method"
    return entry(kind, signature(node, without_self=kind != "staticmethod"), documentation(node))


def text_of(node):
    """The text of a statement that is one, as stands behind an attribute."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return inspect.cleandoc(node.value.value) if is_text else None


def documentation(node):
    return ast.get_docstring(node) or ""


# What is native


def native_functions():
    docs = sources.native_docs()[""]
    nodes = [node for node in sources.stub().body if isinstance(node, FUNCTIONS) and not node.name.startswith("_")]
    return "\n\n".join(native_entries("function", nodes, docs))


def native_type(name):
    node = next((node for node in sources.stub().body if isinstance(node, ast.ClassDef) and node.name == name), None)
    if node is None:
        raise ValueError(f"python/mod_python/_apache.pyi has no type {name}")
    docs = sources.native_docs()[name]
    attributes = [
        entry("attribute", f"{item.target.id}", read_only(item) + docs[item.target.id][1])
        for item in sorted((item for item in node.body if isinstance(item, ast.AnnAssign)), key=lambda item: item.target.id)
        if not item.target.id.startswith("_")
    ]
    methods = [item for item in node.body if isinstance(item, FUNCTIONS) and not item.name.startswith("_")]
    return entry("class", name, "\n\n".join([*attributes, *native_entries("method", methods, docs)]))


def native_entries(kind, nodes, docs):
    """With the types of the stub, where it has one signature for a name."""
    by_name = {}
    for node in nodes:
        by_name.setdefault(node.name, []).append(node)
    for name, variants in by_name.items():
        plain, text = docs[name]
        shown = plain if len(variants) > 1 else signature(variants[0], without_self=kind == "method")
        yield entry(kind, shown or name, text)


def read_only(item):
    return "*Read only.* " if ast.unparse(item.annotation).startswith("Final") else ""


def constants():
    """The names of the stub's constants, under the comments that stand above them."""
    lines = sources.source("python/mod_python/_apache.pyi").splitlines()
    names, parts = [], []
    for line in lines:
        if line.startswith("# "):
            parts.append((line[2:], names := []))
        elif ": Final[" in line and not line.startswith(" "):
            names.append(f"`{line.partition(':')[0]}`")
    return "\n\n".join(f"**{title}**: {', '.join(names)}." for title, names in parts if names)


# Markdown


def signature(node, without_self=False):
    arguments = ast.unparse(node.args)
    if without_self:
        arguments = arguments.partition(", ")[2] if ", " in arguments else ""
    arguments = arguments.removesuffix(", /").removesuffix("/")
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({arguments.replace(', /, ', ', ')}){returns}"


def entry(kind, name, text):
    """A description in a fence that is longer than those in it."""
    longest = max((len(line) - len(line.lstrip("`")) for line in text.splitlines()), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{{py:{kind}}} {name}\n\n{text}\n{fence}"


def setup(app):
    app.add_directive("python-interface", PythonInterface)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
