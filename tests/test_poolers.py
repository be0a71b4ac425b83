"""Behind a real PgBouncer: one run at a time, everything in its schema, and no setting left on shared sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from oura_collector.database.connection import Database
from oura_simulator.testing import Running, running

from tests.collector_process import Collector, until, url
from tests.poolers import pgbouncer
from tests.programs import needs

pytestmark = needs("pgbouncer")

SESSIONS = 6
"""As many as the pool has."""
SETTINGS = ("statement_timeout", "lock_timeout", "search_path", "timezone")
RUNS_IN_PROGRESS = "SELECT count(*) FROM oura_collector.runs WHERE outcome = 'running'"
LEFT = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=1, days=10) as simulator:
        yield simulator


def pooled_sessions(pooled: Database) -> list[tuple[str, ...]]:
    """What somebody else gets of every session in the pool: its settings."""
    with ExitStack() as stack:
        connections = [stack.enter_context(pooled.reach()) for _ in range(SESSIONS)]
        for connection in connections:
            stack.enter_context(connection.transaction())
            connection.execute("SELECT 1")
        return [
            tuple(connection.execute(f"SHOW {name}".encode()).fetchone()[0] for name in SETTINGS)  # type: ignore[index]
            for connection in connections
        ]


def test_behind_a_transaction_pooler_runs_use_the_direct_url(
    make_database: Callable[[], Database], simulator: Running, tmp_path: Path
) -> None:
    database = make_database()
    with pgbouncer(database, "transaction", size=SESSIONS) as pooled:
        way = {"DATABASE_URL": url(pooled), "DATABASE_DIRECT_URL": url(database), "DAYS_TO_BACKFILL": "3"}
        collector = Collector(database, simulator, tmp_path, {**way, "DATA_DIR": str(tmp_path / "data")})
        before = pooled_sessions(pooled)

        refused = collector.run("--once", code=2, DATABASE_DIRECT_URL="")
        assert "set DATABASE_DIRECT_URL to bypass it" in refused.log()
        assert len(refused.log().splitlines()) == 1
        assert simulator.requests() == []

        with collector.serving() as service:
            until(lambda: service.metric("runs_in_progress") == 1, "a run under way")
            collector.run("--once", code=75)
            until(lambda: service.metric("collections_total", outcome="succeeded") == 1, "a first run")
            assert service.get("/health")[0] == 200
        collector.run("--once", code=0)

        until(lambda: collector.value(LEFT) == 0, "the end of the lock", 10)
        schemas = "SELECT schemaname FROM pg_tables WHERE tablename IN ('state', 'runs', 'alembic_version')"
        assert {row["schemaname"] for row in collector.rows(schemas)} == {"meltano", "oura_collector"}
        assert set(pooled_sessions(pooled)) == set(before)
        user = collector.value("SELECT user_id FROM oura_collector.collections LIMIT 1")
        assert collector.bookmarks()
        erased = collector.start("erase", "--user", user, "--yes")
        assert erased.wait() == 0, erased.output()
        output = erased.output()
        assert "nothing was found" in output
        assert "meltano.state" in output
        assert collector.bookmarks() == {}


def test_a_session_pooler_that_keeps_the_search_path_is_enough_for_a_run(
    make_database: Callable[[], Database], simulator: Running, tmp_path: Path
) -> None:
    database = make_database()
    with database.connect() as connection:
        name = database.parameters["dbname"]
        connection.execute(f"ALTER DATABASE {name} SET search_path = meltano, public".encode())
    with pgbouncer(database, "session", ignored="options") as pooled:
        way = {"DATABASE_URL": url(pooled), "DAYS_TO_BACKFILL": "3"}
        collector = Collector(database, simulator, tmp_path, way)
        first = collector.start("--once")
        until(lambda: _is_running(collector), "a run under way")
        collector.run("--once", code=75)
        assert first.wait() == 0, first.log()

        assert collector.value("SELECT count(*) FROM meltano.state") == 1
        until(lambda: collector.value(LEFT) == 0, "the end of the lock", 10)
        assert set(pooled_sessions(pooled)) == {("0", "0", "meltano, public", pooled_sessions(database)[0][3])}


def _is_running(collector: Collector) -> bool:
    try:
        return bool(collector.value(RUNS_IN_PROGRESS) == 1)
    except psycopg.errors.UndefinedTable:
        return False
