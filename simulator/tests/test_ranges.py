"""Which documents a range selects: Oura's rule differs by collection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oura_simulator.collections import COLLECTIONS

if TYPE_CHECKING:
    from .conftest import Oura

INCLUSIVE = (
    "daily_cardiovascular_age",
    "daily_readiness",
    "daily_resilience",
    "daily_sleep",
    "daily_spo2",
    "daily_stress",
    "sleep_time",
)
EXCLUSIVE = ("daily_activity", "enhanced_tag", "rest_mode_period", "tag", "vO2_max")
BY_INSTANT = {"session": "start_datetime", "sleep": "bedtime_start", "workout": "start_datetime"}
START, END = "2026-02-10", "2026-03-10"


def days(documents: list[Any], collection: str) -> Any:
    return {document[COLLECTIONS[collection].cursor] for document in documents}


@pytest.mark.parametrize("collection", INCLUSIVE)
def test_the_end_day_is_part_of_the_range(oura: Oura, collection: str) -> None:
    assert oura.read(collection, START, END) == oura.truth(collection, START, END)


@pytest.mark.parametrize("collection", EXCLUSIVE)
def test_the_end_day_is_not_part_of_the_range(oura: Oura, collection: str) -> None:
    day_before = "2026-03-09"

    assert oura.read(collection, START, END) == oura.truth(collection, START, day_before)


@pytest.mark.parametrize("collection", [*EXCLUSIVE, *BY_INSTANT])
def test_a_range_of_one_day_is_empty_where_the_end_is_exclusive(oura: Oura, collection: str) -> None:
    busy = next(iter(days(oura.truth(collection, START, END), collection)))

    assert oura.read(collection, busy, busy) == []


@pytest.mark.parametrize("collection", EXCLUSIVE)
def test_an_end_just_before_midnight_includes_its_day(oura: Oura, collection: str) -> None:
    busy = next(iter(days(oura.truth(collection, START, END), collection)))

    assert oura.read(collection, busy, f"{busy}T23:59:59") == oura.truth(collection, busy, busy)


@pytest.mark.parametrize("user", [1, 2, 3])
@pytest.mark.parametrize("collection", BY_INSTANT)
def test_sleep_workout_and_session_are_selected_by_their_utc_start(oura: Oura, collection: str, user: int) -> None:
    everything = oura.truth(collection, "2026-01-20", "2026-03-30", user=user)
    inside = [
        document
        for document in everything
        if START <= datetime.fromisoformat(document[BY_INSTANT[collection]]).astimezone(UTC).date().isoformat() < END
    ]

    assert oura.read(collection, START, END, user) == inside


def test_a_night_in_auckland_is_missing_from_its_own_day_and_found_on_the_day_before(oura: Oura) -> None:
    # The first of March is at home, so far ahead of UTC that every night begins on the UTC day before.
    night = next(n for n in oura.truth("sleep", "2026-03-01", "2026-03-09", user=3) if n["type"] == "long_sleep")
    day = date.fromisoformat(night["day"])
    before, after = ((day + timedelta(days=n)).isoformat() for n in (-1, 1))

    assert night in oura.read("sleep", before, day.isoformat(), user=3)
    assert night not in oura.read("sleep", day.isoformat(), after, user=3)


def test_a_late_workout_in_california_is_on_the_next_utc_day(oura: Oura) -> None:
    late = next(
        workout
        for workout in oura.truth("workout", "2025-12-01", "2026-03-01")
        if datetime.fromisoformat(workout["start_datetime"]).astimezone(UTC).date().isoformat() > workout["day"]
    )
    next_day = (date.fromisoformat(late["day"]) + timedelta(days=1)).isoformat()

    assert late not in oura.read("workout", late["day"], next_day)


@pytest.mark.parametrize("collection", ["heartrate", "ring_battery_level"])
def test_series_are_selected_by_instant_with_an_exclusive_end(oura: Oura, collection: str) -> None:
    rows = oura.truth(collection, "2026-03-01", "2026-03-02")
    first, last = rows[10]["timestamp"], rows[-10]["timestamp"]

    assert oura.read(collection, first, last) == [row for row in rows if first <= row["timestamp"] < last]


def test_offsets_in_bounds_are_applied(oura: Oura) -> None:
    shifted = oura.read("heartrate", "2026-03-01T02:00:00+02:00", "2026-03-02T02:00:00+02:00")

    assert shifted == oura.truth("heartrate", "2026-03-01", "2026-03-01")


@pytest.mark.parametrize("collection", [*INCLUSIVE, "daily_activity"])
def test_without_bounds_the_last_day_is_returned(oura: Oura, collection: str) -> None:
    # It is nine in the morning of the 15th in California.
    found = days(oura.page(collection).json()["data"], collection)

    assert found <= {"2026-04-14", "2026-04-15"}


def test_series_without_bounds_return_the_last_24_hours(oura: Oura) -> None:
    rows = [row for page in oura.walk("heartrate") for row in page]

    assert rows[0]["timestamp"] >= "2026-04-14T16:00:00"
    assert rows[0]["timestamp"] < "2026-04-14T16:20:00"
    assert rows[-1]["timestamp"] <= "2026-04-15T16:00:00"


def test_with_only_an_end_the_day_before_it_is_the_start(oura: Oura) -> None:
    assert (
        oura.page("daily_sleep", end_date="2026-03-10").json()
        == oura.page("daily_sleep", start_date="2026-03-09", end_date="2026-03-10").json()
    )


@pytest.mark.parametrize("collection", ["heartrate", "ring_battery_level"])
def test_series_refuse_more_than_thirty_days(oura: Oura, collection: str) -> None:
    thirty = oura.page(collection, start_datetime="2026-03-01T00:00:00Z", end_datetime="2026-03-31T00:00:00Z")
    more = oura.page(collection, start_datetime="2026-03-01T00:00:00Z", end_datetime="2026-03-31T00:00:01Z")

    assert (thirty.status, more.status) == (200, 400)


def test_documents_are_found_over_many_years(oura: Oura) -> None:
    assert oura.read("vO2_max", "2015-01-01", "2030-01-01") == oura.truth("vO2_max")


def test_nothing_is_older_than_the_history(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(days=10)

    assert oura.truth("daily_stress")[0]["day"] >= "2026-04-05"
    assert oura.read("heartrate", "2026-03-20", "2026-04-05") == []


@pytest.mark.parametrize("text", ["nonsense", "2026-13-01", "2026-02-30", "20260201", "2026-02-01T25:00:00", ""])
def test_an_invalid_date_is_reported_as_datetime_and_as_date(oura: Oura, text: str) -> None:
    answer = oura.page("daily_sleep", start_date=text, end_date="2026-03-01")

    assert answer.status == 422
    assert [entry["loc"] for entry in answer.json()["detail"]] == [
        ["query", "start_date", "datetime"],
        ["query", "start_date", "date"],
    ]


def test_an_offset_whose_plus_was_not_encoded_is_refused(oura: Oura) -> None:
    # In a query a bare plus is a space.
    path = "/v2/usercollection/heartrate?start_datetime=2026-03-01T00:00:00+02:00&end_datetime=2026-03-02T00:00:00Z"

    assert oura.get(path).status == 422


@pytest.mark.parametrize("collection", ["daily_sleep", "sleep", "heartrate"])
def test_a_range_that_ends_before_it_starts_is_refused(oura: Oura, collection: str) -> None:
    kind = "datetime" if collection == "heartrate" else "date"

    assert oura.page(collection, **{f"start_{kind}": "2026-03-02", f"end_{kind}": "2026-03-01"}).status == 422


def test_rings_take_no_dates(oura: Oura) -> None:
    assert oura.page("ring_configuration", start_date="nonsense").json() == oura.page("ring_configuration").json()


def test_a_boundary_rule_can_be_reversed(oura: Oura) -> None:
    oura.admin("POST", "ranges", {"collection": "tag", "end": "inclusive"})

    assert oura.read("tag", START, END) == oura.truth("tag", START, END)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    collection=st.sampled_from([*INCLUSIVE, *EXCLUSIVE, *BY_INSTANT]),
    user=st.integers(1, 3),
    offset=st.integers(0, 300),
    width=st.integers(0, 40),
)
def test_two_days_of_margin_are_enough_everywhere(
    oura: Oura, collection: str, user: int, offset: Any, width: Any
) -> None:
    first = date(2025, 5, 1) + timedelta(days=offset)
    last = first + timedelta(days=width)
    wide = oura.read(collection, (first - timedelta(days=2)).isoformat(), (last + timedelta(days=2)).isoformat(), user)
    cursor = COLLECTIONS[collection].cursor

    trimmed = [d for d in wide if first.isoformat() <= d[cursor] <= last.isoformat()]

    assert trimmed == oura.truth(collection, first.isoformat(), last.isoformat(), user=user)
