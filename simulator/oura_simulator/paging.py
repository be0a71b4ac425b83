"""Paging through a range. A page token contains the position; the server stores nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import orjson

from oura_simulator.ranges import Range, bound
from oura_simulator.responses import Refusal

if TYPE_CHECKING:
    from oura_simulator.collections import Collection
    from oura_simulator.store import Store


@dataclass(frozen=True)
class Position:
    """The day and document that a page begins with; `again` if that one was on the page before, too."""

    day: date
    index: int = 0
    again: bool = False


START = Position(date.min)


@dataclass(frozen=True)
class Page:
    """`parts` are pieces of JSON to be joined by commas."""

    parts: list[bytes]
    last: Position | None
    """The page's last document."""
    next: Position | None
    """The first one after the page; None when there is none."""


@dataclass(frozen=True)
class Token:
    """Everything that the next request needs, so that it may repeat or omit the other parameters."""

    account: int
    start: str
    end: str
    fields: str | None
    position: Position
    follows_empty: bool = False
    """Whether an empty page came before this one in its place."""

    def encode(self, collection: Collection) -> str:
        place = self.position
        values = [
            collection.name,
            self.account,
            self.start,
            self.end,
            self.fields,
            place.day.toordinal(),
            place.index,
            place.again,
            self.follows_empty,
        ]
        return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def decode(text: str, collection: Collection, account: int) -> Token:
    """Return the token of a text. Raises Refusal 400 if it is invalid or of another collection or account."""
    try:
        values = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        name, owner, start, end, fields, day, index, again, follows_empty = values
        if collection.kind == "dates" or start:
            bound(start), bound(end)
        token = Token(owner, start, end, fields, Position(date.fromordinal(day), index, again), follows_empty)
    except (ValueError, TypeError, OverflowError):
        raise Refusal(400, {"detail": "Invalid next_token."}) from None
    if (name, owner) != (collection.name, account):
        raise Refusal(400, {"detail": "Invalid next_token."})
    return token


def documents(store: Store, account: int, requested: Range, position: Position | None, size: int) -> Page:
    first, last = requested.days
    place = position or Position(first)
    parts: list[bytes] = []
    newest: Position | None = None
    for day in store.days(max(first, place.day), last):
        items = [item for item in store.items(account, requested.collection.name, day) if requested.selects(item)]
        for index in range(place.index if day == place.day else 0, len(items)):
            if len(parts) == size:
                return Page(parts, newest, Position(day, index))
            parts.append(items[index].body)
            newest = Position(day, index)
    return Page(parts, newest, None)


def rings(store: Store, account: int, position: Position | None, size: int) -> Page:
    place = position or START
    bodies = [item.body for item in store.rings(account)][place.index :]
    end = place.index + size
    following = Position(date.min, end) if len(bodies) > size else None
    newest = Position(date.min, min(end, place.index + len(bodies)) - 1) if bodies else None
    return Page(bodies[:size], newest, following)


def rows(store: Store, account: int, requested: Range, position: Position | None, size: int) -> Page:
    first, end = requested.epochs
    days = requested.days
    place = position or Position(days[0])
    parts: list[bytes] = []
    newest: Position | None = None
    left = size
    for day in store.days(max(days[0], place.day), days[1]):
        chunk = store.chunk(account, requested.collection.name, day)
        low = max(chunk.index(first), place.index if day == place.day else 0)
        high = chunk.index(end)
        if low >= high:
            continue
        if left == 0:
            return Page(parts, newest, Position(day, low))
        taken = min(high, low + left)
        parts.append(chunk.slice(low, taken))
        newest = Position(day, taken - 1)
        left -= taken - low
        if taken < high:
            return Page(parts, newest, Position(day, taken))
    return Page(parts, newest, None)


def latest(store: Store, account: int, collection: str) -> Page:
    """Return a page with the newest row."""
    day = store.last_day
    while day >= store.first_day:
        chunk = store.chunk(account, collection, day)
        if len(chunk):
            return Page([chunk.slice(len(chunk) - 1, len(chunk))], None, None)
        day -= timedelta(days=1)
    return Page([], None, None)


def again(position: Position) -> Position:
    return replace(position, again=True)
