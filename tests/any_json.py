"""Documents of any JSON, in any field, under any name."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tap_oura.catalog.collections import Collection
from tap_oura.catalog.fields import Schema

FIRST_DAY, LAST_DAY = date(2026, 3, 2), date(2026, 3, 28)

BEYOND_A_DOUBLE = "@1e400@"
"""Stands for a number that JSON can write and Python's floats cannot hold; `body` writes it."""

NAMES_OF_OURS = ("user_id", "extra", "_sdc_extracted_at", "_sdc_batched_at", "_sdc_deleted_at", "document_id")
INSTANTS = (
    "2026-03-25T08:00:00.000-05:00", "2026-03-25T08:00:00-0500", "2026-03-25t08:00:00z", "2026-03-25T25:61:00+01:00",
    "2026-02-30T00:00:00Z", "2026-03-25T24:00:00+00:00", "2026-03-25T08:00:00,123456789+13", "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-03-25T08:00:00[Europe/Berlin]",
    "2026-03-25 08:00 UTC",
)  # fmt: skip
DATES = (
    "2026-03-25",
    "2026-02-30",
    "0000-00-00",
    "20260325",
    "2026-W13-3",
    "9999-12-31",
    "0001-01-01",
    "infinity",
    "now",
)
NUMBERS = (
    0,
    -1,
    85.0,
    44.5,
    2**31,
    2**32 - 1,
    -(2**63),
    2**63,
    10**40,
    1e308,
    -1e-320,
    BEYOND_A_DOUBLE,
    "85",
    "",
    "NaN",
)

MOMENTS = st.builds(
    lambda moment, hours: moment.replace(tzinfo=timezone(timedelta(hours=hours))).isoformat(timespec="milliseconds"),
    st.datetimes(datetime(2026, 3, 2), datetime(2026, 3, 28)),  # noqa: DTZ001
    st.integers(-11, 13),
)
anything_in_a_text = st.text(st.characters(exclude_categories=()), max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.sampled_from([*NUMBERS, *INSTANTS, *DATES]) | anything_in_a_text
    | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything_in_a_text, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def documents(collection: Collection) -> st.SearchStrategy[dict[str, Any]]:
    """Return documents of a collection in which each field is fitting, odd or missing, and others stand beside.

    What makes a document one, its key and its day, mostly is there.
    """
    fields = {name: _fitting(schema) | anything for name, schema in collection.properties.items()}
    needed = {*collection.keys, *filter(None, [collection.cursor])}
    whole = {name: MOMENTS if name == "timestamp" else _fitting(collection.properties[name]) for name in needed}
    names = st.sampled_from(NAMES_OF_OURS) | anything_in_a_text
    beside = st.dictionaries(names, anything, max_size=2)
    known = st.fixed_dictionaries({}, optional=fields)
    nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
    identity = st.fixed_dictionaries(whole) | st.fixed_dictionaries(whole) | nothing
    return st.builds(lambda others, own, identity: others | own | identity, beside, known, identity)


def examples(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return so many examples, the same ones each time."""
    found: list[Any] = []

    @seed(0)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def body(value: Any) -> bytes:
    """Return a value as JSON, with what Python cannot hold written out."""
    return json.dumps(value).replace(f'"{BEYOND_A_DOUBLE}"', "1e400").encode()


def _fitting(schema: Schema) -> st.SearchStrategy[Any]:
    kind = schema["type"][0]
    if kind == "object":
        members = {name: _fitting(each) | anything for name, each in schema.get("properties", {}).items()}
        return st.fixed_dictionaries({}, optional=members)
    if kind == "array":
        return st.lists(_fitting(schema["items"]) | anything, max_size=4)
    if schema.get("format") == "date":
        return st.dates(min_value=FIRST_DAY, max_value=LAST_DAY).map(str)
    plain = {
        "string": MOMENTS | st.uuids().map(str),
        "integer": st.integers(0, 30_000),
        "number": st.floats(0, 300),
        "boolean": st.booleans(),
    }
    return plain[kind]
