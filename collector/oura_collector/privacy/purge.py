"""`collect.py purge`: deletes from `oura_raw` what Oura deleted. Until then it is only hidden from the tables.

The rule is in dbt's model `int_oura__gone`, which is brought up to date first. Only what it lists is deleted.
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
from oura_collector.privacy.vacuum import drop_log, vacuum_full

if TYPE_CHECKING:
    import psycopg
    from tap_oura.catalog.collections import Collection

    from oura_collector.database.connection import Database
    from oura_collector.settings import Settings

LEDGER = "oura_raw.collection_days"
# A row that a plain `meltano run` is writing again at this moment is newer than the reading that did not list it.
DOCUMENTS = """
DELETE FROM {table} AS stored USING oura_staging.int_oura__gone AS gone
WHERE gone.collection = {name} AND stored.user_id = gone.user_id AND stored.id = gone.document_id
    AND stored._sdc_extracted_at::timestamptz < gone.deleted_at"""
# Days are compared as text: one instant that is none must not keep all others from being removed.
SAMPLES = """
DELETE FROM {table} AS stored USING oura_staging.int_oura__gone AS gone
WHERE gone.collection = {name} AND stored.user_id = gone.user_id AND left(stored.timestamp::text, 10) = gone.document_id
    AND stored._sdc_extracted_at::timestamptz < gone.deleted_at"""


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
        vacuum_full(connection, purged)
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
    query = sql.SQL(SAMPLES if collection.query is Query.INSTANTS else DOCUMENTS).format(
        table=sql.Identifier("oura_raw", collection.name), name=collection.name
    )
    with connection.transaction():
        connection.execute("SET LOCAL TIME ZONE 'UTC'")  # In which the loader writes times without a zone.
        return connection.execute(query).rowcount
