"""The ledger of runs: who asked, what each account and collection gave, and the sums that the metrics show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import psycopg

from oura_collector.collections import EVERY_COLLECTION
from oura_collector.migrations import migrate
from oura_collector.outcome import FAILED, INTERRUPTED, PARTIAL, SUCCEEDED, Reading, Result

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from oura_collector.database import Database

FORCE, BACKFILL = "force", "backfill"
ASKED_BY = ("service", "once", FORCE, BACKFILL)

DAYS_KEPT = 400
"""Runs older than that are forgotten; the sums are not."""

KNOWN_STATUSES = ("200", "400", "401", "403", "404", "422", "429", "500", "502", "503", "504", "unreachable")
OTHER_STATUS = "other"

COUNT = """
INSERT INTO oura_collector.counters (name, labels, value) VALUES (%s, %s, %s)
ON CONFLICT (name, labels) DO UPDATE SET value = counters.value + excluded.value, updated_at = now()"""
SET = """
INSERT INTO oura_collector.counters (name, labels, value) VALUES (%s, %s, %s)
ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value, updated_at = now()"""
READ = """
INSERT INTO oura_collector.run_collections AS old VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run_id, user_id, collection) DO UPDATE SET requests = old.requests + excluded.requests"""
IS_NOW = """
INSERT INTO oura_collector.collections AS old
    (user_id, collection, outcome, reason, message, newest_day, unknown_fields, last_success_at, failing_since)
VALUES (%s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN NULL ELSE now() END, CASE WHEN %s THEN now() END)
ON CONFLICT (user_id, collection) DO UPDATE SET
    outcome = excluded.outcome, reason = excluded.reason, message = excluded.message,
    newest_day = greatest(old.newest_day, excluded.newest_day),
    unknown_fields = excluded.unknown_fields,
    last_success_at = coalesce(excluded.last_success_at, old.last_success_at),
    failing_since = CASE WHEN excluded.failing_since IS NOT NULL
        THEN coalesce(old.failing_since, excluded.failing_since) END"""

KNOWN_USERS = "SELECT DISTINCT user_id FROM oura_collector.collections WHERE collection <> %s"
ALL_FAIL = """
UPDATE oura_collector.collections
SET outcome = 'failed', reason = %s, message = %s, failing_since = coalesce(failing_since, now()) WHERE user_id = %s"""


CUT_SHORT = """
SELECT outcome IN ('failed', 'interrupted') AND reason IS DISTINCT FROM 'transform' FROM oura_collector.runs
WHERE run_id < %s AND asked_by <> 'backfill' ORDER BY run_id DESC LIMIT 1"""


class Ledger:
    """Writes the books. Times are the database's own, so a wrong clock of ours does no harm."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, asked_by: str, days: tuple[date, date] | None = None) -> int:
        """Open a run and return its number. To be called with the lock held: any run still open is then dead."""
        with self._database.connect() as connection:
            migrate(connection)
            with connection.transaction():
                dead = connection.execute(
                    "UPDATE oura_collector.runs SET outcome = 'interrupted', reason = 'interrupted', "
                    "finished_at = now(), message = 'its process ended before it did' "
                    "WHERE outcome = 'running' RETURNING asked_by"
                ).fetchall()
                for (whose,) in dead:
                    connection.execute(COUNT, ["collections", [whose, INTERRUPTED], 1])
                    connection.execute(COUNT, ["errors", [INTERRUPTED], 1])
                connection.execute(
                    "DELETE FROM oura_collector.runs WHERE started_at < now() - make_interval(days => %s)", [DAYS_KEPT]
                )
                row = connection.execute(
                    "INSERT INTO oura_collector.runs (asked_by, first_day, last_day) VALUES (%s, %s, %s) "
                    "RETURNING run_id",
                    [asked_by, *(days or (None, None))],
                ).fetchone()
        assert row is not None
        return int(row[0])

    def follows_a_cut(self, run_id: int) -> bool:
        """Whether the live run before this one may have loaded rows that its bookmarks do not know of."""
        with self._database.connect() as connection:
            row = connection.execute(CUT_SHORT.encode(), [run_id]).fetchone()
        return bool(row and row[0])

    def finish(self, run_id: int, asked_by: str, result: Result) -> None:
        """Close a run in one transaction. Raises psycopg.Error; what is lost then is settled by the next start."""
        live = asked_by != BACKFILL
        with self._database.reach() as connection, connection.transaction():
            row = connection.execute(
                "UPDATE oura_collector.runs SET finished_at = now(), "
                "outcome = %s, reason = %s, message = %s, nothing_new = %s WHERE run_id = %s "
                "RETURNING extract(epoch FROM now()), extract(epoch FROM now() - started_at)",
                [result.outcome, result.reason, result.message, result.nothing_new, run_id],
            ).fetchone()
            assert row is not None
            for reading in result.readings:
                connection.execute(READ, [run_id, *_entry(reading)])
            for name, labels, value in [*_sums(asked_by, result), ("run_seconds", [asked_by], float(row[1]))]:
                connection.execute(COUNT, [name, labels, value])
            _note_quota(connection, result.readings)
            if live and result.outcome in (SUCCEEDED, PARTIAL):
                connection.execute(SET, ["last_collection_timestamp", [], float(row[0])])
            if live:
                _note_how_it_is(connection, result)

    def remember(self, name: str, labels: list[str]) -> None:
        """Count one event beside the runs."""
        with self._database.reach() as connection:
            connection.execute(COUNT, [name, labels, 1])


