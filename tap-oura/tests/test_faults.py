"""Oura's failures: which of them a run survives, reports and repairs."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from oura_simulator.testing import Running

USERS = ["user-1", "user-2", "user-3"]


def scores(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {record["day"]: record["score"] for record in records}


def only(config: dict[str, Any], *collections: str, **settings: Any) -> dict[str, Any]:
    return {**config, "collections": list(collections), **settings}


def test_a_missing_scope_fails_its_collection_and_no_other(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    simulator.fault("scope_401", collection="daily_spo2", user="user-2")

    made = run(only(config, "daily_spo2", "daily_sleep"))

    assert made.code == 1
    assert len(made.failures) == 1
    assert made.failures[0].startswith("daily_spo2 of user-2, 2026-03-01 to ")
    assert "scope" in made.failures[0]
    assert made.bookmark("daily_spo2", "user-2") is None
    assert made.bookmark("daily_spo2", "user-1")
    assert made.of("daily_sleep", "user-2")


def test_an_unstated_missing_scope_differs_from_a_dead_token(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    simulator.fault("expired_401", collection="daily_spo2", user="user-2")

    made = run(only(config, "daily_spo2", "daily_sleep"))

    assert "although the token works" in made.failures[0]
    assert made.of("daily_sleep", "user-2")


def test_a_dead_token_is_reported_once_and_sends_no_more_requests(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    simulator.call("POST", "revoke", {"user": "user-2"})
    try:
        made = run(only(config, "daily_sleep", "daily_spo2", "workout", concurrency=1))
        requested = [request for request in simulator.requests() if request["status"] == 401]
    finally:
        simulator.call("POST", "restore", {"user": "user-2"})

    assert made.code == 1
    assert len(made.failures) == 1
    assert "everything of user-2" in made.failures[0]
    assert len(requested) == 2  # the collection, and whether the token opens anything at all
    assert all(made.of("workout", user) for user in ("user-1", "user-3"))


def test_a_lasting_server_error_fails_its_collection_and_no_other(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    simulator.fault("status", code=500, collection="daily_stress")

    made = run(only(config, "daily_stress", "sleep"))

    assert made.code == 1
    assert [failure.split(",")[0] for failure in made.failures] == [f"daily_stress of {user}" for user in USERS]
    assert all(made.of("sleep", user) for user in USERS)


def test_after_the_faults_the_next_run_closes_every_gap(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("status", code=500, collection="daily_stress")
    simulator.fault("scope_401", collection="daily_spo2", user="user-1")
    chosen = only(config, "daily_stress", "daily_spo2", "workout")
    broken = run(chosen)
    simulator.clear_faults()

    repaired = run(chosen, broken.state)

    assert repaired.code == 0
    for user in USERS:
        for collection in ("daily_stress", "daily_spo2"):
            known = {record["id"] for record in broken.of(collection, user) + repaired.of(collection, user)}
            assert known == {d["id"] for d in simulator.documents(user, collection, start="2026-03-01")}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "code": 503, "times": 1},
        {"kind": "drop", "times": 1},
        {"kind": "cut", "times": 1},
        {"kind": "rate_limit", "tier": "user", "retry_after": 1, "times": 1},
        {"kind": "rate_limit", "tier": "application", "retry_after": None, "times": 1},
        {"kind": "duplicate"},
        {"kind": "empty_page", "times": 1},
        {"kind": "missing_next_token"},
        {"kind": "unknown_field"},
        {"kind": "unknown_enum"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_temporary_faults_and_odd_pages_lose_and_duplicate_nothing(
    fault: dict[str, Any], run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    options = {**fault}
    simulator.fault(options.pop("kind"), collection="sleep", user="user-1", **options)

    made = run(only(config, "sleep"))

    assert (made.code, made.failures) == (0, [])
    ids = [record["id"] for record in made.of("sleep", "user-1")]
    expected = {d["id"] for d in simulator.documents("user-1", "sleep", start="2026-03-01")}
    if fault["kind"] == "missing_next_token":  # Nothing tells such a page from the last one.
        assert set(ids) <= expected
    else:
        assert set(ids) == expected
    assert len(ids) == len(set(ids))


def test_a_page_token_that_comes_back_fails_the_window(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("repeat_token", collection="heartrate", user="user-1")

    made = run(only(config, "heartrate"))

    assert made.code == 1
    assert "page token" in made.failures[0]
    assert made.bookmark("heartrate", "user-1") is None
    assert made.bookmark("heartrate", "user-2")


def test_a_silent_server_is_abandoned_after_the_timeout(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("timeout", seconds=30, collection="workout", user="user-1")

    made = run(only(config, "workout", timeout_seconds=1, max_retries=0))

    assert made.failures[0].endswith("no complete response from Oura (ReadTimeout)")


def test_a_retry_after_beyond_our_limit_fails_the_window_at_once(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    simulator.fault("rate_limit", retry_after=4000, collection="workout", user="user-1")

    made = run(only(config, "workout", max_retries=3))

    assert made.failures[0].endswith("rate limited (tier user, X-RateLimit-Remaining unknown, for 4000 s)")
    requested = [request for request in simulator.requests() if request["user"] == "user-1"]
    assert len(requested) == 1


def test_an_unknown_field_is_kept_and_only_its_name_is_logged(
    run: Any, simulator: Running, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    simulator.fault("unknown_field", field="aura", value="violet", collection="workout")

    with caplog.at_level(logging.WARNING):
        made = run(only(config, "workout"))

    assert all(record["extra"] == {"aura": "violet"} for record in made.of("workout", "user-1"))
    assert "aura" in caplog.text
    assert "violet" not in caplog.text


def test_a_lapsed_membership_is_reported_as_such(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    simulator.call("POST", "membership", {"user": "user-3", "active": False})
    try:
        made = run(only(config, "workout", "daily_sleep"))
    finally:
        simulator.call("POST", "membership", {"user": "user-3", "active": True})

    assert made.code == 1
    assert all("membership" in failure and "user-3" in failure for failure in made.failures)


def test_a_single_unnamed_account_is_named_by_ouras_id(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**only(config, "workout"), "accounts": None, "access_token": "token-2"})

    assert {record["user_id"] for record in made.records["workout"]} == {"user-2"}


def test_a_dead_token_of_the_only_account_exits_with_1(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**only(config, "workout"), "accounts": None, "access_token": "nonsense", "tolerate_failures": True})

    assert made.code == 1
    assert made.records == {}


def test_a_failed_window_stops_neither_the_later_ones_nor_their_account(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = only(config, "sleep", start_date="2026-02-01", max_retries=0, concurrency=1)
    simulator.fault("status", code=500, collection="sleep", user="user-1", times=1)

    broken = run(chosen)
    repaired = run(chosen, broken.state)

    assert broken.failures == ["sleep of user-1, 2026-02-01 to 2026-03-02: Oura responds with 500"]
    assert min(record["day"] for record in broken.of("sleep", "user-1")) >= "2026-03-03"
    assert broken.bookmark("sleep", "user-1") is None
    assert min(record["day"] for record in repaired.of("sleep", "user-1")) < "2026-02-05"
