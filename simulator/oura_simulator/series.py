"""A UTC day of a time series, encoded once and cut as pages need it."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import orjson

from oura_simulator.generators import battery, fields, heart_rate
from oura_simulator.generators.instants import utc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from oura_simulator.generators.person import Person

Row = tuple[int, str]
"""Epoch seconds and the encoded row."""

KNOWN = {
    "heartrate": ("timestamp", "timestamp_unix", "bpm", "source"),
    "ring_battery_level": ("timestamp", "timestamp_unix", "charging", "in_charger", "level"),
}
REST = {collection: fields.missing(collection, names) for collection, names in KNOWN.items()}
"""The fields that nothing generates. They are the same all day."""

MINUTES = tuple(f"{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))


class Chunk:
    """Rows in the order of time, as one text; `slice(i, j)` is the text of rows i up to, not including, j."""

    __slots__ = ("_body", "_starts", "epochs")

    def __init__(self, rows: Iterable[Row]) -> None:
        self.epochs = array("q")
        self._starts = array("q", [0])
        bodies = []
        position = 0
        for epoch, body in rows:
            self.epochs.append(epoch)
            bodies.append(body)
            position += len(body) + 1
            self._starts.append(position)
        # Every row is ASCII, so that positions in the text are positions in the bytes.
        self._body = ",".join(bodies).encode("ascii")

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def size(self) -> int:
        return len(self._body) + 16 * len(self.epochs) + 300

    def index(self, epoch: int) -> int:
        """Of the first row at or after the instant."""
        return bisect_left(self.epochs, epoch)

    def slice(self, first: int, end: int) -> bytes:
        return self._body[self._starts[first] : self._starts[end] - 1] if end > first else b""

    def documents(self, first: int = 0, end: int | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = orjson.loads(b"[" + self.slice(first, len(self) if end is None else end) + b"]")
        return found


def rows(person: Person, collection: str, day: date) -> list[Row]:
    """All that is ever measured on the UTC day."""
    rest = fields.values(collection, REST[collection], day, person.name)
    if collection == "heartrate":
        # Written by hand, because this is half of what a new page costs.
        head = f'{{"timestamp":"{day.isoformat()}T'
        more = "," + _text(rest)[1:] if rest else "}"
        tail = {source: f'"source":"{source}"{more}' for source in heart_rate.SOURCES}
        return [
            (at, f'{head}{_time(at)}.000Z","timestamp_unix":{at}000,"bpm":{bpm},{tail[source]}')
            for at, source, bpm in heart_rate.samples(person, day)
        ]
    return [
        (
            at,
            _text(
                {
                    "timestamp": utc(at),
                    "timestamp_unix": at * 1000,
                    "charging": charging,
                    "in_charger": in_charger,
                    "level": level,
                }
                | rest
            ),
        )
        for at, level, charging, in_charger in battery.levels(person, day)
    ]


def encoded(documents: Iterable[dict[str, Any]]) -> list[Row]:
    """Rows again, from edited documents, in the order of time."""
    return sorted((document["timestamp_unix"] // 1000, _text(document)) for document in documents)


def _time(at: int) -> str:
    return f"{MINUTES[at // 60 % 1440]}{at % 60:02}"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
