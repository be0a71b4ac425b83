"""Restores bookmarks that Meltano's state has lost, before a run would begin at the start date and leave a gap.

`meltano state merge` replaces lists, so that merging one account drops the others; a state set by hand may lack some; a
new shard has a state of its own. What counts as lost, for the accounts that the run collects:

| in the state of this run                     | then reading the account's collection continues                      |
|----------------------------------------------|----------------------------------------------------------------------|
| other accounts have the collection           | where it was                                                         |
| nobody has the collection                    | where it was, if that is before the start date: whether it was       |
|                                              | dropped on purpose or not, nothing is read less                      |
| no state, and the first run of this division | where it was                                                         |
| no state                                     | at the start date: it was cleared, or nothing has run yet            |

Where it was: the newest bookmark in another shard's state or under a merged one, or the newest day in the day ledger
(in the raw table if that has none), whichever is later, but not after a day that still fails, and nothing that an
interrupted run loaded; before the start date, less the lookback. An existing bookmark never moves.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import structlog
from psycopg import sql
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS
from tap_oura.windows import EARLIEST, LOOKBACK_DAYS

from oura_collector.database.connection import exists
from oura_collector.runs import bookmarks
from oura_collector.runs.bookmarks import day_of
from oura_collector.runs.run_log import WHOLE_UNTIL

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = structlog.get_logger(__name__)

WITH_BOOKMARK = [name for name, collection in COLLECTIONS.items() if collection.cursor]

LOOKBACK = timedelta(days=LOOKBACK_DAYS)
"""The tap's default. It looks back from a bookmark by itself, but not beyond the start date."""

MOST_LINES = 20
"""Lines that one run logs about this."""

# The documents hold megabytes, most of it the tap's notes on days, so PostgreSQL looks through them, not this process.
PARTS = f"""
WITH streams AS (
    SELECT
        state_id, layer, key AS collection, value ->> 'replication_key_value' AS bookmark,
        CASE jsonb_typeof(value -> 'partitions') WHEN 'array' THEN value -> 'partitions' END AS list
    FROM {bookmarks.TABLE},
        LATERAL (VALUES (1, completed_state), (2, partial_state)) AS stored (layer, document),
        -- OFFSET 0: parsed once, not for each use.
        LATERAL (SELECT nullif(document, '')::jsonb -> 'singer_state' -> 'bookmarks' AS bookmarks OFFSET 0) AS parsed,
        jsonb_each(CASE jsonb_typeof(bookmarks) WHEN 'object' THEN bookmarks END)
    WHERE {bookmarks.OF_PIPELINE} AND key = ANY(%(known)s)
), parts AS (
    SELECT
        collection, part -> 'context' ->> 'user_id' AS account, part ->> 'replication_key_value' AS bookmark,
        is_given
    FROM (
        SELECT *, layer = max(layer) OVER (PARTITION BY state_id, collection) AS is_given
        FROM streams WHERE list IS NOT NULL
    ) AS lists, jsonb_array_elements(list) AS part
)"""
LOST = f"""
{PARTS}, wanted AS (
    SELECT unnest(%(wanted)s::text[]) AS collection UNION SELECT collection FROM streams
    EXCEPT SELECT collection FROM streams WHERE bookmark IS NOT NULL
), accounts AS (
    SELECT unnest(%(accounts)s::text[]) AS account
    UNION SELECT account FROM parts WHERE %(nameless)s AND account IS NOT NULL
), lost AS (
    SELECT collection, account FROM wanted, accounts EXCEPT SELECT collection, account FROM parts WHERE is_given
)
SELECT collection, account, collection IN (SELECT collection FROM parts) FROM lost ORDER BY collection, account"""
ELSEWHERE = f"""
{PARTS}
SELECT collection, account, max(bookmark) FROM parts
WHERE account = ANY(%(accounts)s) AND bookmark IS NOT NULL GROUP BY collection, account"""
STATES = f"""
SELECT count(*) FILTER (WHERE state_id = %(own)s), count(*) FROM {bookmarks.TABLE} WHERE {bookmarks.OF_PIPELINE}"""

# The ids of the day ledger begin with collection and day, so its key finds the newest day at once, however long it is.
IN_LEDGER = """(
    SELECT day FROM oura_raw.collection_days
    WHERE user_id = account AND collection = %(collection)s AND count > 0 AND {loaded_whole}
        AND id BETWEEN %(collection)s || ' 0' AND %(collection)s || ' 9999'
    ORDER BY id DESC LIMIT 1)"""
IN_TABLE = "(SELECT max({cursor}) FROM oura_raw.{table} WHERE user_id = account AND {loaded_whole})"
LOADED_WHOLE = "(%(until)s::timestamptz IS NULL OR _sdc_batched_at < %(until)s::timestamptz AT TIME ZONE 'UTC')"
# A backfill neither reads nor moves bookmarks: who is known from backfills alone has none that could be lost.
ONLY_BACKFILLED = """
SELECT collection, user_id FROM oura_collector.run_collections JOIN oura_collector.runs USING (run_id)
GROUP BY collection, user_id HAVING bool_and(asked_by = 'backfill' OR run_collections.outcome <> 'succeeded')"""
FAILING = """(
    SELECT start_date FROM oura_raw.collection_failures
    WHERE user_id = account AND collection = %(collection)s AND recovered_at IS NULL)"""


