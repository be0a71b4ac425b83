"""From documents to records: trimmed, once each, and safe to load whatever Oura sends."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tap_oura.collections import COLLECTIONS
from tap_oura.documents import Documents, instant
from tap_oura.errors import BrokenAnswer
from tap_oura.windows import EVER, Window

WEEK = Window(date(2026, 3, 2), date(2026, 3, 9))


def records(collection: str, *documents: dict[str, Any], window: Window = WEEK) -> list[dict[str, Any]]:
    return Documents(COLLECTIONS[collection]).records("ada", documents, window)


def stress(day: str = "2026-03-03", **fields: Any) -> dict[str, Any]:
    return {"id": f"stress-{day}", "day": day, "day_summary": "normal", "stress_high": 900, **fields}


def test_every_record_names_its_account() -> None:
    assert records("daily_stress", stress())[0]["user_id"] == "ada"


def test_what_lies_in_the_margin_of_the_question_is_trimmed() -> None:
    days = ["2026-03-01", "2026-03-02", "2026-03-08", "2026-03-09"]

    kept = [record["day"] for record in records("daily_stress", *map(stress, days))]

    assert kept == ["2026-03-02", "2026-03-08"]


def test_a_document_on_two_pages_is_one_record_and_the_later_page_counts() -> None:
    assert [record["stress_high"] for record in records("daily_stress", stress(), stress(stress_high=1200))] == [1200]


def test_two_sources_at_one_instant_are_two_records() -> None:
    at = {"timestamp": "2026-03-03T00:02:57.000Z", "bpm": 60}
    assert len(records("heartrate", {**at, "source": "sleep"}, {**at, "source": "workout"})) == 2


def test_an_unknown_field_is_kept_in_extra() -> None:
    record = records("daily_stress", stress(meta={"version": 2}))[0]

    assert record["extra"] == {"meta": {"version": 2}}
    assert "meta" not in record


def test_a_value_of_another_type_is_kept_in_extra_and_its_column_stays_empty() -> None:
    record = records("daily_stress", stress(stress_high="many"))[0]

    assert record["extra"] == {"stress_high": "many"}
    assert record.get("stress_high") is None


@pytest.mark.parametrize("value", [True, 1.5, [1]])
def test_neither_truth_nor_fractions_nor_lists_pass_for_an_integer(value: object) -> None:
    assert records("daily_stress", stress(stress_high=value))[0]["extra"] == {"stress_high": value}


def test_an_impossible_date_is_kept_in_extra() -> None:
    tag = {"id": "a", "start_day": "2026-03-03", "start_time": "2026-03-03T10:00:00", "end_day": "2026-02-30"}
    assert records("enhanced_tag", tag)[0]["extra"] == {"end_day": "2026-02-30"}


def test_a_known_document_has_no_extra() -> None:
    assert records("daily_stress", stress())[0]["extra"] is None


def test_unknown_enum_values_pass() -> None:
    assert records("daily_stress", stress(day_summary="serene"))[0]["day_summary"] == "serene"


@pytest.mark.parametrize("document", [{"day": "2026-03-03"}, {"id": 7, "day": "2026-03-03"}, {"id": "a"}])
def test_a_document_without_key_or_day_fails_its_window(document: dict[str, Any]) -> None:
    with pytest.raises(BrokenAnswer):
        records("daily_stress", document)


def test_a_collection_without_days_is_not_trimmed() -> None:
    assert len(records("ring_configuration", {"id": "ring", "size": 9}, window=EVER)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01T00:02:57.000Z",
        "2026-07-01T00:02:57Z",
        "2026-07-01T00:02:57+00:00",
        "2026-07-01T00:02:57",
        "2026-07-01T02:02:57.000+02:00",
        "2026-06-30T16:02:57-08:00",
    ],
)
def test_all_forms_of_an_instant_become_one(text: str) -> None:
    assert instant(text) == "2026-07-01T00:02:57.000Z"


def test_a_row_without_a_timestamp_fails_its_window() -> None:
    with pytest.raises(BrokenAnswer):
        records("heartrate", {"bpm": 60, "source": "sleep"})
