"""`collect.py purge`: deletes from `oura_raw` what Oura deleted. Until then it is only hidden from the tables.

Oura deleted a document if the latest row of its day in the day ledger does not list it, and a sample if its day was
rewritten since it was loaded and all samples of the rewritten day are there. The ledger only has days read whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from psycopg import sql
from tap_oura.catalog.collections import COLLECTIONS, Query

from oura_collector.database.connection import exists
from oura_collector.database.lock import only_run
from oura_collector.pipeline.environment import PRODUCTION, run_meltano
from oura_collector.pipeline.result import DBT
from oura_collector.privacy.vacuum import drop_log, rewrite

if TYPE_CHECKING:
    import psycopg
    from tap_oura.catalog.collections import Collection

    from oura_collector.database.connection import Database
    from oura_collector.settings import Settings

LEDGER = "oura_raw.collection_days"
# A row loaded after the day was read may still exist at Oura: its own row of the ledger may have been lost.
DOCUMENTS = """
DELETE FROM {table} AS stored USING (
    SELECT DISTINCT ON (user_id, day) user_id, day, document_ids, read_at FROM oura_raw.collection_days
    WHERE collection = {name} ORDER BY user_id, day, read_at DESC
) AS latest
WHERE stored.user_id = latest.user_id AND {day} IS NOT DISTINCT FROM latest.day
    AND NOT to_jsonb(latest.document_ids) ? stored.id AND stored._sdc_extracted_at < latest.read_at"""
# Oura still has it, though the tap could not use what was sent last: `is_rejected` in transform/macros/present.sql.
NOT_REJECTED = """
    AND NOT EXISTS (
        SELECT FROM oura_raw.rejected_documents AS rejected
        WHERE rejected.user_id = stored.user_id AND rejected.collection = {name} AND rejected.document_id = stored.id
            AND rejected.rejected_at >= latest.read_at
    )"""
# Days are compared as text: one invalid instant must not keep all others from being deleted.
SAMPLES = """
WITH latest AS (
    SELECT DISTINCT ON (user_id, day)
        user_id, day, count, max(rewritten_at) OVER (PARTITION BY user_id, day) AS rewritten_at
    FROM oura_raw.collection_days WHERE collection = {name} ORDER BY user_id, day, read_at DESC
), whole AS (
    SELECT latest.user_id, latest.day, latest.rewritten_at FROM latest
    LEFT JOIN {table} AS stored
        ON stored.user_id = latest.user_id AND {day} = to_char(latest.day, 'YYYY-MM-DD')
        AND stored._sdc_extracted_at >= latest.rewritten_at
    GROUP BY latest.user_id, latest.day, latest.rewritten_at, latest.count HAVING count(stored.user_id) = latest.count
)
DELETE FROM {table} AS stored USING whole
WHERE stored.user_id = whole.user_id AND {day} = to_char(whole.day, 'YYYY-MM-DD')
    AND stored._sdc_extracted_at < whole.rewritten_at"""


def purge(settings: Settings, database: Database, *, wait: bool) -> int:
    """Delete what Oura deleted, print the rows per collection, and return the exit code. Raises Busy, Lost."""
    with only_run(database, wait=wait) as hold:
        connection = hold.connection  # Changes in it roll back if the lock is lost.
        if not exists(connection, LEDGER):
            click.echo("Nothing to delete: no run has written the day ledger yet.")
            return 0
        # The tables must list what is deleted, so they are updated first.
        code = run_meltano(
            ["run", f"{DBT}:update-marts"],
            settings=settings,
            database=database,
            environment=PRODUCTION,
            hold=hold,
        )
        if code:
            click.echo("Nothing was deleted, because the tables could not be updated.", err=True)
            return code
        counts = {name: removed(connection, each) for name, each in COLLECTIONS.items()}
        purged = {f"oura_raw.{name}": count for name, count in counts.items() if count}
        rewrite(connection, purged)
        if purged and not (settings.database_url or settings.database_host):
            drop_log(connection)
    for table, count in purged.items():
        click.echo(f"  {table:32} {count:>9}")
    click.echo(f"Deleted {sum(purged.values())} rows that Oura deleted.")
    return 0


def removed(connection: psycopg.Connection, collection: Collection) -> int:
    """Delete what Oura deleted of a collection, and return the number of rows."""
    if not exists(connection, f"oura_raw.{collection.name}"):
        return 0
    cursor = sql.Identifier("stored", collection.cursor or "")
    series = collection.query is Query.INSTANTS
    day = sql.SQL("left({}, 10)" if series else "{}" if collection.cursor else "NULL::date").format(cursor)
    documents = DOCUMENTS + (NOT_REJECTED if exists(connection, "oura_raw.rejected_documents") else "")
    query = sql.SQL(SAMPLES if series else documents).format(
        table=sql.Identifier("oura_raw", collection.name), name=collection.name, day=day
    )
    return connection.execute(query).rowcount
