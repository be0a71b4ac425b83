"""One run at a time per database, whoever starts it: a lock that PostgreSQL keeps and that dies with its holder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oura_collector.database import Database

KEY = 0x6F757261
"""Of the advisory lock: "oura" in ASCII."""

HELD = f"""
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = 0 AND objid = {KEY} AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
"""How many runs are under way in this database, whichever process drives them: 0 or 1."""


class Busy(Exception):
    """Another run holds the database."""


def never() -> bool:
    return False


@contextmanager
def only_run(database: Database, *, wait: bool = False, given_up: Callable[[], bool] = never) -> Iterator[int]:
    """Hold the lock; yields its connection's file descriptor. Raises Busy at once, or with `wait` once `given_up`.

    A child process that inherits the descriptor keeps the lock while it lives: a run whose parent was killed goes on
    to be the only one. Who waits stands in PostgreSQL's queue, so that a backfill, which lets go between its pieces,
    cannot keep out a run that waits.
    """
    with database.connect() as connection:
        while not _taken(connection, wait):
            if not wait or given_up():
                raise Busy("another run holds the database; try again when it is done, or say --wait")
        yield connection.fileno()


def _taken(connection: psycopg.Connection, wait: bool) -> bool:
    if not wait:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [KEY]).fetchone()
        return bool(row and row[0])
    # A short limit, so that somebody who waits can be told to stop.
    connection.execute("SET lock_timeout = '1s'")
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", [KEY])
    except psycopg.errors.LockNotAvailable:
        return False
    return True
