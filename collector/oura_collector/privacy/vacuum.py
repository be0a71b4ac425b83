"""Vacuum: PostgreSQL rewrites its files without the bytes of deleted rows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable


def vacuum_full(connection: psycopg.Connection, tables: Iterable[str]) -> None:
    """Rewrite tables, given as `schema.name`, and the planner's statistics, without deleted rows."""
    for table in tables:
        connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(*table.split("."))))
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute("VACUUM (FULL) pg_catalog.pg_statistic")


def drop_log(connection: psycopg.Connection) -> None:
    """Overwrite and drop the embedded server's write-ahead log, in which deleted rows can still be read."""
    connection.execute("ALTER SYSTEM SET wal_recycle = off")
    try:
        connection.execute("SELECT pg_reload_conf()")
        row = connection.execute("SELECT count(*) FROM pg_ls_waldir()").fetchone()
        for _ in range(int(row[0]) if row else 0):
            connection.execute("SELECT pg_logical_emit_message(false, 'oura', ''), pg_switch_wal()")
        connection.execute("CHECKPOINT")
    finally:
        connection.execute("ALTER SYSTEM RESET wal_recycle")
        connection.execute("SELECT pg_reload_conf()")
