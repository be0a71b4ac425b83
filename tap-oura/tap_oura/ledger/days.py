"""The day ledger: what each day held when it was last read whole, so that a run sends news and nothing else.

It lives in the state of an account's collection, beside the bookmark:

    {"bookmark": "2026-03-31", "since": "2026-03-17", "until": "2026-03-31", "read_at": "2026-03-31T20:00:00.000000Z",
     "days": {"2026-03-30": "2 9a0c5d0c1e3b77f0"}}

`days` has the number of records and their digest. A day from `since` until before `until` that is not listed was empty.
The ledger stands for the bookmark written in it: whoever edits the bookmark makes everything from there on news again.
It stands for a selection too, `left_out`: what is selected again later was not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tap_oura.catalog import fields
from tap_oura.catalog.collections import Query
from tap_oura.messages import MessageStream
from tap_oura.windows import EVER, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_oura.catalog.collections import Collection
    from tap_oura.catalog.fields import Record

UNDATED = ""
"""Stands for the day in a collection that has none."""

SPARE_DAYS = 31
"""Days remembered beyond the lookback, for when a window that fails holds the bookmark back."""

WESTERNMOST = timedelta(hours=12)
"""A day is over everywhere once it is over there."""

DIGEST_BYTES = 8

RECENTLY, TICK = datetime(2026, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class News:
    """A day whose content is new or changed: the records to send, and what the ledger then knows of the day."""

    day: str
    count: int
    digest: str
    records: list[Record]
    ids: list[str] | None
    grew: bool
    """Nothing that was sent before changed: `records` are only those that came on top."""


class Ledger:
    """The days of one account's collection. `state` is the partition's state, changed in place.

    A load that was cut short may have left rows behind that the state knows nothing of: `forget` begins anew, which
    says of every day what it has, so that whatever else a warehouse holds of it is known to be gone.
    """

    def __init__(
        self,
        collection: Collection,
        state: dict[str, Any],
        *,
        lookback: int,
        now: datetime,
        left_out: Sequence[str] = (),
        forget: bool = False,
    ) -> None:
        self._collection = collection
        self._state = state
        self._lookback = timedelta(days=lookback)
        self._today, self._over = now.date(), (now - WESTERNMOST).date()
        kept: Any = state.get("days")
        if not isinstance(kept, dict):
            kept = {}
        before = kept.get("read_at")
        selection = {"left_out": _digest(left_out)} if left_out else {}
        if (
            forget
            or kept.get("bookmark") != state.get("replication_key_value")
            or kept.get("left_out") != selection.get("left_out")
            or not kept
        ):
            kept = state["days"] = {"days": {}, **selection} | ({"read_at": before} if before else {})
        self._known: dict[str, Any] = kept
        self.read_at = _after(before, now) if before else now

    def news(self, records: list[Record], window: Window) -> Iterator[News]:
        """Yield the days of a window, read whole, that are not as they were. Oldest first.

        `records` are in the order of Oura's answer, which their listing keeps and nothing else depends on.
        """
        by_day = {day: list(group) for day, group in groupby(sorted(records, key=self._place()), key=self._day)}
        listed = self._listed(records)
        for day in sorted({*by_day, *self._expected(window)}):
            if news := self._compare(day, by_day.get(day, []), listed):
                yield news

    def learn(self, news: News) -> None:
        """Remember a day whose records were sent."""
        self._days.pop(news.day, None)
        if news.count or news.day == UNDATED:
            self._days[news.day] = f"{news.count} {news.digest}"
        self._known["read_at"] = _text(self.read_at)

    def close(self, window: Window) -> None:
        """Remember that a window was read whole, once the bookmark stands where it does afterwards."""
        bookmark = self._known["bookmark"] = self._state.get("replication_key_value")
        if window == EVER:
            return
        start, end = window.start, min(window.end, self._over)
        since, until = self._span() or (start, start)
        if start <= until and end >= since:
            since, until = min(since, start), max(until, end)
        if bookmark is not None:
            since = max(since, min(date.fromisoformat(bookmark[:10]), self._today) - self._lookback)
        most = self._lookback.days + SPARE_DAYS
        for day in sorted(self._days)[:-most]:
            since = max(since, date.fromisoformat(day) + timedelta(days=1))
        for day in [day for day in self._days if day < since.isoformat()]:
            del self._days[day]
        self._known.update(since=since.isoformat(), until=max(since, until).isoformat())

    def row(self, user_id: str, news: News) -> Record:
        """Return the record of `collection_days` for a day."""
        return {
            "user_id": user_id,
            "id": f"{self._collection.name} {news.day} {_text(self.read_at)}",
            "collection": self._collection.name,
            "day": news.day or None,
            "document_ids": news.ids,
            "count": news.count,
            "digest": news.digest,
            "read_at": _text(self.read_at),
            "rewritten_at": None if news.grew else _text(self.read_at),
        }

    @property
    def _days(self) -> dict[str, str]:
        days: dict[str, str] = self._known["days"]
        return days

    def _span(self) -> tuple[date, date] | None:
        if "since" not in self._known:
            return None
        return date.fromisoformat(self._known["since"]), date.fromisoformat(self._known["until"])

    def _expected(self, window: Window) -> Iterator[str]:
        """Yield the days of a window about which something is to be said even where they are empty."""
        if window == EVER:
            yield UNDATED
            return
        # Once anything is known, an empty day is told of when it is over.
        end = window.end if self._span() is None else min(window.end, self._over)
        for number in range((end - window.start).days):
            yield (window.start + timedelta(days=number)).isoformat()
        yield from (day for day in self._days if date.fromisoformat(day) in window)

    def _listed(self, records: list[Record]) -> dict[str, list[str]] | None:
        """Return the ids of each day's documents; None for a time series."""
        if self._collection.query is Query.INSTANTS:
            return None
        listed: dict[str, list[str]] = {}
        for record in records:
            listed.setdefault(self._day(record), []).append(record["id"])
        return listed

    def _compare(self, day: str, records: list[Record], listed: dict[str, list[str]] | None) -> News | None:
        if not records and self._was_empty(day):
            return None
        known_count, known_digest = self._before(day)
        digest = _digest(records)
        if (len(records), digest) == (known_count, known_digest):
            return None
        grew = 0 < known_count < len(records) and _digest(records[:known_count]) == known_digest
        ids = None if listed is None else listed.get(day, [])
        return News(day, len(records), digest, records[known_count:] if grew else records, ids, grew)

    def _before(self, day: str) -> tuple[int, str]:
        """Return how many records the day had and their digest; none and no digest where it was empty or unknown."""
        count, _, digest = self._days.get(day, "0 ").partition(" ")
        return int(count), digest

    def _was_empty(self, day: str) -> bool:
        span = self._span()
        return day not in self._days and span is not None and span[0].isoformat() <= day < span[1].isoformat()

    def _day(self, record: Record) -> str:
        cursor = self._collection.cursor
        return UNDATED if cursor is None else str(record[cursor])[:10]

    def _place(self) -> Callable[[Record], Any]:
        """Return what orders records: by day, then by key."""
        keys = self._collection.keys
        if self._collection.cursor == keys[0]:
            return itemgetter(*keys)  # An instant begins with its day.
        return lambda record: (self._day(record), *(str(record[key]) for key in keys))


