"""One run at a time per database: an advisory lock in PostgreSQL that ends with its holder."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import structlog

from oura_collector.database.deadline import within
from oura_collector.database.fence import end_dead_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oura_collector.database.connection import Database

logger = structlog.get_logger(__name__)

KEY = 0x6F757261
"""Of the advisory lock: "oura" in ASCII."""

HELD = f"""
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = 0 AND objid = {KEY} AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
"""The number of runs in progress in this database, of all processes."""

LOST = (
    "the lock was lost, because its session in PostgreSQL ended; open changes were rolled back: run the command again"
)

LOOK_AGAIN = 3.0
"""Seconds between two looks at a lock that is held."""
ANSWER = 15.0
"""Seconds without a response after which the lock counts as lost."""
# A server that cannot reach us gives the lock to others after 25 s: later than we notice.
SESSION = " ".join(
    f"-c{name}={value}"
    for name, value in {
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
        "tcp_user_timeout": 25000,
        "idle_session_timeout": 0,
    }.items()
)

LOOK = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()), (
    SELECT format('%%s is locked by process %%s of PostgreSQL (%%s)',
        coalesce(waiting.relation::regclass::text, 'a row'), other.pid,
        coalesce(nullif(other.application_name, ''), 'without a name'))
    FROM pg_stat_activity AS ours
    JOIN pg_locks AS waiting ON waiting.pid = ours.pid AND NOT waiting.granted
    CROSS JOIN unnest(pg_blocking_pids(ours.pid)) AS blocking (pid)
    JOIN pg_stat_activity AS other ON other.pid = blocking.pid
    WHERE ours.datname = current_database() AND ours.application_name = %s
        AND other.application_name <> ours.application_name
    LIMIT 1
)"""
"""Whether this session holds a lock, and what blocks the sessions of a run, as one line."""


class Busy(Exception):
    """Another run holds the lock."""


class Lost(psycopg.OperationalError):
    """The lock is no longer held, so another run may have started."""


def never() -> bool:
    return False


class Hold:
    """A held lock. A shard's run shares the database with other shards, until it calls `alone`.

    `lost` is true once the lock is no longer held; `blocked` is what last blocked the run.
    """

    def __init__(self, connection: psycopg.Connection, given_up: Callable[[], bool], *, is_alone: bool) -> None:
        self.lost = False
        self.blocked: str | None = None
        self._connection, self._given_up, self._is_alone = connection, given_up, is_alone
        self._name = ""
        self._using = threading.Lock()
        self._released = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def connection(self) -> psycopg.Connection:
        """The lock's own session, in autocommit mode: a change in it succeeds only while the lock is held."""
        return self._connection

    def check(self) -> None:
        """Raise Lost if the lock is not held. Call it before a change outside of the lock's session."""
        if not self.is_held():
            raise Lost(LOST)

    @property
    def descriptor(self) -> int:
        """The file descriptor of the lock's connection: a child process that inherits it keeps the lock."""
        return self._connection.fileno()

    def alone(self) -> bool:
        """Wait until no other run is in progress, and keep others out from then on. False if `given_up` first."""
        if not self._is_alone:
            try:
                with self._using:
                    self._connection.execute("SELECT pg_advisory_unlock_shared(%s)", [KEY])
                while not self._is_alone and not self.lost and not self._given_up():
                    with self._using:
                        self._is_alone = _take_soon(self._connection, "pg_advisory_lock(%s)", [KEY])
            except psycopg.Error:
                self.lost = True
        return self._is_alone and not self.lost

    def watch(self, name: str, on_loss: Callable[[], None]) -> None:
        """Watch the lock in a thread until `release`. The run's sessions have the `name`; `on_loss` runs in the thread.

        Until then the watcher uses the session: do nothing long in it.
        """
        self._name = name
        self._released.clear()
        self._watcher = threading.Thread(target=self._watch, args=[on_loss], daemon=True)
        self._watcher.start()

    def is_held(self) -> bool:
        """Query PostgreSQL whether the lock is held. Once lost, it stays lost."""
        if not self.lost:
            try:
                with self._using, within(self._connection, ANSWER):
                    held, blocked = self._connection.execute(LOOK, [self._name]).fetchone() or (False, None)
            except psycopg.Error:
                held, blocked = False, None
            self.lost = not held
            if blocked and blocked != self.blocked:
                logger.warning("the run waits", what=blocked)
            self.blocked = blocked or self.blocked
        return not self.lost

    def release(self) -> None:
        """Stop watching the lock."""
        self._released.set()
        if self._watcher:
            self._watcher.join(ANSWER)

    def _watch(self, on_loss: Callable[[], None]) -> None:
        while not self._released.wait(LOOK_AGAIN):
            if not self.is_held():
                on_loss()
                return


@contextmanager
def only_run(
    database: Database, *, shard: int | None = None, wait: bool = False, given_up: Callable[[], bool] = never
) -> Iterator[Hold]:
    """Hold the lock. Raises Busy at once, or with `wait` once `given_up`. Marks runs still open as interrupted.

    A run of a `shard` is the only one of its shard and excludes all others but those of other shards.

    A child process that inherits the descriptor keeps the lock while it lives: a run whose parent was killed goes on
    to be the only one. Who waits stands in PostgreSQL's queue, so that a backfill, which lets go between its pieces,
    cannot keep out a run that waits.
    """
    # The shard's own lock comes first: who waits for it must not keep its holder from being alone.
    wanted: list[tuple[str, list[int]]] = [("lock(%s)", [KEY])]
    if shard is not None:
        wanted = [("lock(%s, %s)", [KEY, shard]), ("lock_shared(%s)", [KEY])]
    with database.with_options(SESSION).connect() as connection:
        for lock, parameters in wanted:
            if wait:
                taken = _take(connection, f"pg_advisory_{lock}", parameters, given_up)
            else:
                row = connection.execute(f"SELECT pg_try_advisory_{lock}".encode(), parameters).fetchone()
                taken = bool(row and row[0])
            if not taken:
                raise Busy("another run holds the lock; try again when it has ended, or use --wait")
        end_dead_runs(connection, KEY)
        hold = Hold(connection, given_up, is_alone=shard is None)
        try:
            yield hold
        except psycopg.OperationalError as error:
            if connection.closed and not isinstance(error, Lost):
                raise Lost(LOST) from error
            raise
        finally:
            hold.release()


def _take(connection: psycopg.Connection, lock: str, parameters: list[int], given_up: Callable[[], bool]) -> bool:
    """Wait for a lock; False where it was given up."""
    while not given_up():
        if _take_soon(connection, lock, parameters):
            return True
    return False


def _take_soon(connection: psycopg.Connection, lock: str, parameters: list[int]) -> bool:
    """Wait a second for a lock, so that a waiting process can be stopped. The lock outlives the transaction."""
    try:
        with within(connection, ANSWER), connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '1s'")
            connection.execute(f"SELECT {lock}".encode(), parameters)
    except psycopg.errors.LockNotAvailable:
        return False
    return True
