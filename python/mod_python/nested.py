"""What a function binds `__auth__`, `__access__` and `__auth_realm__` to in its body, found without calling it.

    def page(req):
        def __auth__(req, user, password):
            return password == lookup(user)

The source is parsed, and trusted only if it compiles to the very code of the function. A binding counts if it is the
only one of its name and a statement of the body itself, to a literal, a global name, or a function without
decorators that needs nothing of the function around it. Anything else is `UncertainError`. Knows nothing of httpd.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from types import CodeType, FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

NAMES = ("__auth__", "__access__", "__auth_realm__")

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class UncertainError(Exception):
    """What a name is bound to cannot be told for certain; the text says whose name, and why."""


class Binding:
    """One of `NAMES`, bound in the body of a function."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: Callable[[], Any]) -> None:
        self.name = name
        self.value = value
        """What it is bound to; raises UncertainError."""


def bindings(function: FunctionType) -> tuple[Binding, ...]:
    """Those of `NAMES` that are local names of the function."""
    code = function.__code__
    names = [name for name in NAMES if name in code.co_varnames or name in code.co_cellvars]
    if not names:
        return ()
    try:
        body = _definition(code)
    except (OSError, SyntaxError, ValueError, LookupError) as error:
        return tuple(Binding(name, _unknown(function, name, str(error))) for name in names)
    return tuple(Binding(name, _value(function, body, name)) for name in names)


def _unknown(function: FunctionType, name: str, why: str) -> Callable[[], Any]:
    where = f"{function.__qualname__} of {function.__code__.co_filename}"

    def value() -> Any:
        raise UncertainError(f"{name} in {where} is not certain: {why}")

    return value


def _definition(code: CodeType) -> _Function:
    """The source of a function. Raises OSError, SyntaxError or LookupError if it is not at hand."""
    with open(code.co_filename, "rb") as file:
        tree = ast.parse(file.read(), code.co_filename)
    whole = compile(tree, code.co_filename, "exec", dont_inherit=True)
    if sum(part == code for part in _codes(whole)) != 1:
        raise LookupError("the file is no longer what was imported from it")
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, _Function) and (node.name, _first_line(node)) == (code.co_name, code.co_firstlineno)
    ]
    if len(found) != 1:
        raise LookupError("its definition is not one `def` on lines of its own")
    return found[0]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _first_line(node: _Function) -> int:
    return min(decorator.lineno for decorator in node.decorator_list) if node.decorator_list else node.lineno


def _value(function: FunctionType, body: _Function, name: str) -> Callable[[], Any]:
    count = sum(bound == name for bound in _bound_names(body))
    count += sum(isinstance(node, ast.Nonlocal) and name in node.names for node in ast.walk(body))
    statements = [statement for statement in body.body if name in _names_of(statement)]
    if count != 1 or len(statements) != 1:
        return _unknown(function, name, "it is bound more than once, or not by a plain statement of the body")
    statement = statements[0]
    try:
        if isinstance(statement, ast.FunctionDef):
            value = _nested_function(function, statement)
        else:
            assert isinstance(statement, (ast.Assign, ast.AnnAssign))
            if isinstance(statement.value, ast.Name):
                return _global(function, name, statement.value.id)
            value = ast.literal_eval(statement.value or "")
    except LookupError as error:
        return _unknown(function, name, str(error))
    except (ValueError, TypeError, SyntaxError):
        return _unknown(function, name, "it is, or a default in it is, neither a constant nor a global name")
    return lambda: value


def _names_of(statement: ast.stmt) -> list[str]:
    """The names that a statement binds in one of the ways that are understood."""
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _bound_names(scope: _Function) -> Iterator[str]:
    """Every name that is bound, unbound or declared anywhere in a function, once for each time."""
    arguments = scope.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None:
            yield argument.arg
    pending: list[ast.AST] = list(scope.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (*_SCOPES, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            yield getattr(node, "name", None) or ""
        elif isinstance(node, ast.MatchMapping):
            yield node.rest or ""
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        inner = node.body if isinstance(node, _SCOPES) else []
        outside = inner if isinstance(inner, list) else [inner]
        pending.extend(child for child in ast.iter_child_nodes(node) if child not in outside)


def _nested_function(outer: FunctionType, node: ast.FunctionDef) -> FunctionType:
    """The function that a `def` would make."""
    if node.decorator_list:
        raise LookupError("it has a decorator")
    codes = [
        constant
        for constant in outer.__code__.co_consts
        if isinstance(constant, CodeType)
        and (constant.co_name, constant.co_firstlineno) == (node.name, _first_line(node))
    ]
    if len(codes) != 1:
        raise LookupError("its code is not to be found")
    if codes[0].co_freevars:
        raise LookupError(f"it uses {', '.join(codes[0].co_freevars)} of the function around it")
    if codes[0].co_flags & _SUSPENDED:
        raise LookupError("it is a generator or coroutine")
    defaults = tuple(ast.literal_eval(default) for default in node.args.defaults)
    function = FunctionType(codes[0], outer.__globals__, node.name, defaults)
    function.__kwdefaults__ = {
        argument.arg: ast.literal_eval(default)
        for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if default is not None
    }
    return function


def _global(function: FunctionType, name: str, other: str) -> Callable[[], Any]:
    code = function.__code__
    if other in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
        return _unknown(function, name, f"{other} is another local name")

    def value() -> Any:
        if other not in function.__globals__ and not hasattr(builtins, other):
            raise UncertainError(f"{name} in {function.__qualname__} is {other}, which does not exist")
        return function.__globals__.get(other, getattr(builtins, other, None))

    return value
