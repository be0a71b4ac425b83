"""A document together with what decides when it can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from datetime import date

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one document, already encoded.

    `begins` is the instant that the UTC filters look at; `wall` the seconds after local midnight that the local ones
    do. A version is served from `visible_from` until `visible_until` (epoch seconds; None: for ever).
    """

    id: str
    day: date
    begins: int
    body: bytes
    visible_from: int
    visible_until: int | None = None
    wall: int = 0

    @property
    def document(self) -> Document:
        document: Document = orjson.loads(self.body)
        return document

    def is_visible(self, now: int) -> bool:
        return self.visible_from <= now and (self.visible_until is None or now < self.visible_until)


def item(
    document: Document, day: date, begins: int, visible_from: int, visible_until: int | None = None, wall: int = 0
) -> Item:
    # A copy: orjson's own bytes keep the room they were written in, ten times what they need.
    body = bytes(memoryview(orjson.dumps(document)))
    return Item(document["id"], day, begins, body, visible_from, visible_until, wall)
