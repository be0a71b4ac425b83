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

TEMPLATE_DAY, EPOCH = date(2025, 6, 1), date(1970, 1, 1)
MIDNIGHT = f"{TEMPLATE_DAY}T00:00:00.000+00:00"
FIXED_STAMP = "2021-01-01T00:00:00.000+00:00"
# These two ignore the requested range.
FIXED_DAY = ("daily_cardiovascular_age", "vO2_max")
ID = re.compile(r"([A-Za-z0-9_]+)-[0-2]-\d{4}-\d{1,2}-\d{1,2}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT.+")
TEMPLATES = {"daily_readiness": 1} | dict.fromkeys((*FIXED_DAY, "daily_stress", "session", "workout"), 3)
"""How many documents a collection takes turns with; 2 for the others."""
SAMPLES = 9


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
    number = (day - EPOCH).days % TEMPLATES.get(collection.name, 2)
    if collection.kind == "instants":
        row: Document = {"timestamp": f"{day.isoformat()}T00:00:00.000Z", "producer_timestamp": None}
        if collection.name == "heartrate":
            return row | ({"bpm": 144, "source": "workout"} if number else {"bpm": 60, "source": "awake"})
        return row | {"charging": bool(number), "in_charger": bool(number), "level": 95 if number else 85}
    shown = date(2021, 1, 1) if collection.name in FIXED_DAY else day
    return _numbered(_moved(_templates(collection.name)[number], shown), collection.name, number, day)


def _numbered(document: Document, collection: str, number: int, day: date) -> Document:
    return document | {"id": f"{collection}-{number}-{day.year}-{day.month}-{day.day}"}


@cache
def _templates(collection: str) -> list[Document]:
    """Generated documents in UTC, all moved to the same day."""
    wearer = person(0, 1, "UTC")
    if collection == "ring_configuration":
        return [item.document for item in events.ring_configuration(wearer)]
    found: list[Document] = []
    day = TEMPLATE_DAY
    while len(found) < TEMPLATES.get(collection, 2):
        day += timedelta(days=1)
        found += [_moved(item.document, TEMPLATE_DAY, day) for item in generators.finished(wearer, collection, day)[:1]]
    return [_defective(document, collection) for document in found]


def _defective(document: Document, collection: str) -> Document:
    if collection == "sleep" and document.get("readiness"):
        document["readiness"]["contributors"].pop("sleep_regularity", None)
    if collection == "daily_readiness":
        document["contributors"]["sleep_regularity"] = None
    made: Document = _at_midnight(document, MIDNIGHT.replace(".000", "") if collection == "enhanced_tag" else MIDNIGHT)
    return made


def _at_midnight(value: Any, midnight: str) -> Any:
    """The same document with its instants at the day's midnight, and short samples of a day long ago."""
    if isinstance(value, dict) and "interval" in value:
        return {"interval": 60.0, "items": value["items"][:SAMPLES], "timestamp": FIXED_STAMP}
    if isinstance(value, dict):
        return {name: _at_midnight(inner, midnight) for name, inner in value.items()}
    return midnight if isinstance(value, str) and INSTANT.fullmatch(value) else value


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
