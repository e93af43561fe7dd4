"""Python inside Apache httpd.

Importing the package works everywhere; its submodule `apache` exists only inside httpd, which supplies `_apache`.
Submodules are imported when they are first asked for.
"""

from __future__ import annotations

import sys

from .version import version as mp_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["apache", "cgihandler", "psp", "publisher", "python22", "util", "version"]
__version__ = mp_version


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        full_name = f"{__name__}.{name}"
        try:
            __import__(full_name)
        except ModuleNotFoundError as error:
            if error.name not in ("_apache", full_name):
                raise
        else:
            return sys.modules[full_name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
