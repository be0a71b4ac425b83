"""Shards: several collectors on one database at the same time build the tables that one would."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from oura_collector.database.connection import Database
from oura_collector.database.lock import Busy, only_run
from oura_collector.runs.run_log import RunLog
from oura_simulator.testing import Running, running
from tap_oura.shards import Shard

from tests.collector_process import Collector, Rows, until
from tests.conftest import NOW

NAMES = ("account-5", "account-1", "account-3", "account-2")
"""In shards 1, 0, 0 and 1 of two."""
SHARDS = 2
AT_THE_GATE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%oura_collector.runs%'"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=len(NAMES), days=20, today=NOW) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def install(
    make_database: Callable[[], Database], simulator: Running, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Collector]:
    """Makes installations, each with a database of its own, for the same four people."""

    def make() -> Collector:
        people = "\n".join(f"{name}: token-{number}" for number, name in enumerate(NAMES, start=1))
        return Collector(
            make_database(),
            simulator,
            tmp_path_factory.mktemp("collector"),
            settings={
                "OURA_API_TOKEN": "",
                "MULTI_USER_MODE": "true",
                "USER_MAPPING": people,
                "DAYS_TO_BACKFILL": "5",
            },
        )

    return make


def marts(collector: Collector) -> dict[str, Rows]:
    """All reporting tables by name, without the times at which things were read and built."""
    tables = collector.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
    )
    found = {}
    for table in (row["relname"] for row in tables):
        rows = collector.rows(f"SELECT to_jsonb(t) - %s::text[] AS row FROM public.{table} AS t", list(WHEN))
        found[table] = sorted((row["row"] for row in rows), key=lambda row: json.dumps(row, sort_keys=True))
    return found


WHEN = ("changed_at", "loaded_at", "read_at", "first_seen_at", "last_seen_at", "updated_at")


def shard_settings(shard: int) -> dict[str, str]:
    return {"SHARD_INDEX": str(shard), "SHARD_COUNT": str(SHARDS)}


def once(collector: Collector, shard: int, *arguments: str, code: int = 0) -> None:
    collector.run("--once", *arguments, code=code, **shard_settings(shard))


def side_by_side(collector: Collector) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda shard: once(collector, shard, "--wait"), range(SHARDS)))


@pytest.fixture(scope="module")
def sharded(install: Callable[[], Collector]) -> Collector:
    """Two shards that began at the same moment on an empty database."""
    collector = install()
    side_by_side(collector)
    return collector


def test_shards_build_the_same_tables_as_one_collector(install: Callable[[], Collector], sharded: Collector) -> None:
    single = install()
    single.run("--once")

    one, several = marts(single), marts(sharded)

    assert len(one["oura_heart_rate"]) > 4000
    assert several.keys() == one.keys()
    for table, rows in one.items():
        assert several[table] == rows, table


def test_each_shard_keeps_the_bookmarks_of_its_own_accounts(sharded: Collector) -> None:
    states = {
        row["state_id"]: json.loads(row["completed_state"])["singer_state"]["bookmarks"]["daily_sleep"]["partitions"]
        for row in sharded.rows("SELECT state_id, completed_state FROM meltano.state")
    }

    assert {state: sorted(each["context"]["user_id"] for each in found) for state, found in states.items()} == {
        "prod:tap-oura-to-target-postgres:shard-0-of-2": ["account-1", "account-3"],
        "prod:tap-oura-to-target-postgres:shard-1-of-2": ["account-2", "account-5"],
    }


def test_concurrent_shards_continue_from_their_own_bookmarks(sharded: Collector) -> None:
    before = sharded.value("SELECT max(run_id) FROM oura_collector.runs")

    with sharded.database.reach() as gate, gate.transaction():
        gate.execute("LOCK TABLE oura_collector.runs IN SHARE MODE")
        shards = [sharded.start("--once", **shard_settings(number)) for number in range(SHARDS)]
        until(lambda: sharded.value(AT_THE_GATE) == SHARDS, "both begin at the same moment", 60)
    assert [shard.wait() for shard in shards] == [0] * SHARDS, [shard.log() for shard in shards]

    count = "SELECT sum(records) AS records FROM oura_collector.run_collections WHERE run_id > %s AND collection = %s"
    assert sharded.rows(count, before, "workout") == [{"records": 0}]
    assert sharded.value("SELECT count(*) FROM meltano.state") == SHARDS


def test_the_run_log_separates_shards_and_status_lists_all_accounts(sharded: Collector) -> None:
    assert {(run["shard_index"], run["shard_count"], run["outcome"]) for run in sharded.runs()} == {
        (0, 2, "succeeded"),
        (1, 2, "succeeded"),
    }
    output = sharded.run("status").output()
    assert output.startswith(f"{len(NAMES)} accounts: {len(NAMES)} fine\n")


def test_a_failure_in_one_shard_is_reported_after_another_succeeds(sharded: Collector, simulator: Running) -> None:
    simulator.fault("status", code=500, user="user-1", collection="sleep")  # account-5's
    once(sharded, 1, code=1)
    once(sharded, 0)
    simulator.clear_faults()

    (line,) = [line for line in sharded.run("status", code=1).output().splitlines() if line.startswith("account-")]
    assert line.startswith("account-5: sleep (since ")
    once(sharded, 1)
    assert "account-5" not in sharded.run("status").output()


def test_a_watching_service_shows_the_runs_of_others_and_starts_none(install: Callable[[], Collector]) -> None:
    collector = install()
    with collector.serving("--watch", COLLECTION_INTERVAL="1") as service:
        with only_run(collector.database, shard=0):
            RunLog(collector.database, Shard(0, SHARDS)).start("once")
            until(lambda: service.metric("runs_in_progress") == 1, "the run of another", 60)

        assert service.health()["next_run_in_seconds"] is None
        service.process.signal(signal.SIGTERM)
        assert service.process.wait() == 0
    # One that collects would have begun at its start, and would say at the end of the run when the next one is due.
    assert service.process.events("service started")
    assert service.process.events("next run planned") == []
    assert [run["shard_count"] for run in collector.runs()] == [SHARDS]


def test_a_shard_shares_the_database_with_other_shards_only(install: Callable[[], Collector]) -> None:
    database = install().database

    with only_run(database, shard=0) as first:
        with pytest.raises(Busy), only_run(database, shard=0):
            pass
        with pytest.raises(Busy), only_run(database):
            pass
        with only_run(database, shard=1):
            pass
        assert first.alone()
        with pytest.raises(Busy), only_run(database, shard=1):
            pass
    with only_run(database), pytest.raises(Busy), only_run(database, shard=1):
        pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"SHARD_INDEX": "2", "SHARD_COUNT": "2"}, "SHARD_INDEX: 2 is too large; with SHARD_COUNT 2 the last is 1"),
        ({"SHARD_INDEX": "-1"}, "SHARD_INDEX: "),
        ({"SHARD_COUNT": "0"}, "SHARD_COUNT: "),
    ],
)
def test_an_invalid_shard_is_one_line(install: Callable[[], Collector], settings: dict[str, str], message: str) -> None:
    output = install().run("--once", code=2, **settings).log()

    assert output.startswith(f"collect.py: {message}")
    assert len(output.splitlines()) == 1
