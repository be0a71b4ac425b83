"""The run log: trigger and result of each run, of each account and collection, and the counters of the metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import psycopg
from tap_oura.catalog.collections import EVERY_COLLECTION
from tap_oura.shards import Shard

from oura_collector.database import counters
from oura_collector.database.migrations import migrate
from oura_collector.pipeline.result import FAILED, INTERRUPTED, PARTIAL, SUCCEEDED, Result
from oura_collector.settings import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tap_oura.results import CollectionResult

    from oura_collector.database.connection import Database

FORCE, BACKFILL = "force", "backfill"
ASKED_BY = ("service", "once", FORCE, BACKFILL)

DAYS_KEPT = 400
"""Older runs are deleted; the counters are kept."""

KNOWN_STATUSES = ("200", "400", "401", "403", "404", "422", "429", "500", "502", "503", "504", "unreachable")
OTHER_STATUS = "other"

READ = """
INSERT INTO oura_collector.run_collections AS old VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run_id, user_id, collection) DO UPDATE SET requests = old.requests + excluded.requests"""
IS_NOW = """
INSERT INTO oura_collector.collections AS old
    (shard_index, shard_count, user_id, collection, outcome, reason, message, newest_day, unknown_fields,
    last_success_at, failing_since)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN NULL ELSE now() END, CASE WHEN %s THEN now() END)
ON CONFLICT (user_id, collection) DO UPDATE SET
    shard_index = excluded.shard_index, shard_count = excluded.shard_count,
    outcome = excluded.outcome, reason = excluded.reason, message = excluded.message,
    newest_day = greatest(old.newest_day, excluded.newest_day),
    unknown_fields = excluded.unknown_fields,
    last_success_at = coalesce(excluded.last_success_at, old.last_success_at),
    failing_since = CASE WHEN excluded.failing_since IS NOT NULL
        THEN coalesce(old.failing_since, excluded.failing_since) END"""

BEGIN = """
INSERT INTO oura_collector.runs (asked_by, first_day, last_day, shard_index, shard_count)
VALUES (%s, %s, %s, %s, %s) RETURNING run_id"""

# The bookmarks of a shard stand still while the accounts are divided otherwise: what others loaded they do not know.
CUT_SHORT = """
WITH live AS (
    SELECT *, (shard_index, shard_count) = (%(index)s, %(count)s) AS is_ours FROM oura_collector.runs
    WHERE run_id < %(run)s AND asked_by <> 'backfill'
), last AS (SELECT * FROM live WHERE is_ours ORDER BY run_id DESC LIMIT 1)
SELECT EXISTS (
    SELECT FROM last WHERE outcome IN ('failed', 'interrupted') AND reason IS DISTINCT FROM 'transform'
) OR EXISTS (SELECT FROM live, last WHERE live.shard_count <> %(count)s AND live.run_id > last.run_id)"""
HAS_RUN = """
SELECT EXISTS (
    SELECT FROM oura_collector.runs
    WHERE (shard_index, shard_count) = (%(index)s, %(count)s) AND run_id < %(run)s AND asked_by <> 'backfill'
)"""
# What a run that was cut loaded may have gaps until one goes through that reads the same accounts.
WHOLE_UNTIL = """
WITH live AS (
    SELECT *, outcome IN ('failed', 'interrupted') AND reason IS DISTINCT FROM 'transform' AS is_cut
    FROM oura_collector.runs WHERE run_id < %(run)s AND asked_by <> 'backfill' AND outcome <> 'running'
)
SELECT min(started_at) FROM live AS cut WHERE is_cut AND NOT EXISTS (
    SELECT FROM live WHERE live.run_id > cut.run_id AND NOT live.is_cut
        AND (live.shard_index = cut.shard_index OR live.shard_count <> cut.shard_count)
)"""
HAS_READ = """
SELECT EXISTS (
    SELECT FROM oura_collector.runs JOIN oura_collector.run_collections USING (run_id)
    WHERE runs.outcome IN ('succeeded', 'partial') AND records > 0
)"""

# Accounts and collections that are no longer collected would become stale here and raise alerts.
GONE = """
DELETE FROM oura_collector.collections
WHERE (%(count)s = 1 OR (shard_index, shard_count) = (%(index)s, %(count)s))
    AND NOT (user_id, collection) IN (SELECT * FROM unnest(%(users)s::text[], %(collections)s::text[]))"""
# Once each shard has read what is its own since the accounts are divided like this.
LEFT_BEHIND = """
DELETE FROM oura_collector.collections
WHERE shard_count <> %(count)s AND %(count)s = (
    SELECT count(DISTINCT shard_index) FROM oura_collector.runs
    WHERE shard_count = %(count)s AND asked_by <> 'backfill' AND outcome IN ('succeeded', 'partial') AND run_id > (
        SELECT coalesce(max(run_id), 0) FROM oura_collector.runs
        WHERE shard_count <> %(count)s AND asked_by <> 'backfill'
    )
)"""


class RunLog:
    """Writes the run log. Times are the database's, so a wrong clock of ours does no harm."""

    def __init__(self, database: Database, shard: Shard = WHOLE) -> None:
        self._database, self._shard = database.pooled, shard

    def start(self, asked_by: str, days: tuple[date, date] | None = None) -> int:
        """Insert a run and return its id. Call it with the lock held."""
        with self._database.connect() as connection:
            migrate(connection)
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '60s'")
                connection.execute(
                    "DELETE FROM oura_collector.runs WHERE started_at < now() - make_interval(days => %s)", [DAYS_KEPT]
                )
                row = connection.execute(
                    BEGIN, [asked_by, *(days or (None, None)), self._shard.index, self._shard.count]
                ).fetchone()
        assert row is not None
        return int(row[0])

    def follows_a_cut(self, run_id: int) -> bool:
        """Whether the scheduled run before this one may have loaded rows beyond its bookmarks."""
        with self._database.connect() as connection:
            row = connection.execute(CUT_SHORT, {"run": run_id, **asdict(self._shard)}).fetchone()
        return bool(row and row[0])

    def has_run(self, run_id: int) -> bool:
        """Whether an earlier scheduled run had the same shard of the accounts."""
        with self._database.connect() as connection:
            row = connection.execute(HAS_RUN, {"run": run_id, **asdict(self._shard)}).fetchone()
        return bool(row and row[0])

    def has_read(self) -> bool:
        """Whether any run has ever loaded records, so that tables exist."""
        with self._database.connect() as connection:
            row = connection.execute(HAS_READ).fetchone()
        return bool(row and row[0])

    def finish(self, run_id: int, asked_by: str, result: Result) -> bool:
        """Close a run in one transaction; False if another run has closed it, after it had lost the lock.

        Raises psycopg.Error; the next run to take the lock then closes it.
        """
        live = asked_by != BACKFILL
        with self._database.reach() as connection, connection.transaction():
            row = connection.execute(
                "UPDATE oura_collector.runs SET finished_at = now(), "
                "outcome = %s, reason = %s, message = %s, nothing_new = %s WHERE run_id = %s AND outcome = 'running' "
                "RETURNING extract(epoch FROM now()), extract(epoch FROM now() - started_at)",
                [result.outcome, result.reason, result.message, result.nothing_new, run_id],
            ).fetchone()
            if row is None:
                return False
            for reading in result.collections:
                connection.execute(READ, [run_id, *_entry(reading)])
            for name, labels, value in [*_sums(asked_by, result), ("run_seconds", [asked_by], float(row[1]))]:
                connection.execute(counters.ADD, [name, labels, value])
            _note_quota(connection, self._shard, result.collections)
            if live and result.outcome in (SUCCEEDED, PARTIAL):
                connection.execute(counters.SET, ["last_collection_timestamp", [], float(row[0])])
            if live:
                _note_how_it_is(connection, self._shard, result)
        return True

    def remember(self, name: str, labels: list[str]) -> None:
        """Increment a counter outside of a run."""
        with self._database.reach() as connection:
            connection.execute(counters.ADD, [name, labels, 1])


