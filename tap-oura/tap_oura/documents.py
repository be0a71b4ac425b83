"""From Oura's documents to records: trimmed to their window, each once, and safe to load whatever Oura sends."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tap_oura.collections import Query
from tap_oura.errors import BrokenAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_oura.collections import Collection
    from tap_oura.schemas import Schema
    from tap_oura.windows import Window

Record = dict[str, Any]

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}

MOST_LAYOUTS = 1_000
"""Different layouts of one collection's documents that are remembered."""


class Documents:
    """Turns one collection's documents into records.

    A field that the schema does not know, or whose value does not fit the field's type, moves to `extra`: nothing that
    Oura sent is lost, and no surprise stops a load. `drift` counts such fields by name.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.drift: Counter[str] = Counter()
        self._dates = [name for name, field in collection.properties.items() if field.get("format") == "date"]
        self._misfits: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def records(self, user_id: str, documents: Iterable[Record], window: Window) -> list[Record]:
        """Return the records of a window, each key once (two pages may hold the same document; the later one counts).

        Raises BrokenAnswer for a document that could be neither keyed nor dated.
        """
        series = self.collection.query is Query.INSTANTS
        cursor, keys = self.collection.cursor, self.collection.keys
        # The order of their texts is the order of dates, and of instants that `instant` made.
        start, end = window.start.isoformat(), window.end.isoformat()
        if series:
            documents = [sample for sample in self._samples(documents) if start <= sample["timestamp"] < end]
            if self._all_fit(documents):
                # Millions of samples come through here: what can be done for all of them at once is not done for each.
                key_of = itemgetter(*keys)
                return list({key_of(each): {"user_id": user_id, **each, "extra": None} for each in documents}.values())
        records: dict[tuple[Any, ...], Record] = {}
        for document in documents:
            record = self._record(user_id, document)
            key = tuple(record.get(name) for name in keys)
            if None in key:
                raise BrokenAnswer(f"a document without its key ({', '.join(keys)})")
            if cursor is None or series or start <= str(day(record.get(cursor))) < end:
                records[key] = record
        return list(records.values())

    def _samples(self, documents: Iterable[Record]) -> Iterator[Record]:
        """Yield a series' documents with the parts of their key made whole."""
        has_source = "source" in self.collection.keys
        for document in documents:
            document["timestamp"] = instant(document.get("timestamp"))
            if has_source:
                document["source"] = document.get("source") or "unknown"
            yield document

    def _all_fit(self, documents: list[Record]) -> bool:
        one_of_each_layout = {_layout(document): document for document in documents}.values()
        return not self._dates and not any(map(self._misfits_of, one_of_each_layout))

    def _misfits_of(self, document: Record) -> tuple[str, ...]:
        # Documents of one collection share a handful of layouts, so each layout is judged once.
        layout = _layout(document)
        misfits = self._misfits.get(layout)
        if misfits is None:
            properties = self.collection.properties
            misfits = tuple(name for name, value in document.items() if not _fits(value, properties.get(name)))
            if len(self._misfits) < MOST_LAYOUTS:
                self._misfits[layout] = misfits
        return misfits

    def _record(self, user_id: str, document: Record) -> Record:
        misfits = self._misfits_of(document)
        misfits += tuple(name for name in self._dates if name not in misfits and not _is_date(document.get(name)))
        record = {"user_id": user_id, **document, "extra": None}
        if misfits:
            record["extra"] = {name: record.pop(name) for name in misfits}
            self.drift.update(misfits)
        return record


def _layout(document: Record) -> tuple[Any, ...]:
    return (*document, *map(type, document.values()))


def _fits(value: Any, schema: Schema | None) -> bool:
    if schema is None:
        return False
    if value is None:
        return True
    kind = schema["type"][0]
    if isinstance(value, bool):
        return bool(kind == "boolean")
    return isinstance(value, JSON_TYPES[kind])


@lru_cache(maxsize=4096)
def _is_date(value: object) -> bool:
    try:
        return value is None or bool(date.fromisoformat(str(value)))
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def day(value: object) -> date:
    """Return the day of a date or of an instant's text; the text's own day, not UTC's."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise BrokenAnswer("a document without a valid day") from None


def instant(value: object) -> str:
    """Return an instant as UTC text with milliseconds and Z, in which order of text is order of time."""
    text = str(value)
    if len(text) == 24 and text.endswith("Z"):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BrokenAnswer("a row without a valid timestamp") from None
    # Oura's time series are in UTC; a text without an offset can only mean that.
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