def bookmark(state: dict[str, Any]) -> dict[str, Any]:
    """Return what a state says of where to go on: `since` is the first day that its ledger knows, if that stands."""
    kept = {name: state[name] for name in ("context", "replication_key_value") if name in state}
    days = state.get("days")
    if isinstance(days, dict) and days.get("bookmark") == state.get("replication_key_value"):
        kept["since"] = days.get("since")
    return kept


def _digest(records: Sequence[Any]) -> str:
    return blake2b(msgspec.json.encode(records, order="deterministic"), digest_size=DIGEST_BYTES).hexdigest()


def _after(before: str, now: datetime) -> datetime:
    """Return a moment later than all that was written before, for the latest row speaks for a day.

    Where the clock was set back, each of its seconds counts as a microsecond: a run that was cut short since, and left
    rows but no state, took an earlier moment.
    """
    return max(now, datetime.fromisoformat(before) + max(TICK, (now - RECENTLY) / 1_000_000))


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


class CollectionDays(MessageStream):
    """One row per day that changed, written beside the day's records by the stream that read them. Append-only."""

    name = "collection_days"
    primary_keys = ("user_id", "id")
    schema: ClassVar[fields.Schema] = {
        "type": "object",
        "properties": {
            "user_id": fields.key("Account"),
            "id": fields.key("Collection, day and time of the reading: a reading that is loaded twice is one row"),
            "collection": fields.text("Collection"),
            "day": fields.date("Day of the documents; UTC's in a time series; null where a collection has no days"),
            "document_ids": fields.array(
                "Documents of the day in the order of Oura's answer; null in a time series", fields.text("One id")
            ),
            "count": fields.integer("Documents or samples of the day; 0 where a day that is over has none"),
            "digest": fields.text("Digest of their content"),
            "read_at": fields.moment("When the day was read, UTC; the latest row of a day is the truth"),
            "rewritten_at": fields.moment(
                "When the day was sent from its first record on, UTC: samples sent before are gone; "
                "null where the day only grew and what was sent before still stands"
            ),
        },
        "required": ["user_id", "id"],
    }

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        return ()

    def write(self, row: Record) -> None:
        if self.selected:
            self._write_record_message(row)
