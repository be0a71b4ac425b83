"""The tap's metrics: one line per account and collection, and every request in exactly one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from oura_simulator.testing import Running
from singer_sdk.metrics import Point, get_metrics_logger
from tap_oura.errors import SettingsError


@pytest.fixture
def points() -> Iterator[list[dict[str, Any]]]:
    """The tags of each line, with its `value`."""
    lines: list[dict[str, Any]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            point = record.args[0] if isinstance(record.args, tuple) and record.args else None
            if isinstance(point, Point) and point.metric.value == "collection_read":
                lines.append({**point.tags, "value": point.value})

    listener, logger = Listener(), get_metrics_logger()
    before = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(listener)
    logger.setLevel(before)


def counted(lines: list[dict[str, Any]]) -> int:
    return sum(sum(line["requests"].values()) for line in lines)


def test_every_request_is_in_exactly_one_metric(
    run: Any, simulator: Running, config: dict[str, Any], points: list[dict[str, Any]]
) -> None:
    simulator.fault("scope_401", collection="daily_spo2", user="user-1")
    simulator.fault("expired_401", collection="workout", user="user-2")
    simulator.fault("status", code=500, collection="sleep", times=1)

    run({**config, "collections": ["daily_spo2", "sleep", "workout"]})

    assert counted(points) == len(simulator.requests())
    assert sum(line["requests"].get("500", 0) for line in points) == 1


def test_a_metric_line_has_records_newest_day_and_failure_reason(
    run: Any, simulator: Running, config: dict[str, Any], points: list[dict[str, Any]]
) -> None:
    simulator.fault("scope_401", collection="daily_sleep", user="user-2")

    made = run({**config, "collections": ["daily_sleep"]})

    lines = {line["context"]["user_id"]: line for line in points}
    assert lines["user-1"]["status"] == "succeeded"
    assert lines["user-1"]["value"] == len(made.of("daily_sleep", "user-1"))
    assert lines["user-1"]["newest_day"] == made.bookmark("daily_sleep", "user-1")
    assert (lines["user-2"]["status"], lines["user-2"]["reason"]) == ("failed", "scope")


def test_an_exhausted_quota_is_reported_until_a_response_changes_it(
    run: Any, simulator: Running, config: dict[str, Any], points: list[dict[str, Any]]
) -> None:
    simulator.fault("rate_limit", user="user-1", times=1, retry_after=0)
    simulator.fault("rate_limit", user="user-2", retry_after=0)

    run({**config, "collections": ["daily_sleep"]})

    remaining = {line["context"]["user_id"]: line["rate_limit_remaining"] for line in points}
    assert remaining == {"user-1": None, "user-2": 0, "user-3": None}


def test_only_the_named_users_are_read(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**config, "collections": ["daily_sleep"], "users": ["user-2"]})

    assert {record["user_id"] for record in made.records["daily_sleep"]} == {"user-2"}


def test_an_unknown_user_is_named(run: Any, config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="users: there is no account 'user-9'; the accounts are user-1, user-2"):
        run({**config, "users": ["user-9"]})
