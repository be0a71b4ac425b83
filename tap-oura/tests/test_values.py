"""Every value is fitted to its field, and the rest is kept."""

from __future__ import annotations

from typing import Any

import pytest
from tap_oura.catalog import fields, values
from tap_oura.catalog.values import DEEPEST, NOTHING

INTEGER, BIG = fields.integer(""), fields.big_integer("")
NUMBER, BOOLEAN, TEXT = fields.number(""), fields.boolean(""), fields.text("")
INSTANT, DATE = fields.instant(""), fields.date("")
SAMPLE, TAGS = fields.sample(""), fields.array("", TEXT)


def nested(depth: int, inside: Any = 1) -> Any:
    for _ in range(depth):
        inside = [inside]
    return inside


@pytest.mark.parametrize(
    ("schema", "value", "column", "kept"),
    [
        (INTEGER, 85, 85, NOTHING),
        (INTEGER, 8123.0, 8123, NOTHING),
        (INTEGER, -0.0, 0, NOTHING),
        (INTEGER, 1e3, 1000, NOTHING),
        (INTEGER, 85.4, 85, 85.4),
        (INTEGER, 84.5, 84, 84.5),
        (INTEGER, 85.5, 86, 85.5),
        (INTEGER, -0.5, 0, -0.5),
        (INTEGER, 2**31 - 1, 2**31 - 1, NOTHING),
        (INTEGER, 2**31, None, 2**31),
        (INTEGER, -(2**31) - 1, None, -(2**31) - 1),
        (INTEGER, 2147483647.4, 2**31 - 1, 2147483647.4),
        (INTEGER, 2147483647.5, None, 2147483647.5),
        (INTEGER, 4294967295, None, 4294967295),
        (INTEGER, 2**63, None, str(2**63)),
        (INTEGER, 10**40, None, "1" + "0" * 40),
        (INTEGER, "1e400", None, "1e400"),
        (INTEGER, 1e300, None, 1e300),
        (INTEGER, "85", 85, "85"),
        (INTEGER, "-8.5e1", -85, "-8.5e1"),
        (INTEGER, "84.50000000000000000001", 85, "84.50000000000000000001"),
        (INTEGER, "1e-999999999", 0, "1e-999999999"),
        (INTEGER, "1e999999999", None, "1e999999999"),
        (INTEGER, " 85", None, " 85"),
        (INTEGER, "085", None, "085"),
        (INTEGER, "٨٥", None, "٨٥"),
        (INTEGER, "", None, ""),
        (INTEGER, "n/a", None, "n/a"),
        (INTEGER, True, None, True),
        (INTEGER, [85], None, [85]),
        (BIG, 1767225600000, 1767225600000, NOTHING),
        (BIG, 2**63, None, str(2**63)),
        (NUMBER, 1.5, 1.5, NOTHING),
        (NUMBER, 3, 3, NOTHING),
        (NUMBER, 1e300, 1e300, NOTHING),
        (NUMBER, 2**63, float(2**63), str(2**63)),
        (NUMBER, "97.1", 97.1, "97.1"),
        (NUMBER, "1e400", None, "1e400"),
        (NUMBER, 10**400, None, "1" + "0" * 400),
        (NUMBER, float("nan"), None, "nan"),
        (NUMBER, True, None, True),
        (NUMBER, "", None, ""),
        (BOOLEAN, True, True, NOTHING),
        (BOOLEAN, 1, None, 1),
        (BOOLEAN, "true", None, "true"),
        (TEXT, "words", "words", NOTHING),
        (TEXT, "", "", NOTHING),
        (TEXT, 7, None, 7),
        (TEXT, "nul\0", "nul\ufffd", "nul\\u0000"),
        (TEXT, "half \ud83d", "half \ufffd", "half \\ud83d"),
        (TEXT, "whole \U0001f62f", "whole \U0001f62f", NOTHING),
        (INSTANT, "2026-01-02T08:05:00.000-07:00", "2026-01-02T08:05:00.000-07:00", NOTHING),
        (INSTANT, "2026-01-02T08:05-0700", "2026-01-02T08:05:00-07:00", NOTHING),
        (INSTANT, "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2016-12-31T23:59:60Z"),
        (INSTANT, "2026-01-02", None, "2026-01-02"),
        (INSTANT, "\0", None, "\\u0000"),
        (INSTANT, 1767225600, None, 1767225600),
        (DATE, "2026-W48-3", "2026-11-25", NOTHING),
        (DATE, "2026-11-25T23:00:00-05:00", "2026-11-25", "2026-11-25T23:00:00-05:00"),
        (DATE, 20261125, None, 20261125),
        (TAGS, ["a", 1, None, "\0"], ["a", None, None, "\ufffd"], {"1": 1, "3": "\\u0000"}),
        (TAGS, {"a": "b"}, None, {"a": "b"}),
        (SAMPLE, "none", None, "none"),
        (
            SAMPLE,
            {"interval": 300.0, "items": [1, "", 2.5, "3"], "timestamp": "soon", "new": {"\0": 10**20}},
            {"interval": 300.0, "items": [1, None, 2.5, 3], "timestamp": None, "new": {"\ufffd": str(10**20)}},
            {"items": {"1": "", "3": "3"}, "timestamp": "soon", "new": {"\\u0000": str(10**20)}},
        ),
        (SAMPLE, {"deep": nested(DEEPEST - 1)}, {"deep": nested(DEEPEST - 1)}, NOTHING),
    ],
)
def test_a_value_is_fitted_to_its_field(schema: Any, value: Any, column: Any, kept: Any) -> None:
    fitted = values.fit(value, schema)

    assert repr(fitted) == repr((column, kept))
    if values.all_fit([value], schema):
        assert repr(fitted) == repr((value, NOTHING))


def test_null_fits_every_field() -> None:
    assert all(values.fit(None, schema) == (None, NOTHING) for schema in (INTEGER, TEXT, INSTANT, SAMPLE, TAGS))


def test_a_value_nested_too_deep_is_kept_as_text() -> None:
    column, kept = values.fit({"deep": nested(500)}, SAMPLE)

    for _ in range(DEEPEST):
        column, kept = (column["deep"] if isinstance(column, dict) else column[0]), next(iter(kept.values()))
    assert (column, kept) == (None, str(nested(501 - DEEPEST)))
    assert "[" in str(values.storable(nested(500)))


def test_names_that_differ_in_unstorable_characters_stay_distinct() -> None:
    sent = {"a\0": 1, "a\\u0000": 2}
    assert sorted(values.storable(sent).values()) == [1, 2]
    assert sorted(values.fit_members(sent, {})[1].values()) == [1, 2]
