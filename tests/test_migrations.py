"""The collector's own tables are described in the database, after a migration too."""

from __future__ import annotations

from collections.abc import Callable

from oura_collector.database.connection import Database
from oura_collector.database.migrations import MIGRATIONS, migrate

TABLES = """
SELECT relname, obj_description(oid, 'pg_class') FROM pg_class
WHERE relnamespace = 'oura_collector'::regnamespace AND relkind = 'r' AND relname <> 'migrations'"""


def test_migrating_an_older_database_updates_its_comments(make_database: Callable[..., Database]) -> None:
    with make_database().connect() as connection:
        migrate(connection)
        described: dict[str, str] = dict(connection.execute(TABLES).fetchall())
        assert described
        assert all(described.values())
        connection.execute("COMMENT ON TABLE oura_collector.runs IS 'as an older version put it'")
        connection.execute("DELETE FROM oura_collector.migrations WHERE number = %s", [len(MIGRATIONS)])

        migrate(connection)

        assert dict(connection.execute(TABLES).fetchall()) == described
