"""The verdict on a run, from the words of Meltano's log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from oura_collector.pipeline.result import Log, Result, conclude


def said(*events: dict[str, Any] | str) -> Log:
    log = Log()
    for event in events:
        log.take(event if isinstance(event, str) else json.dumps(event))
    return log


def read(collection: str, status: str = "succeeded", **tags: Any) -> dict[str, Any]:
    whole = {
        "stream": collection,
        "context": {"user_id": "user-1"},
        "status": status,
        "reason": None,
        "message": None,
        "requests": {"200": 2},
        "newest_day": "2026-03-31",
        "rate_limit_remaining": None,
        "unknown_fields": 0,
        **tags,
    }
    return {
        "event": "METRIC",
        "name": "tap-oura",
        "metric_info": {"type": "counter", "metric": "collection_read", "value": 31, "tags": whole},
    }


def failed(collection: str, reason: str = "scope") -> dict[str, Any]:
    return read(collection, "failed", reason=reason, message="Oura refuses")


def block(err: str) -> dict[str, Any]:
    return {"event": "Block run completed", "success": False, "err": err, "level": "error"}


def test_all_read_is_a_success_with_its_counts() -> None:
    result = conclude(said(read("sleep"), read("workout")), 0)

    assert (result.outcome, result.exit_code, result.message) == ("succeeded", 0, None)
    assert [(r.collection, r.records, r.requests) for r in result.readings] == [
        ("sleep", 31, {"200": 2}),
        ("workout", 31, {"200": 2}),
    ]


def test_one_failed_collection_makes_it_partial_and_is_named() -> None:
    result = conclude(said(read("sleep"), failed("workout"), failed("session")), 0)

    assert (result.outcome, result.reason, result.exit_code) == ("partial", "scope", 1)
    assert result.message == "workout of user-1: Oura refuses (and 1 more)"


@pytest.mark.parametrize(("reason", "may_pass"), [("server", True), ("rate_limit", True), ("token", False)])
def test_trying_again_soon_makes_sense_only_for_what_may_pass(reason: str, may_pass: bool) -> None:
    assert conclude(said(read("sleep"), failed("workout", reason)), 0).may_pass is may_pass


def test_success_is_never_tried_again_soon() -> None:
    assert not Result("succeeded").may_pass


def test_a_tap_that_read_nothing_has_failed_for_its_own_reason() -> None:
    result = conclude(said(failed("*", "token"), block("Extractor failed")), 1)

    assert (result.outcome, result.reason) == ("failed", "token")
    assert str(result.message).startswith("everything of user-1")


def test_settings_that_cannot_work_are_wrong_usage() -> None:
    line = {"name": "tap-oura", "event": "tap-oura: start_date: '2024-13-01' is no date"}

    result = conclude(said(line, block("Extractor failed")), 1)

    assert (result.reason, result.exit_code) == ("settings", 2)
    assert result.message == "start_date: '2024-13-01' is no date"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([{"name": "target-postgres", "event": "value too long"}, block("Loader failed")], "load"),
        ([{"name": "target-postgres", "event": "OperationalError: gone"}, block("Loader failed")], "database"),
        ([{"name": "dbt", "event": "  Failure in test in_range"}, block("`dbt` failed")], "transform"),
        (["Traceback (most recent call last):", "no such thing"], "load"),
        (["[Errno 28] No space left on device", "Need help fixing this problem?"], "disk"),
        ([{"name": "target-postgres", "event": "OperationalError: No space left on device"}], "disk"),
    ],
)
def test_what_broke_after_the_reading_is_told_apart(events: list[Any], reason: str) -> None:
    assert conclude(said(read("sleep"), *events), 1).reason == reason


@pytest.mark.parametrize(
    "words",
    [
        "new row violates check\nDETAIL:  Failing row contains (user-1, 2026-03-31, 81).",
        "invalid input\nCONTEXT:  COPY sleep, line 1, column score: 81",
        "IntegrityError: new row violates check\n[SQL: INSERT INTO sleep]\n[parameters: {'score': 81}]",
    ],
)
def test_the_row_that_the_loader_stumbled_over_is_not_quoted(words: str) -> None:
    log = said()

    passed_on = log.take(json.dumps({"name": "target-postgres", "event": words, "level": "error"}))
    result = conclude(log, 1)

    assert "81" not in str(passed_on)
    assert "81" not in str(log.everything())
    assert passed_on["event"] == words.splitlines()[0]
    assert result.outcome == "failed"


def test_meltanos_general_advice_is_not_taken_for_the_cause() -> None:
    said_last = "Need help fixing this problem? Visit https://melta.no/ for troubleshooting steps"

    assert conclude(said("Cannot start plugin", said_last), 1).message == "Meltano failed: Cannot start plugin"


def test_a_run_stopped_on_request_is_interrupted_whatever_the_log_says() -> None:
    result = conclude(said(read("sleep"), block("Extractor failed")), 1, stopped=True)

    assert (result.outcome, result.exit_code) == ("interrupted", 1)


def test_a_failed_reading_beside_a_stopped_loader_does_not_hide_the_loader() -> None:
    events = [failed("workout"), {"name": "target-postgres", "event": "value too long"}, block("Loader failed")]

    assert conclude(said(read("sleep"), *events), 1).reason == "load"


def test_a_run_that_left_dbt_alone_says_so_and_is_no_failure() -> None:
    skipped = {"event": "Nothing new since 2026-03-31 08:00:12 UTC: dbt skipped", "name": "dbt", "level": "info"}

    assert conclude(said(read("sleep"), skipped), 0) == Result(
        "succeeded", readings=(*said(read("sleep")).readings,), nothing_new=True
    )
    assert conclude(said(read("sleep"), failed("workout"), skipped), 0).nothing_new
    assert not conclude(said(read("sleep")), 0).nothing_new


@pytest.mark.parametrize("seen", ["oura_sleep is locked by process 7 of PostgreSQL (psql)", None])
def test_a_lock_that_lasts_may_pass_and_is_named_where_it_was_seen(seen: str | None) -> None:
    model = "Database Error in model oura_sleep (models/marts/oura_sleep.sql)"
    log = said(
        {"event": f"{model}\n  canceling statement due to lock timeout", "name": "dbt"}, block("dbt build failed")
    )
    log.blocked = seen

    result = conclude(log, 1)

    assert (result.outcome, result.reason, result.may_pass) == ("failed", "database", True)
    assert result.message == f"a lock lasted too long: {seen or model}"


def test_a_run_that_may_not_write_any_more_says_so_in_one_line() -> None:
    said_by_postgresql = "(psycopg.errors.ObjectNotInPrerequisiteState) run 7 lost the lock and may not write any more"

    result = conclude(said({"event": f"{said_by_postgresql}\nCONTEXT:  PL/pgSQL function", "name": "meltano"}), 1)

    assert (result.outcome, result.reason) == ("failed", "database")
    assert result.message == said_by_postgresql
