"""Days that could not be read are counted, reported, and collected again: these days, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.collector_process import Collector

MISSING = "SELECT DISTINCT collection FROM oura_completeness WHERE status = 'our_failure'"


@pytest.fixture(scope="module")
def lacking(make_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """An installation for which Oura had no answer about sleep scores, and which has not run since."""
    with running(accounts=1, days=40) as simulator:
        collector = Collector(make_database(), simulator, tmp_path_factory.mktemp("collector"))
        simulator.fault("status", code=500, collection="daily_sleep", user="user-1")
        collector.run("--once", code=1)
        simulator.reset()
        yield collector


def test_missing_days_are_counted_reported_and_collected_again(lacking: Collector) -> None:
    assert [row["collection"] for row in lacking.rows(MISSING)] == ["daily_sleep"]
    missing = lacking.value("SELECT count(*) FROM oura_completeness WHERE status = 'our_failure'")
    span = lacking.rows(
        "SELECT min(date)::text AS first, max(date)::text AS last FROM oura_completeness WHERE status = 'our_failure'"
    )[0]
    assert f"failed to collect {missing} days" in lacking.run("status", code=1).output()
    bookmarks = lacking.bookmarks()
    lacking.simulator.call("DELETE", "requests")

    lacking.run("repair")

    assert lacking.rows(MISSING) == []
    # The account's name is Oura's to tell.
    requested = [each for each in lacking.simulator.requests() if each["collection"] not in (None, "personal_info")]
    assert {request["collection"] for request in requested} == {"daily_sleep"}
    (read,) = [run for run in lacking.runs() if run["first_day"]]
    assert {"first": str(read["first_day"]), "last": str(read["last_day"])} == span
    assert lacking.value("SELECT count(*) FROM oura_raw.daily_sleep") > 0
    assert lacking.bookmarks() == bookmarks


def test_repair_rereads_values_that_an_older_version_left_in_extra(lacking: Collector) -> None:
    first, second, third = (datetime.now(UTC).date() - timedelta(days=days) for days in (10, 9, 8))
    right = "SELECT id, day, score, extra FROM oura_raw.daily_sleep ORDER BY day, id"
    samples = "SELECT timestamp, source, bpm FROM oura_raw.heartrate WHERE bpm IS NOT NULL ORDER BY 1, 2"
    before, beats, age = (
        lacking.rows(right),
        lacking.rows(samples),
        lacking.value("SELECT age FROM oura_raw.personal_info"),
    )
    lacking.execute(
        "UPDATE oura_raw.daily_sleep SET score = NULL, extra = jsonb_build_object('score', score || '.0') "
        f"WHERE day IN ('{first}', '{second}');"
        "UPDATE oura_raw.heartrate SET bpm = NULL, extra = jsonb_build_object('bpm', bpm || '.0') "
        f"WHERE left(timestamp, 10) IN ('{first}', '{second}');"
        "UPDATE oura_raw.personal_info SET age = NULL, extra = '{\"age\": 35.0}';"
        # What Oura does not have any more cannot become better; what nobody knows is where it belongs.
        "INSERT INTO oura_raw.daily_sleep (user_id, id, day, extra) "
        f"SELECT user_id, 'gone', '{third}', '{{\"score\": 85.0}}' FROM oura_raw.personal_info;"
        "UPDATE oura_raw.workout SET extra = '{\"mood\": 1}';"
    )
    spoilt = lacking.value("SELECT count(*) FROM oura_raw.heartrate WHERE bpm IS NULL AND extra ? 'bpm'")
    lacking.simulator.call("DELETE", "requests")

    reports = lacking.run("repair", "--reread").events("reread")

    assert [{name: each[name] for name in ("rows", "days", "still_stand")} for each in reports] == [
        {"rows": spoilt + 4, "days": 6, "still_stand": 1}
    ]
    assert [row for row in lacking.rows(right) if row["id"] != "gone"] == before
    assert lacking.rows(samples) == beats
    assert lacking.value("SELECT age FROM oura_raw.personal_info") == age
    marts = f"SELECT sleep_score FROM oura_sleep WHERE date IN ('{first}', '{second}') ORDER BY date"
    scores = [row["score"] for row in before if row["day"] in (first, second)]
    assert [row["sleep_score"] for row in lacking.rows(marts)] == scores
    assert all(scores)
    requested = {each["collection"] for each in lacking.simulator.requests()}
    assert requested - {None} == {"daily_sleep", "heartrate", "personal_info"}


def test_repair_runs_nothing_if_nothing_is_missing(lacking: Collector) -> None:
    runs = len(lacking.runs())

    assert lacking.run("repair").events("repair")[0]["days"] == 0
    assert len(lacking.runs()) == runs