@dataclass(frozen=True)
class Own:
    """The run that is about to begin, and the state that it will use.

    `nameless`: only Oura knows the name of an account. `has_run`: a run has used this state before.
    """

    environment: str
    suffix: str | None
    accounts: frozenset[str]
    nameless: bool
    start_date: str
    run_id: int
    has_run: bool


Pair = tuple[str, str]
"""Collection, account."""


def put_back(connection: psycopg.Connection, own: Own) -> dict[Pair, date]:
    """Restore what was lost, log it, and return it. Call it with the lock held. Raises SettingsError.

    If the state or the warehouse cannot be read, it logs a warning, and the run continues.
    """
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '60s'")
            found = _lost(connection, own) if exists(connection, bookmarks.TABLE) else {}
        if found:
            _write(connection, bookmarks.state_id(own.environment, own.suffix), found)
    except psycopg.Error as error:
        logger.warning("bookmarks not compared with the warehouse", error=str(error).splitlines()[0])
        return {}
    for (collection, account), day in list(found.items())[:MOST_LINES]:
        logger.warning("bookmark put back", account=account, collection=collection, day=day.isoformat())
    if len(found) > MOST_LINES:
        logger.warning("more bookmarks put back", count=len(found) - MOST_LINES)
    return found


def _lost(connection: psycopg.Connection, own: Own) -> dict[Pair, date]:
    name, pipeline = bookmarks.state_id(own.environment, own.suffix), bookmarks.state_id(own.environment)
    counted = connection.execute(STATES.encode(), {"own": name, "id": pipeline, "shards": True}).fetchone()
    is_there, states = counted or (0, 0)
    if not is_there and (own.has_run or not states):
        return {}
    what = {
        "known": WITH_BOOKMARK,
        "wanted": [collection for collection in WITH_BOOKMARK if collection in DEFAULT_COLLECTIONS],
        "accounts": sorted(own.accounts),
        "nameless": own.nameless,
    }
    rows = connection.execute(LOST.encode(), {"id": name, "shards": False, **what}).fetchall()
    if not rows:
        return {}
    only_backfilled = set(connection.execute(ONLY_BACKFILLED.encode()).fetchall())
    always = {
        (collection, account): others_have_it or not is_there
        for collection, account, others_have_it in rows
        if (collection, account) not in only_backfilled
    }
    if not always:
        return {}
    what["accounts"] = sorted({account for _, account in always})
    elsewhere = connection.execute(ELSEWHERE.encode(), {"id": pipeline, "shards": True, **what}).fetchall()
    bookmark = {(collection, account): day_of(text) for collection, account, text in elsewhere}
    (until,) = connection.execute(WHOLE_UNTIL, {"run": own.run_id}).fetchone() or (None,)
    found: dict[Pair, date] = {}
    for pair, day in _in_the_warehouse(connection, list(always), until):
        latest = max(filter(None, (day, bookmark.get(pair))), default=None)
        if latest and latest.isoformat() < own.start_date:
            found[pair] = max(latest, EARLIEST) - max(LOOKBACK, timedelta(days=COLLECTIONS[pair[0]].lookback))
        elif latest and always[pair]:
            found[pair] = min(latest, datetime.now(UTC).date())
    return found


def _in_the_warehouse(
    connection: psycopg.Connection, pairs: list[Pair], until: datetime | None
) -> Iterator[tuple[Pair, date | None]]:
    """Yield each pair with the day up to which it was read and loaded `until` then, None where nothing is known."""
    accounts = defaultdict(list)
    for collection, account in pairs:
        accounts[collection].append(account)
    for collection, names in accounts.items():
        parts = {
            "table": sql.Identifier(collection),
            "cursor": sql.Identifier(str(COLLECTIONS[collection].cursor)),
            "loaded_whole": sql.SQL(LOADED_WHOLE),
        }
        sources = {"collection_days": IN_LEDGER, collection: IN_TABLE, "collection_failures": FAILING}
        columns = [
            sql.SQL(query).format(**parts) if exists(connection, f"oura_raw.{table}") else sql.SQL("NULL")
            for table, query in sources.items()
        ]
        query = sql.SQL("SELECT account, {} FROM unnest(%(accounts)s::text[]) AS account").format(
            sql.SQL(", ").join(columns)
        )
        known = connection.execute(query, {"collection": collection, "accounts": names, "until": until}).fetchall()
        for account, in_ledger, in_table, fails_from in known:
            newest = day_of(in_ledger or in_table)
            yield (collection, account), newest and min(newest, day_of(fails_from) or newest)


def _write(connection: psycopg.Connection, name: str, found: dict[Pair, date]) -> None:
    days: defaultdict[str, dict[str, date]] = defaultdict(dict)
    for (collection, account), day in found.items():
        days[collection][account] = day
    with connection.transaction():
        (state,) = bookmarks.read(connection, name, shards=False) or [bookmarks.State(name)]
        for collection, own in days.items():
            state.set(collection, own)
        state.write(connection)
