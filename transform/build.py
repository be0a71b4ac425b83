"""Run dbt and, with `--if-new`, only where something is new: `python build.py [--if-new] <dbt's arguments>`.

After a build that dbt calls good, a marker in the warehouse keeps what was loaded, and which models were built, when it
began. Where nothing of that has changed, building again could change nothing, so dbt is not even started. The marker is
taken away before each build: one that fails or is killed is made up for by the next.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import quote_ident

PROJECT = Path(__file__).parent
READ_BY_DBT = ("models", "macros", "tests", "snapshots", "seeds")
IF_NEW = "--if-new"

MARKERS = """
CREATE TABLE IF NOT EXISTS oura_staging.builds (
    arguments text PRIMARY KEY, models text NOT NULL, loaded text NOT NULL, built_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE oura_staging.builds IS 'One row per way of calling dbt: what its last good build was made from.'"""
IS_THERE = "SELECT to_regclass(%s) IS NOT NULL"
BUILT = """
SELECT count(DISTINCT relname) FROM pg_class
WHERE relnamespace::regnamespace::text IN ('public', 'oura_staging') AND relname = ANY(%s)"""
# Settled by its last build; a new day has rows of its own in the tables that count days.
SAME = """
SELECT to_char(built_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM oura_staging.builds
WHERE arguments = %s AND models = %s AND loaded = %s
    AND (built_at AT TIME ZONE 'UTC')::date = (now() AT TIME ZONE 'UTC')::date"""
FORGET = "DELETE FROM oura_staging.builds WHERE arguments = %s"
REMEMBER = "INSERT INTO oura_staging.builds (arguments, models, loaded) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"

# A failure is sent again by each run while it lasts, so what it says counts there, not that it was written.
FAILURES = """
SELECT coalesce(md5(string_agg((to_jsonb(f) - ARRAY(
    SELECT key FROM jsonb_object_keys(to_jsonb(f)) AS keys (key) WHERE key LIKE '\\_sdc%%'
))::text, '' ORDER BY user_id, collection)), '') FROM oura_raw.collection_failures AS f"""
LOADED = "SELECT coalesce(json_agg(tablename ORDER BY tablename), '[]') FROM pg_tables WHERE schemaname = 'oura_raw'"
# The ledger of days only ever grows, so its count alone misses nothing; the others are for loads without that ledger.
ROWS = "SELECT concat_ws(' ', count(*), max(_sdc_batched_at)) FROM oura_raw.{}"
# On the load time of the two long tables dbt keeps an index: nothing but its end is read.
SERIES = ("heartrate", "ring_battery_level")
NEWEST = "SELECT max(_sdc_batched_at AT TIME ZONE 'UTC')::text FROM oura_raw.{}"


@dataclass(frozen=True)
class Build:
    """What a build would be made from: the way dbt is called, digests of the models and of what is loaded."""

    arguments: str
    models: str
    loaded: str | None


class Warehouse:
    """The database that dbt builds in."""

    def __init__(self) -> None:
        names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
        names |= {"sslmode": "SSLMODE", "sslrootcert": "SSLROOTCERT"}
        given = {name: os.environ.get(f"DATABASE_{variable}") for name, variable in names.items()}
        self._connection = psycopg2.connect(**{name: value for name, value in given.items() if value})
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def ask(self, query: str, *parameters: object) -> Any:
        """Return the first value of the first row, None where there is none."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def loaded(self) -> str | None:
        """Return a digest of what is loaded; None where there is no ledger that a load would leave its trace in."""
        tables = self.ask(LOADED)
        if "collection_days" not in tables:
            return None
        return sha256(repr([(table, self._trace(table)) for table in tables]).encode()).hexdigest()

    def _trace(self, table: str) -> object:
        if table == "collection_failures":
            return self.ask(FAILURES)
        query = NEWEST if table in SERIES else ROWS
        return self.ask(query.format(quote_ident(table, self._connection)))

    def built(self, build: Build) -> str | None:
        """Return when this very build was made, as text in UTC; None where it was not, or is not there any more."""
        names = [path.stem for path in (PROJECT / "models").rglob("*.sql")]
        if self.ask(BUILT, names) != len(names) or not self.ask(IS_THERE, "oura_staging.builds"):
            return None
        when = self.ask(SAME, build.arguments, build.models, build.loaded)
        return str(when) if when else None

    def forget(self, build: Build) -> None:
        if self.ask(IS_THERE, "oura_staging.builds"):
            self.ask(FORGET, build.arguments)

    def remember(self, build: Build) -> None:
        """Keep what was built. The schema is there: dbt has just built in it."""
        if build.loaded:
            self.ask(MARKERS)
            self.ask(REMEMBER, build.arguments, build.models, build.loaded)


def models() -> str:
    """Return a digest of everything that dbt reads."""
    digest = sha256()
    files = [PROJECT / "dbt_project.yml", *(file for folder in READ_BY_DBT for file in (PROJECT / folder).rglob("*.*"))]
    for file in sorted(files):
        digest.update(f"{file.relative_to(PROJECT)} {file.stat().st_size} ".encode() + file.read_bytes())
    return digest.hexdigest()


def dbt(arguments: list[str]) -> int:
    """Run dbt in this process, as its own command does, and return its exit code."""
    # Imported here: it takes longer than finding out that nothing is new.
    from dbt.cli.main import cli

    try:
        cli(arguments)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    return 0


def due(arguments: str, *, if_new: bool) -> Build | str:
    """Return what to remember once it is built, or when it was built where that is to be left alone."""
    with closing(Warehouse()) as warehouse:
        build = Build(arguments, models(), warehouse.loaded())
        when = warehouse.built(build) if if_new else None
        if when is None:
            warehouse.forget(build)
        return when or build


def main(arguments: list[str]) -> int:
    asked = [argument for argument in arguments if argument != IF_NEW]
    found: Build | str | None = None
    # Where the database fails, dbt will meet the same and say it better.
    with suppress(psycopg2.Error):
        found = due(" ".join(asked), if_new=IF_NEW in arguments)
    if isinstance(found, str):
        print(f"Nothing new since {found} UTC: dbt skipped")
        return 0
    code = dbt(asked)
    if code == 0 and found:
        with suppress(psycopg2.Error), closing(Warehouse()) as warehouse:
            warehouse.remember(found)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
