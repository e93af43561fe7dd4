"""The libpython that a mod_python.so runs with: one that it is linked with, or one that `LoadFile` brings.

A module that was built with the feature `runtime-python` is linked with none. It takes the Python that httpd has loaded
before it, whichever of the versions it supports.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig

from .installation import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB = 1, 5


def load_file(module: str) -> str | None:
    """What has to stand in a `LoadFile` line above the `LoadModule` of this mod_python.so; None if nothing has to.

    NotFoundError if the module needs a libpython that this Python has not got.
    """
    linked = linked_with(module)
    if linked is None:
        return of_this_python()
    if linked in _known_to_the_linker():
        return None
    try:
        own = of_this_python()
    except NotFoundError:
        return None
    return own if os.path.basename(own) == linked else None


def of_this_python() -> str:
    """The file of the libpython of the Python that runs this. NotFoundError if it has none that can be loaded."""
    about = f"Python {sys.version.split()[0]} in {sys.base_prefix}"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NotFoundError(f"{about} is no CPython with a GIL, and mod_python runs on no other.")
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    places = list(dict.fromkeys(_places()))
    for place in places:
        if os.path.isfile(os.path.join(place, name)):
            return os.path.join(place, name)
    raise NotFoundError(
        f"{about} has no shared library {name} (looked in {', '.join(places)}), and httpd cannot run it without. "
        f"On Debian: apt install {name.partition('.so')[0]}. A Python that is built from source needs "
        "./configure --enable-shared, with pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install."
    )


def _places() -> Iterator[str]:
    directory, multiarch = (sysconfig.get_config_var(name) for name in ("LIBDIR", "MULTIARCH"))
    for parent in (os.path.join(sys.base_prefix, "lib"), directory):
        if parent:
            yield parent
            if multiarch:
                yield os.path.join(parent, multiarch)


def linked_with(module: str) -> str | None:
    """The libpython that an ELF library is linked with, such as `libpython3.11.so.1.0`.

    NotFoundError if the file cannot be read or is no ELF library.
    """
    try:
        with open(module, "rb") as file:
            names = _needed(file.read())
    except OSError as error:
        raise NotFoundError(f"{module} cannot be read: {error.strerror}.") from error
    except (struct.error, ValueError, IndexError) as error:
        raise NotFoundError(f"{module} is no shared library for this machine.") from error
    return next((name for name in names if re.match(r"libpython3\.\d+\w*\.so", name)), None)


def _needed(data: bytes) -> list[str]:
    """The libraries that a 64-bit little-endian ELF file names (System V ABI, chapters 4 and 5)."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no 64-bit little-endian ELF")
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQ", data, table + index * size) for index in range(count)]

    def offset_of(address: int) -> int:
        for kind, _, offset, start, _, length in segments:
            if kind == _PT_LOAD and start <= address < start + length:
                return int(offset + address - start)
        raise ValueError("an address outside of the file")

    needed, strings = [], 0
    for kind, _, offset, _, _, length in segments:
        if kind == _PT_DYNAMIC:
            for tag, value in struct.iter_unpack("<qQ", data[offset : offset + length]):
                if tag == _DT_NEEDED:
                    needed.append(value)
                elif tag == _DT_STRTAB:
                    strings = offset_of(value)
    return [data[strings + at : data.index(b"\0", strings + at)].decode() for at in needed]


def _known_to_the_linker() -> str:
    """What ldconfig has in its cache, as text; empty where there is no ldconfig to ask."""
    program = shutil.which("ldconfig", path=f"{os.environ.get('PATH', os.defpath)}:/sbin:/usr/sbin")
    if program is None:
        return ""
    return subprocess.run([program, "-p"], capture_output=True, text=True, check=False).stdout
