"""The wheel: the Python package, and in it mod_python.so, which runs with whatever libpython is loaded before it.

It is no extension of Python: httpd loads it. All else is in pyproject.toml.
"""

import os
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools_rust import Binding, RustExtension, Strip

# Apart from `make build`, whose module is linked with a libpython.
os.environ.setdefault("CARGO_TARGET_DIR", str(Path(__file__).parent.resolve() / "target" / "runtime-python"))


class BuildModule(build_ext):
    """Names the module as httpd and `mod_python module-location` know it."""

    def get_ext_filename(self, fullname: str) -> str:
        return fullname.replace(".", os.sep) + ".so"


setup(
    cmdclass={"build_ext": BuildModule},
    # One module for CPython 3.11 and every later one.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    rust_extensions=[
        RustExtension(
            "mod_python.mod_python",
            path="Cargo.toml",
            binding=Binding.NoBinding,
            features=["runtime-python"],
            cargo_manifest_args=["--locked"],
            py_limited_api=False,  # or its name would be another one
            strip=Strip.Debug,
            debug=False,
        )
    ],
)
