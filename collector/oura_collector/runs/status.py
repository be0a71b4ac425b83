"""The current status, read from the run log, so that it includes the runs of all processes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from oura_collector.database.deadline import within
from oura_collector.database.lock import HELD
from oura_collector.database.migrations import migrate
from oura_collector.runs import completeness
from oura_collector.runs.completeness import Completeness

if TYPE_CHECKING:
    from datetime import date, datetime

    from oura_collector.database.connection import Database

CLOCK = "SELECT extract(epoch FROM now()) AS now"
# A first run takes as long as there is history; one that has ended without success leaves the tables empty.
AWAITED_SINCE = """
SELECT extract(epoch FROM CASE WHEN bool_or(outcome <> 'running') THEN min(started_at) ELSE now() END) AS since
FROM oura_collector.runs"""
COUNTERS = "SELECT name, labels, value, updated_at > now() - interval '1 hour' AS fresh FROM oura_collector.counters"
COLLECTIONS = """
SELECT user_id, collection, outcome, reason, message, last_success_at, failing_since, newest_day, unknown_fields
FROM oura_collector.collections ORDER BY user_id, collection"""
LAST_RUN = """
SELECT run_id, asked_by, started_at, finished_at, outcome, reason, message, nothing_new FROM (
    SELECT DISTINCT ON (shard_index) * FROM oura_collector.runs
    WHERE outcome <> 'running' AND shard_count = (
        SELECT shard_count FROM oura_collector.runs WHERE outcome <> 'running' ORDER BY run_id DESC LIMIT 1
    )
    ORDER BY shard_index, run_id DESC
) AS last_of_each_shard ORDER BY outcome IN ('failed', 'interrupted') DESC, run_id DESC LIMIT 1"""
"""The last run that ended, so that a failure stays visible during the next run. Of shards, the worst."""
BUSIEST_ACCOUNT = """
SELECT coalesce(max(requests), 0) AS requests FROM (
    SELECT sum(requests) AS requests FROM oura_collector.runs JOIN oura_collector.run_collections USING (run_id)
    WHERE started_at > now() - interval '1 hour' GROUP BY user_id
) AS accounts"""
PATIENCE = "SET LOCAL statement_timeout = '5s'"
SILENCE = 15.0
"""Seconds after which a pooler that provides no session counts as an unreachable database."""


@dataclass(frozen=True)
class Collection:
    """One collection of one account, as it is now."""

    user_id: str
    collection: str
    outcome: str
    reason: str | None
    message: str | None
    last_success_at: datetime | None
    failing_since: datetime | None
    newest_day: date | None
    unknown_fields: int


@dataclass(frozen=True)
class Snapshot:
    """The status at one moment, `read_at` by the database's clock, like all its times.

    `reachable` is false if the database did not answer and this is the last known status. `awaited_since` is when the
    first run began, and `read_at` until one has ended.
    """

    reachable: bool = False
    read_at: float = 0.0
    awaited_since: float = 0.0
    counters: dict[tuple[str, tuple[str, ...]], float] = field(default_factory=dict)
    quota_told: float | None = None
    busiest_requests: int = 0
    collections: tuple[Collection, ...] = ()
    running: bool = False
    last_run: dict[str, Any] | None = None
    days: Completeness | None = None
    """None if the reporting table does not exist."""

    @property
    def last_collection(self) -> float | None:
        """Unix time of the last run that collected and built, in seconds."""
        return self.counters.get(("last_collection_timestamp", ()))

    @property
    def users(self) -> list[str]:
        return sorted({row.user_id for row in self.collections})


class Status:
    """Reads snapshots over one persistent connection; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database.pooled
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._last = Snapshot()
        self._lock = threading.Lock()

    def read(self) -> Snapshot:
        """Return the current status, or the last known one if the database does not answer."""
        with self._lock:
            for _ in range(2 if self._connection else 1):  # A connection may have died since the last time.
                try:
                    connection = self._connected()
                    with within(connection, SILENCE), connection.transaction():
                        connection.execute(PATIENCE)
                        self._last = _snapshot(connection)
                    return self._last
                except psycopg.Error:
                    self._drop()
            self._last = replace(self._last, reachable=False, running=False)
            return self._last

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None:
            connection = self._database.reach()
            self._connection = connection  # type: ignore[assignment]
            with within(connection, SILENCE):
                migrate(connection)
            connection.row_factory = dict_row  # type: ignore[assignment]
        return self._connection  # type: ignore[return-value]

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _snapshot(connection: psycopg.Connection[dict[str, Any]]) -> Snapshot:
    def rows(query: str) -> list[dict[str, Any]]:
        return connection.execute(query.encode()).fetchall()

    counters = rows(COUNTERS)
    told = [row["value"] for row in counters if row["name"] == "rate_limit_remaining" and row["fresh"]]
    return Snapshot(
        reachable=True,
        read_at=float(rows(CLOCK)[0]["now"]),
        awaited_since=float(rows(AWAITED_SINCE)[0]["since"]),
        counters={(row["name"], tuple(row["labels"])): row["value"] for row in counters},
        quota_told=min(told, default=None),
        busiest_requests=int(rows(BUSIEST_ACCOUNT)[0]["requests"]),
        collections=tuple(Collection(**row) for row in rows(COLLECTIONS)),
        running=rows(HELD)[0]["count"] > 0,
        last_run=next(iter(rows(LAST_RUN)), None),
        days=completeness.read(connection),
    )
