"""Which fields of a form a callable is given: those that have the names of its parameters."""

from __future__ import annotations

from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from weakref import ref

from .util import FieldList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Parameter
    from typing import Any

    from .util import AnyField, Fields, FieldStorage

    Arguments = tuple[list[Any], dict[str, Any]]

_TAKES_ANY = 8  # inspect.CO_VARKEYWORDS
_DISGUISES = {"__signature__", "__wrapped__"}
# What C code makes. `inspect.isroutine` takes `partial` for that too from CPython 3.14 on, which gave it `__get__`.
_OF_C = (BuiltinFunctionType, ClassMethodDescriptorType, MethodDescriptorType, MethodWrapperType, WrapperDescriptorType)


class MissingArgumentError(TypeError):
    """A callable has parameters without a default, and nothing of their names was sent; `name` holds the names."""

    def __init__(self, function: object, names: list[str]) -> None:
        self.name = ", ".join(names)
        super().__init__(f"{getattr(function, '__qualname__', function)}() is missing the argument {self.name}")


class Parameters:
    """What a callable can be given: by position only, by name, and which of these it cannot do without."""

    __slots__ = ("by_name", "by_position", "needed", "required", "takes_any")

    def __init__(
        self, by_position: tuple[str, ...], by_name: frozenset[str], required: tuple[str, ...], takes_any: bool
    ) -> None:
        self.by_position = by_position
        self.by_name = by_name
        self.required = required
        self.needed = frozenset(required)
        self.takes_any = takes_any


_NONE = Parameters((), frozenset(), (), False)
_of_functions: dict[ref[FunctionType], Parameters] = {}
"""As a WeakKeyDictionary, at less cost for a look."""
_of_methods: dict[ref[FunctionType], Parameters] = {}


def arguments_for(function: Callable[..., Any], form: FieldStorage, given: dict[str, Any]) -> Arguments:
    """What to call a function with: of what is `given`, and of the fields of the form, what it takes.

    A field that occurs once is a str, or the field itself if it is a file; one that occurs several times is a list of
    these. What is given comes before fields of the same name. Raises MissingArgumentError.
    """
    parameters = parameters_of(function)
    by_name, takes_any = parameters.by_name, parameters.takes_any
    values = _values(form.list, by_name, takes_any)
    for name in given:
        if name in by_name or takes_any:
            values[name] = given[name]
    if not parameters.needed <= values.keys():
        raise MissingArgumentError(function, [name for name in parameters.required if name not in values])
    return _positional(parameters, values) if parameters.by_position else ([], values)


def _values(fields: Fields, by_name: frozenset[str], takes_any: bool) -> dict[str, Any]:
    """What the fields that are taken are as arguments."""
    if not isinstance(fields, FieldList):
        fields = FieldList(fields)
    first = fields.first()
    values: dict[str, Any] = {}
    if len(first) == len(fields):
        for name, field in first.items():
            if name in by_name or (takes_any and name is not None):
                values[name] = str(field) if isinstance(field, str) else _value(field)
        return values
    for name, same in fields.table().items():
        if name in by_name or (takes_any and name is not None):
            values[name] = _value(same[0]) if len(same) == 1 else [_value(field) for field in same]
    return values


def _value(field: AnyField) -> Any:
    if isinstance(field, str):
        return str(field)
    return field if field.filename else field.value


def _positional(parameters: Parameters, values: dict[str, Any]) -> Arguments:
    positional = []
    for name in parameters.by_position:
        if name not in values:
            break
        positional.append(values.pop(name))
    return positional, values


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """What a callable takes; nothing, if it was not written in Python."""
    if type(function) is FunctionType:
        of_function, known = function, _of_functions
    elif type(function) is MethodType and type(function.__func__) is FunctionType:
        of_function, known = function.__func__, _of_methods
    else:
        return _inspected(function)
    parameters = known.get(ref(of_function))
    if parameters is None:
        is_disguised = not _DISGUISES.isdisjoint(of_function.__dict__)
        parameters = _inspected(function) if is_disguised else _of_code(of_function, int(known is _of_methods))
        known[ref(of_function, known.pop)] = parameters
    return parameters


def _of_code(function: FunctionType, bound: int) -> Parameters:
    """The parameters of a plain function, without what importing `inspect` costs; `bound` is 1 for a method."""
    code = function.__code__
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    only = max(code.co_posonlyargcount, bound)
    defaults = function.__kwdefaults__ or {}
    required = names[bound : count - len(function.__defaults__ or ())]
    required += tuple(name for name in names[count:] if name not in defaults)
    return Parameters(names[bound:only], frozenset(names[bound:]), required, bool(code.co_flags & _TAKES_ANY))


def _inspected(function: Callable[..., Any]) -> Parameters:
    """As `_of_code`, for all else: classes, objects with `__call__`, `partial`, decorated functions."""
    import inspect

    made: Any = function
    makers = (made.__init__, made.__new__) if isinstance(function, type) else (made,)
    if all(isinstance(maker, _OF_C) for maker in makers):
        return _NONE
    try:
        own = inspect.signature(function, follow_wrapped=False).parameters.values()
        shown = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return _NONE
    by_name = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}

    def takes_any(parameters: Any) -> bool:
        return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)

    # What a decorated function needs the decorator may add: it is given what there is, if the decorator takes it.
    taken: list[Parameter] = [*own, *shown] if takes_any(own) else [*own]
    only = tuple(parameter.name for parameter in own if parameter.kind is inspect.Parameter.POSITIONAL_ONLY)
    names = frozenset(parameter.name for parameter in taken if parameter.kind in by_name).union(only)
    required = tuple(
        parameter.name
        for parameter in own
        if parameter.default is inspect.Parameter.empty and (parameter.kind in by_name or parameter.name in only)
    )
    return Parameters(only, names, required, takes_any(own) and takes_any(shown))
