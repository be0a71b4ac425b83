"""The rows of the reporting tables that a run changed: counts and days, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from psycopg import sql

if TYPE_CHECKING:
    from oura_collector.database.connection import Database

logger = structlog.get_logger(__name__)

TABLES = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name LIKE 'oura\\_%' AND column_name IN ('user_id', 'date')
    -- One row per sample, by the hundred thousand: its days are those of oura_heart_rate_daily.
    AND table_name NOT IN ('oura_heart_rate', 'oura_daily')
GROUP BY table_name HAVING count(*) = 2 ORDER BY table_name"""

# The next transaction's number, cut to the 32 bits that rows carry.
MARK = "SELECT mod(pg_snapshot_xmax(pg_current_snapshot())::text::bigint, 4294967296)"

# A row that no run touched keeps the transaction that wrote it, and unchanged rows are never written again.
CHANGED = """
SELECT user_id, count(*), min(date), max(date) FROM public.{table}
WHERE age(xmin) <= age(%s::text::xid) GROUP BY user_id ORDER BY user_id"""


def now(database: Database) -> str | None:
    """Return a mark that separates earlier writes from later ones; None if the database does not answer."""
    try:
        with database.pooled.reach() as connection:
            row = connection.execute(MARK).fetchone()
    except psycopg.Error:
        return None
    return str(row[0]) if row else None


def since(database: Database, mark: str | None) -> list[dict[str, Any]]:
    """Return the rows added or updated since the mark: `user`, `table`, `rows`, `first_day`, `last_day` of each."""
    found: list[dict[str, Any]] = []
    if mark is None:
        return found
    try:
        with database.pooled.reach() as connection:
            for (table,) in connection.execute(TABLES.encode()).fetchall():
                query = sql.SQL(CHANGED).format(table=sql.Identifier(table))
                for user, rows, first, last in connection.execute(query, [mark]):
                    days = {"first_day": first and first.isoformat(), "last_day": last and last.isoformat()}
                    found.append({"user": user, "table": table, "rows": rows, **days})
    except psycopg.Error as error:
        logger.error("changed rows unknown", error=type(error).__name__)
    return found
