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
"""How many runs are under way in this database, whichever processes drive them."""


class Busy(Exception):
    """Another run holds the database."""


def never() -> bool:
    return False


class Hold:
    """A lock that is held. A shard's run shares the database with other shards, until it asks for it `alone`."""

    def __init__(self, connection: psycopg.Connection, given_up: Callable[[], bool], *, is_alone: bool) -> None:
        self._connection, self._given_up, self._is_alone = connection, given_up, is_alone

    @property
    def descriptor(self) -> int:
        """The file descriptor of the lock's connection: a child process that inherits it keeps the lock."""
        return self._connection.fileno()

    def alone(self) -> bool:
        """Wait until no other run is under way, and keep others out from then on. False where it was given up."""
        if not self._is_alone:
            self._connection.execute("SELECT pg_advisory_unlock_shared(%s)", [KEY])
            self._is_alone = _take(self._connection, "pg_advisory_lock(%s)", [KEY], self._given_up)
        return self._is_alone


@contextmanager
def only_run(
    database: Database, *, shard: int | None = None, wait: bool = False, given_up: Callable[[], bool] = never
) -> Iterator[Hold]:
    """Hold the lock. Raises Busy at once, or with `wait` once `given_up`.

    A run of a `shard` is the only one of its shard and keeps out every other run but those of other shards.

    A child process that inherits the descriptor keeps the lock while it lives: a run whose parent was killed goes on
    to be the only one. Who waits stands in PostgreSQL's queue, so that a backfill, which lets go between its pieces,
    cannot keep out a run that waits.
    """
    # The shard's own lock comes first: who waits for it must not keep its holder from being alone.
    wanted: list[tuple[str, list[int]]] = [("lock(%s)", [KEY])]
    if shard is not None:
        wanted = [("lock(%s, %s)", [KEY, shard]), ("lock_shared(%s)", [KEY])]
    with database.connect() as connection:
        for lock, parameters in wanted:
            if wait:
                taken = _take(connection, f"pg_advisory_{lock}", parameters, given_up)
            else:
                row = connection.execute(f"SELECT pg_try_advisory_{lock}".encode(), parameters).fetchone()
                taken = bool(row and row[0])
            if not taken:
                raise Busy("another run holds the database; try again when it is done, or say --wait")
        yield Hold(connection, given_up, is_alone=shard is None)


def _take(connection: psycopg.Connection, lock: str, parameters: list[int], given_up: Callable[[], bool]) -> bool:
    """Wait for a lock; False where it was given up."""
    # A short limit, so that somebody who waits can be told to stop.
    connection.execute("SET lock_timeout = '1s'")
    while not given_up():
        try:
            connection.execute(f"SELECT {lock}".encode(), parameters)
        except psycopg.errors.LockNotAvailable:
            continue
        return True
    return False
