"""Caches whose entries are built when they are first asked for, by one thread at a time. Knows nothing of httpd."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections import OrderedDict
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

V = TypeVar("V")

NOT_INITIALIZED: Any = object()
"""The value of an entry that was never built."""


class Entry:
    """One name's value, the lock of who builds it, and what `check` compares."""

    def __init__(self, name: Any) -> None:
        self.name = name
        self.lock = threading.RLock()
        self._value: Any = NOT_INITIALIZED
        self.timestamp: Any = None

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value


class WeakEntry(Entry):
    """An entry that does not keep its value alive."""

    @property
    def value(self) -> Any:
        if self._value is NOT_INITIALIZED:
            return NOT_INITIALIZED
        value = self._value()
        return NOT_INITIALIZED if value is None else value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value if value is NOT_INITIALIZED else weakref.ref(value)


class Cache(Generic[V]):
    """`cache[name]` is built on a miss, and again whenever `check` says so. The oldest of more than `max_size` go."""

    entry_class: type[Entry] = Entry

    def __init__(self, max_size: int = 0) -> None:
        self.max_size = max_size
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()  # the least recently used comes first

    def key(self, name: Any) -> Hashable:
        """What names are told apart by."""
        return name  # type: ignore[no-any-return]

    def check(self, key: Any, name: Any, entry: Entry) -> Any:
        """None if the entry is up to date, else a resource for `build`."""
        return NOT_INITIALIZED if entry.value is NOT_INITIALIZED else None

    def build(self, key: Any, name: Any, opened: Any, entry: Entry) -> V:
        """The value of `name`; `opened` is what `check` returned."""
        raise NotImplementedError

    def commit(self) -> None:
        """Called after the cache was changed."""

    def __getitem__(self, name: Any) -> V:
        key = self.key(name)
        entry = self._use(key, name)
        with entry.lock:
            value = entry.value
            opened = self.check(key, name, entry)
            if opened is None and value is not NOT_INITIALIZED:
                return value  # type: ignore[no-any-return]
            try:
                value = self.build(key, name, opened, entry)
            except BaseException:
                if entry.value is NOT_INITIALIZED:
                    self._discard(key, entry)
                raise
            entry.value = value
        self.commit()
        return value

    def __setitem__(self, name: Any, value: V) -> None:
        entry = self._use(self.key(name), name)
        with entry.lock:
            entry.value = value
        self.commit()

    def __delitem__(self, name: Any) -> None:
        with self._lock:
            del self._entries[self.key(name)]
        self.commit()

    def __contains__(self, name: Any) -> bool:
        return self.key(name) in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Hashable]:
        with self._lock:
            return iter(list(self._entries))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
        self.commit()

    def mru(self) -> Hashable:
        """The key used last; KeyError if there is none."""
        with self._lock:
            return self._end(last=True)

    def lru(self) -> Hashable:
        """The key not used for longest; KeyError if there is none."""
        with self._lock:
            return self._end(last=False)

    def _end(self, last: bool) -> Hashable:
        keys = reversed(self._entries) if last else iter(self._entries)
        for key in keys:
            return key
        raise KeyError("the cache is empty")

    def _use(self, key: Hashable, name: Any) -> Entry:
        removed = []
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = self.entry_class(name)
            self._entries.move_to_end(key)
            while 0 < self.max_size < len(self._entries):
                removed.append(self._entries.popitem(last=False))
        del removed  # after the lock is free: destructors are user code
        return entry

    def _discard(self, key: Hashable, entry: Entry) -> None:
        with self._lock:
            if self._entries.get(key) is entry:
                del self._entries[key]


class WeakCache(Cache[V]):
    """A cache that keeps no value alive."""

    entry_class = WeakEntry


class FileCache(Cache[V]):
    """Contents of files, by file name, read again when the file has changed."""

    def __init__(self, max_size: int = 0, mode: str = "rb") -> None:
        super().__init__(max_size)
        self.mode = mode

    def check(self, key: Any, name: Any, entry: Entry) -> Any:
        opened = open(name, self.mode, encoding=None if "b" in self.mode else "utf-8")  # noqa: SIM115
        status = os.fstat(opened.fileno())
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if entry.value is not NOT_INITIALIZED and stamp == entry.timestamp:
            opened.close()
            return None
        entry.timestamp = stamp
        return opened

    def build(self, key: Any, name: Any, opened: IO[Any], entry: Entry) -> V:
        try:
            with opened:
                return self.read(name, opened)
        except BaseException:
            entry.timestamp = None
            raise

    def read(self, name: Any, opened: IO[Any]) -> V:
        return opened.read()  # type: ignore[no-any-return]


class ModuleCache(FileCache[ModuleType]):
    """Modules made from files, by file name. They are not in `sys.modules`."""

    def __init__(self, max_size: int = 0) -> None:
        super().__init__(max_size, "rb")

    def read(self, name: Any, opened: IO[Any]) -> ModuleType:
        module = ModuleType(re.sub(r"\W", "_", name))
        module.__file__ = name
        exec(compile(opened.read(), name, "exec", dont_inherit=True), vars(module))
        return module


class FunctionCache(Cache[Any]):
    """Results of a function, by its arguments."""

    def __init__(self, function: Callable[..., Any], max_size: int = 0) -> None:
        super().__init__(max_size)
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self[args, tuple(sorted(kwargs.items()))]

    def build(self, key: Any, name: Any, opened: Any, entry: Entry) -> Any:
        args, keywords = name
        return self.function(*args, **dict(keywords))
