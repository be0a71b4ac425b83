"""A cache of bounded size that drops the least recently used entries."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

V = TypeVar("V")


class Cache(Generic[V]):
    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._used = 0
        self._entries: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, value: V, size: int) -> V:
        """Store and return a value; `size` is the caller's estimate in bytes."""
        _, replaced = self._entries.pop(key, (None, 0))
        self._entries[key] = value, size
        self._used += size - replaced
        while self._used > self._max and len(self._entries) > 1:
            _, (_, freed) = self._entries.popitem(last=False)
            self._used -= freed
        return value
