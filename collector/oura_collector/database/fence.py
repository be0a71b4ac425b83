"""Fences runs that lost the lock: ends runs whose process is gone, and their sessions in PostgreSQL.

All processes of a run name their sessions in PostgreSQL after it. A trigger on Meltano's state and the first statement
of each model refuse a session that is named after a run which is not under way any more, in the transaction that would
write (`oura_collector.check_run`). Sessions of another name, such as those of a plain `meltano run`, are let through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_collector.database import counters
from oura_collector.database.migrations import migrate

if TYPE_CHECKING:
    import psycopg

# Only our own: another database of the same server may have a run of the same number.
END_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND usename = session_user AND application_name = ANY(%s)"""

# A shard that waits for its turn to build holds nothing but its own lock.
OPEN = """
SELECT run_id FROM oura_collector.runs WHERE outcome = 'running' AND (
    shard_count = 1 OR NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
            AND classid = %s AND objid::bigint = shard_index
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
)"""
END = """
UPDATE oura_collector.runs SET outcome = 'interrupted', reason = 'interrupted',
    finished_at = now(), message = 'its process ended before it did'
WHERE outcome = 'running' AND run_id = ANY(%s) RETURNING asked_by"""

IS_GUARDED = """
SELECT to_regclass('meltano.state') IS NULL OR EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = to_regclass('meltano.state') AND tgname = 'oura_check_run'
)"""
# Or replaced, because another shard may have found none either.
GUARD = """
CREATE OR REPLACE TRIGGER oura_check_run BEFORE INSERT OR UPDATE OR DELETE ON meltano.state
FOR EACH STATEMENT EXECUTE FUNCTION oura_collector.check_run_of_state()"""


def name(run_id: int) -> str:
    """Return the `application_name` of a run's sessions."""
    return f"oura-run-{run_id}"


def end_sessions(connection: psycopg.Connection, *names: str) -> None:
    """End the sessions with these names, whose processes are gone."""
    connection.execute(END_SESSIONS, [list(names)])


def end_dead_runs(connection: psycopg.Connection, key: int) -> None:
    """Mark every open run without a process as interrupted. Call it with the lock held; `key` is the lock's.

    Waits for a commit of such a run that is in progress; after it the run can commit nothing.
    """
    migrate(connection)
    row = connection.execute(IS_GUARDED).fetchone()
    if not (row and row[0]):
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '30s'")
            connection.execute(GUARD)
    dead = [run_id for (run_id,) in connection.execute(OPEN, [key]).fetchall()]
    if not dead:
        return
    end_sessions(connection, *map(name, dead))
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '30s'")
        for (whose,) in connection.execute(END, [dead]).fetchall():
            connection.execute(counters.ADD, ["collections", [whose, "interrupted"], 1])
            connection.execute(counters.ADD, ["errors", ["interrupted"], 1])
