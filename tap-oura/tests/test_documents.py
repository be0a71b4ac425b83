"""From documents to records: trimmed, once each, and safe to load whatever Oura sends."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tap_oura.catalog import values
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.documents import MOST_NAMES, Documents, Read
from tap_oura.windows import EVER, Window

WEEK = Window(date(2026, 3, 2), date(2026, 3, 9))


def read(collection: str, *documents: dict[str, Any], window: Window = WEEK) -> Read:
    return Documents(COLLECTIONS[collection]).read("user-1", list(documents), window)


def records(collection: str, *documents: dict[str, Any], window: Window = WEEK) -> list[dict[str, Any]]:
    return read(collection, *documents, window=window).records


def stress(day: str = "2026-03-03", **fields: Any) -> dict[str, Any]:
    return {"id": f"stress-{day}", "day": day, "day_summary": "normal", "stress_high": 900, **fields}


def test_every_record_names_its_account() -> None:
    assert records("daily_stress", stress())[0]["user_id"] == "user-1"


def test_documents_in_the_margin_of_a_request_are_trimmed() -> None:
    days = ["2026-03-01", "2026-03-02", "2026-03-08", "2026-03-09"]

    kept = [record["day"] for record in records("daily_stress", *map(stress, days))]

    assert kept == ["2026-03-02", "2026-03-08"]


def test_a_document_on_two_pages_is_one_record_of_the_later_page() -> None:
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


@pytest.mark.parametrize("value", [True, [1], {}])
def test_booleans_and_lists_are_no_integers(value: object) -> None:
    assert records("daily_stress", stress(stress_high=value))[0]["extra"] == {"stress_high": value}


def test_an_impossible_date_is_kept_in_extra() -> None:
    tag = {"id": "a", "start_day": "2026-03-03", "start_time": "2026-03-03T10:00:00", "end_day": "2026-02-30"}
    assert records("enhanced_tag", tag)[0]["extra"] == {"end_day": "2026-02-30"}


def test_a_known_document_has_no_extra() -> None:
    assert records("daily_stress", stress())[0]["extra"] is None


def test_unknown_enum_values_pass() -> None:
    assert records("daily_stress", stress(day_summary="serene"))[0]["day_summary"] == "serene"


def test_of_two_documents_with_one_id_the_later_is_kept_at_its_position() -> None:
    both = records("daily_stress", stress(), stress(id="other"), stress(stress_high=1200))
    assert [(record["id"], record["stress_high"]) for record in both] == [("other", 900), ("stress-2026-03-03", 1200)]


@pytest.mark.parametrize(
    ("document", "why", "document_id"),
    [
        ({"day": "2026-03-03"}, "no usable id", None),
        ({"id": None, "day": "2026-03-03"}, "no usable id", None),
        ({"id": "", "day": "2026-03-03"}, "no usable id", None),
        ({"id": 7, "day": "2026-03-03"}, "no usable id", "7"),
        ({"id": {"a": 1}, "day": "2026-03-03"}, "no usable id", None),
        ({"id": "x" * 256, "day": "2026-03-03"}, "no usable id", "x" * 255),
        ({"id": "nul\0", "day": "2026-03-03"}, "no usable id", "nul\\u0000"),
        ({"id": "a"}, "no usable day", "a"),
        ({"id": "a", "day": None}, "no usable day", "a"),
        ({"id": "a", "day": "2026-02-30"}, "no usable day", "a"),
        ({"id": "a", "day": 20260303}, "no usable day", "a"),
        ({"day": "soon"}, "no usable id and no usable day", None),
    ],
)
def test_only_a_document_without_key_or_day_is_rejected(
    document: dict[str, Any], why: str, document_id: str | None
) -> None:
    found = read("daily_stress", stress(), document, stress("2026-03-04"))

    assert [record["day"] for record in found.records] == ["2026-03-03", "2026-03-04"]
    (rejected,) = found.rejected
    assert (rejected.reason, rejected.document_id) == (why, document_id)
    assert rejected.document == {name: values.storable(value) for name, value in document.items()}


def test_a_document_without_an_id_belongs_to_the_window_of_its_day() -> None:
    assert not read("daily_stress", {"day": "2026-03-09"}).rejected


def test_personal_info_without_an_id_is_rejected() -> None:
    assert [each.reason for each in read("personal_info", {"age": 40}, window=EVER).rejected] == ["no usable id"]


@pytest.mark.parametrize(
    ("collection", "fields", "day"),
    [
        ("enhanced_tag", {"day": "2026-03-05", "start_time": "2026-03-04T21:00:00-05:00"}, "2026-03-05"),
        ("enhanced_tag", {"start_time": "2026-03-04T23:00:00-05:00"}, "2026-03-04"),
        ("enhanced_tag", {"start_day": "soon", "start_time": "2026-03-04T23:00:00-05:00"}, "2026-03-04"),
        ("rest_mode_period", {"start_time": "2026-03-04T23:00:00.000-05:00", "episodes": []}, "2026-03-04"),
        ("tag", {"timestamp": "2026-03-04T23:00:00-05:00", "tags": []}, "2026-03-04"),
    ],
)
def test_a_missing_day_is_taken_from_another_field(collection: str, fields: dict[str, Any], day: str) -> None:
    found = read(collection, {"id": "odd", **fields})

    assert [record[COLLECTIONS[collection].cursor or ""] for record in found.records] == [day]
    assert found.dated_otherwise == {"odd"}
    assert not found.rejected


def test_a_date_in_another_format_is_accepted() -> None:
    found = read("daily_stress", stress("20260303"))

    assert found.records[0]["day"] == "2026-03-03"
    assert not found.dated_otherwise


def test_ouras_fields_named_like_ours_are_kept_in_extra() -> None:
    theirs: dict[str, Any] = {"user_id": "user-3", "extra": {"a": 1}, "_sdc_extracted_at": "2020-01-01"}
    record = records("daily_stress", stress(**theirs))[0]

    assert record["user_id"] == "user-1"
    assert record["extra"] == theirs
    assert not record.keys() & {"_sdc_extracted_at"}


def test_a_collection_without_days_is_not_trimmed() -> None:
    assert len(records("ring_configuration", {"id": "ring", "size": 9}, window=EVER)) == 1


@pytest.mark.parametrize(
    "sample",
    [{}, {"timestamp": None}, {"timestamp": "2026-03-04T25:00:00Z"}, {"timestamp": 1772582400}, {"timestamp": ""}],
)
@pytest.mark.parametrize("collection", ["heartrate", "ring_battery_level"])
def test_a_sample_without_a_timestamp_is_rejected(collection: str, sample: dict[str, Any]) -> None:
    found = read(collection, {**sample, "source": "sleep"}, {"timestamp": "2026-03-04T00:00:00.000Z", "source": "rest"})

    assert [each.reason for each in found.rejected] == ["no usable timestamp"]
    assert len(found.records) == 1


@pytest.mark.parametrize(
    ("sample", "extra"),
    [
        ({}, None),
        ({"source": None}, None),
        ({"source": ""}, {"source": ""}),
        ({"source": 7}, {"source": 7}),
        ({"source": "x" * 256}, {"source": "x" * 256}),
        ({"source": "nul\0"}, {"source": "nul\\u0000"}),
    ],
)
def test_a_sample_without_a_usable_source_has_source_unknown(sample: dict[str, Any], extra: object) -> None:
    (record,) = records("heartrate", {"timestamp": "2026-03-04T00:00:00.000Z", "bpm": 60, **sample})

    assert (record["source"], record["extra"]) == ("unknown", extra)


def test_drift_is_counted_by_name_within_a_bound() -> None:
    documents = Documents(COLLECTIONS["daily_stress"])
    documents.read("user-1", [stress(f"2026-03-0{day}", new=day, stress_high="many") for day in (2, 3, 4)], WEEK)
    assert documents.drift == {"new": 3, "stress_high": 3}

    many: dict[str, Any] = {f"field {number}": 1 for number in range(5_000)}
    documents.read("user-1", [stress(**many)], WEEK)
    assert len(documents.drift) == MOST_NAMES


def test_two_samples_with_colliding_keys_are_both_kept() -> None:
    samples = [
        {"timestamp": f"2026-03-03T10:00:00.{fraction}Z", "source": "awake", "bpm": bpm}
        for fraction, bpm in (("0001", 60), ("0002", 61))
    ]

    found = read("heartrate", *samples)

    assert [record["bpm"] for record in found.records] == [60]
    assert [each.document["bpm"] for each in found.rejected] == [61]


def test_a_repeated_sample_is_one_record() -> None:
    sample = {"timestamp": "2026-03-03T10:00:00.0001Z", "source": "awake", "bpm": 60}

    assert (len(read("heartrate", sample, dict(sample)).records), read("heartrate", sample, sample).rejected) == (1, [])
