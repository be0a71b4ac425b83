"""Data arrives: the day in progress grows, nights come in the morning, nothing comes before it happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from oura_simulator.testing import running

if TYPE_CHECKING:
    from .conftest import Oura

UTC_USER = 2


def only(documents: list[Any]) -> Any:
    (document,) = documents
    return document


def test_todays_activity_grows_through_the_day(oura: Oura) -> None:
    seen = []
    for hour in ("06", "12", "18", "23"):
        oura.now(f"2026-04-13T{hour}:00:00Z")
        seen.append(only(oura.truth("daily_activity", "2026-04-13", "2026-04-13", user=UTC_USER)))

    lengths = [len(document["met"]["items"]) for document in seen]
    assert lengths == [120, 480, 840, 1140]
    assert [len(document["class_5_min"]) * 5 for document in seen] == lengths
    assert sorted(document["steps"] for document in seen) == [document["steps"] for document in seen]
    assert len({document["id"] for document in seen}) == 1
    assert seen[0]["score"] is None
    assert seen[-1]["score"] is not None


def test_an_activity_day_ends_at_four_in_the_morning(oura: Oura) -> None:
    oura.now("2026-04-14T03:30:00Z")
    before = only(oura.truth("daily_activity", "2026-04-13", "2026-04-14", user=UTC_USER))
    oura.now("2026-04-14T05:00:00Z")
    after = oura.truth("daily_activity", "2026-04-13", "2026-04-14", user=UTC_USER)

    assert len(before["met"]["items"]) == 1410
    assert [len(document["met"]["items"]) for document in after] == [1440, 60]


def test_todays_stress_has_no_summary_before_midnight(oura: Oura) -> None:
    oura.now("2026-04-13T15:00:00Z")
    today = only(oura.truth("daily_stress", "2026-04-13", "2026-04-13", user=UTC_USER))
    oura.now("2026-04-14T12:00:00Z")
    done = only(oura.truth("daily_stress", "2026-04-13", "2026-04-13", user=UTC_USER))

    assert today["day_summary"] is None
    assert done["day_summary"] is not None
    assert today["stress_high"] <= done["stress_high"]


@pytest.mark.parametrize("collection", ["daily_sleep", "daily_readiness", "sleep_time"])
def test_the_night_arrives_in_the_middle_of_the_morning(oura: Oura, collection: str) -> None:
    counts = []
    for hour in ("05:00", "11:30"):
        oura.now(f"2026-04-10T{hour}:00Z")
        counts.append(len(oura.truth(collection, "2026-04-10", "2026-04-10", user=UTC_USER)))

    assert counts == [0, 1]


def test_some_nights_are_provisional_at_first(oura: Oura) -> None:
    reasons: dict[str, Any] = {}
    for day in range(1, 15):
        for minutes in range(5 * 60, 12 * 60, 20):
            oura.now(f"2026-04-{day:02}T{minutes // 60:02}:{minutes % 60:02}:00Z")
            for night in oura.truth("sleep", f"2026-04-{day:02}", f"2026-04-{day:02}", user=UTC_USER):
                reasons.setdefault(night["id"], []).append(night["sleep_analysis_reason"])

    changed = [seen for seen in reasons.values() if "background_sleep_analysis" in seen]
    assert changed
    assert all(seen[-1] == "background_created_foreground_updated" for seen in changed)


def test_a_nap_raises_the_scores_of_its_day_in_the_afternoon(oura: Oura) -> None:
    day = next(n["day"] for n in oura.truth("sleep", "2026-02-01", "2026-03-30", user=UTC_USER) if n["type"] == "sleep")
    scores = []
    for hour in ("12", "20"):
        oura.now(f"{day}T{hour}:00:00Z")
        scores.append(
            [only(oura.truth(c, day, day, user=UTC_USER))["score"] for c in ("daily_sleep", "daily_readiness")]
        )

    assert scores[1] == [scores[0][0] + 3, scores[0][1] + 2]


def test_heart_rate_stops_at_the_last_sync(oura: Oura) -> None:
    oura.now("2026-04-13T15:07:00Z")
    rows = oura.truth("heartrate", "2026-04-13", "2026-04-14", user=UTC_USER)

    assert "2026-04-13T14:30" < rows[-1]["timestamp"] <= "2026-04-13T15:00:00.000Z"


def test_rest_mode_is_open_until_it_ends(oura: Oura) -> None:
    closed = next(p for p in oura.truth("rest_mode_period", user=UTC_USER) if p["end_day"])
    oura.now(f"{closed['start_day']}T12:00:00Z")
    during = next(p for p in oura.truth("rest_mode_period", user=UTC_USER) if p["id"] == closed["id"])

    assert (during["end_day"], during["end_time"]) == (None, None)


def test_nothing_is_returned_for_the_future(oura: Oura) -> None:
    oura.now("2026-01-10T12:00:00Z")

    for collection in ("daily_activity", "sleep", "workout", "enhanced_tag", "heartrate", "ring_battery_level"):
        assert oura.truth(collection, "2026-01-12", "2026-03-01") == []


def test_the_clock_runs_by_itself_unless_it_is_set(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(today=None)
    first = oura.admin("GET", "clock")["now"]

    assert oura.admin("GET", "clock")["now"] > first


def test_the_test_clock_stands_still_until_it_is_moved() -> None:
    with running(accounts=1, days=1) as simulator:
        start = simulator.now()
        grows = simulator.documents("user-1", "heartrate")
        time.sleep(0.01)
        assert simulator.now() == start
        assert simulator.documents("user-1", "heartrate") == grows

        simulator.set_clock(start + timedelta(days=1))
        assert simulator.now() == start + timedelta(days=1)
        assert len(simulator.documents("user-1", "heartrate")) > len(grows)

        simulator.reset()
        assert simulator.now() == start