def _entry(reading: Reading) -> list[object]:
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
    for reading in result.readings:
        for status, count in reading.requests.items():
            requests[status if status in KNOWN_STATUSES else OTHER_STATUS] += count
        if reading.requests:
            yield "collection_requests", [reading.collection], sum(reading.requests.values())
        if reading.records:
            yield "records", [reading.collection], reading.records
    for status, count in requests.items():
        yield "api_requests", [status], count


def _note_quota(connection: psycopg.Connection, readings: Iterable[Reading]) -> None:
    told = [reading.rate_limit_remaining for reading in readings if reading.rate_limit_remaining is not None]
    if told:
        connection.execute(SET, ["rate_limit_remaining", [], min(told)])
    else:  # What an earlier run was told is over.
        connection.execute("DELETE FROM oura_collector.counters WHERE name = 'rate_limit_remaining'")


def _note_how_it_is(connection: psycopg.Connection, result: Result) -> None:
    read = [reading for reading in result.readings if reading.status != "unread"]
    for reading in read:
        if reading.collection == EVERY_COLLECTION and _all_fail(connection, reading):
            continue
        how = [reading.status, reading.reason, reading.message, reading.newest_day, reading.unknown_fields]
        connection.execute(IS_NOW, [reading.user_id, reading.collection, *how, reading.failed, reading.failed])
    whole = result.outcome in (SUCCEEDED, PARTIAL) and all(reading.collection != EVERY_COLLECTION for reading in read)
    if read and whole:
        # Accounts and collections that are no longer asked for would grow old here and raise alarms.
        connection.execute(
            "DELETE FROM oura_collector.collections WHERE NOT (user_id, collection) IN "
            "(SELECT * FROM unnest(%s::text[], %s::text[]))",
            [[reading.user_id for reading in read], [reading.collection for reading in read]],
        )


def _all_fail(connection: psycopg.Connection, reading: Reading) -> bool:
    """Note that nothing of an account can be read; False where nothing is known of it yet.

    An account that the settings do not name has a name only once Oura has told it: where Oura refuses to, it is the
    one that is known.
    """
    known = [user for (user,) in connection.execute(KNOWN_USERS, [EVERY_COLLECTION]).fetchall()]
    user = known[0] if len(known) == 1 and reading.user_id not in known else reading.user_id
    done = connection.execute(ALL_FAIL, [reading.reason, reading.message, user])
    return done.rowcount > 0
