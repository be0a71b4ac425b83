"""The result of a run, from its report and its exit code; and what of the log is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from oura_collector.pipeline.result import Log, Result, RunReport, conclude

READ_ALL = {"type": "end", "exit_code": 0}
READ_NOTHING = {"type": "end", "exit_code": 1}
CUT_OFF = {"type": "end", "exit_code": 141}
BUILD_BEGAN: dict[str, Any] = {"type": "build", "exit_code": None, "failures": [], "nothing_new": False}


@pytest.fixture
def reported(tmp_path: Path) -> Any:
    """Return a report that was read from a file with these lines."""

    def read(*lines: dict[str, Any] | str) -> RunReport:
        file = tmp_path / "run-report"
        file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        report = RunReport()
        report.read(file)
        return report

    return read


def logged(*events: dict[str, Any] | str) -> Log:
    log = Log()
    for event in events:
        log.take(event if isinstance(event, str) else json.dumps(event))
    return log


def by(name: str, event: str) -> dict[str, Any]:
    return {"name": name, "event": event, "level": "error"}


def block(kind: str = "ExtractLoadBlocks", **exit_codes: int) -> dict[str, Any]:
    """What Meltano logs of a block that failed."""
    return {"event": "Block run completed", "success": False, "block_type": kind, "exit_codes": exit_codes}


def read(collection: str, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {
        "type": "collection",
        "collection": collection,
        "user_id": "user-1",
        "status": status,
        "reason": None,
        "message": None,
        "requests": {"200": 2},
        "records": 31,
        "newest_day": "2026-03-31",
        "rate_limit_remaining": None,
        "unknown_fields": 0,
        **more,
    }


def failed(collection: str, reason: str = "scope") -> dict[str, Any]:
    return read(collection, "failed", reason=reason, message="Oura refuses")


def built(exit_code: int | None, *failures: str, nothing_new: bool = False) -> dict[str, Any]:
    return {"type": "build", "exit_code": exit_code, "failures": failures, "nothing_new": nothing_new}


def test_a_run_that_read_everything_succeeds_with_its_counts(reported: Any) -> None:
    result = conclude(reported(read("sleep"), read("workout"), READ_ALL, BUILD_BEGAN, built(0)), Log(), 0)

    assert (result.outcome, result.exit_code, result.message) == ("succeeded", 0, None)
    assert [(each.collection, each.records, each.requests) for each in result.collections] == [
        ("sleep", 31, {"200": 2}),
        ("workout", 31, {"200": 2}),
    ]


def test_one_failed_collection_makes_the_run_partial_and_is_named(reported: Any) -> None:
    result = conclude(reported(read("sleep"), failed("workout"), failed("session"), READ_ALL), Log(), 0)

    assert (result.outcome, result.reason, result.exit_code) == ("partial", "scope", 1)
    assert result.message == "workout of user-1: Oura refuses (and 1 more)"


def test_a_failure_of_a_whole_account_is_told_once(reported: Any) -> None:
    dead = [failed(name, "token") for name in ("sleep", "workout", "session")]
    other = {**failed("workout"), "user_id": "user-2"}

    result = conclude(reported(read("heartrate"), *dead, other, READ_ALL), Log(), 0)

    assert result.message == "everything of user-1: Oura refuses (and 1 more)"
    assert [str(each) for each in result.causes] == [
        "everything of user-1: Oura refuses",
        "workout of user-2: Oura refuses",
    ]
    assert len(result.failures) == 4


@pytest.mark.parametrize(("reason", "may_pass"), [("server", True), ("rate_limit", True), ("token", False)])
def test_only_temporary_failures_are_retried_soon(reported: Any, reason: str, may_pass: bool) -> None:
    assert conclude(reported(read("sleep"), failed("workout", reason), READ_ALL), Log(), 0).may_pass is may_pass


def test_a_success_is_never_retried_soon() -> None:
    assert not Result("succeeded").may_pass


def test_a_tap_that_read_nothing_fails_with_its_own_reason(reported: Any) -> None:
    result = conclude(reported(failed("*", "token"), READ_NOTHING), logged(block(extractors=1)), 1)

    assert (result.outcome, result.reason) == ("failed", "token")
    assert str(result.message).startswith("everything of user-1")


def test_invalid_settings_are_wrong_usage(reported: Any) -> None:
    problems = ["start_date: '2024-13-01' is no date", "users: there is no account 'x'"]

    result = conclude(reported(*({"type": "settings", "message": problem} for problem in problems)), Log(), 1)

    assert (result.reason, result.exit_code) == ("settings", 2)
    assert result.message == "; ".join(problems)


@pytest.mark.parametrize(
    ("lines", "events", "reason"),
    [
        ([READ_ALL], [block(loaders=1)], "load"),
        ([CUT_OFF], [block(loaders=1, extractors=141)], "load"),
        ([failed("workout"), READ_NOTHING], [block(loaders=1, extractors=1)], "load"),
        ([READ_ALL], [by("target-postgres", "OperationalError: gone"), block(loaders=1)], "database"),
        ([READ_ALL], [by("target-postgres", "OperationalError: No space left on device"), block(loaders=1)], "disk"),
        ([READ_ALL, BUILD_BEGAN, built(1, "test in_range: Got 1 result")], [block("InvokerCommand")], "transform"),
        ([READ_ALL, BUILD_BEGAN], [by("dbt", "Killed"), block("InvokerCommand")], "transform"),
        ([READ_ALL], [by("dbt", "No module named dbt"), block("InvokerCommand")], "transform"),
        ([READ_ALL], [by("dbt", "[Errno 28] No space left on device"), block("InvokerCommand")], "disk"),
        ([READ_ALL, built(1, "model oura_sleep: server closed the connection")], [], "database"),
        ([READ_NOTHING], [by("tap-oura", "KeyError"), block(extractors=1)], "error"),
        ([], [by("tap-oura", "Killed"), block(extractors=-9)], "error"),
        ([], [by("tap-oura", "[Errno 28] No space left on device"), block(extractors=1)], "disk"),
        ([], [by("meltano", "terminating connection"), block(extractors=-9)], "database"),
        ([], ["Traceback (most recent call last):", "no such thing"], "load"),
        ([], ["[Errno 28] No space left on device", "Need help fixing this problem?"], "disk"),
        ([], [by("meltano", "connection to server failed")], "database"),
    ],
)
def test_the_failed_step_is_named_apart_from_its_cause(
    reported: Any, lines: list[Any], events: list[Any], reason: str
) -> None:
    chatter = [by("target-postgres", "Reader 'target-postgres' completed processing 23 lines"), by("tap-oura", "sync")]

    result = conclude(reported(read("sleep"), *lines), logged(*chatter, *events), 1)

    assert (result.outcome, result.reason) == ("failed", reason)


def test_the_wording_of_a_log_line_decides_nothing(reported: Any) -> None:
    report = reported(read("sleep"), READ_ALL, BUILD_BEGAN, built(1, "model oura_sleep: syntax error"))
    words = [by("meltano", "Extractor failed"), by("tap-oura", "tap-oura: users: OperationalError")]

    result = conclude(report, logged(*words), 1)

    assert (result.reason, result.message) == ("transform", "model oura_sleep: syntax error")


def test_a_run_that_only_builds_succeeds(reported: Any) -> None:
    assert conclude(reported(BUILD_BEGAN, built(0)), Log(), 0).outcome == "succeeded"


def test_a_run_without_its_report_is_no_success(reported: Any) -> None:
    result = conclude(reported(read("sleep"), json.dumps(READ_ALL)[:9]), Log(), 0)

    assert (result.outcome, result.reason) == ("failed", "disk")
    assert "DATA_DIR" in str(result.message)
    assert conclude(reported(), Log(), 0).reason == "disk"
    assert conclude(reported(read("sleep"), built(0)), Log(), 0).reason == "disk"


def test_the_exit_code_decides_success(reported: Any) -> None:
    words = logged(by("dbt", "Database Error in model oura_sleep"), by("target-postgres", "OperationalError"))

    assert conclude(reported(read("sleep"), READ_ALL, built(0)), words, 0).outcome == "succeeded"


def test_a_half_written_line_of_a_killed_process_is_skipped(reported: Any) -> None:
    report = reported(read("sleep"), json.dumps(read("workout"))[:40])

    assert [each.collection for each in report.collections] == ["sleep"]


def test_a_process_without_a_report_adds_nothing(tmp_path: Path) -> None:
    report = RunReport()
    report.read(tmp_path / "none")

    assert conclude(report, logged("Cannot start"), 1).reason == "load"


@pytest.mark.parametrize(
    "words",
    [
        "new row violates check\nDETAIL:  Failing row contains (user-1, 2026-03-31, 81).",
        "invalid input\nCONTEXT:  COPY sleep, line 1, column score: 81",
        "IntegrityError: new row violates check\n[SQL: INSERT INTO sleep]\n[parameters: {'score': 81}]",
    ],
)
def test_the_row_that_failed_a_step_is_not_quoted(reported: Any, words: str) -> None:
    log = logged(block(loaders=1))

    passed_on = log.take(json.dumps(by("target-postgres", words)))
    loaded = conclude(reported(READ_ALL), log, 1)
    transformed = conclude(reported(READ_ALL, built(1, f"model oura_sleep: {words}")), log, 1)

    assert passed_on["event"] == words.splitlines()[0]
    assert loaded.message == f"the loader failed: {words.splitlines()[0]}"
    assert transformed.message == f"model oura_sleep: {words.splitlines()[0]}"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ('invalid input syntax for type integer: "81.5"', 'invalid input syntax for type integer: "…"'),
        ('value "99999999999" is out of range for type integer', 'value "…" is out of range for type integer'),
        ('date/time field value out of range: "2026-13-31"', 'date/time field value out of range: "…"'),
        ('malformed array literal: "{81, "a"}"', 'malformed array literal: "…"'),
        ('time zone "Home" not recognized', 'time zone "…" not recognized'),
        (
            'null value in column "score" of relation "oura_sleep"',
            'null value in column "score" of relation "oura_sleep"',
        ),
        ('could not extend file "base/5": No space left', 'could not extend file "base/5": No space left'),
    ],
)
def test_names_of_an_error_are_shown_and_its_values_are_not(reported: Any, words: str, shown: str) -> None:
    said = (
        f"Database Error in model oura_sleep (models/x.sql)\n  {words}\n  LINE 5: select 81\n    ^\n  DETAIL:  Row 81."
    )
    result = conclude(reported(READ_ALL, built(1, f"model oura_sleep: {said}")), Log(), 1)

    assert result.message == f"model oura_sleep: {shown}"
    assert Log().take(json.dumps(by("target-postgres", words)))["event"] == shown


def test_meltanos_general_advice_is_not_reported_as_the_cause() -> None:
    said_last = "Need help fixing this problem? Visit https://melta.no/ for troubleshooting steps"

    assert conclude(RunReport(), logged("Cannot start plugin", said_last), 1).message == (
        "Meltano failed: Cannot start plugin"
    )


def test_a_run_stopped_on_request_is_interrupted_whatever_its_report_says(reported: Any) -> None:
    result = conclude(reported(read("sleep"), READ_NOTHING), Log(), 1, stopped=True)

    assert (result.outcome, result.exit_code) == ("interrupted", 1)


def test_a_failed_collection_beside_a_stopped_loader_does_not_hide_the_loader(reported: Any) -> None:
    report = reported(failed("workout"), READ_ALL)

    assert conclude(report, logged(by("target-postgres", "value too long"), block(loaders=1)), 1).reason == "load"


def test_a_run_that_skips_dbt_says_so_and_succeeds(reported: Any) -> None:
    skipped = built(0, nothing_new=True)

    assert conclude(reported(read("sleep"), skipped, READ_ALL), Log(), 0).nothing_new
    assert conclude(reported(read("sleep"), failed("workout"), skipped, READ_ALL), Log(), 0).nothing_new
    assert not conclude(reported(read("sleep"), built(0), READ_ALL), Log(), 0).nothing_new


@pytest.mark.parametrize("seen", ["oura_sleep is locked by process 7 of PostgreSQL (psql)", None])
def test_a_table_lock_is_a_temporary_failure_and_is_named(reported: Any, seen: str | None) -> None:
    error = "Database Error in model oura_sleep\n  canceling statement due to lock timeout\n  compiled code at x.sql"
    model = f"model oura_sleep: {error}"
    log = Log()
    log.blocked = seen

    result = conclude(reported(READ_ALL, built(1, model)), log, 1)

    assert (result.outcome, result.reason, result.may_pass) == ("failed", "database", True)
    assert (
        result.message
        == f"a lock lasted too long: {seen or 'model oura_sleep: canceling statement due to lock timeout'}"
    )


def test_a_run_that_lost_its_lock_says_so_in_one_line() -> None:
    said_by_postgresql = "(psycopg.errors.ObjectNotInPrerequisiteState) run 7 lost the lock and may not write any more"

    result = conclude(RunReport(), logged(by("meltano", f"{said_by_postgresql}\nCONTEXT:  PL/pgSQL function")), 1)

    assert (result.outcome, result.reason) == ("failed", "database")
    assert result.message == said_by_postgresql
