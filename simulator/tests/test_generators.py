"""The generated data: consistent, the same on every start, with the irregularities of real data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from oura_simulator.collections import COLLECTIONS

if TYPE_CHECKING:
    from .conftest import Oura

YEAR = ("2025-04-15", "2026-04-10")
ALL = [name for name in COLLECTIONS if name != "personal_info"]
DOCUMENTS = [name for name, row in COLLECTIONS.items() if row.has_documents]


@pytest.fixture(scope="module")
def year(oura_class: type[Oura]) -> Any:
    """A year of three accounts, by collection and user, read once."""
    oura = oura_class()
    yield {
        (collection, user): oura.truth(collection, *YEAR, user=user)
        for collection in ALL
        if collection != "heartrate"
        for user in (1, 2, 3)
    }
    oura.client.close()


def instant(text: str) -> Any:
    return datetime.fromisoformat(text)


def nights(year: Any) -> Any:
    return [night for user in (1, 2, 3) for night in year["sleep", user]]


def test_the_same_seed_generates_the_same_data(make_oura: Callable[..., Oura]) -> None:
    first, second = make_oura(), make_oura(days=30)

    for collection in ALL:
        assert first.truth(collection, "2026-04-01", "2026-04-14") == second.truth(
            collection, "2026-04-01", "2026-04-14"
        )


def test_another_seed_generates_other_data(make_oura: Callable[..., Oura]) -> None:
    first, second = make_oura(), make_oura(seed=2)

    for collection in ("sleep", "daily_activity", "heartrate"):
        assert first.truth(collection, "2026-04-01", "2026-04-14") != second.truth(
            collection, "2026-04-01", "2026-04-14"
        )


def test_ids_are_unique_across_accounts_collections_and_days(year: Any) -> None:
    ids = [d["id"] for (collection, _), documents in year.items() if collection in DOCUMENTS for d in documents]

    assert len(ids) > 5000
    assert len(set(ids)) == len(ids)


def test_series_rows_are_unique_by_instant_and_source(oura: Oura) -> None:
    rows = oura.truth("heartrate", "2026-01-01", "2026-04-14")

    assert len({(row["timestamp"], row["source"]) for row in rows}) == len(rows)
    assert [row["timestamp_unix"] for row in rows] == sorted(row["timestamp_unix"] for row in rows)


@pytest.mark.parametrize("user", [1, 2, 3])
@pytest.mark.parametrize("collection", [name for name in ALL if name not in ("heartrate", "ring_configuration")])
def test_every_month_has_data_of_every_collection(year: Any, collection: str, user: int) -> None:
    row = COLLECTIONS[collection]
    days = {date.fromisoformat(document[row.cursor][:10]) for document in year[collection, user]}
    first, last = (date.fromisoformat(text) for text in YEAR)

    for offset in range(0, (last - first).days - 30, 7):
        month = {first + timedelta(days=offset + n) for n in range(30)}
        assert days & month, f"nothing in the 30 days from {min(month)}"


def test_sleep_stages_add_up(year: Any) -> None:
    for night in nights(year):
        stages = night["sleep_phase_30_sec"]
        assert night["deep_sleep_duration"] == 30 * stages.count("1")
        assert night["light_sleep_duration"] == 30 * stages.count("2")
        assert night["rem_sleep_duration"] == 30 * stages.count("3")
        assert night["awake_time"] == 30 * stages.count("4")
        asleep = sum(night[f"{stage}_sleep_duration"] for stage in ("deep", "light", "rem"))
        assert night["total_sleep_duration"] == asleep
        assert asleep + night["awake_time"] == night["time_in_bed"] == 30 * len(stages)
        assert night["efficiency"] == round(100 * asleep / night["time_in_bed"])
        assert len(night["movement_30_sec"]) == len(stages)
        assert len(night["sleep_phase_5_min"]) == -(-night["time_in_bed"] // 300)


def test_time_in_bed_is_the_time_between_the_bedtimes(year: Any) -> None:
    for night in nights(year):
        bed = instant(night["bedtime_end"]) - instant(night["bedtime_start"])
        assert bed.total_seconds() == night["time_in_bed"]


def test_sleep_series_start_at_bedtime_and_last_the_night(year: Any) -> None:
    for night in nights(year):
        for name in ("heart_rate", "hrv"):
            assert night[name]["timestamp"] == night["bedtime_start"]
            assert len(night[name]["items"]) == len(night["sleep_phase_5_min"])
        readings = [bpm for bpm in night["heart_rate"]["items"] if bpm is not None]
        assert night["lowest_heart_rate"] <= min(readings)
        assert min(readings) <= night["average_heart_rate"] <= max(readings)


@pytest.mark.parametrize("user", [1, 2, 3])
def test_sleep_periods_of_one_account_never_overlap(year: Any, user: int) -> None:
    periods = sorted((instant(n["bedtime_start"]), instant(n["bedtime_end"])) for n in year["sleep", user])

    for (_, end), (start, _) in pairwise(periods):
        assert end <= start


@pytest.mark.parametrize("user", [1, 2, 3])
def test_workouts_never_overlap_sleep(year: Any, user: int) -> None:
    asleep = [(instant(n["bedtime_start"]), instant(n["bedtime_end"])) for n in year["sleep", user]]

    for workout in year["workout", user]:
        start, end = instant(workout["start_datetime"]), instant(workout["end_datetime"])
        assert not any(first < end and start < last for first, last in asleep)


@pytest.mark.parametrize("user", [1, 2, 3])
def test_every_type_of_sleep_occurs_within_two_months(year: Any, user: int) -> None:
    recent = [night for night in year["sleep", user] if night["day"] > "2026-02-10"]

    assert {night["type"] for night in recent} == {"long_sleep", "sleep", "late_nap", "rest", "deleted"}


@pytest.mark.parametrize("user", [1, 2, 3])
def test_some_days_have_two_long_sleeps(year: Any, user: int) -> None:
    days = [night["day"] for night in year["sleep", user] if night["type"] == "long_sleep"]

    assert 5 < len(days) - len(set(days)) < 40


def test_a_late_nap_ends_after_six_and_counts_for_the_next_day(year: Any) -> None:
    naps = [night for night in nights(year) if night["type"] == "late_nap"]

    assert naps
    for nap in naps:
        end = instant(nap["bedtime_end"])
        assert end.hour >= 18
        assert end.date() + timedelta(days=1) == date.fromisoformat(nap["day"])


@pytest.mark.parametrize("user", [1, 2, 3])
def test_the_ring_is_not_worn_at_times(year: Any, user: int) -> None:
    slept = {night["day"] for night in year["sleep", user]}
    scored = {document["day"]: document["score"] for document in year["daily_sleep", user]}
    active = {document["day"] for document in year["daily_activity", user]}

    assert 300 < len(slept) < 355
    assert None in scored.values()
    assert all(day in slept for day, score in scored.items() if score is not None)
    assert 300 < len(active) < 358


def test_an_activity_day_adds_up(year: Any) -> None:
    for user in (1, 2, 3):
        for activity in year["daily_activity", user]:
            classes = activity["class_5_min"]
            for digit, name in zip(
                "012345",
                (
                    "non_wear_time",
                    "resting_time",
                    "sedentary_time",
                    "low_activity_time",
                    "medium_activity_time",
                    "high_activity_time",
                ),
                strict=True,
            ):
                assert activity[name] == 300 * classes.count(digit)
            assert len(activity["met"]["items"]) == 5 * len(classes)
            assert activity["meters_to_target"] == activity["target_meters"] - activity["equivalent_walking_distance"]
            assert activity["total_calories"] >= activity["active_calories"]


def test_activity_goals_are_sometimes_missed_and_sometimes_met(year: Any) -> None:
    left = [activity["meters_to_target"] for activity in year["daily_activity", 1]]

    assert min(left) < 0 < max(left)


def test_dst_changes_make_days_of_23_and_25_hours(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(timezones=("Europe/Helsinki",), accounts=9, days=700)
    lengths = {
        length
        for user in range(1, 10)
        for day in ("2025-03-29", "2025-10-25", "2026-03-28")
        for document in oura.truth("daily_activity", day, day, user=user)
        if (length := len(document["met"]["items"])) in (1380, 1500)
    }

    assert lengths == {1380, 1500}


def test_a_night_across_a_dst_change_shows_both_offsets(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(timezones=("Europe/Helsinki",), accounts=9)
    through = [
        night
        for user in range(1, 10)
        for night in oura.truth("sleep", "2026-03-29", "2026-03-29", user=user)
        if night["bedtime_start"][-6:] == "+02:00" and night["bedtime_end"][-6:] == "+03:00"
    ]

    assert through


@pytest.mark.parametrize("user", [1, 2, 3])
def test_each_half_year_has_a_trip_to_another_time_zone(year: Any, user: int) -> None:
    for half in ("2025-04-15 2025-10-14", "2025-10-15 2026-04-10"):
        first, last = half.split()
        offsets = {a["timestamp"][-6:] for a in year["daily_activity", user] if first <= a["day"] <= last}
        home = {1: {"-08:00", "-07:00"}, 2: {"+00:00"}, 3: {"+13:00", "+12:00"}}[user]
        assert offsets - home


def test_sample_series_have_empty_slots(year: Any) -> None:
    assert any(None in night["heart_rate"]["items"] for night in nights(year))
    assert any(None in activity["met"]["items"] for activity in year["daily_activity", 1])
    sessions = [s for user in (1, 2, 3) for s in year["session", user] if s["heart_rate"]]
    assert any(None in session["heart_rate"]["items"] for session in sessions)


def test_oxygen_is_sometimes_not_measured(year: Any) -> None:
    assert {document["spo2_percentage"] is None for document in year["daily_spo2", 1]} == {True, False}


def test_rest_mode_is_sometimes_open_and_sometimes_ended(year: Any) -> None:
    for user in (1, 2, 3):
        ends = [period["end_day"] for period in year["rest_mode_period", user]]
        assert None in ends
        assert any(ends)


def test_resilience_waits_for_a_baseline(year: Any) -> None:
    known = {document["day"] for document in year["daily_resilience", 1]}
    slept = {night["day"] for night in year["sleep", 1] if night["type"] == "long_sleep"}

    for text in known:
        day = date.fromisoformat(text)
        assert sum((day - timedelta(days=back)).isoformat() in slept for back in range(14)) >= 10 or text < "2025-05-01"


def test_workouts_are_sampled_every_few_seconds_and_start_with_two_sources(oura: Oura) -> None:
    workout = next(w for w in oura.truth("workout", "2026-03-01", "2026-03-31"))
    start, end = (instant(workout[f"{side}_datetime"]).astimezone(UTC) for side in ("start", "end"))
    rows = oura.truth("heartrate", start.date().isoformat(), end.date().isoformat())
    dense = [row for row in rows if row["source"] == "workout" and start <= instant(row["timestamp"]) <= end]
    at_start = {row["source"] for row in rows if instant(row["timestamp"]) == start}

    assert len(dense) > (end - start).total_seconds() / 11
    assert at_start == {"awake", "workout"}


def test_all_sources_of_heart_rate_occur_within_a_month(oura: Oura) -> None:
    rows = oura.truth("heartrate", "2026-03-10", "2026-04-10")

    assert {row["source"] for row in rows} == {"awake", "rest", "sleep", "session", "live", "workout"}


def test_training_follows_a_weekly_pattern(year: Any) -> None:
    counts = [0] * 7
    for workout in year["workout", 1]:
        counts[date.fromisoformat(workout["day"]).weekday()] += 1

    assert max(counts) > 3 * (min(counts) + 1)


def test_rings_are_listed_oldest_first(year: Any) -> None:
    for user in (1, 2, 3):
        paired = [ring["set_up_at"] for ring in year["ring_configuration", user]]
        assert len(paired) >= 2
        assert paired == sorted(paired)


def test_trips_start_from_every_home_time_zone(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(timezones=("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"), days=200)

    for user in (1, 2, 3):
        offsets = {activity["timestamp"][-6:] for activity in oura.truth("daily_activity", user=user)}
        assert len(offsets) >= 2
