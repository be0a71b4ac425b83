"""From Oura's documents to records: trimmed to their window, each once, and safe to load whatever Oura sends."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tap_oura.catalog import instants, values
from tap_oura.errors import listing
from tap_oura.ledger.rejected import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_oura.catalog.collections import Collection
    from tap_oura.catalog.fields import Record
    from tap_oura.windows import Window

logger = logging.getLogger(__name__)

NAMED = 20
"""Fields or documents in a line of the log."""

LONGEST_KEY = 255
"""Characters. PostgreSQL's index takes no key of more than about 2,700 bytes."""

UNKNOWN_SOURCE = "unknown"

MOST_NAMES = 1_000
"""Different fields of one collection that are counted as drift."""


@dataclass
class Read:
    """What the documents of a window became."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    dated_otherwise: set[str] = field(default_factory=set)
    """The ids of documents that have their day from another field than their collection's own."""
    elsewhere: list[Record] = field(default_factory=list)
    """Documents dated outside of what was requested. Those in its margin belong to another window, and are dropped."""


class Documents:
    """Turns one collection's documents into records.

    A field that the schema does not know, or whose value does not fit the field, moves to `extra`: nothing that Oura
    sent is lost, and no surprise stops a load. `drift` counts such fields by name.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.drift: Counter[str] = Counter()
        self._names = [name for name in collection.keys if name != collection.cursor]

    def read(self, user_id: str, documents: list[Record], window: Window) -> Read:
        """Return the records of a window, each key once: of two documents with one key the later one counts.

        The order is that of Oura's answer. What could be neither keyed nor dated is rejected.
        """
        cursor, key_of = self.collection.cursor, itemgetter(*self.collection.keys)
        # The order of their texts is the order of dates, and of a series' instants.
        start, end = window.start.isoformat(), window.end.isoformat()
        first, last = window.possible.start.isoformat(), window.possible.end.isoformat()
        if self._fit_as_they_are(documents):
            # Millions of samples come through here: what can be done for all at once is not done for each.
            inside = [each for each in documents if start <= each[cursor] < end] if cursor else documents
            rows = {key_of(each): {"user_id": user_id, **each, "extra": None} for each in inside}
            if len(rows) == len(inside):
                outside = () if len(inside) == len(documents) else documents
                elsewhere = [each for each in outside if cursor and not first <= each[cursor] < last]
                return Read(
                    list(rows.values()), elsewhere=[{"user_id": user_id, **each, "extra": None} for each in elsewhere]
                )
        read = Read()
        records: dict[Any, Record] = {}
        for document in documents:
            fields, extra = values.fit_members(document, self.collection.properties)
            why = self._complete_key(document, fields, extra)
            dated_otherwise = False
            if cursor and fields.get(cursor) is None:
                fields[cursor] = next(self._other_days(document), None)
                dated_otherwise = True
            day = fields[cursor] if cursor else None
            if day is not None and not start <= day < end:
                if not why and not first <= day < last:
                    read.elsewhere.append({"user_id": user_id, **fields, "extra": extra or None})
                continue
            if cursor and day is None:
                why.append(f"no usable {cursor}")
            if why:
                read.rejected.append(Rejected.of(self.collection.name, document, " and ".join(why)))
                continue
            record = {"user_id": user_id, **fields, "extra": extra or None}
            before = records.pop(key_of(record), None)
            records[key_of(record)] = record
            if (
                before
                and before != record
                and not {*self.collection.keys}.isdisjoint({*extra, *(before["extra"] or ())})
            ):
                # Two keys of Oura's became one: neither may take the other's place.
                records[key_of(record)] = before
                read.rejected.append(Rejected.of(self.collection.name, document, "the key of another document"))
                continue
            if dated_otherwise:
                read.dated_otherwise.add(record["id"])
            self._note(extra)
        read.records = list(records.values())
        return read

    def _fit_as_they_are(self, documents: list[Record]) -> bool:
        cursor = self.collection.cursor
        try:
            days = list(map(itemgetter(cursor), documents)) if cursor else ()
            names = {name for key in self._names for name in map(itemgetter(key), documents)}
        except (KeyError, TypeError):
            return False
        return (
            None not in days
            and all(map(self._is_usable, names))
            and values.all_members_fit(documents, self.collection.properties)
        )

    def _complete_key(self, document: Record, fields: Record, extra: Record) -> list[str]:
        """Put in what a sample may lack; return what keeps a document from having a key, in words without a value."""
        why = []
        for name in self._names:
            if self._is_usable(document.get(name)):
                continue
            if name != "source":
                why.append(f"no usable {name}")
                continue
            fields[name] = UNKNOWN_SOURCE
            if document.get(name) is not None:
                extra[name] = values.storable(document[name])
        return why

    def _is_usable(self, key: Any) -> bool:
        # Two keys may differ by what no column holds, so such a one is no key.
        return isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and values.is_storable(key)

    def _other_days(self, document: Record) -> Iterator[str]:
        for name in self.collection.other_days:
            sent = document.get(name)
            if isinstance(sent, str) and (day := instants.day(sent)):
                yield day.text

    def _note(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.drift or len(self.drift) < MOST_NAMES:
                self.drift[name] += 1


def log_other_days(collection: Collection, user_id: str, read: Read, sent: Iterable[Record]) -> None:
    """Name the documents, of those that are sent, that have their day from another field than their collection's."""
    if ids := [record["id"] for record in sent if record.get("id") in read.dated_otherwise]:
        what = "%s of %s: dated by another field, as %s is missing or no date: %s"
        logger.warning(what, collection.name, user_id, collection.cursor, listing(ids, NAMED))


def log_elsewhere(collection: Collection, user_id: str, ids: Sequence[str], *, taken: bool) -> None:
    """Name the documents that are dated outside of what was requested, by their ids; a sample has an empty one."""
    if ids:
        level, done = (logging.INFO, "sent all the same") if taken else (logging.WARNING, "not sent")
        named = listing([each for each in ids if each], NAMED)
        what = "%s of %s: %d dated outside of the days that were requested, %s%s"
        logger.log(level, what, collection.name, user_id, len(ids), done, named and f": {named}")
