"""Stopped, killed or without its database inside a batch: no bookmark is ever beyond the loaded rows."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from oura_collector.database import choice
from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.collector_process import Collector, Process, until
from tests.conftest import NOW

# Each takes minutes, because it waits for grace periods and for runs that were cut short.
pytestmark = pytest.mark.soak

SLOW = """
CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(8); RETURN NULL; END $$;
CREATE TRIGGER slowly AFTER INSERT OR UPDATE ON oura_raw.heartrate FOR EACH STATEMENT EXECUTE FUNCTION slowly();"""
IN_SLOW_COMMIT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


@pytest.fixture(scope="module")
def installed(make_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with running(accounts=1, days=60, today=NOW) as simulator:
        collector = Collector(make_database(), simulator, tmp_path_factory.mktemp("collector"))
        collector.run("--once")
        yield collector


@pytest.fixture
def emptied(installed: Collector) -> Iterator[Collector]:
    """An installation that has collected nothing yet and whose heart rate takes long to commit."""
    installed.execute("DELETE FROM meltano.state")
    for row in installed.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'oura_raw'"):
        installed.execute(f"TRUNCATE oura_raw.{row['tablename']}")
    installed.execute(SLOW)
    yield installed
    installed.execute("DROP FUNCTION slowly() CASCADE")


def in_slow_commit(collector: Collector) -> Process:
    process = collector.start("--once", STOP_SECONDS=collector.settings.get("STOP_SECONDS", "60"))
    until(lambda: collector.value(IN_SLOW_COMMIT) == 1, "a commit that lasts")
    return process


def lost(collector: Collector) -> dict[str, tuple[str, str | None]]:
    """The collections whose bookmark is past the newest row: bookmark and row."""
    found = {}
    for collection, bookmark in collector.bookmarks().items():
        cursor = next(name for name in ("timestamp", "day", "start_day") if has_column(collector, collection, name))
        newest = collector.value(f"SELECT max({cursor})::text FROM oura_raw.{collection}")
        if newest is None or newest[:10] < bookmark[:10]:
            found[collection] = (bookmark, newest)
    return found


def has_column(collector: Collector, table: str, column: str) -> bool:
    return bool(
        collector.rows(
            "SELECT 1 FROM information_schema.columns "
            "WHERE table_schema = 'oura_raw' AND table_name = %s AND column_name = %s",
            table,
            column,
        )
    )


def survivors(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def test_sigterm_in_a_slow_commit_finishes_the_batch_and_moves_the_bookmark(
    emptied: Collector,
) -> None:
    process = in_slow_commit(emptied)

    process.signal(signal.SIGTERM)

    assert process.wait() == 1, process.log()
    assert process.events("run finished")[0]["outcome"] == "interrupted"
    assert emptied.runs()[-1]["outcome"] == "interrupted"
    assert "heartrate" in emptied.bookmarks()
    assert lost(emptied) == {}


def test_a_commit_slower_than_the_grace_period_is_abandoned_and_its_bookmark_stays(emptied: Collector) -> None:
    process = emptied.start("--once", STOP_SECONDS="1")
    until(lambda: emptied.value(IN_SLOW_COMMIT) == 1, "a commit that lasts")
    children = [child.pid for child in psutil.Process(process.popen.pid).children(recursive=True)]

    process.signal(signal.SIGTERM)

    assert process.wait() == 1, process.log()
    assert "heartrate" not in emptied.bookmarks()
    assert lost(emptied) == {}
    until(lambda: survivors(children) == [], "the end of all that the run had started", 10)


def test_the_next_run_recovers_if_all_processes_die_in_a_slow_commit(emptied: Collector) -> None:
    process = in_slow_commit(emptied)
    for each in psutil.Process(process.popen.pid).children(recursive=True):
        os.kill(each.pid, signal.SIGKILL)
    process.signal(signal.SIGKILL)
    process.wait()

    assert "heartrate" not in emptied.bookmarks()
    assert lost(emptied) == {}

    emptied.execute("DROP FUNCTION slowly() CASCADE")
    emptied.execute(SLOW.replace("pg_sleep(8)", "pg_sleep(0)"))
    emptied.run("--once", "--wait")

    assert emptied.runs()[-2]["outcome"] == "interrupted"
    assert lost(emptied) == {}
    first = min(document["timestamp"] for document in emptied.simulator.documents("user-1", "heartrate"))
    expected = len({(d["timestamp"], d["source"]) for d in emptied.simulator.documents("user-1", "heartrate")})
    assert first
    assert emptied.value("SELECT count(*) FROM oura_raw.heartrate") <= expected


def test_no_run_starts_while_a_killed_runs_child_is_alive(emptied: Collector) -> None:
    process = in_slow_commit(emptied)
    process.signal(signal.SIGKILL)
    process.wait()

    assert emptied.value(IN_SLOW_COMMIT) == 1
    emptied.run("--once", code=75)
    emptied.run("--once", "--wait")


def test_the_service_survives_postgres_stopping_in_a_run(tmp_path: Path) -> None:
    # Not below pytest's own folder: PostgreSQL refuses to run as root, and its user could not enter there.
    with tempfile.TemporaryDirectory() as place, running(accounts=1, days=30) as simulator:
        collector = Collector(choice.embedded(Path(place), "app"), simulator, tmp_path)
        try:
            simulator.fault("slow", ms=300)
            with collector.serving(COLLECTION_INTERVAL="5") as service:
                until(lambda: len(simulator.requests()) > 8, "a run under way")
                choice.stop_embedded(Path(place))
                until(lambda: service.get("/health/ready")[0] == 503, "not ready")

                assert service.get("/health")[0] == 503
                assert service.health()["database"] == "unreachable"
                assert service.get("/health/live")[0] == 200
                assert service.metric("database_up") == 0

                collector.run("setup", DATABASE_URL="", DATA_DIR=place)
                simulator.clear_faults()
                until(lambda: service.metric("collections_total", outcome="succeeded") >= 1, "a run that succeeds")
                assert service.get("/health")[0] == 200
            assert collector.value("SELECT count(*) FROM oura_activity") > 10
        finally:
            choice.stop_embedded(Path(place))


def test_the_service_reports_an_oura_outage_and_catches_up_later(
    make_database: Callable[[], Database], tmp_path: Path
) -> None:
    with running(accounts=1, days=30) as simulator:
        collector = Collector(make_database(), simulator, tmp_path, {"MAX_RETRIES": "0"})
        simulator.fault("drop")
        with collector.serving(COLLECTION_INTERVAL="3") as service:
            until(lambda: service.metric("errors_total", reason="unreachable") > 0, "a run that fails")

            assert service.metric("accounts_failing", reason="unreachable") == 1
            assert service.get("/health/live")[0] == service.get("/health/ready")[0] == 200
            assert service.get("/health")[0] == 503

            simulator.clear_faults()
            until(lambda: service.metric("collections_total", outcome="succeeded") >= 1, "a run that succeeds")
            assert service.metric("accounts_failing") == 0
        days = {d["day"] for d in simulator.documents("user-1", "daily_activity")}
        rows = collector.rows("SELECT date::text FROM oura_activity")
        assert {row["date"] for row in rows} <= days
        assert len(rows) >= 18
