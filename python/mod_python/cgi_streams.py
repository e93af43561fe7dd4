"""Standard input and output, and the environment, as a CGI program expects them.

`sys.stdin`, `sys.stdout` and `os.environ` belong to the whole interpreter: who sets them up must see to it that no
other thread does so at the same time. Both streams are text (UTF-8) over bytes, which `.buffer` gives.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping
    from typing import Any, TextIO

    from ._apache import mp_request, mp_table

_BLOCK = 65536
_MAX_HEADER = 1 << 20


def build_cgi_env(req: mp_request) -> mp_table:
    """The CGI variables of a request, as a table of its own.

    Unlike other servers' it has HTTP_AUTHORIZATION, unless PythonOption mod_python.cgihandler.authorization is off.
    """
    req.add_cgi_vars()
    env = req.subprocess_env.copy()
    uri, path_info = req.uri, req.path_info
    env["SCRIPT_NAME"] = uri[: -len(path_info)] if path_info and uri.endswith(path_info) else uri
    env["GATEWAY_INTERFACE"] = "Python-CGI/1.1"
    authorization = req.headers_in.get("Authorization")
    passed_on = req.get_options().get("mod_python.cgihandler.authorization", "on").lower()
    if authorization is not None and passed_on not in ("0", "off", "no", "false"):
        env["HTTP_AUTHORIZATION"] = authorization
    return env


def setup_cgi(req: mp_request) -> tuple[MutableMapping[str, str], TextIO, TextIO]:
    """Turn the interpreter's streams and environment into those of a CGI program; returns what was there before.

    The environment is that of Python code only: the process's own, which child processes inherit, stays as it is.
    """
    cgi_variables = {name: value for name, value in build_cgi_env(req).items() if value is not None}
    stdin, stdout = CGIStdin(req), CGIStdout(req)
    before = os.environ, sys.stdin, sys.stdout
    os.environ = {**os.environ, **cgi_variables}  # type: ignore[assignment]  # noqa: B003
    sys.stdin, sys.stdout = stdin, stdout
    sys.argv[:] = []
    return before


def restore_nocgi(env: MutableMapping[str, str], stdin: TextIO, stdout: TextIO) -> None:
    """Undo `setup_cgi`; what the program has written and not flushed is sent."""
    cgi_stdout = sys.stdout
    os.environ = env  # type: ignore[assignment]  # noqa: B003
    sys.stdin, sys.stdout = stdin, stdout
    sys.argv[:] = ["mod_python"]
    if isinstance(cgi_stdout, CGIStdout):
        cgi_stdout.flush()


class NullIO:
    """A file whose methods do nothing."""

    def close(self) -> None: ...

    def detach(self) -> None: ...

    def flush(self) -> None: ...

    def isatty(self) -> int:
        return 0

    def read(self, n: int = -1) -> str:
        return ""

    def readline(self, n: int = -1) -> str:
        return ""

    def readlines(self) -> list[str]:
        return []

    def seek(self, pos: int, mode: int = 0) -> None: ...

    def tell(self) -> int:
        return 0

    def write(self, s: str) -> None: ...

    def writelines(self, list: Iterable[str]) -> None: ...


class CGIStdin(io.TextIOWrapper):
    """The body of a request as a text file; `.buffer` is the body as bytes."""

    def __init__(self, req: mp_request) -> None:
        body = io.BufferedReader(_RequestBody(req), _BLOCK)
        super().__init__(body, encoding="utf-8", errors="surrogateescape", newline="\n")
        self._characters = 0

    def read(self, size: int | None = -1, /) -> str:
        text = super().read(size)
        self._characters += len(text)
        return text

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        line = super().readline(size)
        self._characters += len(line)
        return line

    def readlines(self, hint: int | None = -1, /) -> list[str]:  # type: ignore[override]
        lines: list[str] = []
        count = 0
        while (hint is None or hint < 0 or count < hint) and (line := self.readline()):
            lines.append(line)
            count += len(line)
        return lines

    def __next__(self) -> str:  # type: ignore[override]
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def tell(self) -> int:
        return self._characters

    def seek(self, cookie: int, whence: int = 0, /) -> int:
        return 0

    def close(self) -> None: ...


class CGIStdout(io.TextIOWrapper):
    """A text file whose beginning is the header of a response and whose rest is its body."""

    def __init__(self, req: mp_request) -> None:
        self.response = _Response(req)
        buffer = io.BufferedWriter(self.response, _BLOCK)
        super().__init__(buffer, encoding="utf-8", errors="surrogateescape", newline="\n")
        self._characters = 0

    def write(self, s: str, /) -> int:
        self._characters += len(s)
        return super().write(s)

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def tell(self) -> int:
        return self._characters

    def seek(self, cookie: int, whence: int = 0, /) -> int:
        return 0

    def close(self) -> None:
        self.flush()

    def finish(self) -> None:
        """Send what is left. Raises ValueError if no header was completed."""
        self.flush()
        self.response.finish()

    def discard(self) -> None:
        """Send nothing more, not even what was written and is waiting."""
        self.response.discard()


class _RequestBody(io.RawIOBase):
    def __init__(self, req: mp_request) -> None:
        self._req = req

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._req.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Response(io.RawIOBase):
    """What a CGI program writes, taken apart: header to `req.headers_out` and its like, body to `req.write`."""

    def __init__(self, req: mp_request) -> None:
        self._req = req
        self._header: bytearray | None = bytearray()
        self._discards = False
        self.local_redirect: str | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        size = len(data)
        if self._discards:
            return size
        if self._header is None:
            self._req.write(bytes(data), 0)
            return size
        self._header += data
        end, body = header_end(self._header)
        if end >= 0:
            header, self._header = self._header, None
            self._send_header(bytes(header[:end]))
            if len(header) > body and not self._discards:
                self._req.write(bytes(header[body:]), 0)
        elif len(self._header) > _MAX_HEADER:
            raise ValueError("the CGI program's header has no end")
        return size

    def discard(self) -> None:
        self._discards = True

    def finish(self) -> None:
        if self._header is not None:
            raise ValueError("the CGI program ended before the end of its header (an empty line)")

    def _send_header(self, header: bytes) -> None:
        req = self._req
        status = location = None
        for name, value in header_fields(header):
            lower = name.lower()
            if lower == "status":
                status = int(value.split()[0])
            elif lower == "content-type":
                req.content_type = value
                req.headers_out["Content-Type"] = value
            else:
                location = value if lower == "location" else location
                req.headers_out.add(name, value)
        if status is not None:
            req.status = status
        elif location is not None and location.startswith("/"):
            # RFC 3875, 6.2.2: the client gets the other document's response, not this one.
            self.local_redirect = location
            self.discard()
        elif location is not None:
            req.status = 302


def header_end(data: bytes | bytearray) -> tuple[int, int]:
    """Where the header ends and where the body starts: at the first empty line; -1 if there is none yet."""
    if data[:1] == b"\n" or data[:2] == b"\r\n":
        return 0, data.index(b"\n") + 1
    ends = [(data.find(gap), len(gap)) for gap in (b"\r\n\r\n", b"\n\n", b"\n\r\n") if gap in data]
    if not ends:
        return -1, -1
    start, length = min(ends)
    return start, start + length


def header_fields(header: bytes) -> list[tuple[str, str]]:
    """Names and values of the lines of a header."""
    fields = []
    for line in header.decode("utf-8", "surrogateescape").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError(f"not a header line of a CGI program: {line!r}")
        fields.append((name.strip(), value.strip()))
    return fields
