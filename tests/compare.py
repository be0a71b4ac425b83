"""Compares the warehouse with Oura: document by document, field by field, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from oura_simulator.testing import Running
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS, Collection, Query

Rows = list[dict[str, Any]]
Read = Callable[..., Rows]
"""Runs a query with parameters and returns its rows."""


def differences(read: Read, simulator: Running, users: list[str], start: str) -> list[str]:
    """Return a line for each document or sample since `start` that is missing, left over or not as Oura has it."""
    return [
        f"{collection.name} of {user}: {problem}"
        for name in DEFAULT_COLLECTIONS
        for collection in [COLLECTIONS[name]]
        for user in users
        for problem in _problems(read, simulator, collection, user, start)
    ]


def _problems(read: Read, simulator: Running, collection: Collection, user: str, start: str) -> Iterator[str]:
    since = start if collection.cursor else ""
    there = {_key(collection, each): each for each in simulator.documents(user, collection.segment, start=since)}
    here = {_key(collection, each): each for each in _held(read, collection, user, start)}
    yield from (f"{key} is missing" for key in sorted(there.keys() - here.keys()))
    yield from (f"{key} is left over" for key in sorted(here.keys() - there.keys()))
    for key in sorted(there.keys() & here.keys()):
        fields = here[key].keys() | there[key].keys()
        wrong = sorted(name for name in fields if here[key].get(name) != there[key].get(name))
        if wrong:
            yield f"{key} differs in {', '.join(wrong)}"


def _held(read: Read, collection: Collection, user: str, start: str) -> Iterator[dict[str, Any]]:
    """The raw rows that staging shows, as Oura's documents."""
    staged = f"oura_staging.stg_oura__{collection.name}"
    condition = "user_id = %s"
    if collection.query is Query.INSTANTS:
        source = ", source" if "source" in collection.keys else ""
        shown = {
            _instant(row["recorded_at"]) + (row["source"] if source else "")
            for row in read(f"SELECT recorded_at{source} FROM {staged} WHERE {condition}", user)
        }
    else:
        shown = {row["document_id"] for row in read(f"SELECT document_id FROM {staged} WHERE {condition}", user)}
    for row in read(f"SELECT * FROM oura_raw.{collection.name} WHERE {condition}", user):
        if _key(collection, row).replace(" ", "") in shown and _is_since(collection, row, start):
            yield {name: _plain(row[name]) for name in collection.properties} | (row["extra"] or {})


def _is_since(collection: Collection, row: dict[str, Any], start: str) -> bool:
    return collection.cursor is None or str(row[collection.cursor])[:10] >= start


def _key(collection: Collection, document: dict[str, Any]) -> str:
    return " ".join(str(document[name]) for name in collection.keys)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
