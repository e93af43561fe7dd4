"""Which fields of a form a callable is given: those that have the names of its parameters."""

from __future__ import annotations

import inspect
from inspect import Parameter
from types import FunctionType, MethodType
from weakref import WeakKeyDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class MissingArgumentError(TypeError):
    """Parameters that have no default, and no field of their name; `name` holds them, separated by commas."""

    def __init__(self, function: object, names: list[str]) -> None:
        self.name = ", ".join(names)
        super().__init__(f"{getattr(function, '__qualname__', function)} needs the argument {self.name}")


class Parameters:
    """What a callable can be given by name."""

    __slots__ = ("names", "required", "takes_any")

    def __init__(self, names: frozenset[str], required: tuple[str, ...], takes_any: bool) -> None:
        self.names = names
        self.required = required
        self.takes_any = takes_any


_NONE = Parameters(frozenset(), (), False)
_of_functions: WeakKeyDictionary[FunctionType, Parameters] = WeakKeyDictionary()
_of_methods: WeakKeyDictionary[FunctionType, Parameters] = WeakKeyDictionary()


def keyword_arguments(function: Callable[..., Any], form: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments to call a function with: what is `given`, and fields of the form; no more than it takes.

    A field that occurs once is a str, or the field itself if it is a file; one that occurs several times a list of
    these. What is given wins over fields. Raises MissingArgumentError.
    """
    parameters = parameters_of(function)
    names, takes_any = parameters.names, parameters.takes_any
    values: dict[str, Any] = {}
    several = set()
    for field in form.list:
        name = field.name
        if (name in names or (takes_any and name is not None)) and name not in given:
            value = field if field.filename else field.value
            if name not in values:
                values[name] = value
            elif name in several:
                values[name].append(value)
            else:
                values[name] = [values[name], value]
                several.add(name)
    for name, value in given.items():
        if takes_any or name in names:
            values[name] = value
    missing = [name for name in parameters.required if name not in values]
    if missing:
        raise MissingArgumentError(function, missing)
    return values


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """What a callable takes; nothing, if it was not written in Python. A decorated one takes what it wraps does."""
    if type(function) is FunctionType:
        code, known = function, _of_functions
    elif type(function) is MethodType and type(function.__func__) is FunctionType:
        code, known = function.__func__, _of_methods
    else:
        try:
            return _parameters(function)
        except (TypeError, ValueError):
            return _NONE
    parameters = known.get(code)
    if parameters is None:
        parameters = known[code] = _parameters(function)
    return parameters


def _parameters(function: Callable[..., Any]) -> Parameters:
    own = inspect.signature(function, follow_wrapped=False).parameters.values()
    required = tuple(one.name for one in own if one.kind in _NAMED and one.default is Parameter.empty)
    names = {one.name for one in own if one.kind in _NAMED}
    takes_any = any(one.kind is Parameter.VAR_KEYWORD for one in own)
    if takes_any and hasattr(function, "__wrapped__"):
        # What the wrapped function requires, the decorator may add: it is given what there is, and not less.
        wrapped = inspect.signature(function).parameters.values()
        names.update(one.name for one in wrapped if one.kind in _NAMED)
        takes_any = any(one.kind is Parameter.VAR_KEYWORD for one in wrapped)
    return Parameters(frozenset(names), required, takes_any)
