"""The kinds of field that a stream has, as JSON schema. `values` makes values fit them.

Limits of a value beyond its type use keywords from which loaders derive no column type: `format` of an integer
(`minimum` and `maximum` would change columns that are there already) and `pattern` of an instant. `range` limits
nothing: it is what Oura says of a number's bounds, for those who make up values.
"""

from __future__ import annotations

from typing import Any

from tap_oura.catalog import instants

Schema = dict[str, Any]
Properties = dict[str, Schema]
Record = dict[str, Any]
"""A document of Oura's, or what becomes of it in a stream: values by field."""

INT32, INT64 = "int32", "int64"
RANGES = {INT32: (-(2**31), 2**31 - 1), INT64: (-(2**63), 2**63 - 1)}
"""The least and the greatest integer by `format`."""


def _nullable(kind: str, **limits: str) -> Any:
    def field(description: str, least: float | None = None, greatest: float | None = None) -> Schema:
        schema = {"type": [kind, "null"], **limits, "description": description}
        return schema if least is None else schema | {"range": [least, greatest]}

    return field


text = _nullable("string")
number = _nullable("number")
boolean = _nullable("boolean")
integer = _nullable("integer", format=INT32)
"""In the range of the reporting tables' columns."""
big_integer = _nullable("integer", format=INT64)
date = _nullable("string", format="date")
instant = _nullable("string", pattern=instants.PATTERN)
"""Oura's instants stay text: a loader would drop their offset."""
moment = _nullable("string", format="date-time")
"""An instant of our own making, always UTC."""


def record(description: str, properties: Properties) -> Schema:
    return {"type": ["object", "null"], "properties": properties, "description": description}


def mapping(description: str) -> Schema:
    """An object with members that are not known beforehand."""
    return {"type": ["object", "null"], "description": description}


def array(description: str, items: Schema) -> Schema:
    return {"type": ["array", "null"], "items": items, "description": description}


def key(description: str) -> Schema:
    return {"type": ["string"], "description": description}


def key_instant(description: str) -> Schema:
    """The instant of a sample, UTC with milliseconds."""
    return {"type": ["string"], "pattern": instants.UTC_PATTERN, "description": description}


def sample(description: str) -> Schema:
    """A series inside a document: item i belongs to timestamp + i × interval, null without a measurement."""
    return record(
        description,
        {
            "interval": number("Seconds between two items"),
            "items": array("Values; null where nothing was read", number("One value")),
            "timestamp": instant("Instant of the first item, with offset"),
        },
    )


def scores(*names: str, kind: Any = integer) -> Properties:
    words = {name: name.replace("_", " ").replace("hrv", "HRV").replace("rem ", "REM ") for name in names}
    return {name: kind(f"Contributor score of {words[name]}, 0 to 100", 0, 100) for name in names}