def _entry(reading: CollectionResult) -> list[object]:
    return [
        reading.user_id,
        reading.collection,
        sum(reading.requests.values()),
        reading.records,
        reading.newest_day,
        reading.status,
        reading.reason,
        reading.message,
    ]


def _sums(asked_by: str, result: Result) -> Iterable[tuple[str, list[str], float]]:
    yield "collections", [asked_by, result.outcome], 1
    errors = Counter(reading.reason for reading in result.failures)
    if result.outcome in (FAILED, INTERRUPTED) and result.reason not in errors:
        errors[result.reason] += 1
    for reason, count in errors.items():
        yield "errors", [reason or "error"], count
    requests: Counter[str] = Counter()
    for reading in result.collections:
        for status, count in reading.requests.items():
            requests[status if status in KNOWN_STATUSES else OTHER_STATUS] += count
        if reading.requests:
            yield "collection_requests", [reading.collection], sum(reading.requests.values())
        if reading.records:
            yield "records", [reading.collection], reading.records
    for status, count in requests.items():
        yield "api_requests", [status], count


def _note_quota(connection: psycopg.Connection, shard: Shard, collections: Iterable[CollectionResult]) -> None:
    told = [each.rate_limit_remaining for each in collections if each.rate_limit_remaining is not None]
    labels = [] if shard.is_whole else [str(shard)]
    if told:
        connection.execute(counters.SET, ["rate_limit_remaining", labels, min(told)])
    else:  # What an earlier run was told is over.
        connection.execute(
            "DELETE FROM oura_collector.counters WHERE name = 'rate_limit_remaining' AND (labels = %s OR %s)",
            [labels, shard.is_whole],
        )


def _note_how_it_is(connection: psycopg.Connection, shard: Shard, result: Result) -> None:
    read = [reading for reading in result.collections if reading.status != "unread"]
    for reading in read:
        how = [reading.status, reading.reason, reading.message, reading.newest_day, reading.unknown_fields]
        whose = [shard.index, shard.count, reading.user_id, reading.collection]
        connection.execute(IS_NOW, [*whose, *how, reading.failed, reading.failed])
    whole = result.outcome in (SUCCEEDED, PARTIAL) and all(reading.collection != EVERY_COLLECTION for reading in read)
    if whole and (read or not shard.is_whole):
        names = {"users": [each.user_id for each in read], "collections": [each.collection for each in read]}
        connection.execute(GONE, {**asdict(shard), **names})
        connection.execute(LEFT_BEHIND, asdict(shard))
