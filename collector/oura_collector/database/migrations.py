"""The collector's own tables, in the schema `oura_collector`: the run log, the status of each collection, counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

LOCK = 0x6F75726D
"""Of the advisory lock that keeps two processes from migrating at once: "ourm" in ASCII."""

MIGRATIONS = (
    """
    CREATE TABLE oura_collector.runs (
        run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        asked_by text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        outcome text NOT NULL DEFAULT 'running',
        reason text,
        message text,
        first_day date,
        last_day date
    );
    CREATE INDEX runs_started_at ON oura_collector.runs (started_at);
    CREATE INDEX runs_running ON oura_collector.runs (run_id) WHERE outcome = 'running';

    CREATE TABLE oura_collector.run_collections (
        run_id bigint NOT NULL REFERENCES oura_collector.runs ON DELETE CASCADE,
        user_id text NOT NULL,
        collection text NOT NULL,
        requests integer NOT NULL,
        records integer NOT NULL,
        newest_day date,
        outcome text NOT NULL,
        reason text,
        message text,
        PRIMARY KEY (run_id, user_id, collection)
    );

    CREATE TABLE oura_collector.collections (
        user_id text NOT NULL,
        collection text NOT NULL,
        outcome text NOT NULL,
        reason text,
        message text,
        last_success_at timestamptz,
        failing_since timestamptz,
        newest_day date,
        unknown_fields integer NOT NULL,
        PRIMARY KEY (user_id, collection)
    );

    CREATE TABLE oura_collector.counters (
        name text NOT NULL,
        labels text[] NOT NULL,
        value double precision NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (name, labels)
    );

    CREATE TABLE oura_collector.backfill_pieces (
        backfill text NOT NULL,
        first_day date NOT NULL,
        last_day date NOT NULL,
        done_at timestamptz,
        PRIMARY KEY (backfill, first_day)
    );
    """,
    """
    ALTER TABLE oura_collector.runs ADD COLUMN nothing_new boolean NOT NULL DEFAULT false;
    """,
    """
    ALTER TABLE oura_collector.runs ADD COLUMN shard_index integer NOT NULL DEFAULT 0;
    ALTER TABLE oura_collector.runs ADD COLUMN shard_count integer NOT NULL DEFAULT 1;
    ALTER TABLE oura_collector.collections ADD COLUMN shard_index integer NOT NULL DEFAULT 0;
    ALTER TABLE oura_collector.collections ADD COLUMN shard_count integer NOT NULL DEFAULT 1;
    """,
    """
    CREATE FUNCTION oura_collector.check_run() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        run bigint := substring(current_setting('application_name') FROM '^oura-run-([0-9]{1,18})$');
    BEGIN
        IF run IS NULL THEN
            RETURN;
        END IF;
        -- Whoever closes the run waits for this transaction, or this one sees that it was closed.
        PERFORM FROM oura_collector.runs WHERE run_id = run AND outcome = 'running' FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'run % lost the lock and may not write any more', run
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END $$;
    CREATE FUNCTION oura_collector.check_run_of_state() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM oura_collector.check_run();
        RETURN NULL;
    END $$;
    """,
    """
    COMMENT ON TABLE oura_collector.runs IS 'One row per run: trigger, times and outcome';
    COMMENT ON COLUMN oura_collector.runs.asked_by IS 'Trigger: service, once, force or backfill';
    COMMENT ON COLUMN oura_collector.runs.outcome IS 'running, succeeded, partial, failed or interrupted';
    COMMENT ON COLUMN oura_collector.runs.first_day IS 'First day of a backfill; null for other runs';
    COMMENT ON COLUMN oura_collector.runs.nothing_new IS 'Whether nothing changed, so that no table was built';
    COMMENT ON COLUMN oura_collector.runs.shard_index IS 'Shard of the run, from 0';
    COMMENT ON COLUMN oura_collector.runs.shard_count IS 'Number of shards; 1: the run had all accounts';

    COMMENT ON TABLE oura_collector.run_collections IS 'One row per run, account and collection: what was read';
    COMMENT ON COLUMN oura_collector.run_collections.collection IS 'Collection, or * for an account as a whole';
    COMMENT ON COLUMN oura_collector.run_collections.requests IS 'Requests sent to Oura, including retries';
    COMMENT ON COLUMN oura_collector.run_collections.outcome IS 'succeeded, failed, or unread: requests only';

    COMMENT ON TABLE oura_collector.collections IS 'One row per account and collection: its current status';
    COMMENT ON COLUMN oura_collector.collections.shard_index IS 'Shard of the run that set the status';
    COMMENT ON COLUMN oura_collector.collections.shard_count IS 'Number of shards in that run';

    COMMENT ON TABLE oura_collector.counters IS 'One row per value of a metric, so that it survives restarts';
    COMMENT ON TABLE oura_collector.backfill_pieces IS 'One row per piece of an unfinished backfill';

    COMMENT ON FUNCTION oura_collector.check_run() IS
        'Fails in a session that is named after a run, oura-run-<run_id>, which is not running';
    COMMENT ON FUNCTION oura_collector.check_run_of_state() IS
        'Keeps a run that lost the lock from moving the bookmarks in meltano.state';
    """,
)
"""Append only; each runs once. The last has all comments, so that databases of older versions get them too."""


def migrate(connection: psycopg.Connection) -> None:
    """Migrate the schema. If it is up to date, this does nothing and needs no privilege to create."""
    if _version(connection) == len(MIGRATIONS):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if not _exists(connection, "oura_collector", "to_regnamespace"):
            connection.execute("CREATE SCHEMA oura_collector")
        if not _exists(connection, "oura_collector.migrations", "to_regclass"):
            connection.execute(
                "CREATE TABLE oura_collector.migrations (number integer PRIMARY KEY, done_at timestamptz DEFAULT now())"
            )
        for number in range(_version(connection), len(MIGRATIONS)):
            connection.execute(MIGRATIONS[number].encode())
            connection.execute("INSERT INTO oura_collector.migrations (number) VALUES (%s)", [number + 1])


def _version(connection: psycopg.Connection) -> int:
    if not _exists(connection, "oura_collector.migrations", "to_regclass"):
        return 0
    row = connection.execute("SELECT coalesce(max(number), 0) FROM oura_collector.migrations").fetchone()
    return int(row[0]) if row else 0


def _exists(connection: psycopg.Connection, name: str, how: str) -> bool:
    row = connection.execute(f"SELECT {how}(%s) IS NOT NULL".encode(), [name]).fetchone()
    return bool(row and row[0])
