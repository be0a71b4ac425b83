"""Purging: what Oura deleted leaves the raw tables; what was not read completely stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from typing import Any

import pytest
from oura_collector.database.connection import Database
from oura_collector.privacy.purge import removed
from oura_simulator.testing import running
from tap_oura.catalog.collections import COLLECTIONS

from tests.collector_process import Collector, until
from tests.conftest import PERSON

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%DELETE FROM%%'"""


@pytest.fixture(scope="module")
def purged(
    make_database: Callable[..., Database], installed: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Collector, dict[str, Any], str]]:
    """A workout, a nap, a tag and an hour of heart rate were deleted at Oura, then collected, then purged."""
    with running(**PERSON) as simulator:
        collector = Collector(make_database(installed), simulator, tmp_path_factory.mktemp("collector"))
        day = collector.value("SELECT (max(day) - 3)::text FROM oura_raw.daily_sleep")
        gone = {}
        for collection in ("workout", "session", "sleep"):
            documents = simulator.documents("user-1", collection, start="2000-01-01")
            gone[collection] = documents[-1]["id"]
            simulator.edit(user="user-1", collection=collection, op="delete", id=gone[collection])
        simulator.edit(user="user-1", collection="heartrate", op="delete", day=day)
        gone["heartrate"] = day
        before = counts(collector)
        collector.run("--once")
        assert counts(collector) == before, "deletions remove nothing by themselves"
        output = collector.run("purge").output()
        yield collector, gone, output


def counts(collector: Collector) -> dict[str, int]:
    names = ("workout", "session", "sleep", "heartrate", "daily_sleep")
    return {name: collector.value(f"SELECT count(*) FROM oura_raw.{name}") for name in names}


def remove_all(collector: Collector) -> None:
    """Do what `purge` does once the tables are up to date."""
    with collector.database.connect() as connection:
        for each in COLLECTIONS.values():
            removed(connection, each)


@pytest.mark.parametrize("collection", ["workout", "session", "sleep"])
def test_purge_removes_a_document_that_oura_deleted(purged: Any, collection: str) -> None:
    collector, gone, output = purged

    assert collector.rows(f"SELECT id FROM oura_raw.{collection} WHERE id = '{gone[collection]}'") == []
    assert f"oura_raw.{collection} " in output


def test_purge_removes_samples_that_oura_deleted(purged: Any) -> None:
    collector, gone, _ = purged

    assert collector.value(f"SELECT count(*) FROM oura_raw.heartrate WHERE timestamp LIKE '{gone['heartrate']}%%'") == 0


def test_purge_keeps_everything_that_oura_still_has(purged: Any) -> None:
    collector, *_ = purged

    for collection in ("workout", "session", "sleep", "daily_sleep", "enhanced_tag"):
        first = collector.value("SELECT min(day)::text FROM oura_raw.daily_sleep")
        has = {d["id"] for d in collector.simulator.documents("user-1", collection, start=first)}
        kept = {row["id"] for row in collector.rows(f"SELECT id FROM oura_raw.{collection}")}
        assert has <= kept


def test_a_second_purge_finds_nothing(purged: Any) -> None:
    collector, *_ = purged

    assert collector.run("purge").output().endswith("Deleted 0 rows that Oura deleted.\n")


def test_purge_keeps_a_document_whose_day_is_not_in_the_ledger(purged: Any) -> None:
    collector, *_ = purged
    before = counts(collector)
    collector.execute("CREATE TABLE days_kept AS TABLE oura_raw.collection_days")
    collector.execute("TRUNCATE oura_raw.collection_days")

    remove_all(collector)

    assert counts(collector) == before
    collector.execute("INSERT INTO oura_raw.collection_days TABLE days_kept")
    collector.execute("DROP TABLE days_kept")


def test_purge_keeps_a_sample_newer_than_its_days_ledger_row(purged: Any) -> None:
    collector, *_ = purged
    collector.execute(
        "UPDATE oura_raw.collection_days SET document_ids = '{}' WHERE collection = 'workout' AND read_at = "
        "(SELECT max(read_at) FROM oura_raw.collection_days WHERE collection = 'workout' AND count > 0)"
    )
    collector.execute("UPDATE oura_raw.workout SET _sdc_extracted_at = now() AT TIME ZONE 'UTC'")
    before = counts(collector)

    remove_all(collector)

    assert counts(collector) == before


