"""The finder of the package inside mod_python.so.

The server executes this source in each new interpreter and calls `install`. It answers for `mod_python` and all
below it, before `sys.path` is asked, so that another copy of the package is never picked up.
"""

import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    Compile = Callable[[memoryview, str], CodeType]

PACKAGE = "mod_python"

# Source in UTF-8 (the library's own bytes, not a copy), whether a package, file name to show.
Source = tuple[memoryview, bool, str]


def install(sources: dict[str, Source], compile: "Compile") -> None:
    """Answer for the package from `sources`: by full name. `compile` is told a source and its file's name."""
    sys.meta_path.insert(0, EmbeddedFinder(sources, compile))


class EmbeddedFinder:
    """Finder and loader in one."""

    def __init__(self, sources: dict[str, Source], compile: "Compile") -> None:
        self._sources = sources
        self._compile = compile

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        if fullname not in self._sources:
            raise ModuleNotFoundError(f"No module named {fullname!r} in mod_python.so", name=fullname)
        _, is_package, filename = self._sources[fullname]
        spec = ModuleSpec(fullname, self, origin=filename, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        spec.cached = None
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: object) -> None:
        namespace = vars(module)
        exec(self.get_code(namespace["__name__"]), namespace)

    def get_code(self, fullname: str) -> "CodeType":
        source, _, filename = self._entry(fullname)
        return self._compile(source, filename)

    def get_source(self, fullname: str) -> str:
        return str(self._entry(fullname)[0], "utf-8")

    def get_filename(self, fullname: str) -> str:
        return self._entry(fullname)[2]

    def is_package(self, fullname: str) -> bool:
        return self._entry(fullname)[1]

    def _entry(self, fullname: str) -> Source:
        try:
            return self._sources[fullname]
        except KeyError:
            raise ImportError(f"mod_python.so has no source of {fullname!r}", name=fullname) from None
