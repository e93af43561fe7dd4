"""Forms, query strings and redirection.

`FieldStorage` holds the fields that a client has sent. Names and values are `str`; bytes that are not valid in the
form's charset survive as lone surrogates (PEP 383), so that nothing raises on what a client sends. Contents of files
are `bytes`. Bodies are read and taken apart natively, while other threads run.
"""

from __future__ import annotations

from io import BytesIO

from . import apache
from .apache import SERVER_RETURN, parse_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, BinaryIO, TypeAlias, overload

    from ._apache import mp_request, mp_table

    AnyField: TypeAlias = "Field | StringField"
    Fields: TypeAlias = list[AnyField]

__all__ = [
    "Field",
    "FieldList",
    "FieldStorage",
    "StringField",
    "apply_fs_data",
    "parse_header",
    "parse_qs",
    "parse_qsl",
    "redirect",
]

readBlockSize = 65368  # noqa: N816
"""Only kept for those who read it: bodies are no longer read by lines."""


class Field:
    """A file that was uploaded, or a field that a program has made.

    A field that has nothing but a name has no other attribute.
    """

    name: str | None
    file: BinaryIO
    """Where the content is, at its beginning. A temporary file without a name, unless the program gave another."""
    filename: str | None
    """The client's name for it: not to be trusted, and perhaps with a path."""
    type: str
    type_options: Mapping[str, str]
    disposition: str | None
    disposition_options: Mapping[str, str]
    headers: mp_table | Mapping[str, str]

    def __init__(
        self,
        name: str | None,
        file: Any = None,
        ctype: str | None = None,
        type_options: Mapping[str, str] | None = None,
        disp: str | None = None,
        disp_options: Mapping[str, str] | None = None,
        headers: mp_table | Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        if file is None and ctype is None:
            return
        self.file = file
        self.type = ctype or "text/plain"
        self.type_options = {} if type_options is None else type_options
        self.disposition = disp
        self.disposition_options = {} if disp_options is None else disp_options
        self.filename = self.disposition_options.get("filename")
        self.headers = {} if headers is None else headers

    @property
    def value(self) -> bytes | None:
        """The whole content. None if there is no file; TypeError if it is a text file."""
        if not self.file:
            return None
        self.file.seek(0)
        content = self.file.read()
        self.file.seek(0)
        if not isinstance(content, bytes):
            raise TypeError(f"the file of the field {self.name!r} gives {type(content).__name__}, not bytes")
        return content

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.value!r})"