def test_purge_keeps_documents_that_the_tap_could_not_use(purged: Any) -> None:
    collector, *_ = purged
    (workout,) = collector.rows("SELECT user_id, id, day FROM oura_raw.workout ORDER BY day LIMIT 1")
    with collector.database.connect() as connection, connection.transaction(force_rollback=True):
        read = connection.execute(
            "UPDATE oura_staging.int_oura__collection_days SET document_ids = '[]' "
            "WHERE collection = 'workout' AND user_id = %s AND day = %s RETURNING read_at",
            [workout["user_id"], workout["day"]],
        ).fetchall()
        connection.execute("UPDATE oura_raw.workout SET _sdc_extracted_at = _sdc_extracted_at - interval '1 day'")
        for moment in (max(read)[0], max(read)[0] - timedelta(hours=1)):
            connection.execute("DELETE FROM oura_raw.rejected_documents")
            connection.execute(
                "INSERT INTO oura_raw.rejected_documents (user_id, id, collection, document_id, rejected_at) "
                "VALUES (%s, 'x', 'workout', %s, %s)",
                [workout["user_id"], workout["id"], moment.astimezone(UTC).replace(tzinfo=None)],
            )
            removed(connection, COLLECTIONS["workout"])
            left = connection.execute("SELECT count(*) FROM oura_raw.workout WHERE id = %s", [workout["id"]]).fetchone()
            assert left == ((1,) if moment == max(read)[0] else (0,))


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_purge_keeps_a_document_that_is_being_sent_again_in_any_time_zone(purged: Any, zone: str) -> None:
    collector, *_ = purged
    (workout,) = collector.rows("SELECT user_id, id, day FROM oura_raw.workout ORDER BY day LIMIT 1")
    ledger = (
        "UPDATE oura_staging.int_oura__collection_days SET document_ids = %s WHERE collection = 'workout' AND day = %s"
    )
    collector.execute("CREATE TABLE workouts_kept AS TABLE oura_raw.workout")
    collector.execute("CREATE TABLE days_kept AS TABLE oura_staging.int_oura__collection_days")
    collector.execute("UPDATE oura_raw.workout SET _sdc_extracted_at = _sdc_extracted_at - interval '1 day'")
    with collector.database.connect() as purging, collector.database.connect() as loading:
        loading.execute(ledger, ["[]", workout["day"]])
        purging.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        with ThreadPoolExecutor() as pool, loading.transaction():
            loading.execute(
                "UPDATE oura_raw.workout SET _sdc_extracted_at = now() AT TIME ZONE 'UTC' WHERE id = %s",
                [workout["id"]],
            )
            deleting = pool.submit(removed, purging, COLLECTIONS["workout"])
            until(lambda: collector.value(WAITING) == 1, "a purge that waits for the loader")
            loading.execute("SELECT 1")
            waited = not deleting.done()
        left = collector.rows(f"SELECT id FROM oura_raw.workout WHERE id = '{workout['id']}'")
    collector.execute("TRUNCATE oura_raw.workout, oura_staging.int_oura__collection_days")
    collector.execute("INSERT INTO oura_raw.workout TABLE workouts_kept")
    collector.execute("INSERT INTO oura_staging.int_oura__collection_days TABLE days_kept")
    collector.execute("DROP TABLE workouts_kept, days_kept")

    assert waited
    assert len(left) == 1


def test_purge_keeps_samples_with_an_invalid_instant(purged: Any) -> None:
    collector, *_ = purged
    collector.execute("CREATE TABLE kept AS TABLE oura_raw.heartrate")
    for instant in ("", "yesterday", "2026-02-30T10:00:00Z", "0000-00-00"):
        collector.execute(
            "INSERT INTO oura_raw.heartrate SELECT (jsonb_populate_record(kept, jsonb_build_object('timestamp', "
            f"'{instant}'))).* FROM kept LIMIT 1"
        )

    output = collector.run("purge").output()

    assert "oura_raw.heartrate" not in output
    assert collector.value("SELECT count(*) FROM oura_raw.heartrate") == collector.value(
        "SELECT count(*) + 4 FROM kept"
    )
