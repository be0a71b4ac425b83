"""The sandbox routes: generated rows for any request, with the sandbox's own defects."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from oura_simulator import generators, ranges, responses
from oura_simulator.collections import COLLECTIONS, Collection
from oura_simulator.generators import events
from oura_simulator.generators.person import person
from oura_simulator.responses import Json, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from oura_simulator.clock import Clock
    from oura_simulator.generators.item import Document

TEMPLATE_DAY = date(2025, 6, 1)
FIXED_STAMP = "2021-01-01T00:00:00.000+00:00"
# These two ignore the requested range.
FIXED_DAY = ("daily_cardiovascular_age", "vO2_max")
ID = re.compile(r"([A-Za-z0-9_]+)-[01]-\d{4}-\d{1,2}-\d{1,2}")


class Sandbox:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route("/v2/sandbox/usercollection/{collection}", self._list),
            Route("/v2/sandbox/usercollection/{collection}/{document_id}", self._document),
        ]

    async def _list(self, request: Request) -> Response:
        collection = _collection(request)
        if collection.kind == "full":
            rows = [
                _numbered(template, collection.name, 0, TEMPLATE_DAY) for template in _templates(collection.name)[:1]
            ]
        else:
            rows = [_row(collection, day) for day in self._days(request, collection)]
        return Json({"data": rows, "next_token": None})

    async def _document(self, request: Request) -> Response:
        collection = _collection(request)
        if not collection.has_documents:
            raise responses.not_found()
        found = ID.fullmatch(request.path_params["document_id"])
        if found is None or found[1] != collection.name:
            raise responses.not_found("Invalid sandbox document ID format.")
        # The sandbox cannot find what it gave out itself.
        raise Refusal(500, {"detail": "Internal Server Error"})

    def _days(self, request: Request, collection: Collection) -> list[date]:
        """The end is left out for every collection, and a window within one day has nothing in it."""
        start, end = (request.query_params.get(name) for name in collection.bounds)
        requested = ranges.read(replace(collection, max_days=None), start, end, self._clock.now())
        first, last = requested.start.wall.date(), requested.end.wall.date()
        return [first + timedelta(days=number) for number in range((last - first).days)]


def _collection(request: Request) -> Collection:
    collection = COLLECTIONS.get(request.path_params["collection"])
    if collection is None or collection.kind == "single":
        raise responses.not_found()
    if not request.headers.get("authorization"):
        raise responses.missing_token()
    return collection


def _row(collection: Collection, day: date) -> Document:
    number = day.toordinal() % 2
    if collection.kind == "instants":
        row: Document = {"timestamp": f"{day.isoformat()}T00:00:00.000Z", "producer_timestamp": None}
        if collection.name == "heartrate":
            return row | {"bpm": 60 + number, "source": "awake"}
        return row | {"charging": False, "in_charger": False, "level": 80 - number}
    shown = date(2021, 1, 1) if collection.name in FIXED_DAY else day
    return _numbered(_moved(_templates(collection.name)[number], shown), collection.name, number, day)


def _numbered(document: Document, collection: str, number: int, day: date) -> Document:
    return document | {"id": f"{collection}-{number}-{day.year}-{day.month}-{day.day}"}


@cache
def _templates(collection: str) -> list[Document]:
    """Two generated documents in UTC, both moved to the same day."""
    wearer = person(0, 1, "UTC")
    if collection == "ring_configuration":
        return [item.document for item in events.ring_configuration(wearer)]
    found: list[Document] = []
    day = TEMPLATE_DAY
    while len(found) < 2:
        day += timedelta(days=1)
        found += [_moved(item.document, TEMPLATE_DAY, day) for item in generators.finished(wearer, collection, day)[:1]]
    return [_defective(document, collection) for document in found]


def _defective(document: Document, collection: str) -> Document:
    if collection == "sleep":
        for name in ("heart_rate", "hrv"):
            document[name] = {"interval": 60, "items": document[name]["items"][:9], "timestamp": FIXED_STAMP}
    if collection == "daily_readiness":
        del document["contributors"]["sleep_regularity"]
    return document


def _moved(value: Any, to: date, origin: date = TEMPLATE_DAY) -> Any:
    """The same document on another day: every date in it, and the day before and after, moves along."""
    if isinstance(value, dict):
        return {name: _moved(inner, to, origin) for name, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, to, origin) for inner in value]
    if isinstance(value, str):
        for days in (-1, 0, 1):
            known = (origin + timedelta(days=days)).isoformat()
            if value.startswith(known):
                return (to + timedelta(days=days)).isoformat() + value[len(known) :]
    return value
