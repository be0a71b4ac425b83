"""Pure date arithmetic: which days a run reads, and how they are requested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from tap_oura.catalog.collections import Query

if TYPE_CHECKING:
    from collections.abc import Iterator

# Some collections exclude `end_date`, some filter on an instant in UTC instead of the local day, and nobody has
# measured the rest: two days on either side are right under every reading and for every offset from −12 to +14 hours.
WIDENING = timedelta(days=2)
SECOND = timedelta(seconds=1)
FURTHEST = WIDENING + timedelta(days=1)
"""How far from its window a document may be dated: what was requested, by whichever clock Oura compares."""

# A local day away from Greenwich reaches into the UTC day before or after it. Both are read whole: the day ledger knows
# no parts of a day.
MARGIN = timedelta(days=1)

EARLIEST = date(2000, 1, 1)
"""No ring is as old; an earlier bookmark means all there is."""

LOOKBACK_DAYS = 14
"""Days before the bookmark that are read again, unless `lookback_days` says otherwise."""

# A wearer far east is already on the next day, and some collections date a document ahead.
AHEAD = timedelta(days=2)


@dataclass(frozen=True)
class Window:
    """The days from `start` up to, but not including, `end`: local days, or UTC days for a time series."""

    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        return "all of it" if self == EVER else f"{self.start} to {self.last}"

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def possible(self) -> Window:
        """The days from which documents may come: those of the widened request, by any clock."""
        return self if self == EVER else Window(self.start - FURTHEST, self.end + FURTHEST)

    def until(self, later: Window) -> Window:
        """Return the window from the start of this one to the end of a later one."""
        return Window(self.start, later.end)

    def parameters(self, query: Query) -> dict[str, str]:
        """Return query parameters that certainly cover the window; documents in the margin are trimmed."""
        if query is Query.DATES:
            return {
                "start_date": (self.start - WIDENING).isoformat(),
                "end_date": (self.end + WIDENING).isoformat(),
            }
        if query is Query.INSTANTS:
            return {"start_datetime": _instant(self.start, -SECOND), "end_datetime": _instant(self.end, SECOND)}
        return {}


EVER = Window(date.min, date.max)
"""For a collection that has no days."""


def _instant(day: date, shift: timedelta) -> str:
    return (datetime.combine(day, time(), UTC) + shift).isoformat().replace("+00:00", "Z")


def split(whole: Window, days: int) -> Iterator[Window]:
    """Cut a window into consecutive ones of at most `days` days, oldest first."""
    start = whole.start
    while start < whole.end:
        end = min(start + timedelta(days=days), whole.end)
        yield Window(start, end)
        start = end


def with_margin(first: date, last: date | None) -> tuple[date, date | None]:
    """Return the UTC days that certainly cover the local days from `first` to `last`; None means all to come."""
    return max(first, EARLIEST) - MARGIN, last and last + MARGIN


def due(*, bookmark: date | None, start_date: date, end_date: date | None, lookback_days: int, today: date) -> Window:
    """Return the days that a run reads: from the bookmark minus the lookback until beyond today.

    The lookback never reaches back beyond `start_date`, unless the bookmark was set there on purpose.
    """
    end = today + AHEAD if end_date is None else end_date
    start = start_date
    if bookmark is not None:
        start = min(bookmark, max(start_date, min(bookmark, today) - timedelta(days=lookback_days)))
    return Window(start, max(start, end + timedelta(days=1)))
