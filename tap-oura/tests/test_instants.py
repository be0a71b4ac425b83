"""Every format of an instant, and its normalised text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_oura.catalog import instants

WHOLE, LOSSY, NONE = "whole", "lossy", "none"

FORMS = {
    # What Oura sends stays letter by letter.
    "2026-01-02T08:05:00.000-07:00": ("2026-01-02T08:05:00.000-07:00", WHOLE),
    "2026-01-02T14:45:12-07:00": ("2026-01-02T14:45:12-07:00", WHOLE),
    "2024-06-25T00:00:00+00:00": ("2024-06-25T00:00:00+00:00", WHOLE),
    "2026-07-01T00:02:57.000Z": ("2026-07-01T00:02:57.000Z", WHOLE),
    "2026-07-01T00:02:57Z": ("2026-07-01T00:02:57Z", WHOLE),
    "2026-01-02T14:45:12": ("2026-01-02T14:45:12", WHOLE),
    # Other ways to say the same.
    "2026-01-02T08:05:00-0700": ("2026-01-02T08:05:00-07:00", WHOLE),
    "2026-01-02T08:05:00.5+0545": ("2026-01-02T08:05:00.5+05:45", WHOLE),
    "2026-01-02T08:05:00-07": ("2026-01-02T08:05:00-07:00", WHOLE),
    "2026-01-02T08:05:00\u221207:00": ("2026-01-02T08:05:00-07:00", WHOLE),
    "2026-01-02t08:05:00z": ("2026-01-02T08:05:00Z", WHOLE),
    "2026-01-02T08:05:00,250-07:00": ("2026-01-02T08:05:00.250-07:00", WHOLE),
    "2026-01-02T08:05:00.123456-07:00": ("2026-01-02T08:05:00.123456-07:00", WHOLE),
    "2026-01-02T08:05:00.123456000Z": ("2026-01-02T08:05:00.123456Z", WHOLE),
    "2026-01-02T08:05-07:00": ("2026-01-02T08:05:00-07:00", WHOLE),
    "2026-01-02T08Z": ("2026-01-02T08:00:00Z", WHOLE),
    "2026-01-02T24:00:00-07:00": ("2026-01-03T00:00:00-07:00", WHOLE),
    "2026-12-31T24:00": ("2027-01-01T00:00:00", WHOLE),
    "20260102T080500Z": ("2026-01-02T08:05:00Z", WHOLE),
    "2026-W01-5T08:05:00Z": ("2026-01-02T08:05:00Z", WHOLE),
    "2026-002T08:05:00Z": ("2026-01-02T08:05:00Z", WHOLE),
    "2026-01-02 08:05:00-07:00": ("2026-01-02T08:05:00-07:00", WHOLE),
    "2026-01-02T08:05:00-07:00 ": ("2026-01-02T08:05:00-07:00", WHOLE),
    "2026-01-02 08:05:00 UTC": ("2026-01-02T08:05:00Z", WHOLE),
    # What the one form cannot say.
    "2026-01-02T08:05:00.123456789Z": ("2026-01-02T08:05:00.123456Z", LOSSY),
    "2026-01-02T08:05:00-07:00[America/Los_Angeles]": ("2026-01-02T08:05:00-07:00", LOSSY),
    "2026-01-02T08:05:00[Europe/Paris]": ("2026-01-02T08:05:00", LOSSY),
    "2016-12-31T23:59:60Z": ("2017-01-01T00:00:00Z", LOSSY),
    # What is no instant.
    "2026-01-02T25:00:00Z": (None, NONE),
    "2026-11-25T25:61:00.000-05:00": (None, NONE),
    "2026-01-02T24:00:01Z": (None, NONE),
    "2026-01-02T08:60:00Z": (None, NONE),
    "2026-01-02T08:05:61Z": (None, NONE),
    "2026-02-30T08:05:00Z": (None, NONE),
    "2026-W54-1T08:05:00Z": (None, NONE),
    "2025-366T08:05:00Z": (None, NONE),
    "0000-00-00T00:00:00Z": (None, NONE),
    "0000-01-01T00:00:00Z": (None, NONE),
    "0001-01-01T00:00:00+05:00": (None, NONE),
    "9999-12-31T23:00:00-05:00": (None, NONE),
    "9999-12-31T24:00:00": (None, NONE),
    "12026-01-02T08:05:00Z": (None, NONE),
    "2026-01-02T08:05:00+16:00": (None, NONE),
    "2026-01-02T08:05:00+05:60": (None, NONE),
    "2026-01-02": (None, NONE),
    "08:05:00": (None, NONE),
    "": (None, NONE),
    "yesterday at eight": (None, NONE),
    "string-like-but-T00:00:00": (None, NONE),
    "٢٠٢٦-٠١-٠٢T٠٨:٠٥:٠٠Z": (None, NONE),
    "2026-01-02T08:05:00." + "0" * 200 + "Z": (None, NONE),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items(), ids=lambda each: str(each)[:40])
def test_every_instant_format_is_normalised_or_null(text: str, expected: tuple[str | None, str]) -> None:
    found = instants.instant(text)

    assert (found and found.text, NONE if found is None else WHOLE if found.whole else LOSSY) == expected
    assert found is None or instants.all_normal([found.text], instants.PATTERN) or found.text[:4] in ("0001", "9999")


@pytest.mark.parametrize("text", [text for text, (form, _) in FORMS.items() if form == text])
def test_a_normalised_instant_is_recognised_without_parsing(text: str) -> None:
    assert instants.all_normal([text], instants.PATTERN)


@given(st.datetimes(), st.integers(-15 * 60 - 59, 15 * 60 + 59), st.sampled_from(["auto", "milliseconds", "minutes"]))
def test_any_instant_keeps_its_time_and_offset(wall: datetime, minutes: int, precision: str) -> None:
    sent = wall.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = sent.isoformat(timespec=precision)
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        assert instants.instant(text) is None
        return

    found, series = instants.instant(text), instants.utc(text)

    assert found
    assert found.whole
    assert re.match(instants.PATTERN, found.text)
    assert datetime.fromisoformat(found.text) == moment
    assert datetime.fromisoformat(found.text).utcoffset() == sent.utcoffset()
    assert series
    assert re.match(instants.UTC_PATTERN, series.text)
    assert datetime.fromisoformat(series.text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(st.text(alphabet="0123456789-:.TZW+ ", max_size=40))
def test_any_text_is_parsed_without_error_to_a_valid_instant_or_null(text: str) -> None:
    found = instants.instant(text)

    assert found is None or datetime.fromisoformat(found.text)
    if instants.all_normal([text], instants.PATTERN):
        assert found == (text, True)


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("2026-07-01T00:02:57.000Z", ("2026-07-01T00:02:57.000Z", True)),
        ("2026-07-01T00:02:57Z", ("2026-07-01T00:02:57.000Z", True)),
        ("2026-07-01T00:02:57+00:00", ("2026-07-01T00:02:57.000Z", True)),
        ("2026-07-01T00:02:57", ("2026-07-01T00:02:57.000Z", True)),
        ("2026-07-01T02:02:57.000+02:00", ("2026-07-01T00:02:57.000Z", False)),
        ("2026-06-30T16:02:57.5-08", ("2026-07-01T00:02:57.500Z", False)),
        ("2026-07-01T00:02:57.123456Z", ("2026-07-01T00:02:57.123Z", False)),
        ("2026-13-45T99:99:99.000Z", None),
        ("2026-02-30T00:02:57.000Z", None),
        ("2026-07-01T24:00:00.000Z", ("2026-07-02T00:00:00.000Z", True)),
    ],
)
def test_series_instants_become_utc_with_milliseconds(text: str, series: tuple[str, bool] | None) -> None:
    assert instants.utc(text) == series
    assert instants.all_normal([text], instants.UTC_PATTERN) == (series == (text, True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-25", ("2026-11-25", True)),
        ("20261125", ("2026-11-25", True)),
        ("2026-W48-3", ("2026-11-25", True)),
        ("2026W483", ("2026-11-25", True)),
        ("2026-329", ("2026-11-25", True)),
        (" 2026-11-25 ", ("2026-11-25", True)),
        ("2026-11-25T23:30:00-05:00", ("2026-11-25", False)),
        ("2026-11-25T24:00", ("2026-11-26", False)),
        ("2026-11-31", None),
        ("2026-11", None),
        ("2026-W48", None),
        ("2026-11-25Z", ("2026-11-25", False)),
        ("2026-11-25+02:00", ("2026-11-25", False)),
        ("2026-11-25-02", None),
        ("0000-00-00", None),
        ("today", None),
        ("", None),
    ],
)
def test_every_date_format_is_normalised_or_null(text: str, expected: tuple[str, bool] | None) -> None:
    assert instants.day(text) == expected
    assert instants.is_day(text) == (expected == (text, True))
