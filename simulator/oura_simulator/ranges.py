"""Which documents a pair of bounds selects: rule and clock differ by collection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import TYPE_CHECKING

from oura_simulator import responses
from oura_simulator.generators.instants import DAY

if TYPE_CHECKING:
    from oura_simulator.collections import Collection
    from oura_simulator.generators.item import Item

_SHAPE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?")


@dataclass(frozen=True)
class Bound:
    """A date or date-time as the client wrote it. Without an offset it is UTC or local, as the rule requires."""

    moment: datetime
    is_date: bool

    @property
    def epoch(self) -> int:
        """The first whole second at or after it; rows have whole seconds."""
        aware = self.moment if self.moment.tzinfo else self.moment.replace(tzinfo=UTC)
        return ceil(aware.timestamp())

    @property
    def wall(self) -> datetime:
        return self.moment.replace(tzinfo=None)

    @property
    def text(self) -> str:
        return self.moment.date().isoformat() if self.is_date else self.moment.isoformat()


def bound(text: str) -> Bound:
    """Return the bound of a text. Raises ValueError if it is neither a date nor a date-time."""
    if not _SHAPE.fullmatch(text):
        raise ValueError(text)
    return Bound(datetime.fromisoformat(text), is_date=len(text) == 10)


@dataclass(frozen=True)
class Range:
    """A collection's rule with two bounds."""

    collection: Collection
    start: Bound
    end: Bound

    @property
    def days(self) -> tuple[date, date]:
        """First and last local day that can hold a selected document."""
        if self.collection.clock == "day":
            return self.start.wall.date(), self.end.wall.date()
        first, last = (datetime.fromtimestamp(epoch, UTC).date() for epoch in self.epochs)
        if self.collection.kind == "instants":
            return first, last
        return first - timedelta(days=1), last + timedelta(days=2)

    @property
    def epochs(self) -> tuple[int, int]:
        """First selected second, and the first one after the end."""
        end = self.end.epoch
        if self.collection.end == "inclusive":
            end += DAY if self.end.is_date else 1
        return self.start.epoch, end

    def selects(self, item: Item) -> bool:
        if self.collection.clock == "utc":
            first, end = self.epochs
            return first <= item.begins < end
        if self.collection.end == "inclusive":
            return self.start.wall.date() <= item.day <= self.end.wall.date()
        wall = datetime.combine(item.day, time()) + timedelta(seconds=item.wall)
        return self.start.wall <= wall < self.end.wall


def read(collection: Collection, start: str | None, end: str | None, now: datetime) -> Range:
    """Return the range of a request; the last day if it has no bounds. `now` is the account's local time.

    Raises Refusal: 422 for an invalid bound or a range that ends before it starts, 400 for one that is too wide.
    """
    names = collection.bounds
    last = _parse(collection, names[1], end) if end is not None else Bound(now, is_date=False)
    default = Bound(last.moment - timedelta(days=1), is_date=last.is_date)
    first = _parse(collection, names[0], start) if start is not None else default
    if first.epoch > last.epoch:
        raise responses.invalid(names[0], f"Start of the range is after its end ({names[1]})", start or "")
    width = (last.epoch - first.epoch) / DAY
    if collection.max_days is not None and width > collection.max_days:
        raise responses.Refusal(400, {"detail": f"Range is wider than {collection.max_days} days."})
    return Range(collection, first, last)


def _parse(collection: Collection, name: str, text: str) -> Bound:
    try:
        return bound(text)
    except ValueError:
        refuse = responses.bad_instant if collection.kind == "instants" else responses.bad_date
        raise refuse(name, text) from None
