"""Documents of any JSON, for every collection: each record fits its schema, and nothing that was sent is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_oura.api.answers import parse
from tap_oura.catalog import fields, instants
from tap_oura.catalog.collections import COLLECTIONS, Collection
from tap_oura.documents import Documents, Read
from tap_oura.windows import EVER

FORMATS = jsonschema.FormatChecker(formats=["date"])
for form, (least, greatest) in fields.RANGES.items():
    FORMATS.checks(form)(lambda value, least=least, greatest=greatest: not value or least <= value <= greatest)

MISSING = object()
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
DAYS = ["2026-03-03", "20260304", "2026-W10-4", "2026-03-05T23:00:00-08:00"]
MOMENTS = [
    "2026-03-03T08:05:00.000-07:00",
    "2026-03-03T08:05:00Z",
    "2026-03-03t08:05,5+0530",
    "2026-03-03T08:05:00.1234567Z",
    "2016-12-31T23:59:60Z",
    "2026-03-03T24:00",
    "2026-03-03T25:61:00Z",
    "2026-03-03T08:05:00[Europe/Paris]",
]
NUMBERS = ["85", "1e400", "1" + "0" * 40, "-0.5", "1e-999999999", "", "n/a"]
LETTERS = st.text(st.sampled_from('a0\0\ud83d\ude2f\\"u_é') | st.characters(), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**66), 2**66)
    | st.just(10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([85.0, 84.5, 4294967295, 2**31 - 0.5])
    | LETTERS
    | st.sampled_from([*DAYS, *MOMENTS, *NUMBERS])
)
NAMES = LETTERS | st.sampled_from(["user_id", "extra", "_sdc_extracted_at", "id", "day", "items", "score"])
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
) | st.integers(60, 300).map(lambda depth: json.loads("[" * depth + "7" + "]" * depth))


def example(schema: dict[str, Any]) -> Any:
    """A value that fits."""
    match schema["type"][0]:
        case "integer" | "number":
            return 42
        case "boolean":
            return True
        case "array":
            return [example(schema["items"]), None]
        case "object":
            return {name: example(inner) for name, inner in schema["properties"].items()}
    form = schema.get("pattern") or schema.get("format")
    texts = {instants.PATTERN: MOMENTS[0], instants.UTC_PATTERN: "2026-03-03T08:05:00.000Z", "date": DAYS[0]}
    return texts.get(form, "text") if form else "text"


def paths(schema: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value may be, and a place beside each that no schema names."""
    inner = schema.get("properties") or ({0: schema["items"]} if "items" in schema else {})
    for name, each in inner.items():
        yield (*path, name)
        yield from paths(each, (*path, name))


def changed(document: dict[str, Any], changes: list[tuple[tuple[Any, ...], str, Any]]) -> dict[str, Any]:
    document = deepcopy(document)
    for path, name, value in changes:
        place: Any = document
        with suppress(KeyError, IndexError, TypeError):
            for step in path[:-1]:
                place = place[step]
        where = name or path[-1]
        if isinstance(place, dict) and value is MISSING:
            place.pop(where, None)
        elif isinstance(place, dict):
            place[str(where)] = value
        elif isinstance(place, list) and value is not MISSING:
            place[:1] = [value]
    return document


def documents(collection: Collection) -> st.SearchStrategy[dict[str, Any]]:
    schema = {"type": ["object"], "properties": collection.properties}
    change = st.tuples(
        st.sampled_from(list(paths(schema))), st.just("") | st.just("") | NAMES, SCALARS | ANYTHING | st.just(MISSING)
    )
    return st.builds(changed, st.just(example(schema)), st.lists(change, max_size=5))


@pytest.mark.parametrize("name", COLLECTIONS)
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_json_is_stored_and_nothing_is_lost(name: str, data: st.DataObject) -> None:
    collection = COLLECTIONS[name]
    sent = data.draw(st.lists(documents(collection), min_size=1, max_size=3))
    received = parse(json.dumps({"data": sent}).encode())["data"]
    assert received == sent

    read = Documents(collection).read("user-1", received, EVER)

    assert len(sent) >= len(read.records) + len(read.rejected)
    for record in read.records:
        jsonschema.validate(record, collection.schema, format_checker=FORMATS)
        assert record["user_id"] == "user-1"
        assert record.keys() <= {*collection.schema["properties"]}
        is_storable(record)
    for rejected in read.rejected:
        is_storable(rejected.document)
    for number, document in enumerate(sent):
        replaced = key_of(document, collection) in [key_of(later, collection) for later in sent[number + 1 :]]
        assert replaced or is_kept(document, collection, read)


def is_storable(row: dict[str, Any]) -> None:
    text = msgspec.json.encode(row).decode()
    assert msgspec.json.decode(text) == row
    assert "\\u0000" not in text.replace("\\\\", "")


def is_kept(document: dict[str, Any], collection: Collection, read: Read) -> bool:
    """Whether a document is set aside, or in a record."""
    if any(says(each.document, document) for each in read.rejected):
        return True
    return any(
        all(
            value is None
            or covers(value, record.get(name) if name in collection.properties else None, record["extra"] or {}, name)
            for name, value in document.items()
        )
        for record in read.records
    )


def key_of(document: dict[str, Any], collection: Collection) -> dict[str, Any]:
    key = {name: document.get(name) for name in collection.keys}
    if "timestamp" in key:
        key["timestamp"] = (instants.utc(str(key["timestamp"])) or (None,))[0]
    source = key.get("source")
    if "source" in key and not (isinstance(source, str) and source and not UNSTORABLE.search(source)):
        key["source"] = "unknown"
    return key


def covers(sent: Any, column: Any, kept: dict[str, Any], name: str) -> bool:
    """Whether a value is in its column, in what is kept of its parent under its name, or in both taken together."""
    if name_of(name) not in kept:
        return says(column, sent) or is_normal_form(column, sent) or holds_parts(sent, column, {})
    rest = kept[name_of(name)]
    return says(rest, sent) or (isinstance(rest, dict) and holds_parts(sent, column, rest))


def holds_parts(sent: Any, column: Any, kept: dict[str, Any]) -> bool:
    if isinstance(sent, dict) and isinstance(column, dict):
        return all(covers(value, column.get(name), kept, name) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(column, list) and len(sent) == len(column):
        return all(covers(value, column[number], kept, str(number)) for number, value in enumerate(sent))
    return False


def says(kept: Any, sent: Any) -> bool:
    """Whether text for jsonb says all of a value."""
    if isinstance(sent, str):
        return bool(kept == name_of(sent))
    if isinstance(sent, dict | list) and isinstance(kept, str):
        return kept == json.dumps(sent)
    if isinstance(sent, dict):
        return isinstance(kept, dict) and all(
            any(says(kept.get(name_of(name) + "_" * more), value) for more in range(3)) for name, value in sent.items()
        )
    if isinstance(sent, list):
        return isinstance(kept, list) and len(kept) == len(sent) and all(map(says, kept, sent))
    return bool(kept == (str(sent) if isinstance(sent, int) and abs(sent) >= 2**63 else sent)) or kept == str(sent)


def is_normal_form(column: Any, sent: Any) -> bool:
    """Whether an instant or a date says the same in another form."""
    forms = (instants.instant, instants.utc, instants.day)
    return isinstance(sent, str) and any(form(sent) == (column, True) for form in forms)


def name_of(name: str) -> str:
    return json.dumps(name)[1:-1] if UNSTORABLE.search(name) else name
