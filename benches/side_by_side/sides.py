"""Who is measured: the module in C, Debian's mod_python, ours; and httpd alone or with mod_wsgi, for memory only."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
from collections.abc import Iterable

from .cases import Case

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
DEBIAN = pathlib.Path("/usr/lib/apache2/modules/mod_python.so")


@dataclasses.dataclass(frozen=True)
class Side:
    """One column of the table."""

    name: str
    title: str
    module: pathlib.Path | None
    missing: str = ""  # what to do when the module is not there

    def is_there(self) -> bool:
        return self.module is None or self.module.exists()

    def configuration(self, www: pathlib.Path, cases: Iterable[Case]) -> str:
        if self.module is None:
            return ""
        if self.name == "wsgi":
            alias = f"LoadModule alias_module {DEBIAN.parent}/mod_alias.so"
            # As ours does: the interpreter that all C extensions work in.
            lines = [f'LoadModule wsgi_module "{self.module}"', alias, "WSGIApplicationGroup %{GLOBAL}"]
            return "\n".join(lines + [self._mount(www, case) for case in cases if case.application])
        load = "bench_module" if self.name == "c" else "python_module"
        sections = "\n".join(self._section(www, case) for case in cases if case.is_for(self.name))
        return f'LoadModule {load} "{self.module}"\n{sections}'

    def _mount(self, www: pathlib.Path, case: Case) -> str:
        script = www / case.name / "applications.py"
        return (
            f'WSGIScriptAlias /{case.name} "{script}"\n'
            f'<Directory "{www}/{case.name}">\n    WSGICallableObject {case.application}\n</Directory>'
        )

    def _section(self, www: pathlib.Path, case: Case) -> str:
        lines = [case.all_config, case.c_config if self.name == "c" else case.python_config]
        if not case.answers_file:
            python = f"SetHandler mod_python\n    PythonHandler {case.python_handler or f'bench::{case.function}'}"
            if case.application:
                python = (
                    "SetHandler mod_python\n    PythonHandler mod_python.wsgi\n    "
                    f"PythonOption mod_python.wsgi.application applications::{case.application}"
                )
            lines.append(f"SetHandler bench-{case.c_handler or case.name}" if self.name == "c" else python)
        inside = "\n    ".join(line for line in lines if line)
        return f'<Directory "{www}/{case.name}">\n    {inside}\n</Directory>'


def ours() -> pathlib.Path:
    default = REPOSITORY / "target" / "release" / "libmod_python.so"
    return pathlib.Path(os.environ.get("MOD_PYTHON_SO", default)).resolve()


def mod_wsgi() -> pathlib.Path:
    """The one that MOD_WSGI_SO names, else the one of tests/requirements.txt, else the distribution's."""
    if "MOD_WSGI_SO" in os.environ:
        return pathlib.Path(os.environ["MOD_WSGI_SO"])
    found = (REPOSITORY / "target/environment").glob("lib/python3*/site-packages/mod_wsgi/server/mod_wsgi-*.so")
    return next(found, DEBIAN.with_name("mod_wsgi.so"))


def build_c_handler() -> pathlib.Path:
    """Compiles c_handler/mod_bench.c with apxs under target/, if it is newer than what is there."""
    source = REPOSITORY / "benches" / "c_handler" / "mod_bench.c"
    directory = REPOSITORY / "target" / "benches"
    module = directory / ".libs" / "mod_bench.so"
    if not module.exists() or module.stat().st_mtime < source.stat().st_mtime:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / source.name).write_bytes(source.read_bytes())
        program = os.environ.get("APXS", "apxs")
        built = subprocess.run([program, "-c", source.name], check=False, cwd=directory, capture_output=True, text=True)
        if built.returncode != 0:
            raise RuntimeError(f"apxs -c {source.name} failed:\n{built.stdout}{built.stderr}")
    return module


def sides(names: Iterable[str]) -> list[Side]:
    """The named columns, in the order of the table; those whose module is missing are among them."""
    known = [
        Side("c", "C", build_c_handler()),
        Side("debian", "Debian", DEBIAN, "apt-get install libapache2-mod-python"),
        Side("wsgi", "mod_wsgi", mod_wsgi(), "scripts/install-dependencies bench, or set MOD_WSGI_SO"),
        Side("ours", "ours", ours(), "cargo build --release, or set MOD_PYTHON_SO"),
    ]
    wanted = set(names)
    return [side for side in known if side.name in wanted]


def memory_sides(measured: Iterable[Side]) -> list[Side]:
    return [Side("plain", "httpd alone", None), *measured]