class StringField(str):
    """The text of a field. It is a `str`, and knows what came with it."""

    # Most fields have no more than these, and so no dict.
    __slots__ = ("__dict__", "_octets", "name")
    filename: str | None = None
    type = ctype = "text/plain"
    disposition: str | None = None
    disp_options: Mapping[str, str] | None = None

    if TYPE_CHECKING:
        name: str | None
        _octets: bytes | None
        file: BinaryIO
        """The field's bytes, as they came."""
        type_options: Mapping[str, str]
        disposition_options: Mapping[str, str]
        headers: mp_table | Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        """What most fields are never asked for is made when it is."""
        made: Any
        if name in ("name", "_octets"):
            return None
        if name == "file":
            made = BytesIO(bytes(self))
        elif name in ("type_options", "disposition_options", "headers"):
            made = {}
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = made
        return made

    @property
    def value(self) -> str:
        """The text as a plain `str`."""
        return str(self)

    def __bytes__(self) -> bytes:
        if self._octets is not None:
            return self._octets
        return self.encode("utf-8", "surrogateescape")

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The field's bytes read in another encoding than the form's."""
        return bytes(self).decode(encoding, errors)

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.value!r})"


def _string_field(name: str | None, value: str) -> StringField:
    field = StringField(value)
    field.name = name
    return field


def _part(
    name: str | None, value: str | None, octets: bytes | None, file: Any, filename: str | None, *header: Any
) -> AnyField:
    """A field of what the native reader found in a part."""
    field: AnyField
    if value is None:
        field = Field(name)
        field.filename = filename
    else:
        field = _string_field(name, value)
        field._octets = octets
    if file is not None:
        field.file = file
    field.type, field.type_options, field.disposition, field.disposition_options, field.headers = header
    return field


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise TypeError(f"{what} of a field must be str or bytes, not {type(value).__name__}")


class FieldList(list["Field | StringField"]):
    """Fields in the order of the form, with indexes by name that are made when they are needed."""

    # Attributes of the class would make those of the instance slow to read (CPython 3.11).
    __slots__ = ("_first", "_table")

    def __init__(self, fields: Iterable[AnyField] = (), first: dict[str | None, Any] | None = None, /) -> None:
        list.__init__(self, fields)
        self._first: dict[str | None, AnyField] | None = first
        self._table: dict[str | None, Fields] | None = None

    def first(self) -> dict[str | None, AnyField]:
        """The first field of each name, in order."""
        if self._first is None:
            index: dict[str | None, AnyField] = {}
            for field in self:
                index.setdefault(field.name, field)
            self._first = index
        return self._first

    def table(self) -> dict[str | None, Fields]:
        """The fields of each name, in order."""
        if self._table is None:
            index: dict[str | None, Fields] = {}
            for field in self:
                index.setdefault(field.name, []).append(field)
            self._table = index
        return self._table


def _forgetting(name: str) -> Callable[..., Any]:
    change = getattr(list, name)

    def changed(self: FieldList, *arguments: Any, **options: Any) -> Any:
        self._first = self._table = None
        return change(self, *arguments, **options)

    changed.__name__ = name
    changed.__doc__ = change.__doc__
    return changed


for _name in (
    *("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
    *("__delitem__", "__iadd__", "__imul__", "__setitem__"),
):
    setattr(FieldList, _name, _forgetting(_name))


class FieldStorage:
    """The fields of a request: first those of its query, then those of its body, if it is a POST.

    The body can be read once: who needs the form later finds it where it was put, by custom in `req.form`.

    Raises `SERVER_RETURN` with 400 for a body that is no form, 413 for one beyond a limit (PythonOption
    `mod_python.form.*`), 501 for another content type; OSError when the body does not arrive.
    """

    _list: FieldList

    def __init__(
        self,
        req: mp_request,
        keep_blank_values: object = 0,
        strict_parsing: object = 0,
        file_callback: Callable[[str], Any] | None = None,
        field_callback: Callable[[], Any] | None = None,
    ) -> None:
        """`file_callback(filename)` and `field_callback()` give the binary files that parts of a multipart body
        are kept in. Urlencoded fields without a value are left out unless `keep_blank_values`."""
        # What cannot be called is as good as none.
        if file_callback is not None and not callable(file_callback):
            file_callback = None
        if field_callback is not None and not callable(field_callback):
            field_callback = None
        (fields, first), parts = req._read_form(keep_blank_values, file_callback, field_callback, StringField)
        self._list = FieldList(fields, first)
        if parts:
            self._list.extend(_part(*part) for part in parts)

    @property
    def list(self) -> FieldList:
        """All fields, in order."""
        return self._list

    @list.setter  # noqa: A003 (it is the property that is meant)
    def list(self, fields: Iterable[AnyField]) -> None:
        self._list = fields if isinstance(fields, FieldList) else FieldList(fields)

    def add_field(self, name: str | bytes, value: object) -> None:
        """Append a field; those of the same name stay."""
        text = _text(value, "value") if isinstance(value, (str, bytes)) else str(value)
        self.list.append(_string_field(_text(name, "name"), text))

    def clear(self) -> None:
        self.list = FieldList()

    def __getitem__(self, name: str) -> AnyField | Fields:
        """The field of this name, or the list of them. Raises KeyError."""
        fields = self.list
        first = fields.first()
        if len(first) == len(fields):
            return first[name]
        same = fields.table()[name]
        return same[0] if len(same) == 1 else same[:]

    def __setitem__(self, name: str | bytes, value: str | bytes) -> None:
        """Put one field in place of all those of this name."""
        field = _string_field(_text(name, "name"), _text(value, "value"))
        self.list[:] = [other for other in self.list if other.name != field.name]
        self.list.append(field)

    def __delitem__(self, name: str) -> None:
        """Remove all fields of this name. Raises KeyError."""
        if name not in self:
            raise KeyError(name)
        self.list[:] = [field for field in self.list if field.name != name]

    def __contains__(self, name: object) -> bool:
        return name in self.list.first()

    def has_key(self, name: str) -> bool:
        return name in self

    def __len__(self) -> int:
        """How many names there are."""
        return len(self.list.first())

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.keys())

    def keys(self) -> list[str | None]:  # type: ignore[valid-type]
        """The names, in the order in which they first come."""
        return [*self.list.first()]

    def items(self) -> list[tuple[str | None, AnyField]]:  # type: ignore[valid-type]
        """Name and field of every field, in order."""
        return [(field.name, field) for field in self.list]

    def values(self) -> Fields:
        """Every field, in order."""
        return [*self.list]

    def get(self, name: object, default: Any = None) -> Any:
        """As `form[name]`, or the default."""
        try:
            return self[name]  # type: ignore[index]
        except (KeyError, TypeError):
            return default

    def getfirst(self, name: str, default: Any = None) -> Any:
        """The first field of this name, or the default."""
        # What most handlers call for each field.
        first = self._list._first
        if first is None:
            first = self._list.first()
        return first.get(name, default)

    def getlist(self, name: str) -> Fields:
        """The fields of this name, perhaps none."""
        return self.list.table().get(name, [])[:]

    def __repr__(self) -> str:
        return repr(self.list.table())


if TYPE_CHECKING:

    @overload
    def parse_qs(qs: str, keep_blank_values: int = ..., strict_parsing: int = ...) -> dict[str, list[str]]: ...
    @overload
    def parse_qs(qs: bytes, keep_blank_values: int = ..., strict_parsing: int = ...) -> dict[bytes, list[bytes]]: ...


def parse_qs(qs: Any, keep_blank_values: int = 0, strict_parsing: int = 0) -> Any:
    """The values of each name in a query string, of the string's own type."""
    return apache.parse_qs(qs, keep_blank_values, strict_parsing)


