"""The stream of failures: whose they are, and when a row of it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oura_simulator.testing import Running
from tap_oura.credentials.record import Record
from tap_oura.credentials.stores import open_vault

from .test_faults import only


def test_a_dead_token_without_a_name_fails_the_account_that_the_state_knows(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    single = {**only(config, "workout"), "accounts": None, "access_token": "token-2"}
    good = run(single)

    dead = run({**single, "access_token": "nonsense"}, good.state)
    mended = run(single, dead.state)

    assert dead.code == 1
    assert dead.failures[0].startswith("everything of user-2")
    (row,), (over,) = dead.records["collection_failures"], mended.records["collection_failures"]
    assert (row["user_id"], row["collection"], row["reason"]) == ("user-2", "*", "token")
    assert (over["user_id"], bool(over["recovered_at"])) == ("user-2", True)


def test_a_failure_without_a_name_is_over_once_oura_has_told_the_name(
    run: Any, simulator: Running, config: dict[str, Any], tmp_path: Path
) -> None:
    with open_vault(str(tmp_path)).open("user-1") as entry:
        entry.write(Record("token-1"))
    chosen = {**only(config, "workout"), "accounts": None, "token_store": str(tmp_path)}

    dead = run({**chosen, "access_token": "nonsense"})
    mended = run({**chosen, "access_token": "token-2"}, dead.state)

    assert [row["user_id"] for row in dead.records["collection_failures"]] == ["the only account"]
    assert [bool(row["recovered_at"]) for row in mended.records["collection_failures"]] == [True]
    assert "failing" not in mended.state["bookmarks"].get("collection_failures", {})


def test_a_dead_token_without_a_name_fails_with_its_reason_where_the_account_is_chosen(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    dead = run({**only(config, "workout"), "accounts": None, "access_token": "nonsense", "users": ["user-2"]})

    assert dead.code == 1
    assert "Oura rejects the access token" in dead.failures[0]


def test_tolerated_failures_leave_with_zero_and_are_rows(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("status", code=500, collection="daily_stress", user="user-1")

    made = run(only(config, "daily_stress", "workout", tolerate_failures=True))

    assert made.code == 0
    (row,) = made.records["collection_failures"]
    assert (row["user_id"], row["collection"], row["reason"]) == ("user-1", "daily_stress", "server")
    assert row["start_date"] == "2026-03-01"
    assert row["recovered_at"] is None


def test_a_failure_that_is_over_is_written_down_once(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = only(config, "daily_stress", "workout")
    simulator.fault("status", code=500, collection="daily_stress", user="user-1")
    broken = run(chosen)
    simulator.clear_faults()

    mended = run(chosen, broken.state)
    quiet = run(chosen, mended.state)

    (row,) = mended.records["collection_failures"]
    assert row["failed_at"] == broken.records["collection_failures"][0]["failed_at"]
    assert row["recovered_at"] is not None
    assert quiet.records["collection_failures"] == []


def test_a_failure_that_goes_on_unchanged_is_sent_once(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = only(config, "daily_stress", "workout")
    simulator.fault("status", code=500, collection="daily_stress", user="user-1")
    broken = run(chosen)

    again = run(chosen, broken.state)
    after_a_cut = run({**chosen, "forget_days": True}, again.state)

    assert again.code == 1
    assert again.records["collection_failures"] == []
    assert after_a_cut.records["collection_failures"] == broken.records["collection_failures"]


@pytest.mark.parametrize("left_out", [{"accounts": slice(0, 2)}, {"collections": slice(1, 2)}])
def test_what_the_settings_leave_out_fails_no_longer(
    run: Any, simulator: Running, config: dict[str, Any], left_out: dict[str, slice]
) -> None:
    chosen = only(config, "daily_stress", "workout")
    simulator.fault("status", code=500, collection="daily_stress", user="user-3")
    broken = run(chosen)

    without = run({**chosen, **{name: chosen[name][kept] for name, kept in left_out.items()}}, broken.state)

    assert without.code == 0
    assert [bool(row["recovered_at"]) for row in without.records["collection_failures"]] == [True]


def test_what_is_only_not_asked_for_this_time_still_fails(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = only(config, "daily_stress", "workout")
    simulator.fault("status", code=500, collection="daily_stress", user="user-3")
    broken = run(chosen)

    others = run({**chosen, "users": ["user-1"]}, broken.state)

    assert others.records["collection_failures"] == []
    assert others.state["bookmarks"]["collection_failures"] == broken.state["bookmarks"]["collection_failures"]


def test_an_account_that_fails_says_what_was_asked_of_it(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**only(config, "workout", "sleep"), "accounts": [{"user": "user-1", "access_token": "nonsense"}]}

    dead = run(chosen)
    fewer = run({**chosen, "collections": ["sleep"]}, dead.state)

    assert [row["collections"] for row in dead.records["collection_failures"]] == ["sleep, workout"]
    assert [row["collections"] for row in fewer.records["collection_failures"]] == ["sleep"]


def test_a_failing_collection_lists_no_others(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("status", code=500, collection="sleep", user="user-1")

    assert [row["collections"] for row in run(only(config, "sleep")).records["collection_failures"]] == [None]


def test_the_days_of_a_failure_reach_from_its_first_window_to_its_last(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = only(config, "heartrate", accounts=config["accounts"][:1], start_date="2026-01-02", concurrency=1)
    pages = 0  # Requests before the third of four windows, of which the first one fails at once.
    for request in run({**chosen, "end_date": "2026-02-24"}) and simulator.requests():
        pages += "start_datetime=2026-01-28" in request["query"]
    simulator.reset()
    for skip in (0, 1 + pages):
        simulator.fault("status", code=400, collection="heartrate", user="user-1", times=1, skip=skip)

    broken = run(chosen)

    assert [failure.split(", ")[1].partition(":")[0] for failure in broken.failures] == [
        "2026-01-01 to 2026-01-28",
        "2026-02-26 to 2026-03-25",
    ]
    (row,) = broken.records["collection_failures"]
    assert (row["start_date"], row["end_date"]) == ("2026-01-01", "2026-03-25")


@pytest.mark.parametrize(
    "failing", [None, 3, {"user_id": "user-1"}, [None], [{"user_id": "user-1"}], [{"user_id": [], "collection": "*"}]]
)
def test_a_state_of_another_shape_costs_nothing(
    run: Any, simulator: Running, config: dict[str, Any], failing: Any
) -> None:
    simulator.fault("status", code=500, collection="workout", user="user-1")

    made = run(only(config, "workout"), {"bookmarks": {"collection_failures": {"failing": failing}}})

    assert [row["user_id"] for row in made.records["collection_failures"]] == ["user-1"]
    assert made.state["bookmarks"]["collection_failures"]["failing"] == made.records["collection_failures"]
