"""Everything that Oura has of every account as of now: the generated data with the edits applied."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from oura_simulator import generators, series
from oura_simulator.cache import Cache
from oura_simulator.collections import COLLECTIONS
from oura_simulator.generators import events, fields, ids
from oura_simulator.generators.days import SYNC
from oura_simulator.generators.person import Person, person
from oura_simulator.series import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_simulator.accounts import Accounts
    from oura_simulator.clock import Clock
    from oura_simulator.edits import Edits
    from oura_simulator.generators.item import Document, Item
    from oura_simulator.settings import Settings

ITEM_BYTES = 64 << 20
# Two years of heart rate of one account, or thirty days of thirty.
CHUNK_BYTES = 128 << 20


class Store:
    """Reads by account number, collection and day. Only edits and a cache of recent reads are stored."""

    def __init__(self, settings: Settings, accounts: Accounts, clock: Clock, edits: Edits) -> None:
        self._seed = settings.seed
        self._accounts = accounts
        self._clock = clock
        self._edits = edits
        self._items: Cache[list[Item]] = Cache(ITEM_BYTES)
        self._chunks: Cache[Chunk] = Cache(CHUNK_BYTES)
        self.first_day = settings.first_day(clock.now())

    @property
    def last_day(self) -> date:
        """East of Greenwich the local day, which may be what a document counts for, is ahead of UTC."""
        return self._clock.now().date() + timedelta(days=1)

    def person(self, number: int) -> Person:
        return person(self._seed, number, self._accounts.timezone(number))

    def local_now(self, number: int) -> datetime:
        now = self._clock.now()
        return now.astimezone(self.person(number).zone(now.date()))

    def items(self, number: int, collection: str, day: date) -> list[Item]:
        """The documents that belong to the day, earliest first."""
        now = self._clock.epoch()
        found = [item for item in self._base(number, collection, day, now) if item.is_visible(now)]
        if self._edits.touches(number, collection, day):
            found = self._edits.apply(number, collection, day, found, now)
        return sorted(found, key=lambda item: (item.begins, item.id)) if len(found) > 1 else found

    def _base(self, number: int, collection: str, day: date, now: int) -> list[Item]:
        if not self.first_day <= day <= self.last_day:
            return []
        wearer = self.person(number)
        if generators.is_growing(wearer, collection, day, now):
            return generators.unfinished(wearer, collection, day, now)
        key = number, collection, day
        cached = self._items.get(key)
        if cached is not None:
            return cached
        found = generators.finished(wearer, collection, day)
        return self._items.put(key, found, 200 + sum(300 + len(item.body) for item in found))

    def profile(self, number: int) -> Document:
        profile = events.personal_info(self.person(number))
        rest = fields.missing("personal_info", profile)
        profile |= fields.values("personal_info", rest, self.first_day, profile["id"])
        return self._edits.apply_profile(number, profile)

    def rings(self, number: int) -> list[Item]:
        now = self._clock.epoch()
        collection = "ring_configuration"
        found = [
            item
            for item in fields.completed(collection, events.ring_configuration(self.person(number)))
            if item.is_visible(now)
        ]
        return self._edits.apply(number, collection, None, found, now)

    def chunk(self, number: int, collection: str, day: date) -> Chunk:
        """The rows of a series in the UTC day, as far as they have been synced."""
        now = self._clock.epoch()
        synced = now - now % SYNC
        complete = self._complete_chunk(number, collection, day)
        edited = self._edits.touches(number, collection, day)
        if not edited and (not complete.epochs or complete.epochs[-1] <= synced):
            return complete
        documents = complete.documents(0, complete.index(synced + 1))
        if edited:
            documents = self._edits.apply_rows(number, collection, day, documents, now)
        return Chunk(series.encoded(documents))

    def _complete_chunk(self, number: int, collection: str, day: date) -> Chunk:
        key = number, collection, day
        cached = self._chunks.get(key)
        if cached is not None:
            return cached
        exists = self.first_day <= day <= self.last_day
        found = Chunk(series.rows(self.person(number), collection, day) if exists else ())
        return self._chunks.put(key, found, found.size)

    def find(self, number: int, collection: str, document_id: str) -> Item | None:
        """Return a document by its id; None if there is none."""
        if collection == "ring_configuration":
            candidates = self.rings(number)
        else:
            address = ids.decode(self._seed, document_id)
            day = self._edits.day_of_added(document_id)
            if address and address.account == number and address.collection == collection:
                day = address.day
            candidates = self.items(number, collection, day) if day else []
        return next((item for item in candidates if item.id == document_id), None)

    def days(self, first: date | None, last: date | None) -> Iterator[date]:
        """The days that exist between the bounds, both included."""
        day = max(self.first_day, first or self.first_day)
        last = min(self.last_day, last or self.last_day)
        while day <= last:
            yield day
            day += timedelta(days=1)

    def documents(
        self, number: int, collection: str, first: date | None = None, last: date | None = None
    ) -> Iterator[Document]:
        """Yield the expected data: documents by their own day, rows by their UTC day, bounds included."""
        row = COLLECTIONS[collection]
        if row.kind == "single":
            yield self.profile(number)
        elif row.kind == "full":
            yield from (item.document for item in self.rings(number))
        else:
            for day in self.days(first, last):
                if row.kind == "instants":
                    yield from self.chunk(number, collection, day).documents()
                else:
                    yield from (item.document for item in self.items(number, collection, day))
