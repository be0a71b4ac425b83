"""The sandbox: generated rows, with the sandbox's own defects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from oura_simulator.collections import COLLECTIONS
from oura_simulator.sandbox import TEMPLATES

if TYPE_CHECKING:
    from .conftest import Oura

LISTS = [name for name in COLLECTIONS if name != "personal_info"]
DATED = [name for name, row in COLLECTIONS.items() if row.kind == "dates"]


def sandbox(oura: Oura, path: str, **query: Any) -> Any:
    return oura.client.request("GET", f"/v2/sandbox/usercollection/{path}", query, {"authorization": "x"})


@pytest.mark.parametrize("collection", LISTS)
def test_every_list_accepts_any_token_and_has_one_page(oura: Oura, collection: str) -> None:
    kind = "datetime" if COLLECTIONS[collection].kind == "instants" else "date"
    body = sandbox(oura, collection, **{f"start_{kind}": "2025-06-01", f"end_{kind}": "2025-06-09"}).json()

    assert len(body["data"]) == (1 if collection == "ring_configuration" else 8)
    assert body["next_token"] is None


def test_a_request_without_a_token_is_400(oura: Oura) -> None:
    assert oura.client.request("GET", "/v2/sandbox/usercollection/sleep").status == 400


@pytest.mark.parametrize("collection", DATED)
def test_ids_name_collection_template_and_day(oura: Oura, collection: str) -> None:
    data = sandbox(oura, collection, start_date="2025-06-01", end_date="2025-06-03").json()["data"]

    first, second = {1: (0, 0), 2: (0, 1), 3: (2, 0)}[TEMPLATES.get(collection, 2)]  # 20,240 days since 1970.
    assert [document["id"] for document in data] == [
        f"{collection}-{first}-2025-6-1",
        f"{collection}-{second}-2025-6-2",
    ]


@pytest.mark.parametrize("collection", [c for c in DATED if c != "enhanced_tag"])
def test_instants_are_midnight_with_milliseconds(oura: Oura, collection: str) -> None:
    (document,) = sandbox(oura, collection, start_date="2025-06-01", end_date="2025-06-02").json()["data"]

    instants = {value for value in document.values() if isinstance(value, str) and "T" in value and value[4] == "-"}
    assert instants <= {"2025-06-01T00:00:00.000+00:00", "2021-01-01T00:00:00.000+00:00"}


@pytest.mark.parametrize(
    ("collection", "names"),
    [
        ("sleep", ["heart_rate", "hrv"]),
        ("session", ["heart_rate", "heart_rate_variability", "motion_count"]),
        ("daily_activity", ["met"]),
    ],
)
def test_samples_are_short_and_old(oura: Oura, collection: str, names: list[str]) -> None:
    data = sandbox(oura, collection, start_date="2025-06-01", end_date="2025-06-07").json()["data"]

    for sample in [document[name] for document in data for name in names if document[name]]:
        assert sample["interval"] == 60
        assert 8 <= len(sample["items"]) <= 10
        assert sample["timestamp"] == "2021-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize("collection", [c for c in DATED if c not in ("daily_cardiovascular_age", "vO2_max")])
def test_the_requested_days_are_returned(oura: Oura, collection: str) -> None:
    data = sandbox(oura, collection, start_date="2025-06-01", end_date="2025-06-03").json()["data"]

    assert [document[COLLECTIONS[collection].cursor] for document in data] == ["2025-06-01", "2025-06-02"]


@pytest.mark.parametrize("collection", ["daily_cardiovascular_age", "vO2_max"])
def test_two_collections_are_always_of_the_same_day(oura: Oura, collection: str) -> None:
    data = sandbox(oura, collection, start_date="2025-06-01", end_date="2025-06-03").json()["data"]

    assert {document["day"] for document in data} == {"2021-01-01"}


def test_regularity_is_null_or_missing(oura: Oura) -> None:
    day = {"start_date": "2025-06-01", "end_date": "2025-06-02"}
    (document,), (night,) = (sandbox(oura, name, **day).json()["data"] for name in ("daily_readiness", "sleep"))

    assert document["contributors"]["sleep_regularity"] is None
    assert document["contributors"]["hrv_balance"] is not None
    assert "sleep_regularity" not in night["readiness"]["contributors"]


@pytest.mark.parametrize(
    ("collection", "values"),
    [("heartrate", [(60, "awake"), (144, "workout")]), ("ring_battery_level", [(85, False), (95, True)])],
)
def test_the_series_take_turns_with_two_rows(oura: Oura, collection: str, values: list[tuple[int, object]]) -> None:
    bounds = {"start_datetime": "2025-06-01T00:00:00Z", "end_datetime": "2025-06-03T00:00:00Z"}
    names = ("bpm", "source") if collection == "heartrate" else ("level", "charging")

    assert [tuple(row[name] for name in names) for row in sandbox(oura, collection, **bounds).json()["data"]] == values


@pytest.mark.parametrize("collection", ["heartrate", "ring_battery_level"])
def test_series_rows_lack_and_add_a_field(oura: Oura, collection: str) -> None:
    data = sandbox(oura, collection, start_datetime="2025-06-01T00:00:00Z", end_datetime="2025-06-02T00:00:00Z").json()[
        "data"
    ]

    assert [row["timestamp"] for row in data] == ["2025-06-01T00:00:00.000Z"]
    assert "timestamp_unix" not in data[0]
    assert data[0]["producer_timestamp"] is None


def test_an_hour_of_heart_rate_is_empty(oura: Oura) -> None:
    hour = {"start_datetime": "2025-06-01T10:00:00Z", "end_datetime": "2025-06-01T11:00:00Z"}

    assert sandbox(oura, "heartrate", **hour).json()["data"] == []


def test_enhanced_tags_are_in_utc_without_milliseconds(oura: Oura) -> None:
    (document,) = sandbox(oura, "enhanced_tag", start_date="2025-06-01", end_date="2025-06-02").json()["data"]

    assert document["start_time"].endswith("+00:00")
    assert "." not in document["start_time"]


def test_a_single_document_fails_whatever_its_id(oura: Oura) -> None:
    own = sandbox(oura, "sleep/sleep-0-2025-6-1")
    other = sandbox(oura, "sleep/4b6ee1d3-0000-4000-8000-000000000000")

    assert own.status == 500
    assert (other.status, other.json()) == (404, {"detail": "Invalid sandbox document ID format."})


@pytest.mark.parametrize("path", ["personal_info", "vo2_max", "heartrate/x"])
def test_some_routes_do_not_exist(oura: Oura, path: str) -> None:
    assert (sandbox(oura, path).status, sandbox(oura, path).json()) == (404, {"detail": "Not Found"})


def test_bad_dates_are_refused_as_in_production(oura: Oura) -> None:
    assert sandbox(oura, "sleep", start_date="nonsense").status == 422


def test_fields_and_latest_do_nothing(oura: Oura) -> None:
    bounds = {"start_date": "2025-06-01", "end_date": "2025-06-02"}

    assert sandbox(oura, "sleep", fields="score", **bounds).json() == sandbox(oura, "sleep", **bounds).json()