if TYPE_CHECKING:

    @overload
    def parse_qsl(qs: str, keep_blank_values: int = ..., strict_parsing: int = ...) -> list[tuple[str, str]]: ...
    @overload
    def parse_qsl(qs: bytes, keep_blank_values: int = ..., strict_parsing: int = ...) -> list[tuple[bytes, bytes]]: ...


def parse_qsl(qs: Any, keep_blank_values: int = 0, strict_parsing: int = 0) -> Any:
    """The names and values in a query string, of the string's own type."""
    return apache.parse_qsl(qs, keep_blank_values, strict_parsing)


def redirect(req: mp_request, location: str, permanent: object = 0, text: str | bytes | None = None) -> None:
    """Send the client to another URL, with 302, or 301 if `permanent`. Does not return: raises SERVER_RETURN.

    Raises OSError when the response has begun, ValueError for a location with control characters.
    """
    if not isinstance(location, str):
        raise TypeError(f"location must be str, not {type(location).__name__}")
    if req.sent_bodyct:
        raise OSError("cannot redirect: the response has been sent in part already")
    if not location.isprintable() and any(ord(character) < 32 or ord(character) == 127 for character in location):
        raise ValueError("location contains a control character")
    url = "".join(chr(byte) if byte < 128 else f"%{byte:02X}" for byte in location.encode("utf-8", "surrogateescape"))
    req.err_headers_out["Location"] = url
    req.status = apache.HTTP_MOVED_PERMANENTLY if permanent else apache.HTTP_MOVED_TEMPORARILY
    if text is None:
        from html import escape

        if not req._content_type_set:
            req.content_type = "text/html; charset=utf-8"
        text = f'<p>The document has moved <a href="{escape(url)}">here</a>.</p>\n'
    if text:
        req.write(text, 0)
    raise SERVER_RETURN(apache.DONE)


def apply_fs_data(object: Any, fs: FieldStorage, /, **args: Any) -> Any:
    """Call `object` with what it takes of `args` and of the fields of a form, and return what it returns.

    A field that is a file is passed as the field, any other as its text; several of one name as a list. `args` come
    before fields of the same name. What is not there and has no default is a TypeError, as in every call.
    """
    from .arguments import arguments_for

    positional, keywords = arguments_for(object, fs, args)
    result = object(*positional, **keywords)
    if type(result).__name__ == "coroutine":
        result.close()
        raise TypeError(f"{object!r} is an async function, which nothing here can wait for")
    return result
