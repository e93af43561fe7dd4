"""What `mod_python serve TARGET` is to serve, and the directives that do it."""

from __future__ import annotations

import ast
import os
import re

from .. import httpdconf as h
from ..httpdconf.quoting import quote
from .failure import Failure

_STATIC = r"\.(?!py$|psp$)[^.]+$"
"""Names of files that are sent as they are: those with any other suffix."""
_HIDDEN = r"^\.|~$|\.py[co]$|\.(py|psp)[.~]"
"""Names of files that nobody gets: compiled modules, and what editors leave behind of sources."""

_WORD = re.compile(r"(?!.*::)[^\s|\"']+\Z")


class Target:
    """What is served. `path` is where it is, which the server's user has to be able to read."""

    def __init__(self, path: str, config: h.Container, document_root: str | None, is_directory: bool = False) -> None:
        self.path = path
        self.config = config
        self.document_root = document_root
        self.is_directory = is_directory


def parse(text: str, python_path: list[str]) -> Target:
    """The target that a word of the command line names; Failure if there is none."""
    if os.path.isdir(text):
        return _site(os.path.abspath(text), python_path)
    if os.path.isfile(text):
        if text.endswith(".psp"):
            return _site(os.path.dirname(os.path.abspath(text)), python_path)
        if not text.endswith(".py"):
            raise Failure(f"{text} is no Python file: its name does not end in .py", os.EX_DATAERR)
        return _handler(os.path.abspath(text), python_path)
    module, colon, name = text.rpartition(":")
    if colon:
        return _application(module.rstrip(":"), name, python_path)
    if os.path.isfile(text + ".py"):
        raise Failure(f"there is no {text}; did you mean {text}.py?", os.EX_NOINPUT)
    raise Failure(f"there is no file or directory {text}", os.EX_NOINPUT)


def _handler(file: str, python_path: list[str]) -> Target:
    """A file with `handler(req)`: it answers for every URL."""
    _has_handler(file)
    directory, stem = os.path.split(file.removesuffix(".py"))
    word = stem if stem.isidentifier() else file
    if not _WORD.match(word):
        raise Failure(f"the name {file} cannot stand in a PythonHandler directive: rename the file", os.EX_DATAERR)
    section = _section_of(
        directory,
        h.Require("all granted"),
        h.SetHandler("mod_python"),
        h.PythonHandler(word),
        *([_path([directory, *python_path])] if python_path else []),
    )
    return Target(file, h.Container(section), directory)


def _has_handler(file: str) -> None:
    """Failure if the file certainly has no handler. It is not executed; what cannot be parsed is the check's affair."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read(), file)
    except (OSError, SyntaxError, ValueError):
        return
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case _:
                continue
    if "handler" in names or "*" in names:
        return
    stem = os.path.basename(file)
    for name in ("application", "app"):
        if name in names:
            raise Failure(f"{file} has no function handler(req). For a WSGI application: {stem}:{name}", os.EX_DATAERR)
    raise Failure(
        f"{file} has no function handler(req). For functions that are pages of their own, serve its directory: "
        f"{os.path.dirname(file)}",
        os.EX_DATAERR,
    )


def _site(directory: str, python_path: list[str]) -> Target:
    """A directory: modules are published, PSP pages run, all else is sent as it is."""
    section = _section_of(
        directory,
        h.Require("all granted"),
        h.DirectoryIndex("index.html index.psp"),
        h.SetHandler("mod_python"),
        h.PythonHandler("mod_python.publisher"),
        h.PythonHandler("mod_python.psp | .psp"),
        h.FilesMatch(quote(_STATIC), h.SetHandler("none")),
        h.FilesMatch(quote(_HIDDEN), h.Require("all denied")),
        *([_path([directory, *python_path])] if python_path else []),
    )
    hidden = h.LocationMatch(quote(r"/(\.|__pycache__)"), h.Require("all denied"))
    return Target(directory, h.Container(section, hidden), directory, is_directory=True)


def _application(module: str, name: str, python_path: list[str]) -> Target:
    """`module:callable`, where the module is a name below the working directory, or a file."""
    directory, access = os.getcwd(), h.Container()
    if module.endswith(".py") or os.sep in module:
        file = os.path.abspath(module)
        if not os.path.isfile(file):
            raise Failure(f"there is no file {module}", os.EX_NOINPUT)
        directory, module = os.path.split(file.removesuffix(".py"))
        if not module.isidentifier():
            module = file
            access.append(_section_of(directory, h.Require("all granted")))
    names = [*([] if module.startswith(os.sep) else module.split(".")), *name.split(".")]
    if not all(part.isidentifier() for part in names):
        raise Failure(f"{module}:{name} is no target: MODULE:CALLABLE is meant, such as shop:app", os.EX_USAGE)
    mount = h.Directive("PythonWSGIAlias", f"/ {_quoted(f'{module}:{name}')} interpreter=main_interpreter", flipslash=0)
    return Target(directory, h.Container(_path([directory, *python_path]), access, mount), None)


def _section_of(directory: str, *args: h.Node) -> h.Directory:
    """A section for one directory, whatever characters its name has."""
    if "\\" in directory:
        raise Failure(f"{directory} cannot stand in a configuration: there is a backslash in it", os.EX_DATAERR)
    return h.Directory(_quoted(re.sub(r"([*?\[])", r"[\1]", directory)), *args)


def _path(directories: list[str]) -> h.PythonPath:
    return h.PythonPath(_quoted(f"{directories!r} + sys.path"))


def _quoted(argument: str) -> str:
    try:
        return quote(argument)
    except ValueError as error:
        raise Failure(f"{error}", os.EX_DATAERR) from error
