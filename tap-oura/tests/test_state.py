"""Bookmarks: what moves them, what does not, and what editing them does."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from urllib.parse import parse_qs

from oura_simulator.testing import Running


def days(records: list[dict[str, Any]]) -> list[str]:
    return sorted(record["day"] for record in records)


def test_the_bookmark_is_the_newest_day_seen_by_account(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**config, "collections": ["daily_sleep"]})

    for user in ("user-1", "user-2", "user-3"):
        assert made.bookmark("daily_sleep", user) == min(days(made.of("daily_sleep", user))[-1], "2026-03-31")


def test_the_next_run_reads_the_lookback_again(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**config, "collections": ["daily_sleep"], "lookback_days": 5, "skip_unchanged": False}

    again = run(chosen, run(chosen).state)

    assert days(again.of("daily_sleep", "user-2"))[0] == "2026-03-26"


def test_a_week_that_arrives_late_is_read_in_the_next_run(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**config, "collections": ["daily_sleep", "heartrate"]}
    simulator.edit(user="user-1", op="late", start="2026-03-20", end="2026-03-26")
    before = run(chosen)

    simulator.edit(user="user-1", op="arrive")
    after = run(chosen, before.state)

    assert not set(days(before.of("daily_sleep", "user-1"))) & {"2026-03-21", "2026-03-25"}
    assert {"2026-03-21", "2026-03-25"} <= set(days(after.of("daily_sleep", "user-1")))
    late = [row for row in after.of("heartrate", "user-1") if "2026-03-21" <= row["timestamp"] < "2026-03-26"]
    assert late


def test_without_a_sync_the_bookmark_stays_where_the_data_ends(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    simulator.edit(user="user-1", op="late", start="2026-03-10", end="2026-04-02")

    made = run({**config, "collections": ["daily_sleep"]})

    assert made.bookmark("daily_sleep", "user-1") <= "2026-03-09"


def test_a_lagging_account_rereads_the_lookback_after_the_start_date_moved(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": ["daily_sleep"]}
    simulator.edit(user="user-1", op="late", start="2026-03-15", end="2026-04-02")
    lagging = run({**chosen, "start_date": "2026-02-05"})
    assert lagging.bookmark("daily_sleep", "user-1") == "2026-03-14"
    simulator.edit(user="user-1", op="arrive")
    scored = simulator.documents("user-1", "daily_sleep", start="2026-03-01", end="2026-03-10")
    changed = next(document["day"] for document in scored if document["score"] is not None)
    simulator.edit(user="user-1", collection="daily_sleep", op="rescore", day=changed, score=41)

    again = run({**chosen, "start_date": "2026-03-20"}, lagging.state)

    sent = days(again.of("daily_sleep", "user-1"))
    assert sent[0] == changed
    assert sent[1] >= "2026-03-15"


def test_a_rewound_bookmark_reads_from_there(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**config, "collections": ["daily_sleep"]}
    state = deepcopy(run(chosen).state)
    state["bookmarks"]["daily_sleep"]["partitions"][0]["replication_key_value"] = "2026-02-10"

    again = run(chosen, state)

    assert days(again.of("daily_sleep", "user-1"))[0] == "2026-02-10"
    assert not again.of("daily_sleep", "user-2")
    assert again.bookmark("daily_sleep", "user-1") >= "2026-03-30"


def test_a_collections_bookmark_applies_to_accounts_without_their_own(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    state = {"bookmarks": {"daily_sleep": {"replication_key_value": "2026-02-10"}}}

    made = run({**config, "collections": ["daily_sleep"]}, state)

    assert days(made.of("daily_sleep", "user-3"))[0] == "2026-02-10"


def test_an_invalid_bookmark_fails_its_collection_by_name(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**config, "collections": ["daily_sleep", "workout"]}
    state = deepcopy(run(chosen).state)
    state["bookmarks"]["daily_sleep"]["partitions"][1]["replication_key_value"] = "yesterday"

    again = run(chosen, state)

    assert again.code == 1
    assert [failure.split(",")[0] for failure in again.failures] == ["daily_sleep of user-2"]


def test_a_range_in_the_past_does_not_move_a_newer_bookmark(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": ["daily_sleep"]}
    live = run(chosen)

    past = run({**chosen, "start_date": "2026-02-10", "end_date": "2026-02-20"}, live.state)

    assert past.bookmark("daily_sleep", "user-1") == live.bookmark("daily_sleep", "user-1")


def test_the_state_has_bookmarks_and_the_day_ledger_of_the_lookback(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    made = run(config)

    for stream, state in made.state["bookmarks"].items():
        assert state.keys() <= {"partitions"}, stream
        for partition in state.get("partitions", []):
            assert partition.keys() <= {"context", "replication_key", "replication_key_value", "days"}
            assert partition["days"].keys() <= {"bookmark", "since", "until", "read_at", "days"}
            assert partition["context"].keys() == {"user_id"}


def test_a_series_is_read_a_utc_day_beyond_a_first_day_and_no_further_in_the_next_run(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": ["heartrate"], "users": ["user-1"]}

    def first_day(start_date: str, state: Any) -> tuple[str, Any]:
        simulator.call("DELETE", "requests")
        state = run({**chosen, "start_date": start_date}, state).state
        requests = [each for each in simulator.requests() if each["collection"] == "heartrate"]
        return min(parse_qs(each["query"])["start_datetime"][0] for each in requests), state

    first, state = first_day("2026-03-25", None)
    assert first == "2026-03-23T23:59:59Z"
    for _ in range(2):
        again, state = first_day("2026-03-25", state)
        assert again == first

    (partition,) = state["bookmarks"]["heartrate"]["partitions"]
    partition["replication_key_value"] = "2026-03-10"
    assert first_day("2026-03-25", state)[0] == "2026-03-08T23:59:59Z"
    assert first_day("0001-01-01", None)[0] == "1999-12-30T23:59:59Z"
