"""Values for the fields of Oura's that nothing generates: of the right type and range, the same on every start.

`fields.json` lists every field of every collection; so one that is new there is answered at once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from oura_simulator.generators.noise import draw

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from oura_simulator.generators.item import Document, Item

FIELDS: dict[str, dict[str, Any]] = json.loads(files("oura_simulator").joinpath("fields.json").read_bytes())
"""By collection and name: `type`, and where there is such `format`, `pattern`, `range`, `properties` and `items`."""

PERCENT = (0, 100)


def missing(collection: str, known: Iterable[str]) -> list[str]:
    """The fields of a collection that are not among those known, in alphabetical order."""
    return sorted(FIELDS[collection].keys() - set(known))


def values(collection: str, names: Iterable[str], day: date, *whose: object) -> Document:
    """A value for each field; `whose` and `day` name what has them."""
    return {name: _value(FIELDS[collection][name], day, *whose, day, name) for name in names}


def completed(collection: str, items: list[Item]) -> list[Item]:
    """The items, each with all fields of its collection. Documents of one collection have the same fields."""
    names = missing(collection, items[0].document) if items else []
    return [_completed(collection, names, each) for each in items] if names else items


def _completed(collection: str, names: list[str], item: Item) -> Item:
    document = item.document | values(collection, names, item.day, item.id)
    return replace(item, body=bytes(memoryview(orjson.dumps(document))))


def _value(shape: dict[str, Any], day: date, *name: object) -> Any:
    least, greatest = shape.get("range", PERCENT)
    drawn = least + (greatest - least) * draw(*name)
    match shape["type"]:
        case "integer":
            return round(drawn)
        case "number":
            return round(drawn, 2)
        case "boolean":
            return draw(*name) < 0.5
        case "object":
            return {key: _value(its, day, *name, key) for key, its in shape.get("properties", {}).items()}
        case "array":
            return [_value(shape["items"], day, *name, position) for position in range(2)]
    if "pattern" in shape:
        return f"{day.isoformat()}T12:00:00.000Z"
    return day.isoformat() if shape.get("format") == "date" else f"{name[-1]} of {day.isoformat()}"
