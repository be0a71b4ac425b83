"""`collect.py repair --reread`: reads again the days with values that an older version could not store.

A value that does not fit its column is null there and kept in `extra`. Newer versions of the tap fit more values, so
reading again may fill the column. Values that still do not fit stay in `extra` and are counted.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from psycopg import sql
from tap_oura.catalog.collections import COLLECTIONS

from oura_collector.pipeline.result import SUCCEEDED, Result
from oura_collector.runs.backfill import backfill
from oura_collector.runs.bookmarks import day_of
from oura_collector.runs.repair import gaps, of_the_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg
    from tap_oura.catalog.collections import Collection

    from oura_collector.runs.completeness import Day
    from oura_collector.runs.runner import Runner

logger = structlog.get_logger(__name__)

MOST_SPANS = 50
"""Each span is a Meltano run of its own, so with more of them whole months are read."""

COLUMNS = """
SELECT attname, atttypid = 'date'::regtype FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"""


def reread(runner: Runner, *, wait: bool = False) -> Result:
    """Collect these days again and build the tables; without any, nothing runs. Raises Busy, SettingsError."""
    rows = _count(runner)
    days = of_the_settings(runner, rows)
    spans = gaps(days)
    if len(spans) > MOST_SPANS:
        spans = gaps(set(_months(days)))
    logger.info("reread planned", rows=sum(rows[day] for day in days), days=len(days), ranges=len(spans))
    if not spans:
        return Result(SUCCEEDED)
    result = backfill(runner, *spans, wait=wait)
    left = _count(runner)
    still = sum(min(rows[day], left[day]) for day in days)
    logger.info("reread", rows=sum(rows[day] for day in days), days=len(days), still_stand=still)
    return result


def _count(runner: Runner) -> Counter[Day]:
    """Count rows with a known value in `extra` and null in its column. A collection without days counts for today."""
    found: Counter[Day] = Counter()
    with runner.database.connect() as connection:
        for collection in COLLECTIONS.values():
            for user, day, count in _misfits(connection, collection):
                if day := day_of(day or datetime.now(UTC).date()):
                    found[user, collection.name, day] += count
    return found


def _misfits(connection: psycopg.Connection, collection: Collection) -> list[tuple[str, object, int]]:
    columns: dict[str, bool] = dict(connection.execute(COLUMNS, [f"oura_raw.{collection.name}"]).fetchall())
    if not columns:
        return []
    if not {"user_id", "extra", *filter(None, [collection.cursor])} <= columns.keys():
        logger.warning("not searched: the tap did not create this table", table=f"oura_raw.{collection.name}")
        return []
    logger.debug("looking for values in extra", collection=collection.name)
    # An older table lacks the column of a field that has become known since.
    lost = [
        sql.SQL("(to_jsonb(extra) ? {} AND {})").format(
            sql.Literal(name),
            sql.SQL("{} IS NULL").format(sql.Identifier(name)) if name in columns else sql.SQL("true"),
        )
        for name in collection.properties
    ]
    day: sql.Composable = sql.SQL("NULL")
    if collection.cursor:
        day = sql.SQL("{}" if columns[collection.cursor] else "left({}::text, 10)").format(
            sql.Identifier(collection.cursor)
        )
    query = sql.SQL("SELECT user_id, {}, count(*) FROM {} WHERE extra IS NOT NULL AND ({}) GROUP BY 1, 2").format(
        day, sql.Identifier("oura_raw", collection.name), sql.SQL(" OR ").join(lost)
    )
    return connection.execute(query).fetchall()


def _months(days: Iterable[Day]) -> Iterator[Day]:
    """Yield all days, up to today, of the months that these are in."""
    today = datetime.now(UTC).date()
    for user, collection, first in {(user, name, day.replace(day=1)) for user, name, day in days}:
        day = first
        while day.month == first.month and day <= today:
            yield user, collection, day
            day += timedelta(days=1)
