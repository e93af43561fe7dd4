"""What an interpreter with a GIL of its own needs: words for extension modules that refuse it."""

from __future__ import annotations

import functools
import importlib.machinery
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

# How CPython (Python/import.c, Objects/moduleobject.c) ends the sentence.
_REFUSAL = "does not support loading in subinterpreters"


def explain_refusals(interpreter: str) -> None:
    """Have the ImportError of a C extension that only runs under the shared GIL name the directive to change.

    CPython 3.12 and later raise it for extensions that do not declare `Py_MOD_PER_INTERPRETER_GIL_SUPPORTED` (PEP 684).
    """
    name = f'"{interpreter}"' if " " in interpreter else interpreter
    note = (
        f"The interpreter {interpreter} has a GIL of its own, which this extension module does not support. "
        f"httpd's configuration can change that: PythonInterpreterGIL shared {name}"
    )
    extensions = importlib.machinery.ExtensionFileLoader
    extensions.create_module = _explained(extensions.create_module, note)  # type: ignore[method-assign, assignment]
    builtins = importlib.machinery.BuiltinImporter
    builtins.create_module = staticmethod(_explained(builtins.create_module, note))  # type: ignore[method-assign]


def _explained(create: Callable[..., ModuleType | None], note: str) -> Callable[..., ModuleType | None]:
    @functools.wraps(create)
    def create_module(*arguments: object) -> ModuleType | None:
        try:
            return create(*arguments)
        except ImportError as error:
            if _REFUSAL in str(error):
                error.add_note(note)
            raise

    return create_module
