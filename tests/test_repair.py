"""Days that could not be read are counted, told, and collected again: these days, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from oura_collector.database import Database
from oura_simulator.testing import running

from tests.operated import Collector

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


def test_missing_days_are_counted_told_and_collected_again(lacking: Collector) -> None:
    assert [row["collection"] for row in lacking.rows(MISSING)] == ["daily_sleep"]
    missing = lacking.value("SELECT count(*) FROM oura_completeness WHERE status = 'our_failure'")
    span = lacking.rows(
        "SELECT min(date)::text AS first, max(date)::text AS last FROM oura_completeness WHERE status = 'our_failure'"
    )[0]
    assert f"{missing} days are missing through our fault" in lacking.run("status", code=1).said()
    bookmarks = lacking.bookmarks()
    lacking.simulator.call("DELETE", "requests")

    lacking.run("repair")

    assert lacking.rows(MISSING) == []
    # The account's name is Oura's to tell.
    asked = [each for each in lacking.simulator.requests() if each["collection"] not in (None, "personal_info")]
    assert {request["collection"] for request in asked} == {"daily_sleep"}
    (read,) = [run for run in lacking.runs() if run["first_day"]]
    assert {"first": str(read["first_day"]), "last": str(read["last_day"])} == span
    assert lacking.value("SELECT count(*) FROM oura_raw.daily_sleep") > 0
    assert lacking.bookmarks() == bookmarks


def test_where_nothing_is_missing_nothing_is_run(lacking: Collector) -> None:
    runs = len(lacking.runs())

    assert lacking.run("repair").events("repair")[0]["days"] == 0
    assert len(lacking.runs()) == runs
