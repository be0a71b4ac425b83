"""Counts of days by status, from the reporting table `oura_completeness`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from oura_collector.database.connection import exists

if TYPE_CHECKING:
    import psycopg

TABLE = "public.oura_completeness"
OUR_FAILURE = "our_failure"
STATUSES = (
    "present", "in_progress", "ring_not_worn", "not_synced_yet", "nothing_at_oura", "no_permission", OUR_FAILURE,
    "not_asked",
)  # fmt: skip
"""The status of one day of one collection of one account."""

RECENT_DAYS = 30
COUNT = f"""
SELECT status, count(*) AS days,
    count(*) FILTER (WHERE date > (now() AT TIME ZONE 'UTC')::date - {RECENT_DAYS}) AS recent
FROM {TABLE} GROUP BY status"""
FAILED = f"SELECT user_id, collection, date FROM {TABLE} WHERE status = %s"

Day = tuple[str, str, date]
"""Account, collection, day."""


@dataclass(frozen=True)
class Completeness:
    """Days of all collections and accounts: `recent` the last 30, by status; `failed` all that failed."""

    recent: dict[str, int] = field(default_factory=dict)
    failed: int = 0


def read(connection: psycopg.Connection[dict[str, Any]]) -> Completeness | None:
    """Count days; None if the table does not exist yet."""
    if not connection.execute("SELECT to_regclass(%s) AS oid", [TABLE]).fetchone()["oid"]:  # type: ignore[index]
        return None
    rows = connection.execute(COUNT.encode()).fetchall()
    return Completeness(
        recent={row["status"]: row["recent"] for row in rows},
        failed=sum(row["days"] for row in rows if row["status"] == OUR_FAILURE),
    )


def failed_days(connection: psycopg.Connection) -> list[Day]:
    """Return the days that the collector failed to collect."""
    if not exists(connection, TABLE):
        return []
    return connection.execute(FAILED.encode(), [OUR_FAILURE]).fetchall()
