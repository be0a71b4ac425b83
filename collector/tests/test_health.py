"""/health and /metrics, derived from a snapshot."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from oura_collector.pipeline.result import OUTCOMES, REASONS
from oura_collector.runs.completeness import STATUSES, Completeness
from oura_collector.runs.run_log import ASKED_BY
from oura_collector.runs.status import Collection, Snapshot
from oura_collector.service import metrics
from oura_collector.service.health import health
from prometheus_client import generate_latest
from tap_oura.catalog.collections import DEFAULT_COLLECTIONS

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


def row(user: str = "user-1", collection: str = "sleep", reason: str | None = None, **how: Any) -> Collection:
    moment = datetime(2026, 3, 31, 11, tzinfo=UTC)
    known = {
        "last_success_at": moment,
        "failing_since": moment if reason else None,
        "newest_day": date(2026, 3, 31),
        "unknown_fields": 0,
    }
    message = f"because of {reason}" if reason else None
    return Collection(user, collection, "failed" if reason else "succeeded", reason, message, **{**known, **how})


def snapshot(*rows: Collection, last_collection: float = NOW - HOUR / 2) -> Snapshot:
    counters: dict[tuple[str, tuple[str, ...]], float] = {("last_collection_timestamp", ()): last_collection}
    return Snapshot(reachable=True, read_at=NOW, counters=counters, collections=rows)


def health_of(state: Snapshot, up_for: float = 100 * HOUR, impossible: str | None = None) -> dict[str, Any]:
    return health(state, up_for=up_for, interval=HOUR, next_run_in=10.4, impossible=impossible)


def test_health_is_ok_when_everything_works() -> None:
    document = health_of(snapshot(row(), row(collection="workout")))

    assert (document["status"], document["problems"]) == ("ok", [])
    assert document["accounts"][0]["newest_day"] == "2026-03-31"


def test_a_missing_scope_degrades_the_account_and_names_the_collection() -> None:
    document = health_of(snapshot(row(), row(collection="workout", reason="scope")))

    assert document["status"] == "degraded"
    assert document["problems"] == ["workout of user-1: because of scope"]
    assert document["accounts"][0]["state"] == "degraded"


def test_one_dead_account_of_several_is_degraded_and_a_single_one_fails() -> None:
    dead = [row("user-2", collection, "token") for collection in ("sleep", "workout")]

    assert health_of(snapshot(row(), *dead))["status"] == "degraded"
    assert health_of(snapshot(*dead))["status"] == "failing"
    assert health_of(snapshot(*dead))["problems"] == ["everything of user-2: because of token"]


def test_health_fails_without_the_database() -> None:
    assert health_of(replace(snapshot(row()), reachable=False))["status"] == "failing"


@pytest.mark.parametrize(("ago", "status"), [(1.9 * HOUR, "ok"), (2.1 * HOUR, "failing")])
def test_a_collection_is_overdue_after_two_intervals(ago: float, status: str) -> None:
    assert health_of(snapshot(row(), last_collection=NOW - ago))["status"] == status


def test_a_service_that_has_just_started_is_not_overdue() -> None:
    assert health_of(Snapshot(reachable=True, read_at=NOW), up_for=60)["status"] == "ok"


def test_a_run_that_cannot_start_is_reported() -> None:
    document = health_of(snapshot(row()), impossible="could not extend file")

    assert document["status"] == "degraded"
    assert document["problems"] == ["no run can start: could not extend file"]


def test_missing_days_degrade_health_and_name_the_repair_command() -> None:
    days = Completeness({"present": 500, "our_failure": 2}, failed=7)
    document = health_of(replace(snapshot(row()), days=days))

    assert document["status"] == "degraded"
    assert document["problems"] == ["failed to collect 7 days; `collect.py repair` collects them again"]
    assert document["days"]["our_failure"] == 7
    assert document["days"]["recent"] == {**dict.fromkeys(STATUSES, 0), "present": 500, "our_failure": 2}


def test_uncounted_days_do_not_degrade_health() -> None:
    assert health_of(snapshot(row()))["days"] is None
    assert health_of(replace(snapshot(row()), days=Completeness({"ring_not_worn": 9})))["status"] == "ok"


class Fixed:
    """A status that never changes."""

    def __init__(self, state: Snapshot) -> None:
        self.state = state

    def read(self) -> Snapshot:
        return self.state


def exposed(state: Snapshot, *, detailed: bool = False) -> str:
    return generate_latest(metrics.registry(Fixed(state), detailed=detailed)).decode()  # type: ignore[arg-type]


def test_every_label_value_of_an_alert_rule_starts_at_zero() -> None:
    text = exposed(Snapshot())

    for reason in REASONS:
        assert f'oura_collector_errors_total{{reason="{reason}"}} 0.0' in text
    for collection in DEFAULT_COLLECTIONS:
        assert f'oura_collector_records_total{{collection="{collection}"}} 0.0' in text
    for asked_by in ASKED_BY:
        for outcome in OUTCOMES:
            assert f'oura_collector_collections_total{{asked_by="{asked_by}",outcome="{outcome}"}} 0.0' in text
    for status in STATUSES:
        assert f'oura_collector_completeness{{status="{status}"}} 0.0' in text
    assert "oura_collector_gaps 0.0" in text
    assert "\noura_collector_last_collection_timestamp " not in text, "unknown while the database has not answered"
    assert "_created" not in text


@pytest.mark.parametrize("detailed", [False, True])
def test_no_label_names_an_account(detailed: bool) -> None:
    assert "user-1" not in exposed(snapshot(row(), row(collection="workout", reason="scope")), detailed=detailed)


def test_accounts_are_digests_and_only_in_detailed_metrics() -> None:
    state = snapshot(row("user-1"), row("user-2", reason="token"))
    working = f'oura_collector_account_working{{account="{metrics.digest("user-1")}"}} 1.0'
    failing = f'oura_collector_account_working{{account="{metrics.digest("user-2")}"}} 0.0'

    assert working in exposed(state, detailed=True)
    assert failing in exposed(state, detailed=True)
    assert "account_working" not in exposed(state)


def test_newest_data_is_that_of_the_account_furthest_behind() -> None:
    found = metrics.values(snapshot(row("user-1"), row("user-2", newest_day=date(2026, 3, 1))))

    assert found["newest_data_timestamp_seconds"] == {("sleep",): datetime(2026, 3, 1, tzinfo=UTC).timestamp()}


def test_the_remaining_quota_is_the_lower_of_ouras_figure_and_our_count() -> None:
    counted = replace(Snapshot(), busiest_requests=100)

    assert metrics.values(counted)["rate_limit_remaining"] == {(): 4900.0}
    assert metrics.values(replace(counted, quota_told=17.0))["rate_limit_remaining"] == {(): 17.0}
    assert metrics.values(replace(counted, busiest_requests=6000))["rate_limit_remaining"] == {(): 0.0}


def test_every_metric_has_a_help_text_and_the_prefix() -> None:
    text = exposed(snapshot(row()), detailed=True)

    named = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert all(name.startswith("oura_collector_") for name in named)
    assert named == set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
