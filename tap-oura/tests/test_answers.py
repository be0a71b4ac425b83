"""From a body to JSON: exact, and malformed bodies distinguished from truncated ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_oura.api.answers import parse
from tap_oura.errors import BrokenAnswer, Unreachable

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), ANYTHING, max_size=4)


@given(OBJECTS, st.booleans())
def test_an_object_is_decoded_as_it_was_sent(sent: dict[str, Any], ascii_only: bool) -> None:
    assert parse(json.dumps(sent, ensure_ascii=ascii_only).encode()) == sent


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("1e400", "1e400"),
        ("-1E+999", "-1E+999"),
        ("1" + "0" * 40, 10**40),
        ("1" + "0" * 5000, "1" + "0" * 5000),
        ("0.1234567890123456789", 0.1234567890123456789),
    ],
    ids=lambda each: str(each)[:12],
)
def test_a_number_keeps_every_digit_that_a_double_would_lose_to_its_range(number: str, value: object) -> None:
    assert parse(f'{{"a": [{number}]}}'.encode()) == {"a": [value]}


def test_the_decoder_keeps_characters_that_no_column_can_store() -> None:
    sent = {"nul\0": "half \ud83d a pair", "whole": "\U0001f62f"}
    assert parse(json.dumps(sent).encode()) == sent


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse('\ufeff{"data": []}'.encode()) == {"data": []}


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":"x"},]}',
        b'{"data":[],}',
        b'{"data":NaN}',
        b'{"data":[Infinity]}',
        b'{"data":[-Infinity',
        b"{'data':[]}",
        b'{"data":[]} and more',
        b'{"data":"\xff"}',
        b'{"data":01}',
        b"<html>504 Gateway Time-out</html>",
        b'["a list"]',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: str(body)[:24],
)
def test_a_complete_body_that_is_not_a_json_object_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        parse(body)


@given(OBJECTS, st.sampled_from(["é\ud83d", "1e400", "-0.5e-7", "true", "null", "[{}]"]), st.data())
def test_a_body_truncated_anywhere_is_retried(sent: Any, last: str, data: st.DataObject) -> None:
    tail = json.dumps(last) if last.startswith("é") else last
    body = f'{json.dumps(sent, ensure_ascii=False)[:-1]}{", " if sent else ""}"last": {tail}}}'.encode()
    length = data.draw(st.integers(0, len(body) - 1))

    with pytest.raises(Unreachable):
        parse(body[:length])
